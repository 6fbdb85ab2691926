"""A supplier's key file: bytes in, keys and reasons out. Pure, and nothing is guessed.

What counts as what:
- Lines are those an editor shows; each is counted once, as accepted, duplicate, rejected or ignored. A quoted cell
  may run over several lines (csv): the further lines share the fate of the first, or are ignored if it is a key.
- Ignored are blank lines, comments (`#` or `//`) and the header.
- A header says which column is what. Without one a line is `code`, `code password` or `code password expiry`,
  separated by `----`, a tab, a comma or blanks; a line that can be split in two ways is rejected.
- Full-width characters become ordinary ones; then codes and passwords are visible ASCII. Whatever else is in there
  (a control character, an invisible space, a long dash) is damage from some editor and would fail at the till.
- What Excel would run is a formula: a code behind `=`, `+` or `@`, and one behind `-` unless all the rest of it is
  letters, digits, `-` and `_`, as in codes made by URL-safe base 64. Passwords often begin with a sign: theirs is a
  formula behind `=`, or with a call or a pipe in it.
- An empty password is missing if other lines of the file have one, and `1.2E+15` has lost its digits in Excel.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from keyrail.inventory.model.batches import MAX_REPORTED_PROBLEMS, ImportReport, LineProblem
from keyrail.inventory.model.key_columns import POSITIONAL, Columns, FileProblem, Unreadable, columns_of, is_name
from keyrail.vault.model import Secret, mask, normalised

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_LINES = 50_000
MAX_LINE_LENGTH = 8_192  # characters
MAX_CODE_LENGTH = 256
MAX_PASSWORD_LENGTH = 256
MAX_CONTROL_SHARE = 0.1  # of a file's characters; above it this is no text

DASHES = "----"
_BLANK = " \t"
_BLANKS = re.compile(r"[ \t]+")


class Reason(StrEnum):
    """Why a line was not taken."""

    CODE_MISSING = "code_missing"
    CODE_TOO_LONG = "code_too_long"
    PASSWORD_MISSING = "password_missing"
    PASSWORD_TOO_LONG = "password_too_long"
    FORMULA = "formula"
    CONTROL_CHARACTER = "control_character"
    UNEXPECTED_CHARACTER = "unexpected_character"
    DIGITS_LOST = "digits_lost"
    EXPIRY_NOT_A_DATE = "expiry_not_a_date"
    EXPIRED = "expired"
    TOO_MANY_COLUMNS = "too_many_columns"
    AMBIGUOUS_COLUMN = "ambiguous_column"
    AMBIGUOUS_SEPARATOR = "ambiguous_separator"
    QUOTES_BROKEN = "quotes_broken"
    LINE_TOO_LONG = "line_too_long"
    DUPLICATE_IN_FILE = "duplicate_in_file"


@dataclass(frozen=True)
class FileKey:
    """One key as the supplier wrote it. `expires_on` is an ISO date, the last day of use."""

    line: int
    secret: Secret
    expires_on: str | None


@dataclass(frozen=True)
class KeyFile:
    """What a file holds. `report` is how the import would end if the stock knew none of the codes."""

    keys: tuple[FileKey, ...]
    report: ImportReport


@dataclass(frozen=True)
class _Row:
    """A line, or several if a quoted cell runs over them. Neither cells nor problem: ignored."""

    line: int
    lines: int
    cells: list[str] | None = None
    problem: Reason | None = None


@dataclass(frozen=True)
class _Layout:
    columns: Columns
    separator: str | None
    has_header: bool


class _Refused(Exception):
    def __init__(self, reason: Reason, *, code: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.mask = mask(code) if code else None


def parse(raw: bytes, today: str) -> KeyFile:
    """Read a whole file. `today` is the ISO date that tells an expired key. Never raises."""
    try:
        lines = _lines(raw)
        layout, rows = _rows(lines)
        return _assembled(rows, layout, today)
    except Unreadable as unreadable:
        return KeyFile((), ImportReport(file_problem=unreadable.problem))


# from bytes to lines

_NOT_TEXT_BUT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_QUOTE = 0xFF02  # stays: made an ordinary quote, it would change how the line is split
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if wide != _QUOTE} | {0x3000: " ", 0xA0: " "}


def _lines(raw: bytes) -> list[str]:
    if len(raw) > MAX_FILE_BYTES:
        raise Unreadable(FileProblem.TOO_LARGE)
    if raw.startswith(_NOT_TEXT_BUT):
        raise Unreadable(FileProblem.UNSUPPORTED_FORMAT)
    if b"\0" in raw:
        raise Unreadable(FileProblem.NOT_TEXT)
    ends = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    if ends + (not raw.endswith((b"\n", b"\r"))) > MAX_LINES:
        raise Unreadable(FileProblem.TOO_MANY_LINES)
    text = _decoded(raw).removeprefix("\ufeff").translate(_NARROW)
    if not text.strip():
        raise Unreadable(FileProblem.EMPTY)
    if len(_CONTROL.findall(text)) > MAX_CONTROL_SHARE * len(text):
        raise Unreadable(FileProblem.NOT_TEXT)
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def _decoded(raw: bytes) -> str:
    """UTF-8 if it is valid UTF-8, which other encodings are not by chance; else GB18030, which contains GBK."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(FileProblem.NOT_TEXT)


