"""Reading an uploaded file: once through to learn what it says as a whole, then row by row from any place in it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from keyrail.inventory.model.imports import FileSurvey, Survey
from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file import (
    MAX_FILE_BYTES,
    MAX_LINES,
    Encoding,
    EncodingSurvey,
    Layout,
    Line,
    Row,
    Rules,
    check_header,
    layout_of,
    lines,
    rows,
)
from keyrail.inventory.model.key_file.encodings import WIDE
from keyrail.inventory.model.key_file.lines import narrowed
from keyrail.inventory.providers import Upload
from keyrail.inventory.service.importing.workbooks import Workbook, check_archive

READ_BYTES = 1024 * 1024
MAX_MESS, TOTAL_MESS = 0.5, 1.0  # as charset-normalizer measures it: from here on this is no text of a language

_WORKBOOK = b"PK\x03\x04"
_NO_KEY_FILE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")


class Reader(Protocol):
    """Rows of a file. A place in it is a position and the number of the line there, as a row before says it ends."""

    def layout(self) -> Layout:
        """Raises Unreadable, UploadUnavailable."""
        ...

    def rows(self, layout: Layout, position: int | None = None, line: int = 1) -> Iterator[Row]:
        """From the place on, or from the beginning. Raises Unreadable, UploadUnavailable."""
        ...

    def survey(self, rules: Callable[[Layout], Rules], max_groups: int, sales_per_key: int) -> "Surveyed":
        """Reads the whole file. Raises Unreadable, UploadUnavailable."""
        ...


@dataclass(frozen=True)
class Surveyed:
    """`keys` is how many lines are keys, whatever the stock says."""

    survey: Survey
    keys: int


@dataclass(frozen=True)
class LookedThrough:
    """What one look at all bytes tells; `digest` names them, `line_ends` are those of a text of single bytes."""

    digest: str
    head: bytes = field(repr=False)
    encodings: EncodingSurvey
    line_ends: int = 0


def look_through(upload: Upload) -> LookedThrough:
    """Raises UploadUnavailable."""
    digest, encodings, head, line_ends, last = hashlib.sha256(), EncodingSurvey(), b"", 0, b""
    for block in _blocks(upload):
        head = head or block[:16]
        digest.update(block)
        if not head.startswith(_WORKBOOK):
            encodings.feed(block)
            line_ends += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
            last = block[-1:]
    return LookedThrough(digest.hexdigest(), head, encodings, line_ends)


def open_reader(upload: Upload, looked: LookedThrough) -> Reader:
    """Raises Unreadable, UploadUnavailable."""
    if looked.head.startswith(_WORKBOOK):
        check_archive(upload)
        workbook = Workbook.open(upload)
        return _SheetReader(workbook, workbook.choose()[0])
    if looked.head.startswith(_NO_KEY_FILE):
        raise Unreadable(FileProblem.UNSUPPORTED_FORMAT)
    encoding = looked.encodings.finish(_looks_like)
    # Known already, of most: whoever sends far too much need not wait until it is read line by line.
    if encoding.name not in WIDE and looked.line_ends > MAX_LINES:
        raise Unreadable(FileProblem.TOO_MANY_LINES)
    return _TextReader(upload, encoding)


def reopen(upload: Upload, survey: Survey) -> Reader:
    """Of a file that was surveyed before. Raises Unreadable, UploadUnavailable."""
    if survey.encoding is not None:
        return _TextReader(upload, survey.encoding)
    return _SheetReader(Workbook.open(upload), survey.sheet or 0)


def _blocks(upload: Upload, start: int = 0) -> Iterator[bytes]:
    while block := upload.read(start, READ_BYTES):
        yield block
        start += len(block)


def _looks_like(sample: bytes, encodings: Sequence[str]) -> str | None:
    """The encoding in which a sample that is sound in all of them reads best; None if it is a mess in each."""
    from charset_normalizer import from_bytes

    def mess(name: str) -> float:
        text = narrowed(sample.decode(name))
        if name not in WIDE:
            # Codes, even of full-width letters, and rows of stars are a mess in any encoding: words tell.
            words = "".join(character if character.isalpha() else " " for character in text).split()
            text = " ".join(word for word in words if not word.isascii())
        read = from_bytes(text.encode(name), cp_isolation=[name], enable_fallback=False, threshold=TOTAL_MESS).best()
        return read.chaos if read else TOTAL_MESS if text else 0

    best = min(encodings, key=mess)
    return best if mess(best) < (TOTAL_MESS if best in WIDE else MAX_MESS) else None


@dataclass(frozen=True)
class _TextReader:
    upload: Upload
    encoding: Encoding

    def layout(self) -> Layout:
        return layout_of(self._lines(self.encoding.mark, 1))

    def rows(self, layout: Layout, position: int | None = None, line: int = 1) -> Iterator[Row]:
        return rows(self._lines(self.encoding.mark if position is None else position, line), layout)

    def survey(self, rules: Callable[[Layout], Rules], max_groups: int, sales_per_key: int) -> Surveyed:
        found = _surveyed(self, rules, max_groups)
        return Surveyed(found.finish(encoding=self.encoding, sales_per_key=sales_per_key), found.keys)

    def _lines(self, position: int, line: int) -> Iterator[Line]:
        return lines(_blocks(self.upload, position), self.encoding, position, line)


@dataclass(frozen=True)
class _SheetReader:
    workbook: Workbook
    sheet: int

    def layout(self) -> Layout:
        return self.workbook.choose()[1]

    def rows(self, layout: Layout, position: int | None = None, line: int = 1) -> Iterator[Row]:
        return self.workbook.rows(self.sheet, layout, line if position is None else position)

    def survey(self, rules: Callable[[Layout], Rules], max_groups: int, sales_per_key: int) -> Surveyed:
        found = _surveyed(self, rules, max_groups)
        others = (sheet for sheet in range(len(self.workbook.sheets)) if sheet != self.sheet)
        elsewhere = sum(1 for sheet in others for _ in self.workbook.rows(sheet, Layout()))
        if found.lines + elsewhere > MAX_LINES:
            raise Unreadable(FileProblem.TOO_MANY_LINES)
        survey = found.finish(sheet=self.sheet, elsewhere=elsewhere, sales_per_key=sales_per_key)
        return Surveyed(survey, found.keys)


def _surveyed(reader: Reader, rules: Callable[[Layout], Rules], max_groups: int) -> FileSurvey:
    layout = reader.layout()
    survey = FileSurvey(rules(layout), max_groups)
    for row in reader.rows(layout):
        if row.line + row.lines - 1 > MAX_LINES:
            raise Unreadable(FileProblem.TOO_MANY_LINES)
        check_header(row, layout)
        survey.look_at(row)
    return survey


def check_size(upload: Upload) -> None:
    """Raises Unreadable."""
    if upload.size_bytes > MAX_FILE_BYTES:
        raise Unreadable(FileProblem.TOO_LARGE)
