"""From cells to keys, each checked by the rules of its file and of its SKU.

- Full-width characters have become ordinary ones; now codes and passwords are visible ASCII. Whatever else is in there
  (a control character, an invisible space, a long dash) is damage from some editor and would fail at the till.
- What Excel would run is a formula: a code behind `=`, `+` or `@`, and one behind `-` unless all the rest of it is
  letters, digits, `-` and `_`, as in codes made by URL-safe base 64. Passwords often begin with a sign: theirs is a
  formula behind `=`, or with a call or a pipe in it.
- An empty password is missing if other lines of the file have one, and `1.2E+15` has lost its digits in Excel.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.key_file.amounts import NotAnAmount, face_value
from keyrail.inventory.model.key_file.reasons import MAX_CODE_LENGTH, MAX_PASSWORD_LENGTH, Reason, Refused
from keyrail.inventory.model.key_file.rows import CELLS, Cell, Layout, Row, repeats_header
from keyrail.platform.money import Money
from keyrail.vault import codes
from keyrail.vault.model import Secret

MAX_REMEMBERED_DAYS = 1_000
LABEL = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a batch asks of each line, as it was when its import began.

    `today` is the ISO date that tells an expired key; `expires_on` is for lines without a day of their own. Where
    buyers choose `by_label`, a label that is none is refused; elsewhere it is passed over. `own_issuer`: the issuer is
    ours, so a code has to be one that we may have made.
    """

    today: str
    code_format: CodeFormat
    face_value: Money | None = None
    expires_on: str | None = None
    by_label: bool = False
    own_issuer: bool = False


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides about a line besides itself: `asked` of all files of the batch, and what this one says as a whole.

    `with_password`: lines of the file have one. `fits` says whether a code is of its SKU's pattern.
    """

    asked: Requirements
    layout: Layout
    with_password: bool = False
    fits: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class FileKey:
    """One key as the supplier wrote it. `expires_on` is an ISO date, the last day of use."""

    line: int
    secret: Secret
    expires_on: str | None = None
    label: str | None = None


def has_password(row: Row, layout: Layout) -> bool:
    at = layout.columns.password
    return at is not None and row.cells is not None and len(row.cells) > at and bool(row.cells[at])


def read_key(row: Row, rules: Rules) -> FileKey:
    """The key of a row that is not ignored. Raises Refused."""
    if row.problem or row.cells is None:
        raise Refused(row.problem or Reason.CODE_MISSING)
    layout, columns, cells = rules.layout, rules.layout.columns, row.cells
    if repeats_header(cells, columns):
        raise Refused(Reason.HEADER_AGAIN)
    code = _text(cells, columns.code)
    _check_code(code, row, rules)
    if columns.code and columns.password is not None and layout.separator != CELLS and len(cells) <= columns.password:
        # Left out may be the password, or a cell in front of the code: then this is the password.
        raise Refused(Reason.AMBIGUOUS_COLUMN)
    _check_format(code, rules)
    if any(cells[columns.count :]) or _has_password_elsewhere(row, layout):
        raise Refused(Reason.TOO_MANY_COLUMNS, code=code)
    password = _text(cells, columns.password, code)
    announced = layout.has_header or len(cells) > 1
    if not password and columns.password is not None and rules.with_password and announced:
        raise Refused(Reason.PASSWORD_MISSING, code=code)
    _check_password(password, code)
    expiry = _day_text(cells, columns.expiry, code)
    if not expiry and _written_date(password) and (columns.expiry is not None and len(cells) <= columns.expiry):
        # An expiry in the password's place: only a header can tell, of a line that has all its columns.
        raise Refused(Reason.AMBIGUOUS_COLUMN, code=code)
    if rules.asked.face_value is not None:
        _check_face_value(_amount_text(cells, columns.face_value, code), code, rules.asked.face_value)
    label = _label(cells, columns.label, code, refuse=rules.asked.by_label)
    return FileKey(row.line, Secret(code, password or None), _expires_on(expiry, code, rules.asked), label)


# cells


def _cell(cells: Sequence[Cell], at: int | None) -> Cell:
    return cells[at] if at is not None and at < len(cells) else ""


def _text(cells: Sequence[Cell], at: int | None, code: str | None = None) -> str:
    """Raises Refused for a workbook's cell that is no text."""
    cell = _cell(cells, at)
    if isinstance(cell, Reason):
        raise Refused(cell, code=code)
    if isinstance(cell, date | Decimal):
        raise Refused(Reason.CELL_NOT_TEXT, code=code)
    return cell


def _day_text(cells: Sequence[Cell], at: int | None, code: str) -> str:
    cell = _cell(cells, at)
    return f"{cell:%Y-%m-%d %H:%M:%S}" if isinstance(cell, date) else _text(cells, at, code)


def _amount_text(cells: Sequence[Cell], at: int | None, code: str) -> str:
    cell = _cell(cells, at)
    return str(cell) if isinstance(cell, Decimal) else _text(cells, at, code)


def _has_password_elsewhere(row: Row, layout: Layout) -> bool:
    """Whether more than a count of the rows, as some programs put in front of them, stands under no name."""
    if has_password(row, layout):
        return False
    cells = (_cell(row.cells or (), at) for at in layout.columns.unnamed)
    return any(cell and not (type(cell) is str and _COUNT.fullmatch(cell) and int(cell) <= row.line) for cell in cells)


# code and password

