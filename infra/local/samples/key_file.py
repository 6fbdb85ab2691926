"""A supplier's key file as it comes in the trade: `card----password`, a comment, a few repeated lines, maybe GBK.

A card number ends in a check of its own and its password follows from it, both by a series' seed. So whoever has the
seed recognises a key of the series years later, and nobody has to keep a list of secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

# Without the letters and digits that people mix up.
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_BRAND = "KR"
_BODY_LENGTH, _CHECK_LENGTH, _PASSWORD_LENGTH, _GROUP = 10, 4, 12, 4
_COMMENT = "# 供货商：星河数码　面值：100 元　请勿外传"


@dataclass(frozen=True)
class Card:
    number: str
    password: str


@dataclass(frozen=True)
class Series:
    """All cards that one seed makes."""

    seed: str

    def draw(self) -> Card:
        """A card that nobody has seen before."""
        body = _BRAND + "".join(secrets.choice(_LETTERS) for _ in range(_BODY_LENGTH))
        return self._card(body)

    def recognises(self, card: Card) -> bool:
        body = card.number.replace("-", "")[:-_CHECK_LENGTH]
        return hmac.compare_digest(repr(self._card(body)), repr(card))

    def _card(self, body: str) -> Card:
        number = body + self._derived("check", body, _CHECK_LENGTH)
        groups = [number[at : at + _GROUP] for at in range(0, len(number), _GROUP)]
        return Card("-".join(groups), self._derived("password", body, _PASSWORD_LENGTH))

    def _derived(self, what: str, body: str, length: int) -> str:
        digest = hmac.digest(self.seed.encode(), f"{what}:{body}".encode(), hashlib.sha256)
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])


@dataclass(frozen=True)
class KeyFile:
    """The bytes, and how their import has to end."""

    raw: bytes
    encoding: str
    cards: tuple[Card, ...]
    duplicates: int
    ignored: int


def make_key_file(series: Series, cards: int, duplicates: int = 3) -> KeyFile:
    """A file of `cards` different fresh cards, `duplicates` of them sent a second time further down."""
    fresh = tuple(series.draw() for _ in range(cards))
    lines = [f"{card.number}----{card.password}" for card in (*fresh, *fresh[:duplicates])]
    encoding = secrets.choice(("utf-8", "gbk"))
    line_end = "\r\n" if encoding == "gbk" else "\n"
    raw = (line_end.join([_COMMENT, *lines]) + line_end).encode(encoding)
    return KeyFile(raw=raw, encoding=encoding, cards=fresh, duplicates=duplicates, ignored=1)
