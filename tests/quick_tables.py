"""DynamoDB's items in a dict, for days of a hundred thousand orders: the operations and expressions that stores use.

One thread, no indexes, no capacity, no sizes. An expression that it does not understand is an error, never a guess;
`tests/properties/test_quick_tables.py` holds it to the double in memory that the other suites use.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

from botocore.exceptions import ClientError

Item = dict[str, Any]
Names = dict[str, str]
_Value = Callable[[Item, Names, Item], Any]
_Test = Callable[[Item, Names, Item], bool]
_TOKENS = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a is not None and b is not None and a < b,
    "<=": lambda a, b: a is not None and b is not None and a <= b,
    ">": lambda a, b: a is not None and b is not None and a > b,
    ">=": lambda a, b: a is not None and b is not None and a >= b,
}
_CONDITION_FAILED = "ConditionalCheckFailed"


class TransactionCanceledException(ClientError):
    pass


class _Exceptions:
    TransactionCanceledException = TransactionCanceledException


class QuickTables:
    """A client of botocore's shape."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, ...]] = {}
        self._items: dict[str, dict[tuple[str, ...], Item]] = {}

    def create_table(self, **request: Any) -> None:
        name = request["TableName"]
        self._keys[name] = tuple(key["AttributeName"] for key in request["KeySchema"])
        self._items[name] = {}

    def items(self, table: str) -> list[Item]:
        return list(self._items[table].values())

    def get_item(self, **request: Any) -> Item:
        table = request["TableName"]
        found = self._items[table].get(self._place(table, request["Key"]))
        return {} if found is None else {"Item": dict(found)}

    def batch_get_item(self, **request: Any) -> Item:
        found = {
            table: [
                dict(self._items[table][place])
                for place in (self._place(table, key) for key in wanted["Keys"])
                if place in self._items[table]
            ]
            for table, wanted in request["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def put_item(self, **request: Any) -> None:
        self._write({"Put": request})

    def update_item(self, **request: Any) -> Item:
        return {"Attributes": dict(self._write({"Update": request}))}

    def transact_write_items(self, **request: Any) -> None:
        members = request["TransactItems"]
        reasons = []
        for member in members:
            standing, holds = self._looked(member)
            reasons.append({"Code": "None"} if holds else {"Code": _CONDITION_FAILED, **_item(standing)})
        if any(reason["Code"] != "None" for reason in reasons):
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise TransactionCanceledException(answer, "TransactWriteItems")
        for member in members:
            self._write(member)

    def _write(self, member: Item) -> Item:
        """The item as it stands after it."""
        ((verb, request),) = member.items()
        standing, holds = self._looked(member)
        if not holds:
            _refuse(standing)
        if verb == "ConditionCheck":
            return standing or {}
        table = request["TableName"]
        if verb == "Put":
            after = dict(request["Item"])
        else:
            names, values = request["ExpressionAttributeNames"], request.get("ExpressionAttributeValues", {})
            after = {**request["Key"], **(standing or {})}
            before = dict(after)
            for change in _update(request["UpdateExpression"]):
                change(before, after, names, values)
        self._items[table][self._place(table, after)] = after
        return after

    def _looked(self, member: Item) -> tuple[Item | None, bool]:
        ((verb, request),) = member.items()
        table = request["TableName"]
        standing = self._items[table].get(self._place(table, request["Item" if verb == "Put" else "Key"]))
        names, values = request["ExpressionAttributeNames"], request.get("ExpressionAttributeValues", {})
        return standing, _condition(request["ConditionExpression"])(standing or {}, names, values)

    def _place(self, table: str, item: Item) -> tuple[str, ...]:
        return tuple(item[name]["S"] for name in self._keys[table])


def _refuse(standing: Item | None) -> NoReturn:
    answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, **_item(standing)}
    raise ClientError(answer, "PutItem")


def _item(standing: Item | None) -> Item:
    return {"Item": dict(standing)} if standing is not None else {}


class _Reader:
    """Tokens of an expression, one after the other."""

    def __init__(self, expression: str) -> None:
        self.tokens = _TOKENS.findall(expression)
        if "".join(self.tokens) != re.sub(r"\s", "", expression):
            raise NotImplementedError(expression)

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str | None = None) -> str:
        token = self.tokens.pop(0)
        if expected not in {None, token}:
            raise NotImplementedError(f"{token} for {expected}")
        return str(token)

    def arguments(self) -> list[_Value]:
        self.take("(")
        found = [_operand(self)]
        while self.peek() == ",":
            self.take()
            found.append(_operand(self))
        self.take(")")
        return found


