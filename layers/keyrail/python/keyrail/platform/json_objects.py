"""JSON that others wrote, read without believing its types: what two readers could read in two ways is not read at all.

A member that is not of the type that is asked for is as if it were not there.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeGuard

from keyrail.platform.money import Money

Document = Mapping[str, Any]
_Number = Callable[[str], object]


def decoder(*, parse_int: _Number = int, parse_float: _Number = float) -> json.JSONDecoder:
    """Raises ValueError, also where a name comes twice, and RecursionError."""
    return json.JSONDecoder(
        object_pairs_hook=_each_name_once, parse_int=parse_int, parse_float=parse_float, parse_constant=_no_number
    )


def json_object(raw: bytes, *, parse_int: _Number = int, parse_float: _Number = float) -> dict[str, Any]:
    """Raises ValueError for anything but a JSON object in UTF-8 in which no name comes twice."""
    try:
        parsed = decoder(parse_int=parse_int, parse_float=parse_float).decode(raw.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    return parsed


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name comes twice")
    return members


def is_text(value: object) -> TypeGuard[str]:
    """JSON can spell half a character, which no store and no address can take."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(holder: Document, name: str) -> str:
    """Empty where there is none."""
    value = holder.get(name)
    return value if is_text(value) else ""


def child(holder: Document, name: str) -> Document:
    """Empty where there is none."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def children(holder: Document, name: str) -> list[Document]:
    """The objects of a list; whatever else is in it is left out."""
    value = holder.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def money(amount_minor: object, currency: object) -> Money | None:
    """None for what is no whole number of a currency we know."""
    if type(amount_minor) is not int or not isinstance(currency, str):
        return None
    try:
        return Money(amount_minor, currency)
    except ValueError:
        return None
