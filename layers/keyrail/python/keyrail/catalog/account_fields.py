"""Whom a recharge credits: the fields that a SKU asks its buyer for, and what fits them. Pure.

What a buyer wrote is brought into one form and never corrected. Only what cannot change its meaning is left out:
blanks around it; in numbers the width of the digits; in telephone numbers blanks and dashes, and the country's code
where it is marked as one. Anything else that does not fit is refused: a recharge of the wrong account is money gone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.errors import FieldError, Invalid

MAX_ACCOUNT_FIELDS = 8
MAX_CHOICES = 300  # of a SKU, in all its fields: the item is read by each checkout
MAX_ACCOUNT_LENGTH = 64  # characters of one field
MAX_LABEL_LENGTH = 60
MAX_ACCOUNT_PATTERN_LENGTH = 250

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOBILE = re.compile(r"(?:\+86|0086)?(1[3-9][0-9]{9})")
_FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(0x5E)}
# White space, and what is as invisible: address books put marks of direction around a number. Not the one that shows
# whatever follows back to front (U+202E): what its writer saw is another number.
_BLANK_RANGES = (
    range(0x09, 0x0E), range(0x1C, 0x21), range(0x2000, 0x2010), range(0x2028, 0x202E), range(0x202F, 0x2030),
    range(0x2060, 0x2070),
)  # fmt: skip
_BLANKS = "".join(chr(c) for each in _BLANK_RANGES for c in each) + "\x85\xa0\u1680\u205f\u3000\ufeff"
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"  # keyboards and address books have their own
_SEPARATORS = frozenset(_BLANKS + _DASHES)


class FieldKind(StrEnum):
    """`phone`: a mobile number of mainland China, kept as its eleven digits; `digits`: as many as it has, leading zeros
    too; `text`: as it was written; `choice`: one of those that there are.
    """

    PHONE = "phone"
    DIGITS = "digits"
    TEXT = "text"
    CHOICE = "choice"


_NOT = {
    FieldKind.PHONE: "not_a_mobile_number",
    FieldKind.DIGITS: "not_digits",
    FieldKind.TEXT: "not_printable",
    FieldKind.CHOICE: "not_a_choice",
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`within`: the values of the field that its own depends on, with which it may be chosen."""

    value: str
    label: str
    label_zh: str | None = None
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class AccountField:
    """One field of an account. `name` is the merchant's own, and what a supplier's adapter knows it by.

    `pattern` is a regular expression of RE2 that must match the whole of it; `min_length` and `max_length` are in
    characters. `depends_on` names an earlier field of choices, as the servers of a game depend on the region.
    """

    name: str
    label: str
    label_zh: str | None = None
    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    choices: tuple[Choice, ...] | None = None
    depends_on: str | None = None

    @property
    def shortest(self) -> int:
        return 1 if self.min_length is None else self.min_length

    @property
    def longest(self) -> int:
        return MAX_ACCOUNT_LENGTH if self.max_length is None else self.max_length

    def values(self) -> frozenset[str]:
        return frozenset(choice.value for choice in self.choices or ())


def read_account(
    fields: Sequence[AccountField], given: Mapping[str, str], *, matches: Callable[[str, str], bool]
) -> dict[str, str]:
    """The account in the one form that it is kept in; read again, it is the same.

    An optional field that is left blank is left out. `matches` says whether a pattern is of the whole of a text.
    Raises Invalid with one FieldError, by the field's name, for each that is missing or does not fit, and for as many
    unknown ones as there may be fields.
    """
    known = {field.name for field in fields}
    strange = [name[:MAX_ACCOUNT_LENGTH] for name in given if name not in known]
    wrong = [FieldError(name, "unknown") for name in strange[:MAX_ACCOUNT_FIELDS]]
    account: dict[str, str] = {}
    failed: set[str] = set()
    for field in fields:
        written = given.get(field.name, "").strip(_BLANKS)
        if not written and not field.required:
            continue
        if field.depends_on in failed:  # that is what is wrong
            failed.add(field.name)
            continue
        value = _plain(field, written)
        reason = _misfit(field, value, account, matches) if written else "missing"
        if reason is None and value is not None:
            account[field.name] = value
        else:
            failed.add(field.name)
            wrong.append(FieldError(field.name, reason or _NOT[field.kind]))
    if wrong:
        raise Invalid(*wrong)
    return account


def masked_account(fields: Sequence[AccountField], account: Mapping[str, str]) -> dict[str, str]:
    """What may be shown of it: of a telephone number three digits and four, of other fields the ends, if they are long
    enough, and what was chosen from a list.
    """
    kinds = {field.name: field.kind for field in fields}
    return {name: _masked(kinds.get(name), value) for name, value in account.items()}


def check_account_fields(fields: Sequence[AccountField], *, is_pattern: Callable[[str], bool]) -> None:
    """Raises Invalid with a FieldError for each field that contradicts itself or another, or is beyond its limit."""
    problems = [*_of_all(fields)]
    for number, field in enumerate(fields):
        found = (*_of_one(field, is_pattern), *_of_choices(field, fields[:number]))
        problems += [(f".{number}.{what}", reason) for what, reason in found]
    if problems:
        raise Invalid(*(FieldError(f"account_fields{where}", reason) for where, reason in problems))


