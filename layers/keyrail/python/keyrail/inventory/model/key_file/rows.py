"""From lines to rows of cells: how a file is laid out, and what belongs together.

A header says which column is what; titles may stand above it. Without one a line is `code`, `code password` or `code
password expiry`, separated by `----`, a tab, a comma or blanks; a line that can be split in two ways is rejected.

A quoted cell may run over several lines (csv): the further lines share the fate of the first, or are ignored if it is a
key. A quote that does not close within MAX_ROW_LINES is a slip of one line: that one is rejected, and those behind it
are read as if it were not there. So what becomes of a line depends on no more than that many before it, wherever the
reading begins.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from keyrail.inventory.model.key_columns import (
    POSITIONAL,
    Columns,
    FileProblem,
    Unreadable,
    are_names,
    columns_of,
    hides_names,
    is_name,
    is_title,
    parted,
)
from keyrail.inventory.model.key_file.lines import Line
from keyrail.inventory.model.key_file.reasons import MAX_LINE_LENGTH, Reason

MAX_TITLES = 10
MAX_ROW_LINES = 32  # that a quoted cell may run over; all of them have MAX_LINE_LENGTH characters at most
DASHES = "----"
_BLANK = " \t"
_QUOTE_BEHIND_BLANKS = re.compile(r'[ \t]+"')  # part of the cell to the csv module, and around it to whoever wrote it
_DIGIT = re.compile(r"[0-9]")
_BLANKS = re.compile(r"[ \t]+")
_TAB_BETWEEN_CELLS = re.compile(r"[^\t ,][ ]*\t[\t ]*[^\t ,]")

CELLS = ""

Cell = str | date | Decimal | Reason
"""Text; or a date, a number with a sign or a fraction, or what is wrong, as only a workbook's cell can say."""


class Row(NamedTuple):
    """A line, or several if a quoted cell runs over them. Neither cells nor problem: ignored.

    `end` is where the next row begins, `written` the lines as they were.
    """

    line: int
    lines: int
    end: int
    written: str
    cells: Sequence[Cell] | None = None
    problem: Reason | None = None

    def __repr__(self) -> str:
        return f"Row({self.line}, {self.problem})"

    @property
    def is_ignored(self) -> bool:
        return self.cells is None and self.problem is None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the first line that is no title says about all of them; `header` is its number if it is one.

    `separator` None: each line is split by its own. A workbook's cells are apart already (CELLS).
    """

    columns: Columns = POSITIONAL
    separator: str | None = None
    header: int | None = None

    @property
    def has_header(self) -> bool:
        return self.header is not None

    def is_head(self, line: int) -> bool:
        """Whether it is the header, or stands above it."""
        return self.header is not None and line <= self.header


def layout_of(lines: Iterator[Line]) -> Layout:
    """What the first line that is no title says about the others; none is kept. Raises Unreadable."""
    ahead, hidden = _Ahead(lines), False
    for line in islice((line for line in ahead if not is_remark(line.text)), MAX_TITLES + 1):
        if line.too_long:
            break
        layout, title = _layout(line, ahead)
        if layout.has_header:
            return layout
        hidden = hidden or hides_names(line.text)
        if not title:
            break
    if hidden:
        raise Unreadable(FileProblem.UNKNOWN_HEADER)
    return Layout()


def is_remark(line: str) -> bool:
    bare = line.strip(_BLANK)
    return not bare or bare.startswith(("#", "//"))


def _layout(line: Line, ahead: "_Ahead") -> tuple[Layout, bool]:
    """What the line says as a header, if it is one, and whether it may be a title."""
    text = line.text
    separator = next((s for s in (DASHES, "\t", ",", ";") if s in text), None)
    split = _split(line, ahead, separator).cells if separator else [text.strip(_BLANK)]
    cells = [cell for cell in split or () if isinstance(cell, str)]
    columns = columns_of(cells) if cells else None
    if columns is None and separator is None and len(text.split()) > 1 and are_names(text.split()):
        columns, separator = columns_of(text.split()), " "
    layout = Layout() if columns is None else Layout(columns=columns, separator=separator, header=line.number)
    return layout, is_title(cells)


class _Ahead:
    """Lines in their order, each of which can be looked at before it is taken."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._seen: deque[Line] = deque()

    def __iter__(self) -> "_Ahead":
        return self

    def __next__(self) -> Line:
        return self._seen.popleft() if self._seen else next(self._lines)

    def look(self, at: int) -> Line | None:
        """The line that is taken after `at` others, if there is one."""
        while len(self._seen) <= at:
            line = next(self._lines, None)
            if line is None:
                return None
            self._seen.append(line)
        return self._seen[at]


