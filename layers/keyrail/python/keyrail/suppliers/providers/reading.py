"""What suppliers write, read strictly: what two readers could read in two ways is not read at all.

They give a number now as a number, now as text, and mean the same: so numbers are read as the text that they were.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from keyrail.platform.money import Money, parse_decimal

MAX_TEXT_LENGTH = 4096
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


def json_object(raw: bytes) -> dict[str, Any]:
    """Raises ValueError for anything but a JSON object in UTF-8, with a mark before it or not, that says nothing twice.

    Each number in it is text.
    """
    try:
        parsed = json.loads(
            raw.decode("utf-8-sig"),
            parse_int=str,
            parse_float=str,
            parse_constant=_no_number,
            object_pairs_hook=_each_once,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    return parsed


def text(holder: Mapping[str, Any], name: str) -> str:
    """Empty for anything but a text or a number, for a very long one, and for one with half a character in it."""
    value = holder.get(name)
    fits = isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH and not _HALF_A_CHARACTER.search(value)
    return value if isinstance(value, str) and fits else ""


def part(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Empty for anything but an object."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def items(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]] | None:
    """The objects of a list; None for anything but a list of objects."""
    value = holder.get(name)
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None


def decimal(holder: Mapping[str, Any], name: str, currency: str) -> Money | None:
    """An amount in whole units with decimals, `19.9`; None for what is no plain amount of that currency."""
    try:
        return parse_decimal(text(holder, name), currency)
    except ValueError:
        return None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name given twice")
    return members


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a JSON number")