def _plain(field: AccountField, written: str) -> str | None:
    """The one form of it; None where it has none."""
    match field.kind:
        case FieldKind.PHONE:
            dialled = "".join(c for c in written.translate(_FULL_WIDTH) if c not in _SEPARATORS)
            mobile = _MOBILE.fullmatch(dialled)
            return mobile[1] if mobile else None
        case FieldKind.DIGITS:
            digits = written.translate(_FULL_WIDTH)
            return digits if digits.isascii() and digits.isdigit() else None
        case FieldKind.TEXT:
            return written if written.isprintable() else None
        case FieldKind.CHOICE:
            return written if written in field.values() else None


def _misfit(
    field: AccountField, value: str | None, account: Mapping[str, str], matches: Callable[[str, str], bool]
) -> str | None:
    if value is None:
        return _NOT[field.kind]
    if field.kind is FieldKind.CHOICE:
        return _misplaced(field, value, account)
    if len(value) < field.shortest:
        return "too_short"
    if len(value) > field.longest:
        return "too_long"
    if field.pattern is not None and not matches(field.pattern, value):
        return "not_of_the_pattern"
    return None


def _misplaced(field: AccountField, value: str, account: Mapping[str, str]) -> str | None:
    if field.depends_on is None:
        return None
    other = account.get(field.depends_on)
    if other is None:
        return f"without_{field.depends_on}"
    fits = any(choice.value == value and other in (choice.within or ()) for choice in field.choices or ())
    return None if fits else f"not_of_this_{field.depends_on}"


def _masked(kind: FieldKind | None, value: str) -> str:
    if kind is FieldKind.CHOICE:
        return value
    first, last = (3, 4) if kind is FieldKind.PHONE else (min(2, len(value) // 4),) * 2
    return f"{value[:first]}****{value[len(value) - last :]}"


_Problems = Iterator[tuple[str, str]]


def _of_all(fields: Sequence[AccountField]) -> _Problems:
    if len(fields) > MAX_ACCOUNT_FIELDS:
        yield "", f"over_{MAX_ACCOUNT_FIELDS}_fields"
    if sum(len(field.choices or ()) for field in fields) > MAX_CHOICES:
        yield "", f"over_{MAX_CHOICES}_choices"
    if not any(field.required for field in fields):
        yield "", "none_required"
    names = [field.name for field in fields]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield f".{number}.name", "repeated"


def _of_one(field: AccountField, is_pattern: Callable[[str], bool]) -> _Problems:
    if not _NAME.fullmatch(field.name):
        yield "name", "not_a_name"
    yield from _of_labels(field)
    yield from _of_lengths(field)
    if field.pattern is None:
        return
    if field.kind is FieldKind.CHOICE:
        yield "pattern", "not_of_this_kind"
    elif not (0 < len(field.pattern) <= MAX_ACCOUNT_PATTERN_LENGTH and is_pattern(field.pattern)):
        yield "pattern", "not_a_pattern_of_re2"


def _of_lengths(field: AccountField) -> _Problems:
    if field.kind in {FieldKind.PHONE, FieldKind.CHOICE}:
        for name in ("min_length", "max_length"):
            if getattr(field, name) is not None:
                yield name, "not_of_this_kind"
    elif not 1 <= field.shortest <= field.longest <= MAX_ACCOUNT_LENGTH:
        yield "min_length", "not_1_to_max_length"


def _of_labels(labelled: AccountField | Choice) -> _Problems:
    for name, label in (("label", labelled.label), ("label_zh", labelled.label_zh)):
        if label is not None and not (0 < len(label) <= MAX_LABEL_LENGTH and label.isprintable()):
            yield name, f"not_1_to_{MAX_LABEL_LENGTH}_characters"


def _of_choices(field: AccountField, earlier: Sequence[AccountField]) -> _Problems:
    if field.kind is not FieldKind.CHOICE:
        for name in ("choices", "depends_on"):
            if getattr(field, name) is not None:
                yield name, "not_of_this_kind"
        return
    if not field.choices:
        yield "choices", "empty"
    others = (each for each in earlier if each.name == field.depends_on and each.kind is FieldKind.CHOICE)
    other = next(others, None)
    yield from _of_dependence(field, other)
    seen: set[tuple[str, str | None]] = set()
    for number, choice in enumerate(field.choices or ()):
        for what, reason in _of_choice(field, choice, other):
            yield f"choices.{number}.{what}", reason
        places = {(choice.value, place) for place in choice.within or (None,)}
        if places & seen:
            yield f"choices.{number}.value", "repeated"
        seen |= places


def _of_dependence(field: AccountField, other: AccountField | None) -> _Problems:
    if field.depends_on is None:
        return
    if other is None:
        yield "depends_on", "not_an_earlier_choice"
    elif field.required and not other.required:
        yield "depends_on", "not_required"
    elif field.required and not other.values() <= {place for c in field.choices or () for place in c.within or ()}:
        yield "choices", f"none_for_some_{other.name}"


def _of_choice(field: AccountField, choice: Choice, other: AccountField | None) -> _Problems:
    value = choice.value
    if not (0 < len(value) <= MAX_ACCOUNT_LENGTH and value == value.strip(_BLANKS) and value.isprintable()):
        yield "value", "not_a_value"
    yield from _of_labels(choice)
    if field.depends_on is None and choice.within is not None:
        yield "within", "without_depends_on"
    if other is not None and not (choice.within and set(choice.within) <= other.values()):
        yield "within", f"not_of_{other.name}"