# from lines to cells


def _rows(lines: list[str]) -> tuple[_Layout, Iterator[_Row]]:
    first = next((at for at, line in enumerate(lines) if not _is_ignored(line)), len(lines))
    layout = _layout(lines[first]) if first < len(lines) else _Layout(POSITIONAL, None, has_header=False)

    def rows() -> Iterator[_Row]:
        at = 0
        while at < len(lines):
            if _is_ignored(lines[at]) or (layout.has_header and at == first):
                row = _Row(at + 1, 1)
            else:
                row = _row(lines, at, layout.separator)
            yield row
            at += row.lines

    return layout, rows()


def _is_ignored(line: str) -> bool:
    bare = line.strip(_BLANK)
    return not bare or bare.startswith(("#", "//"))


def _layout(line: str) -> _Layout:
    """What the first line that counts says about all of them. Raises Unreadable."""
    separator = next((s for s in (DASHES, "\t", ",", ";") if s in line), None)
    cells = _row([line], 0, separator).cells if separator else [line.strip(_BLANK)]
    columns = columns_of(cells) if cells and len(line) <= MAX_LINE_LENGTH else None
    if columns is None and separator is None and all(map(is_name, line.split())):
        columns, separator = columns_of(line.split()), " "
    if columns is None:
        return _Layout(POSITIONAL, None, has_header=False)
    return _Layout(columns, separator, has_header=True)


def _row(lines: list[str], at: int, separator: str | None) -> _Row:
    """Split the line with the file's separator, or with its own where no header named one."""
    line = lines[at]
    own = separator or _separator(line)
    if isinstance(own, Reason):
        return _Row(at + 1, 1, problem=own)
    if own == DASHES:
        cells = line.split(DASHES)
    elif own == " ":
        cells = _BLANKS.split(line.strip(_BLANK))
    elif '"' in line:
        return _quoted(lines, at, own)
    else:
        cells = line.split(own)
    return _Row(at + 1, 1, _stripped(cells))


def _stripped(cells: Sequence[str]) -> list[str] | None:
    """None if there is nothing in any of them, as in the empty rows that Excel leaves behind."""
    bare = [cell.strip(_BLANK) for cell in cells]
    return bare if any(bare) else None


def _separator(line: str) -> str | Reason:
    """How a line without a header is split. A comma wins over a tab only if the tabs stand around cells, as those
    do that people append to keep Excel off a long number.
    """
    if DASHES in line:
        return DASHES if DASHES + "-" not in line else Reason.AMBIGUOUS_SEPARATOR
    bare = line.strip(_BLANK)
    if "," in bare:
        return "," if '"' in bare or not re.search(r"[^\t ,][ ]*\t[\t ]*[^\t ,]", bare) else Reason.AMBIGUOUS_SEPARATOR
    if "\t" in bare:
        return "\t"
    return '"' if bare.startswith('"') else " "


class _Feed:
    """Hands lines to the csv module and knows how many it took."""

    def __init__(self, lines: list[str], at: int) -> None:
        self._lines = lines
        self.at = at

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.at >= len(self._lines):
            raise StopIteration
        self.at += 1
        return self._lines[self.at - 1] + "\n"


def _quoted(lines: list[str], at: int, separator: str) -> _Row:
    feed = _Feed(lines, at)
    delimiter = "," if separator == '"' else separator
    try:
        cells = next(csv.reader(feed, delimiter=delimiter, strict=True))
    except csv.Error:
        taken = lines[at : feed.at]
        reason = Reason.LINE_TOO_LONG if max(map(len, taken)) > MAX_LINE_LENGTH else Reason.QUOTES_BROKEN
        return _Row(at + 1, len(taken), problem=reason)
    return _Row(at + 1, feed.at - at, _stripped(cells))


# from cells to keys


def _assembled(rows: Iterator[_Row], layout: _Layout, today: str) -> KeyFile:
    everything = list(rows)
    with_password = _has_passwords(everything, layout.columns)
    keys: list[FileKey] = []
    problems: list[LineProblem] = []
    seen: set[str] = set()
    duplicate = rejected = ignored = 0
    for row in everything:
        if row.cells is None and row.problem is None:
            ignored += row.lines
            continue
        try:
            key = _key(row, layout, today, with_password=with_password)
            _check_new(key.secret.code, seen)
        except _Refused as refused:
            is_duplicate = refused.reason is Reason.DUPLICATE_IN_FILE
            duplicate += row.lines if is_duplicate else 0
            rejected += 0 if is_duplicate else row.lines
            if len(problems) < MAX_REPORTED_PROBLEMS:
                problems.append(LineProblem(row.line, refused.reason, refused.mask))
            continue
        keys.append(key)
        ignored += row.lines - 1
    report = ImportReport(
        accepted=len(keys),
        duplicate=duplicate,
        rejected=rejected,
        ignored=ignored,
        problems=tuple(problems),
        file_problem=None if keys else FileProblem.NO_KEY,
    )
    return KeyFile(tuple(keys), report)


