"""The one converter between dataclasses, DynamoDB attributes and JSON (STYLE rule 22: a field is spelled once).

Pydantic validates straight from the dataclass's annotations, so a model needs no second description of itself.
DynamoDB numbers are integers here: a float is refused on the way in and on the way out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core.core_schema import int_schema, no_info_after_validator_function, str_schema

from keyrail.platform.clock import rfc3339
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import UnfitMoney

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

T = TypeVar("T")
Attributes = dict[str, Any]
MAX_STRING_LENGTH = 4096
MAX_FIELD_ERRORS = 20
MAX_FIELD_NAME_LENGTH = 120
MAX_PATTERN_TOLD = 64
# What a refusal may tell of the rule that was broken, in pydantic's names for it; never of the value.
_RULES = {
    "ge": "at least {}",
    "le": "at most {}",
    "min_length": "at least {}",
    "max_length": "at most {}",
    "expected": "{}",
    "pattern": "{}",
}
# What pydantic says in Python's words, in JSON's.
_REASONS = {
    "unexpected_keyword_argument": "unknown_field",
    "dataclass_type": "not_an_object",
    "dict_type": "not_an_object",
    "tuple_type": "not_a_list",
}
_STRICT = ConfigDict(extra="forbid", str_max_length=MAX_STRING_LENGTH)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def outgoing(cls: type[T]) -> type[T]:
    """A frozen dataclass of what we answer. It may carry a secret, so it prints as nothing but its name."""
    return dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def incoming(cls: type[T]) -> type[T]:
    """A frozen dataclass of what strangers send: an unknown field is refused. Prints as nothing but its name."""
    made = outgoing(cls)
    made.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]  # where pydantic looks for it
    return made


@dataclass(frozen=True)
class Text:
    """For an annotation: a text of so many characters that `pattern` matches, and that `check` lets through.

    `check` raises ValueError, whose words are not shown. With pydantic's own `Field` a start takes 20 ms more.
    """

    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    check: Callable[[str], str] | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> "CoreSchema":
        text = str_schema(pattern=self.pattern, min_length=self.min_length, max_length=self.max_length)
        return no_info_after_validator_function(self.check, text) if self.check else text


@dataclass(frozen=True)
class Count:
    """For an annotation: a whole number of these bounds, which it may be; as `Text`, for the sake of the start."""

    at_least: int
    at_most: int

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> "CoreSchema":
        return int_schema(ge=self.at_least, le=self.at_most)


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def adapter(cls: type[T]) -> TypeAdapter[T]:
    """The validator and serialiser of a dataclass; built once, on first use."""
    return _adapter(cls)  # type: ignore[arg-type]  # a class is hashable; mypy wonders about its metaclass


def view(cls: type[T], source: object, /, **given: Any) -> T:
    """`cls` from what is given and, for the rest, from what `source` calls the same.

    A time that `source` knows as `<name>_ms` is given as RFC 3339 under `<name>`. Raises AttributeError for a field
    that is nowhere.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # a dataclass by contract
    return cls(**{name: given[name] if name in given else _of(source, name) for name in names})


def _of(source: object, name: str) -> Any:
    if hasattr(source, f"{name}_ms"):
        epoch_ms = getattr(source, f"{name}_ms")
        return None if epoch_ms is None else rfc3339(epoch_ms)
    return getattr(source, name)


def to_json(value: Any) -> bytes:
    """The JSON of a dataclass; None is left out, as on the wire an absent field and a null say the same."""
    return adapter(type(value)).dump_json(value, exclude_none=True)


def from_json(cls: type[T], raw: bytes | str) -> T:
    """Parse what a stranger sent. Raises Invalid with one FieldError for each wrong field, never with a value.

    A name that comes twice is refused, since another reader might take the other one of the two.
    """
    try:
        parsed = adapter(cls).validate_json(raw, strict=True)
    except ValidationError as error:
        raise Invalid(*_field_errors(error)) from None
    # A number stays text: how long it may be was decided above.
    json.loads(raw, object_pairs_hook=_each_name_once, parse_int=str, parse_float=str)
    return parsed


def _each_name_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise Invalid(FieldError(_shown((name,)), "repeated"))
        seen.add(name)


def from_strings(cls: type[T], values: dict[str, str]) -> T:
    """Parse query parameters. Raises Invalid as `from_json` does."""
    try:
        return adapter(cls).validate_strings(values)
    except ValidationError as error:
        raise Invalid(*_field_errors(error)) from None


def _field_errors(error: ValidationError) -> list[FieldError]:
    details = error.errors(include_url=False, include_input=False)
    return [_field_error(each["loc"], each["type"], each.get("ctx") or {}) for each in details[:MAX_FIELD_ERRORS]]


def _field_error(location: tuple[int | str, ...], reason: str, rule: Mapping[str, Any]) -> FieldError:
    unfit = rule.get("error")
    if isinstance(unfit, UnfitMoney):
        return FieldError(_shown((*location, unfit.field)), unfit.reason, unfit.allowed)
    allowed = next((said.format(rule[name]) for name, said in _RULES.items() if name in rule), None)
    if allowed is not None and "pattern" in rule and len(allowed) > MAX_PATTERN_TOLD:
        allowed = None  # that would be a riddle
    return FieldError(_shown(location), _REASONS.get(reason, reason), allowed)


def _shown(location: tuple[int | str, ...]) -> str:
    """An unknown field is named as its sender named it, which may be long."""
    return (".".join(str(part) for part in location) or "body")[:MAX_FIELD_NAME_LENGTH]


def to_attributes(value: Any) -> Attributes:
    """A dataclass as DynamoDB attributes. None is left out, and so is an empty set, which no table can hold."""
    plain: dict[str, Any] = adapter(type(value)).dump_python(value, exclude_none=True)
    return {name: _marshal(item) for name, item in plain.items() if item != frozenset()}


def from_attributes(cls: type[T], attributes: Attributes) -> T:
    """The dataclass of a stored item; attributes that are not its fields (index keys) are passed over."""
    plain = {name: _unmarshal(item) for name, item in attributes.items()}
    return adapter(cls).validate_python(plain)


def _marshal(value: Any) -> Attributes:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case _:
            return _marshal_all(value)


def _marshal_all(values: Any) -> Attributes:
    match values:
        case list() | tuple():
            return {"L": [_marshal(item) for item in values]}
        case frozenset():
            return {"SS": sorted(values)}
        case dict():
            return {"M": {name: _marshal(item) for name, item in values.items()}}
        case _:
            raise TypeError(f"{type(values).__name__} has no attribute type")


def _unmarshal(attribute: Attributes) -> Any:
    ((tag, value),) = attribute.items()
    match tag:
        case "N":
            return int(value)
        case "L":
            return [_unmarshal(item) for item in value]
        case "M":
            return {name: _unmarshal(item) for name, item in value.items()}
        case _:
            return value