@lru_cache(maxsize=1_000)
def _condition(expression: str) -> _Test:
    reader = _Reader(expression)
    test = _either(reader)
    if reader.tokens:
        raise NotImplementedError(expression)
    return test


def _either(reader: _Reader) -> _Test:
    tests = [_both(reader)]
    while reader.peek() == "OR":
        reader.take()
        tests.append(_both(reader))
    return lambda *given: any(test(*given) for test in tests)


def _both(reader: _Reader) -> _Test:
    tests = [_single(reader)]
    while reader.peek() == "AND":
        reader.take()
        tests.append(_single(reader))
    return lambda *given: all(test(*given) for test in tests)


def _single(reader: _Reader) -> _Test:
    match reader.peek():
        case "NOT":
            reader.take()
            denied = _single(reader)
            return lambda *given: not denied(*given)
        case "(":
            reader.take()
            inner = _either(reader)
            reader.take(")")
            return inner
        case "attribute_exists" | "attribute_not_exists" as name:
            reader.take()
            (path,) = reader.arguments()
            return lambda *given: (path(*given) is not None) is (name == "attribute_exists")
    left = _operand(reader)
    match reader.take():
        case "BETWEEN":
            low = _operand(reader)
            reader.take("AND")
            high = _operand(reader)
            return lambda *given: left(*given) is not None and low(*given) <= left(*given) <= high(*given)
        case "IN":
            among = reader.arguments()
            return lambda *given: left(*given) in [each(*given) for each in among]
        case sign:
            compare, right = _COMPARISONS[sign], _operand(reader)
            return lambda *given: compare(left(*given), right(*given))


def _operand(reader: _Reader) -> _Value:
    token = reader.take()
    if token == "size":
        (whole,) = reader.arguments()
        return lambda *given: None if whole(*given) is None else len(whole(*given))
    if token == "if_not_exists":
        first, otherwise = reader.arguments()
        return lambda *given: otherwise(*given) if first(*given) is None else first(*given)
    if token.startswith("#"):
        return lambda item, names, _: _plain(item.get(names[token]))
    if token.startswith(":"):
        return lambda _, __, values: _plain(values[token])
    raise NotImplementedError(token)


def _plain(attribute: Item | None) -> Any:
    """What can be compared: a number as one, a text as one, everything else as it is written."""
    if attribute is None:
        return None
    ((tag, value),) = attribute.items()
    return int(value) if tag == "N" else set(value) if tag == "SS" else value


_Change = Callable[[Item, Item, Names, Item], None]


@lru_cache(maxsize=1_000)
def _update(expression: str) -> tuple[_Change, ...]:
    reader, verb, changes = _Reader(expression), "", []
    while reader.tokens:
        if reader.peek() in {"SET", "REMOVE", "ADD"}:
            verb = reader.take()
        changes.append(_change(reader, verb))
        if reader.peek() == ",":
            reader.take()
    return tuple(changes)


def _change(reader: _Reader, verb: str) -> _Change:
    path = reader.take()
    match verb:
        case "REMOVE":
            return lambda _, after, names, __: after.pop(names[path], None) and None
        case "ADD":
            return _added(path, reader.take())
        case "SET":
            reader.take("=")
            return _set(path, reader)
    raise NotImplementedError(verb)


def _added(path: str, placeholder: str) -> _Change:
    def add(before: Item, after: Item, names: Names, values: Item) -> None:
        ((tag, value),) = values[placeholder].items()
        standing = before.get(names[path], {}).get(tag)
        if tag == "N":
            after[names[path]] = {"N": str(int(standing or 0) + int(value))}
        else:
            after[names[path]] = {"SS": sorted({*(standing or ()), *value})}

    return add


def _set(path: str, reader: _Reader) -> _Change:
    if reader.peek().startswith(":") and reader.tokens[1:2] not in (["+"], ["-"]):
        placeholder = reader.take()

        def put(_: Item, after: Item, names: Names, values: Item) -> None:
            after[names[path]] = values[placeholder]

        return put
    parts = list(_sum(reader))

    def count(before: Item, after: Item, names: Names, values: Item) -> None:
        after[names[path]] = {"N": str(sum(sign * part(before, names, values) for sign, part in parts))}

    return count


def _sum(reader: _Reader) -> Iterator[tuple[int, _Value]]:
    yield 1, _operand_or_group(reader)
    while reader.peek() in {"+", "-"}:
        sign = 1 if reader.take() == "+" else -1
        yield sign, _operand_or_group(reader)


def _operand_or_group(reader: _Reader) -> _Value:
    if reader.peek() != "(":
        return _operand(reader)
    reader.take()
    parts = list(_sum(reader))
    reader.take(")")
    return lambda *given: sum(sign * part(*given) for sign, part in parts)
