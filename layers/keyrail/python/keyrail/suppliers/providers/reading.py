"""What suppliers write, read strictly: what two readers could read in two ways is not read at all.

They give a number now as a number, now as text, and mean the same: so numbers are read as the text that they were.
"""

from typing import Any

from keyrail.platform import json_objects
from keyrail.platform.json_objects import Document, text
from keyrail.platform.money import Money, parse_decimal

_MARK = b"\xef\xbb\xbf"  # some servers put it before what they say in UTF-8


def json_object(raw: bytes) -> dict[str, Any]:
    """Each number in it is text. Raises ValueError for anything but a JSON object that says nothing twice."""
    return json_objects.json_object(raw.removeprefix(_MARK), parse_int=str, parse_float=str)


def objects(holder: Document, name: str) -> list[Document] | None:
    """None for anything but a list of objects."""
    value = holder.get(name)
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None


def decimal(holder: Document, name: str, currency: str) -> Money | None:
    """An amount in whole units with decimals, `19.9`; None for what is no plain amount of that currency."""
    try:
        return parse_decimal(text(holder, name), currency)
    except ValueError:
        return None
