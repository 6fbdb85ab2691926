"""Stripe's JSON, read without believing its types.

Source: docs.stripe.com/currencies#minor-units: amounts count minor units as ours do, JPY, KRW and VND have none there
either.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from keyrail.platform.money import Money

Document = Mapping[str, Any]


def json_object(raw: bytes) -> dict[str, Any]:
    """A number with a fraction stays text: no amount.

    Raises ValueError for anything but a JSON object in UTF-8 in which no name comes twice.
    """
    try:
        parsed = json.loads(raw.decode(), parse_float=str, parse_constant=_no_number, object_pairs_hook=_each_name_once)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    return parsed


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name comes twice")
    return made


def text(holder: Document, name: str) -> str:
    """Empty where there is none, or something else: half a character, which no store and no address can take, too."""
    value = holder.get(name)
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value


def child(holder: Document, name: str) -> Document:
    """Empty where there is none, or something else: an object that is not expanded is its id."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def children(holder: Document, name: str) -> list[Document]:
    """The objects of a list; whatever else is in it is left out."""
    value = holder.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def money(total: object, currency: str) -> Money | None:
    """None for what is no whole number of a currency we know."""
    if type(total) is not int or not currency.isascii():
        return None
    try:
        return Money(total, currency.upper())
    except ValueError:
        return None
