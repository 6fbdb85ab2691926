"""DynamoDB's expressions, read once each: conditions, conditions on keys, updates.

What is not understood is an error, never a guess; `Refused` is what DynamoDB calls a ValidationException. Paths into
documents in updates, and functions that no store uses, are not here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

Item = dict[str, Any]
Names = dict[str, str]
Given = tuple[Item, Names, Item]  # what stands there, what `#` and what `:` stand for
Comparable = tuple[str, Any]  # its type, and what of it can be compared
_TOKENS = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+(?:\[\d+\]|\.#\w+)*)")
_STEPS = re.compile(r"#\w+|\d+(?=\])")
_PLACEHOLDERS = re.compile(r"[#:]\w+")
_ORDERED = {"S", "N", "B"}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Refused(Exception):
    """No such request: nothing was looked at, or what stands there does not go with it."""


def comparable(attribute: Item) -> Comparable:
    """Numbers compare as such, sets without the order in which they are written."""
    ((tag, value),) = attribute.items()
    match tag:
        case "N":
            return tag, int(value)
        case "SS":
            return tag, frozenset(value)
        case "NS":
            return tag, frozenset(map(int, value))
        case "L":
            return tag, [comparable(each) for each in value]
        case "M":
            return tag, {name: comparable(each) for name, each in value.items()}
    return tag, value


def check_placeholders(expressions: list[str], names: Names, values: Item) -> None:
    """DynamoDB refuses what is used and not said, and what is said and not used."""
    used = {placeholder for expression in expressions for placeholder in _placeholders(expression)}
    if used != names.keys() | values.keys():
        raise Refused("placeholders")


@lru_cache(maxsize=2_000)
def _placeholders(expression: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDERS.findall(expression))


@dataclass(frozen=True)
class Path:
    """An attribute, or something in it: `#` of a document, number of a list."""

    steps: tuple[str | int, ...]

    def __call__(self, given: Given) -> Item | None:
        found: Any = {"M": given[0]}
        for step in self.steps:
            if isinstance(step, int):
                found = next(iter(found.get("L", [])[step:]), None)
            else:
                found = found.get("M", {}).get(given[1][step])
            if found is None:
                return None
        return cast("Item", found)

    @property
    def name(self) -> str:
        return str(self.steps[0])


def path(token: str) -> Path:
    """Raises NotImplementedError for what is none."""
    if not token.startswith("#"):
        raise NotImplementedError(token)
    return Path(tuple(int(step) if step.isdigit() else step for step in _STEPS.findall(token)))


@dataclass(frozen=True)
class Literal:
    name: str

    def __call__(self, given: Given) -> Item:
        found: Item = given[2][self.name]
        return found


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Operand", ...]

    def __call__(self, given: Given) -> Any:
        return _FUNCTIONS[self.function](*(argument(given) for argument in self.arguments))


@dataclass(frozen=True)
class Sum:
    """What an update counts: operands with their signs."""

    parts: tuple[tuple[int, "Operand"], ...]

    def __call__(self, given: Given) -> Item:
        total = 0
        for sign, part in self.parts:
            found = part(given)
            if found is None or "N" not in found:
                raise Refused("an operand that is no number")
            total += sign * int(found["N"])
        return {"N": str(total)}


Operand = Path | Literal | Call | Sum


@dataclass(frozen=True)
class Comparison:
    """Of one type. Nothing is less than what is not there, nor the same."""

    sign: str
    left: Operand
    right: Operand

    def __call__(self, given: Given) -> bool:
        one, other = self.left(given), self.right(given)
        if one is None or other is None:
            return self.sign == "<>"
        same = comparable(one), comparable(other)
        if self.sign in {"=", "<>"}:
            return (same[0] == same[1]) is (self.sign == "=")
        (tag, value), (other_tag, other_value) = same
        return tag == other_tag and tag in _ORDERED and _SIGNS[self.sign](value, other_value)


@dataclass(frozen=True)
class Between:
    left: Operand
    low: Operand
    high: Operand

    def __call__(self, given: Given) -> bool:
        if Comparison(">", self.low, self.high)(given):
            raise Refused("the upper bound is below the lower one")
        return Comparison(">=", self.left, self.low)(given) and Comparison("<=", self.left, self.high)(given)


@dataclass(frozen=True)
class Either:
    tests: tuple["Test", ...]

    def __call__(self, given: Given) -> bool:
        return any(test(given) for test in self.tests)


@dataclass(frozen=True)
class All:
    tests: tuple["Test", ...]

    def __call__(self, given: Given) -> bool:
        return all(test(given) for test in self.tests)


@dataclass(frozen=True)
class Not:
    test: "Test"

    def __call__(self, given: Given) -> bool:
        return not self.test(given)


Test = Comparison | Between | Either | All | Not | Call


def _begins_with(whole: Item | None, start: Item) -> bool:
    return whole is not None and "S" in whole and "S" in start and whole["S"].startswith(start["S"])


def _contains(whole: Item | None, part: Item | None) -> bool:
    if whole is None or part is None:
        return False
    (tag, held), (kind, wanted) = comparable(whole), comparable(part)
    if tag == "L":
        return (kind, wanted) in held
    return tag in {kind, f"{kind}S"} and tag in {"S", "SS", "NS"} and wanted in held


def _size(whole: Item | None) -> Item | None:
    if whole is None:
        return None
    ((tag, value),) = whole.items()
    return None if tag in {"N", "BOOL", "NULL"} else {"N": str(len(value))}


def _joined(*lists: Item | None) -> Item:
    if any(each is None or "L" not in each for each in lists):
        raise Refused("list_append of what is no list")
    return {"L": [element for each in lists if each for element in each["L"]]}


_TESTS: dict[str, Callable[..., bool]] = {
    "attribute_exists": lambda found: found is not None,
    "attribute_not_exists": lambda found: found is None,
    "begins_with": _begins_with,
    "contains": _contains,
}
_VALUES: dict[str, Callable[..., Item | None]] = {
    "size": _size,
    "if_not_exists": lambda found, otherwise: otherwise if found is None else found,
    "list_append": _joined,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {**_TESTS, **_VALUES}


class Reader:
    """Tokens of an expression, one after the other."""

    def __init__(self, expression: str) -> None:
        self.tokens = _TOKENS.findall(expression)
        if "".join(self.tokens) != re.sub(r"\s", "", expression):
            raise NotImplementedError(expression)

    def comes(self, *expected: str) -> bool:
        """Whether one of these is next; then it is taken."""
        found = bool(self.tokens) and self.tokens[0] in expected
        if found:
            self.tokens.pop(0)
        return found

    def take(self, expected: str) -> None:
        if not self.comes(expected):
            raise NotImplementedError(f"{self.tokens} where {expected} was expected")

    def whole(self) -> Operand:
        token = self.tokens.pop(0)
        if token in _VALUES:
            return Call(token, self.arguments())
        return Literal(token) if token.startswith(":") else path(token)

    def arguments(self) -> tuple[Operand, ...]:
        self.take("(")
        found = [self.whole()]
        while self.comes(","):
            found.append(self.whole())
        self.take(")")
        return tuple(found)

    def either(self) -> Test:
        tests = [self.both()]
        while self.comes("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else Either(tuple(tests))

    def both(self) -> Test:
        tests = [self.single()]
        while self.comes("AND"):
            tests.append(self.single())
        return tests[0] if len(tests) == 1 else All(tuple(tests))

    def single(self) -> Test:
        if self.comes("NOT"):
            return Not(self.single())
        if self.comes("("):
            inner = self.either()
            self.take(")")
            return inner
        if self.tokens[0] in _TESTS:
            return Call(self.tokens.pop(0), self.arguments())
        left = self.whole()
        if self.comes("BETWEEN"):
            low = self.whole()
            self.take("AND")
            return Between(left, low, self.whole())
        if self.comes("IN"):
            return Either(tuple(Comparison("=", left, each) for each in self.arguments()))
        sign = self.tokens.pop(0)
        if sign not in {"=", "<>", *_SIGNS}:
            raise NotImplementedError(sign)
        return Comparison(sign, left, self.whole())

    def assigned(self) -> Operand:
        parts = [(1, self.part())]
        while self.tokens[:1] in (["+"], ["-"]):
            parts.append((1 if self.tokens.pop(0) == "+" else -1, self.part()))
        return parts[0][1] if len(parts) == 1 else Sum(tuple(parts))

    def part(self) -> Operand:
        if not self.comes("("):
            return self.whole()
        inner = self.assigned()
        self.take(")")
        return inner


@lru_cache(maxsize=2_000)
def condition(expression: str) -> Test:
    reader = Reader(expression)
    test = reader.either()
    if reader.tokens:
        raise NotImplementedError(expression)
    return test


@dataclass(frozen=True)
class KeyCondition:
    """One partition, and what the range keys of it must stand, if anything; `range_key` is the placeholder for them."""

    hash_key: str
    partition: str
    range_key: str | None = None
    test: Test | None = None


@lru_cache(maxsize=2_000)
def key_condition(expression: str, hash_keys: tuple[str, ...]) -> KeyCondition:
    """`hash_keys` are the placeholders that stand for the hash key of what is read."""
    whole = condition(expression)
    parts = whole.tests if isinstance(whole, All) else (whole,)
    first = next((part for part in parts if _of(part) in hash_keys), None)
    if not isinstance(first, Comparison) or first.sign != "=" or not isinstance(first.right, Literal) or len(parts) > 2:
        raise Refused("a key condition that names no partition")
    rest = [part for part in parts if part is not first]
    if not rest:
        return KeyCondition(str(_of(first)), first.right.name)
    possible = isinstance(rest[0], Between | Call) or (isinstance(rest[0], Comparison) and rest[0].sign != "<>")
    if not possible or _of(rest[0]) is None:
        raise Refused("a key condition that no index can answer")
    return KeyCondition(str(_of(first)), first.right.name, _of(rest[0]), rest[0])


def _of(part: Test) -> str | None:
    """The placeholder of what it is about."""
    about = part.left if isinstance(part, Comparison | Between) else None
    if isinstance(part, Call) and part.function == "begins_with":
        about = part.arguments[0]
    return about.name if isinstance(about, Path) and len(about.steps) == 1 else None
