"""What suppliers write, read strictly: what two readers could read in two ways is not read at all.

They give a number now as a number, now as text, and mean the same: so numbers are read as the text that they were.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from keyrail.platform import json_objects
from keyrail.platform.json_objects import Document, text
from keyrail.platform.money import MAX_AMOUNT_MINOR, MINOR_DIGITS, Money
from keyrail.suppliers.providers import Placed

MAX_REFERENCE_LENGTH = 64
MAX_TITLE_LENGTH = 200
MAX_COUNT_LENGTH = 9  # digits of a stock, or of how many items there are

_SUM = re.compile(r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,8})?", re.ASCII)
_DAY = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})(?:[ T].*)?", re.ASCII)
_NO_DAY = frozenset({"", "0000-00-00", "0000-00-00 00:00:00"})  # as some databases write that there is none
_MARK = b"\xef\xbb\xbf"  # some servers put it before what they say in UTF-8


def json_object(raw: bytes) -> dict[str, Any]:
    """Each number in it is text. Raises ValueError for anything but a JSON object that says nothing twice."""
    return json_objects.json_object(raw.removeprefix(_MARK), parse_int=str, parse_float=str)


def objects(holder: Document, name: str) -> list[Document] | None:
    """None for anything but a list of objects."""
    value = holder.get(name)
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None


def amount(holder: Document, name: str) -> Decimal | None:
    """A sum in whole units, as exact as it is written (they keep four decimals); None for anything else."""
    written = text(holder, name)
    return Decimal(written) if _SUM.fullmatch(written) else None


def money(sum_: Decimal, currency: str, *, up: bool) -> Money | None:
    """In whole minor units: what we pay is rounded up, what we have is rounded down. None for more than Money holds."""
    exact = sum_.scaleb(MINOR_DIGITS[currency])
    minor = int(exact)
    if up and exact != minor:
        minor += 1
    return Money(minor, currency) if minor <= MAX_AMOUNT_MINOR else None


def price(holder: Document, name: str, currency: str) -> Money | None:
    """What something costs us; None for anything else."""
    exact = amount(holder, name)
    return None if exact is None else money(exact, currency, up=True)


def list_price(holder: Document, name: str, currency: str) -> Money | None:
    """What something costs in a catalogue; None for anything else, and for nothing: that is a price nobody has set."""
    listed = price(holder, name, currency)
    return listed if listed and listed.amount_minor else None


def balance(holder: Document, name: str, currency: str) -> Money | None:
    """What we have, which is nothing where we owe them; None for anything else."""
    written = text(holder, name)
    if written.startswith("-") and _SUM.fullmatch(written[1:]):
        return Money(0, currency)
    exact = amount(holder, name)
    return None if exact is None else money(exact, currency, up=False)


def count(holder: Document, name: str) -> int | None:
    """How many there are; None for anything else."""
    written = text(holder, name)
    is_one = written.isascii() and written.isdigit() and len(written) <= MAX_COUNT_LENGTH
    return int(written) if is_one else None


def last_day(holder: Document, name: str) -> str | None:
    """Of a card, as an ISO date; None where it has none.

    Raises ValueError: of a card whose last day is not understood nobody knows whether it can be sold.
    """
    value = holder.get(name)
    if value is None or (isinstance(value, str) and value in _NO_DAY):
        return None
    match = _DAY.fullmatch(text(holder, name))
    if match is None:
        raise ValueError("no day")
    return date.fromisoformat("-".join(match.groups())).isoformat()


def number(holder: Document, name: str) -> str | None:
    """By which somebody calls an order; None for what could not be kept."""
    written = text(holder, name)
    return written if 0 < len(written) <= MAX_REFERENCE_LENGTH and written.isprintable() else None


def bound(order: Document, ours: str, theirs: str, item: str, placed: Placed) -> str | None:
    """Their number of an order, by the names that they give both; None where it is not the one that was placed.

    Not all of them name the item.
    """
    number_of_theirs = number(order, theirs)
    if text(order, ours) != placed.reference or placed.their_reference not in {None, number_of_theirs}:
        return None
    is_of_another = order.get(item) is not None and placed.item is not None and text(order, item) != placed.item
    return None if is_of_another else number_of_theirs


def title(holder: Document, name: str) -> str:
    """Of an item, fit to be shown."""
    return "".join(filter(str.isprintable, text(holder, name)))[:MAX_TITLE_LENGTH]