_COUNT = re.compile(r"[0-9]{1,7}")
_CODE_FORMULA = re.compile(r"[=+@]|-.*[^A-Za-z0-9_-]")
_PASSWORD_FORMULA = re.compile(r"=|[-+@].*[()|!]")
_DIGITS_LOST = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+|[0-9]\.[0-9]+E[0-9]+", re.IGNORECASE)
# What a code and its password may have been joined by: in any code, in one without a password, and in one to which the
# header promised a password. A link may be a code, and its colon joins nothing.
_JOINT_IN_ANY = re.compile(r"([^A-Za-z0-9])\1\1")
_JOINT = re.compile(r"[\s,;\"|]|:(?!//)|([^A-Za-z0-9])\1\1")
_JOINT_BEFORE_PROMISED = re.compile(r"[^A-Za-z0-9._-]|([._-])\1")
_LINK = re.compile(r"https?://")
_GROUP = 5  # characters at most, as in 1234 5678 9012: a number and its password are longer, or not of one length


def _check_code(code: str, row: Row, rules: Rules) -> None:
    """Raises Refused, without a mask: of a damaged code nobody knows which part is the secret."""
    if not code:
        raise Refused(Reason.CODE_MISSING)
    if len(code) > MAX_CODE_LENGTH:
        raise Refused(Reason.CODE_TOO_LONG)
    if reason := _damage(code, _CODE_FORMULA):
        raise Refused(reason)
    if rules.asked.own_issuer and codes.check(code):
        return
    if _may_be_joined(code, row, rules.layout):
        raise Refused(Reason.AMBIGUOUS_SEPARATOR)


def _may_be_joined(code: str, row: Row, layout: Layout) -> bool:
    """Whether its password may be in it: then the same key, read rightly another time, would be no duplicate."""
    if not layout.has_header and layout.separator is None:
        return _JOINT.search(code) is not None
    if has_password(row, layout):
        return _JOINT_IN_ANY.search(code) is not None
    if layout.has_header and layout.columns.password is not None and not _LINK.match(code):
        return _JOINT_BEFORE_PROMISED.search(code) is not None
    groups = code.split(" ")
    grouped = len(set(map(len, groups))) == 1 and len(groups[0]) <= _GROUP
    return _JOINT.search("".join(groups) if grouped else code) is not None


def _check_format(code: str, rules: Rules) -> None:
    code_format = rules.asked.code_format
    if len(code) < code_format.min_length:
        raise Refused(Reason.CODE_TOO_SHORT, code=code)
    if len(code) > code_format.max_length:
        raise Refused(Reason.CODE_TOO_LONG, code=code)
    if rules.fits is not None and not rules.fits(code):
        raise Refused(Reason.CODE_FORMAT, code=code)
    if rules.asked.own_issuer and not codes.check(code):
        raise Refused(Reason.MISTYPED_CODE, code=code)


def _check_password(password: str, code: str) -> None:
    if len(password) > MAX_PASSWORD_LENGTH:
        raise Refused(Reason.PASSWORD_TOO_LONG, code=code)
    if reason := _damage(password, _PASSWORD_FORMULA):
        raise Refused(reason, code=code)


def _damage(text: str, formula: re.Pattern[str]) -> Reason | None:
    if formula.match(text):
        return Reason.FORMULA
    if _DIGITS_LOST.fullmatch(text):
        return Reason.DIGITS_LOST
    if text.isascii() and text.isprintable() and not text.startswith("'"):
        return None
    hidden = any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in text)
    return Reason.CONTROL_CHARACTER if hidden else Reason.UNEXPECTED_CHARACTER


# what comes with them


def _check_face_value(text: str, code: str, wanted: Money) -> None:
    if not text:
        return
    try:
        named = face_value(text, wanted.currency)
    except NotAnAmount:
        raise Refused(Reason.FACE_VALUE_NOT_AN_AMOUNT, code=code) from None
    if named != wanted:
        raise Refused(Reason.FACE_VALUE_DIFFERS, code=code)


def _label(cells: Sequence[Cell], at: int | None, code: str, *, refuse: bool) -> str | None:
    cell = _cell(cells, at)
    if type(cell) is str and LABEL.fullmatch(cell):
        return cell
    if cell and refuse:
        raise Refused(Reason.LABEL_NOT_ALLOWED, code=code)
    return None


# Year first, so that day and month cannot be mistaken; behind it nothing but the beginning or the end of the day.
_DAY = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME = re.compile(r"[ T](?:0{1,2}:00(?::00)?|23:59(?::59)?)$")


def _written_date(text: str) -> bool:
    return _DAY.fullmatch(_TIME.sub("", text)) is not None


def _expires_on(text: str, code: str, asked: Requirements) -> str | None:
    expires_on = _iso_day(text) if text else asked.expires_on
    if text and expires_on is None:
        raise Refused(Reason.EXPIRY_NOT_A_DATE, code=code)
    if expires_on is not None and expires_on < asked.today:
        raise Refused(Reason.EXPIRED, code=code)
    return expires_on


@lru_cache(MAX_REMEMBERED_DAYS)
def _iso_day(text: str) -> str | None:
    """None for what is no day of the calendar, or may be two."""
    day = _TIME.sub("", text)
    found = _DAY.fullmatch(day) or _COMPACT_DAY.fullmatch(day)
    parts = [part for part in found.groups() if part and part.isdigit()] if found else []
    try:
        year, month, day_of_month = (int(part) for part in parts)
        return date(year, month, day_of_month).isoformat()
    except ValueError:
        return None