def _has_passwords(rows: Sequence[_Row], columns: Columns) -> bool:
    at = columns.password
    return at is not None and any(row.cells and len(row.cells) > at and row.cells[at] for row in rows)


def _key(row: _Row, layout: _Layout, today: str, *, with_password: bool) -> FileKey:
    if row.problem or row.cells is None:
        raise _Refused(row.problem or Reason.CODE_MISSING)
    columns, cells = layout.columns, row.cells
    code = cells[columns.code] if len(cells) > columns.code else ""
    _check_code(code, free_form=not layout.has_header)
    if any(cells[columns.count :]):
        raise _Refused(Reason.TOO_MANY_COLUMNS, code=code)
    password = _cell(cells, columns.password)
    announced = layout.has_header or len(cells) > 1
    if not password and columns.password is not None and with_password and announced:
        raise _Refused(Reason.PASSWORD_MISSING, code=code)
    _check_password(password, code)
    expiry = _cell(cells, columns.expiry)
    if not layout.has_header and not expiry and _written_date(password):
        # An expiry in the password's place: only a header can tell.
        raise _Refused(Reason.AMBIGUOUS_COLUMN, code=code)
    return FileKey(row.line, Secret(code, password or None), _expires_on(expiry, code, today))


def _check_new(code: str, seen: set[str]) -> None:
    name = normalised(code, case_sensitive=False)
    if name in seen:
        raise _Refused(Reason.DUPLICATE_IN_FILE, code=code)
    seen.add(name)


def _cell(cells: Sequence[str], at: int | None) -> str:
    return cells[at] if at is not None and at < len(cells) else ""


_CODE_FORMULA = re.compile(r"[=+@]|-.*[^A-Za-z0-9_-]")
_PASSWORD_FORMULA = re.compile(r"=|[-+@].*[()|!]")
_DIGITS_LOST = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+", re.IGNORECASE)
_OF_ANOTHER_SPLIT = re.compile(r"[\s,;\"]")


def _check_code(code: str, *, free_form: bool) -> None:
    """Raises _Refused, without a mask: of a damaged code nobody knows which part is the secret."""
    if not code:
        raise _Refused(Reason.CODE_MISSING)
    if len(code) > MAX_CODE_LENGTH:
        raise _Refused(Reason.CODE_TOO_LONG)
    if reason := _damage(code, _CODE_FORMULA):
        raise _Refused(reason)
    if free_form and _OF_ANOTHER_SPLIT.search(code):
        raise _Refused(Reason.AMBIGUOUS_SEPARATOR)


def _check_password(password: str, code: str) -> None:
    if len(password) > MAX_PASSWORD_LENGTH:
        raise _Refused(Reason.PASSWORD_TOO_LONG, code=code)
    if reason := _damage(password, _PASSWORD_FORMULA):
        raise _Refused(reason, code=code)


def _damage(text: str, formula: re.Pattern[str]) -> Reason | None:
    if formula.match(text):
        return Reason.FORMULA
    if _DIGITS_LOST.fullmatch(text):
        return Reason.DIGITS_LOST
    if text.isascii() and text.isprintable() and not text.startswith("'"):
        return None
    hidden = any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in text)
    return Reason.CONTROL_CHARACTER if hidden else Reason.UNEXPECTED_CHARACTER


# Year first, so that day and month cannot be mistaken; behind it nothing but the beginning or the end of the day.
_DAY = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME = re.compile(r"[ T](?:0{1,2}:00(?::00)?|23:59(?::59)?)$")


def _written_date(text: str) -> bool:
    return _DAY.fullmatch(_TIME.sub("", text)) is not None


def _expires_on(text: str, code: str, today: str) -> str | None:
    if not text:
        return None
    day = _TIME.sub("", text)
    found = _DAY.fullmatch(day) or _COMPACT_DAY.fullmatch(day)
    parts = [part for part in found.groups() if part and part.isdigit()] if found else []
    try:
        year, month, day_of_month = (int(part) for part in parts)
        expires_on = date(year, month, day_of_month).isoformat()
    except ValueError:
        raise _Refused(Reason.EXPIRY_NOT_A_DATE, code=code) from None
    if expires_on < today:
        raise _Refused(Reason.EXPIRED, code=code)
    return expires_on
