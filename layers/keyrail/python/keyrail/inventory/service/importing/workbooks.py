"""Workbooks (xlsx): read row by row, after a look at all that is packed in them.

What is declared in the archive bounds what zipfile unpacks; both are held to the limits before openpyxl sees any of it.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file import MAX_LINES, Cell, Layout, Row
from keyrail.inventory.model.key_file.rows import MAX_TITLES
from keyrail.inventory.model.key_file.sheets import sheet_cell, sheet_layout, sheet_row
from keyrail.inventory.providers import Upload
from keyrail.platform.errors import KeyrailError

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_STRINGS_BYTES = 128 * 1024 * 1024  # openpyxl keeps all shared texts in memory
MAX_OTHER_PART_BYTES = 16 * 1024 * 1024  # styles and the like, which are read whole
MAX_PARTS = 1_000
MAX_SHEETS = 100
MAX_ROW_BYTES = 1024 * 1024  # of one row's or one text's markup, which is read whole
READ_BYTES = 1024 * 1024

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".bin")
_SHEETS, _STRINGS = "xl/worksheets/", "xl/sharedstrings.xml"
_ENTITIES = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_UNIT = re.compile(rb"<(?:\w+:)?(?:row|si)\b")
_OVERLAP = 64  # bytes: what is looked for may lie across two blocks


class _Raw(io.RawIOBase):
    """An upload as the file that zipfile wants."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._upload.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: Any) -> int:
        view = memoryview(into)
        content = self._upload.read(self._at, len(view))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)


@dataclass(frozen=True)
class Workbook:
    """An open workbook; nothing of it is in memory but its shared texts."""

    sheets: tuple[Any, ...]

    @classmethod
    def open(cls, upload: Upload) -> "Workbook":
        """Raises Unreadable, UploadUnavailable."""
        with _understanding(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what openpyxl leaves out, which no key is in
            from openpyxl import load_workbook

            book = load_workbook(_file(upload), read_only=True, data_only=False, keep_links=False)
            sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
            if len(sheets) > MAX_SHEETS:
                raise Unreadable(FileProblem.TOO_LARGE)
            for sheet in sheets:
                if sheet._worksheet_path.endswith(_PICTURES):  # noqa: SLF001 - it was not looked at as markup
                    raise Unreadable(FileProblem.UNSUPPORTED_FORMAT)
                sheet.reset_dimensions()  # a sheet's own word about its size may hide rows of it
        return cls(tuple(sheets))

    def choose(self) -> tuple[int, Layout]:
        """The sheet that the keys are in, from 0. Raises Unreadable."""
        first_rows = {number: self._first_rows(number) for number in range(len(self.sheets))}
        filled = {number: rows for number, rows in first_rows.items() if rows}
        if not filled:
            raise Unreadable(FileProblem.EMPTY)
        if len(filled) == 1:
            ((number, rows),) = filled.items()
            return number, sheet_layout(rows)
        layouts = {number: layout for number, rows in filled.items() if (layout := _header(rows)) is not None}
        if len(layouts) != 1:
            raise Unreadable(FileProblem.SEVERAL_SHEETS)
        return next(iter(layouts.items()))

    def _first_rows(self, sheet: int) -> list[Row]:
        return list(islice((row for row in self.rows(sheet, Layout()) if not row.is_ignored), MAX_TITLES + 1))

    def rows(self, sheet: int, layout: Layout, first: int = 1) -> Iterator[Row]:
        """From row number `first` on, up to the last one with anything in it."""
        blank_from = first
        for number, (cells, values) in enumerate(self._cells(sheet, first), first):
            if number > MAX_LINES:
                raise Unreadable(FileProblem.TOO_MANY_LINES)
            if not any(cells):
                continue
            for blank in range(blank_from, number):
                yield Row(blank, 1, blank + 1, "")
            blank_from = number + 1
            yield sheet_row(number, cells, values, layout)

    def _cells(self, sheet: int, first: int) -> Iterator[tuple[list[Cell], list[object]]]:
        rows = self.sheets[sheet].iter_rows(min_row=first)
        while True:
            with _understanding(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = next(rows, None)
                if row is None:
                    return
                cells = [sheet_cell(cell.value, cell.data_type, cell.number_format) for cell in row]
                values = [cell.value for cell in row]
            yield cells, values


def _header(rows: list[Row]) -> Layout | None:
    try:
        layout = sheet_layout(rows)
    except Unreadable:
        return None
    return layout if layout.has_header else None


def _file(upload: Upload) -> io.BufferedReader:
    return io.BufferedReader(_Raw(upload), READ_BYTES)


def check_archive(upload: Upload) -> None:
    """Unpack everything once, piece by piece. Raises Unreadable, UploadUnavailable."""
    with _understanding(), zipfile.ZipFile(_file(upload)) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise Unreadable(FileProblem.TOO_LARGE)
        for part in parts:
            name = part.filename.lower().lstrip("/")
            limit = MAX_STRINGS_BYTES if name == _STRINGS else MAX_OTHER_PART_BYTES
            limit = MAX_UNPACKED_BYTES if name.startswith(_SHEETS) else limit
            if part.file_size > limit:
                raise Unreadable(FileProblem.TOO_LARGE)
            if not name.endswith(_PICTURES):
                with archive.open(part) as content:
                    _check_markup(content, limit)


def _check_markup(content: IO[bytes], limit: int) -> None:
    """No entities, which can grow without end; nothing that is read whole without being small; one encoding."""
    seen, unit_at, before = 0, 0, b""
    while block := content.read(READ_BYTES):
        text = before + block
        start = seen - len(before)
        seen += len(block)
        if seen > limit:
            raise Unreadable(FileProblem.TOO_LARGE)
        if b"\0" in block or _ENTITIES.search(text):
            raise Unreadable(FileProblem.UNSUPPORTED_FORMAT)
        for unit in _UNIT.finditer(text):
            at = start + unit.start()
            if at - unit_at > MAX_ROW_BYTES:
                raise Unreadable(FileProblem.TOO_LARGE)
            unit_at = at
        before = text[-_OVERLAP:]
    if limit != MAX_OTHER_PART_BYTES and seen - unit_at > MAX_ROW_BYTES:
        raise Unreadable(FileProblem.TOO_LARGE)


@contextmanager
def _understanding() -> Iterator[None]:
    """What zipfile and openpyxl raise about a file says that it is none of ours."""
    try:
        yield
    except (KeyrailError, Unreadable):
        raise
    except Exception:  # noqa: BLE001 - neither of them says which errors a broken file leads to
        raise Unreadable(FileProblem.UNSUPPORTED_FORMAT) from None
