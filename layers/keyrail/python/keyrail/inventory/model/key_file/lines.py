"""From bytes to the lines that an editor shows, each with the place where the next one begins."""

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keyrail.inventory.model.key_file.encodings import WIDE, Encoding
from keyrail.inventory.model.key_file.reasons import MAX_LINE_LENGTH

MAX_LINE_BYTES = 4 * MAX_LINE_LENGTH  # no encoding that is taken needs more for a character
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTE = 0xFF02  # stays: made an ordinary quote, it would change how the line is split
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if wide != _QUOTE} | {0x3000: " ", 0xA0: " "}


class Line(NamedTuple):
    """`number` counts from 1; `end` is where the next line begins, in bytes from the beginning of the file.

    `text` is what was `written`, with full-width characters folded. Of a line that is `too_long` only the beginning is
    here.
    """

    number: int
    end: int
    text: str
    written: str
    too_long: bool = False

    def __repr__(self) -> str:
        return f"Line({self.number})"


def narrowed(text: str) -> str:
    """Full-width characters as ordinary ones."""
    return text if text.isascii() else text.translate(_NARROW)


def lines(blocks: Iterable[bytes], encoding: Encoding, start: int, number: int) -> Iterator[Line]:
    """The lines from byte `start` on, whose first has this number. The file is known to be sound in the encoding."""
    pieces = _wide_pieces(blocks, encoding.name) if encoding.name in WIDE else _pieces(blocks, encoding.name)
    end = start
    for at, (length, text, is_cut) in enumerate(pieces, number):
        end += length
        too_long = is_cut or len(text) > MAX_LINE_LENGTH
        written = text[:MAX_LINE_LENGTH] if too_long else text
        yield Line(at, end, narrowed(written), written, too_long)


_Piece = tuple[int, str, bool]
"""A line's length in bytes with its end, its text without it, and whether the text is cut."""


def _pieces(blocks: Iterable[bytes], encoding: str) -> Iterator[_Piece]:
    """Of encodings in which no byte of a character looks like a line end."""
    rest, skipped = b"", 0
    for block in blocks:
        whole = (rest + block).splitlines(keepends=True)
        # The last one may go on in the next block, and a return that ends a block may have its line feed there.
        rest = whole.pop() if whole and not whole[-1].endswith(b"\n") else b""
        for raw in whole:
            yield _piece(raw, skipped, encoding)
            skipped = 0
        if len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\r"):
            skipped += len(rest) - MAX_LINE_BYTES
            rest = rest[:MAX_LINE_BYTES]
    if rest or skipped:
        yield _piece(rest, skipped, encoding)


def _piece(raw: bytes, skipped: int, encoding: str) -> _Piece:
    if skipped or len(raw) > MAX_LINE_BYTES:
        return len(raw) + skipped, raw[:MAX_LINE_BYTES].decode(encoding, "ignore").rstrip("\r\n"), True
    return len(raw), _without_end(raw.decode(encoding)), False


def _wide_pieces(blocks: Iterable[bytes], encoding: str) -> Iterator[_Piece]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    rest, skipped = "", 0
    for block in blocks:
        text = rest + decoder.decode(block)
        at = 0
        for end in _LINE_END.finditer(text):
            if end.end() == len(text) and text.endswith("\r"):
                break
            yield _wide_piece(text[at : end.end()], skipped, encoding)
            at, skipped = end.end(), 0
        rest = text[at:]
        if len(rest) > MAX_LINE_LENGTH and not rest.endswith("\r"):
            skipped += len(rest[MAX_LINE_LENGTH:].encode(encoding))
            rest = rest[:MAX_LINE_LENGTH]
    if rest or skipped:
        yield _wide_piece(rest, skipped, encoding)


def _wide_piece(text: str, skipped: int, encoding: str) -> _Piece:
    return len(text.encode(encoding)) + skipped, _without_end(text), skipped > 0


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
