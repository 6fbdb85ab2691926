"""What a supplier's words come to, as data: reviewed lists, and what a merchant's settings lay over them.

Deployments of one software disagree. What settings do not name stays; null takes a word off a list, and what is on no
list is never guessed. Whatever reads a setting here raises ConfigError, which names it and never what is in it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar

from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.json_objects import is_text
from keyrail.suppliers.model.outcomes import Refusal

MAX_ENTRIES = 200
MAX_WORD_LENGTH = 64
MAX_ACCOUNT_LENGTH = 256
NOT_UNDERSTOOD = "not_understood"

_CODE = re.compile(r"-?[0-9]{1,8}|[A-Za-z_]{1,32}")
_PATH = re.compile(r"(?:/[A-Za-z0-9_.-]{1,64}){1,8}")

W = TypeVar("W", bound=StrEnum)


class Meaning(StrEnum):
    """Of the state that an order is in."""

    SUCCESS = "success"
    PROCESSING = "processing"
    FAILED = "failed"


def laid_over(known: Mapping[str, W], own: object, meanings: type[W], setting: str) -> dict[str, W]:
    """The known words with their meanings, and in their place those of a merchant's own."""
    changed: dict[str, Any] = {**known, **entries(own, setting)}
    try:
        return {word: meanings(meaning) for word, meaning in changed.items() if meaning is not None}
    except ValueError:
        raise ConfigError(setting) from None


def refusals(known: Mapping[str, Refusal], own: object, accepted: frozenset[str], setting: str) -> dict[str, Refusal]:
    """By a code, or by `<code>:<beginning of its text>`. What was accepted is not refused, and what was never sent
    was not either.
    """
    read = laid_over(known, own, Refusal, setting)
    if Refusal.NOT_SENT in read.values() or any(word.partition(":")[0] in accepted for word in read):
        raise ConfigError(setting)
    return read


def listed(words: Mapping[str, Refusal], code: str, text: str) -> tuple[str, Refusal] | None:
    """The entry that says most of what was said. Its word is ours: a text may have the buyer's account in it."""
    found = [word for word in words if word == code or (":" in word and f"{code}:{text}".startswith(word))]
    word = max(found, key=len, default=None)
    return None if word is None else (word, words[word])


def names(known: Mapping[str, str], own: object, offered: frozenset[str], setting: str) -> dict[str, str]:
    """By a SKU's name of an account field, the supplier's."""
    changed = {**known, **entries(own, setting)}
    read = {name: theirs for name, theirs in changed.items() if theirs is not None}
    if not all(isinstance(theirs, str) and theirs in offered for theirs in read.values()):
        raise ConfigError(setting)
    return read


def flags(known: Mapping[str, bool], own: object, setting: str) -> dict[str, bool]:
    """What is done and what is not, by its name."""
    read = {**known, **entries(own, setting)}
    if read.keys() != known.keys() or not all(type(flag) is bool for flag in read.values()):
        raise ConfigError(setting)
    return read


def paths(known: Mapping[str, str], own: object, setting: str) -> dict[str, str]:
    """Where things are asked for below the supplier's address, by what is asked for."""
    read = {**known, **entries(own, setting)}
    fits = all(isinstance(path, str) and _PATH.fullmatch(path) for path in read.values())
    if read.keys() != known.keys() or not fits:
        raise ConfigError(setting)
    return read


def word_lists(known: Mapping[str, frozenset[str]], own: object, setting: str) -> dict[str, frozenset[str]]:
    """The words that are understood alike, by what they mean; what is given for one is all of it."""
    given = entries(own, setting)
    if not given.keys() <= known.keys():
        raise ConfigError(setting)
    return {name: words(known[name], given.get(name), setting) for name in known}


def words(known: frozenset[str], own: object, setting: str) -> frozenset[str]:
    """Those known, or a merchant's own instead."""
    if own is None:
        return known
    if not isinstance(own, list) or not 0 < len(own) <= MAX_ENTRIES or not all(is_word(word) for word in own):
        raise ConfigError(setting)
    return frozenset(own)


def renamed(account: Mapping[str, str], by_name: Mapping[str, str]) -> dict[str, str] | None:
    """The account by the supplier's names; None where it has no name for a field, or one name for two, and where a
    value is none: nobody can be credited by half a character or by a line break.
    """
    if not account or not all(map(_is_of_an_account, account.values())):
        return None
    theirs = {by_name[name]: value for name, value in account.items() if name in by_name}
    return theirs if len(theirs) == len(account) else None


def said(code: str) -> str:
    """A code that may be kept: short, and so no account."""
    return code if _CODE.fullmatch(code) else NOT_UNDERSTOOD


def entries(own: object, setting: str) -> dict[str, Any]:
    """Those of a setting that is an object; none where it is not there."""
    if own is None:
        return {}
    if not isinstance(own, dict) or len(own) > MAX_ENTRIES or not all(is_word(word) for word in own):
        raise ConfigError(setting)
    return own


def _is_of_an_account(value: object) -> bool:
    return is_text(value) and value.isprintable() and 0 < len(value.strip()) <= MAX_ACCOUNT_LENGTH


def is_word(word: object) -> TypeGuard[str]:
    return is_setting(word) and len(word) <= MAX_WORD_LENGTH and word.isprintable()
