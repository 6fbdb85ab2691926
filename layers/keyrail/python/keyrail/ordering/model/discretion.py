"""What people and suppliers say of a unit, for others to read: without the account that is masked. Pure."""

import unicodedata
from collections.abc import Iterator

from keyrail.ordering.model.orders import Unit

MIN_TELLING_LENGTH = 5  # of a part of an account: what is shorter may stand in a text by chance
HIDDEN = "****"


def names_account(unit: Unit, text: str) -> bool:
    """Whether a part of its account that is masked stands there, however it is set."""
    told = _plain(text)
    return any(_plain(value) in told for _, value in _hidden(unit))


def without_account(unit: Unit, text: str) -> str:
    """The text with the mask in the place of each such part; nothing of it where the part is set otherwise."""
    for name, value in _hidden(unit):
        text = text.replace(value, (unit.account_mask or {}).get(name, HIDDEN))
    return HIDDEN if names_account(unit, text) else text


def _hidden(unit: Unit) -> Iterator[tuple[str, str]]:
    masks = unit.account_mask or {}
    for name, value in (unit.account or {}).items():
        if len(value) >= MIN_TELLING_LENGTH and masks.get(name) != value:
            yield name, value


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum()) or text