def rows(lines: Iterator[Line], layout: Layout) -> Iterator[Row]:
    ahead = _Ahead(lines)
    for line in ahead:
        if is_remark(line.text):
            yield Row(line.number, 1, line.end, line.written)
            continue
        row = _split(line, ahead, layout.separator)
        yield row._replace(cells=None, problem=None) if layout.is_head(row.line) else row


def _split(line: Line, ahead: _Ahead, separator: str | None) -> Row:
    """Split with the file's separator, or with the line's own where no header named one."""
    number, end, text, written, too_long = line
    if too_long:
        return Row(number, 1, end, written, problem=Reason.LINE_TOO_LONG)
    own = separator or _separator(text)
    if isinstance(own, Reason):
        return Row(number, 1, end, written, problem=own)
    if own == DASHES:
        cells = text.split(DASHES)
    elif own == " ":
        cells = _BLANKS.split(text.strip(_BLANK))
    elif '"' in text:
        return _quoted(line, ahead, own)
    else:
        cells = text.split(own)
    return Row(number, 1, end, written, stripped(cells))


def stripped(cells: Sequence[str]) -> list[str] | None:
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
        return "," if '"' in bare or not _TAB_BETWEEN_CELLS.search(bare) else Reason.AMBIGUOUS_SEPARATOR
    if "\t" in bare:
        return "\t"
    return '"' if bare.startswith('"') else " "


def repeats_header(cells: Sequence[Cell], columns: Columns) -> bool:
    """Whether there are names in the places of a key, as where files were put together."""
    code = cells[columns.code] if len(cells) > columns.code else None
    if not isinstance(code, str) or not code or _DIGIT.search(code):
        return False
    if sum(map(bool, cells)) > 1 and are_names([cell if isinstance(cell, str) else "1" for cell in cells]):
        return True
    others = (cells[at] for at in (columns.password, columns.expiry) if at is not None and at < len(cells))
    return is_name(code) and all(isinstance(cell, str) and (not cell or is_name(cell)) for cell in others)


def check_header(row: Row, layout: Layout) -> None:
    """Raises Unreadable for a header further down that gives the columns another meaning than they had so far, and for
    one whose names do not say whether a filled column holds a secret.
    """
    if row.cells is None:
        return
    filled = [at for at, cell in enumerate(row.cells) if cell] if layout.columns.unknown else ()
    if layout.columns.code in filled and not set(layout.columns.unknown).isdisjoint(filled):
        raise Unreadable(FileProblem.UNKNOWN_HEADER)
    texts = [cell for cell in row.cells if isinstance(cell, str) and cell]
    if len(texts) == 1 and not _DIGIT.search(texts[0]) and len(parts := parted(texts[0])) > 1 and are_names(parts):
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
    if not repeats_header(row.cells, layout.columns):
        return
    try:
        columns = columns_of([cell if isinstance(cell, str) else "" for cell in row.cells])
    except Unreadable:
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER) from None
    if columns is not None and not columns.agrees_with(layout.columns):
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER)


class _Feed:
    """Hands lines to the csv module, takes none of them, and remembers which ones it handed out."""

    def __init__(self, first: Line, ahead: _Ahead) -> None:
        self.lines: list[Line] = []
        self._first = first
        self._ahead = ahead
        self._length = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._ahead.look(len(self.lines) - 1) if self.lines else self._first
        if line is None:
            raise StopIteration
        self._length += len(line.written) + 1
        if line.too_long or len(self.lines) == MAX_ROW_LINES or self._length > MAX_LINE_LENGTH + 1:
            raise csv.Error
        self.lines.append(line)
        return line.text + "\n"


def _quoted(first: Line, ahead: _Ahead, separator: str) -> Row:
    feed = _Feed(first, ahead)
    delimiter = "," if separator == '"' else separator
    try:
        cells = next(csv.reader(feed, delimiter=delimiter, strict=True))
    except csv.Error:
        cells = None
    if cells is None or any(map(_QUOTE_BEHIND_BLANKS.match, cells)):
        return Row(first.number, 1, first.end, first.written, problem=Reason.QUOTES_BROKEN)
    for _ in feed.lines[1:]:
        next(ahead)
    written = "\n".join(line.written for line in feed.lines)
    return Row(first.number, len(feed.lines), feed.lines[-1].end, written, stripped(cells))
