"""What WeChat Pay writes, read strictly: what two readers could read in two ways is not read at all."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from keyrail.platform.money import Money

_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


def json_object(raw: bytes) -> dict[str, Any]:
    """Raises ValueError for anything but a JSON object in UTF-8 that gives each name once.

    A number with a fraction stays text: it is no amount.
    """
    try:
        parsed = json.loads(raw.decode(), object_pairs_hook=_each_once, parse_float=str, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    return parsed


def text(holder: Mapping[str, Any], name: str) -> str:
    """Empty for anything but a text, and for one with half a character in it, which nobody can write down."""
    value = holder.get(name)
    return value if isinstance(value, str) and not _HALF_A_CHARACTER.search(value) else ""


def part(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Empty for anything but an object."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def money(holder: Mapping[str, Any], name: str) -> Money | None:
    """`amount.<name>` in `amount.currency`, whole minor units; None for what is no amount of a currency we know."""
    amount = part(holder, "amount")
    minor, currency = amount.get(name), text(amount, "currency")
    if type(minor) is not int:
        return None
    try:
        return Money(minor, currency)
    except ValueError:
        return None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name given twice")
    return members


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a JSON number")
