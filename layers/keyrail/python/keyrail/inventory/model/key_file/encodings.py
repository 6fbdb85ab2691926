"""Which encoding a file is in: the whole file is looked at, so that a character that comes late is judged as well.

A byte order mark says it. Without one an encoding can be it only if every byte of the file is sound in it. What is
sound UTF-8 is UTF-8, which other encodings are not by chance (no name of a column is, in GBK); between the others
whoever knows languages decides, by the lines that are not plain ASCII.
"""

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file.reasons import MAX_CONTROL_SHARE, MAX_LINE_LENGTH

UTF_8, GB18030, UTF_16_LE, UTF_16_BE = "utf_8", "gb18030", "utf_16_le", "utf_16_be"
WIDE = frozenset({UTF_16_LE, UTF_16_BE})
SAMPLE_BYTES = 32 * 1024
UTF_16_SHOWS_WITHIN = 64 * 1024  # bytes: where key lines are, every other byte is 0

_MARKS = {codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF16_LE: UTF_16_LE, codecs.BOM_UTF16_BE: UTF_16_BE}
_LONGEST_MARK = max(map(len, _MARKS))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE_END = re.compile(rb"[\r\n]+")

Judge = Callable[[bytes, Sequence[str]], str | None]
"""Which of the encodings a sample is in, or None if it looks like none of them."""


@dataclass(frozen=True)
class Encoding:
    """`mark` is the length of the byte order mark in front, in bytes."""

    name: str
    mark: int


@dataclass
class _Reading:
    """The file as it reads in one encoding, as long as it does."""

    name: str
    characters: int = 0
    controls: int = 0
    nul: bool = False
    visible: bool = False
    _decoder: codecs.IncrementalDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self.name)("strict")

    def goes_on(self, block: bytes, *, final: bool = False) -> bool:
        try:
            text = self._decoder.decode(block, final)
        except UnicodeDecodeError:
            return False
        self.characters += len(text)
        self.controls += len(_CONTROL.findall(text))
        self.nul = self.nul or "\0" in text
        self.visible = self.visible or (bool(text) and not text.isspace())
        return True


class EncodingSurvey:
    """Is fed with the file, block by block; keeps a sample and counts, never the file."""

    def __init__(self) -> None:
        self._head = b""
        self._mark: Encoding | None = None
        self._readings = [_Reading(name) for name in (UTF_8, GB18030, UTF_16_LE, UTF_16_BE)]
        self._seen = 0
        self._nul = False
        self._beginning = b""
        self._telling = _TellingLines()
        self._started = False

    def feed(self, block: bytes) -> None:
        if not self._started:
            self._head += block
            if len(self._head) < _LONGEST_MARK:
                return
            block = self._start()
        self._look_at(block)

    def finish(self, judge: Judge) -> Encoding:
        """Raises Unreadable: the file is empty, or no text in any encoding that is taken."""
        if not self._started:
            self._look_at(self._start())
        self._readings = [reading for reading in self._readings if reading.goes_on(b"", final=True)]
        if not self._nul and self._mark is None:
            self._readings = [reading for reading in self._readings if reading.name not in WIDE]
        sound = [reading for reading in self._readings if not reading.nul]
        if self._seen == 0 or (sound and not any(reading.visible for reading in sound)):
            raise Unreadable(FileProblem.EMPTY)
        name = self._mark.name if self._mark and sound else self._judged([reading.name for reading in sound], judge)
        for reading in sound:
            if reading.name == name and reading.controls <= MAX_CONTROL_SHARE * reading.characters:
                return Encoding(name, self._mark.mark if self._mark else 0)
        raise Unreadable(FileProblem.NOT_TEXT)

    def _start(self) -> bytes:
        """What follows the byte order mark, if there is one."""
        self._started = True
        head, self._head = self._head, b""
        for mark, name in _MARKS.items():
            if head.startswith(mark):
                self._mark = Encoding(name, len(mark))
                self._readings = [_Reading(name)]
                return head[len(mark) :]
        return head

    def _look_at(self, block: bytes) -> None:
        self._seen += len(block)
        self._nul = self._nul or b"\0" in block
        if self._mark is None:
            # 0 is no character of a text in the one kind, and part of every ordinary character in the other.
            impossible = {UTF_8, GB18030} if self._nul else WIDE if self._seen > UTF_16_SHOWS_WITHIN else frozenset()
            self._readings = [reading for reading in self._readings if reading.name not in impossible]
            self._beginning += block[: SAMPLE_BYTES - len(self._beginning)]
            self._telling.look_at(block)
        self._readings = [reading for reading in self._readings if reading.goes_on(block)]

    def _judged(self, names: list[str], judge: Judge) -> str | None:
        if UTF_8 in names:
            return UTF_8
        sample = _whole_pairs(self._beginning) if self._nul else self._telling.sample()
        return judge(sample, names) if names else None


class _TellingLines:
    """The first lines of a file that are not plain ASCII, whole, wherever they are; not of UTF-16."""

    def __init__(self) -> None:
        self._kept = b""
        self._rest: bytes | None = b""  # of a line that goes on in the next block; None once it is too long

    def look_at(self, block: bytes) -> None:
        if len(self._kept) >= SAMPLE_BYTES:
            return
        lines = _LINE_END.split(block) if not (block.isascii() and (self._rest or b"").isascii()) else _ends(block)
        if len(lines) > 1:
            self._keep(b"" if self._rest is None else self._rest + lines[0])
            for line in lines[1:-1]:
                self._keep(line)
            self._rest = b""
        if self._rest is not None:
            self._rest += lines[-1]
            if len(self._rest) > MAX_LINE_LENGTH:
                self._rest = None

    def sample(self) -> bytes:
        self._keep(self._rest or b"")
        self._rest = b""
        return self._kept

    def _keep(self, line: bytes) -> None:
        if not line.isascii() and len(line) <= MAX_LINE_LENGTH and len(self._kept) < SAMPLE_BYTES:
            self._kept += line + b"\n"


def _ends(block: bytes) -> list[bytes]:
    """What stands before the first and behind the last line end, where nothing in between is of interest."""
    first = _LINE_END.search(block)
    if first is None:
        return [block]
    return [block[: first.start()], block[max(block.rfind(b"\n"), block.rfind(b"\r")) + 1 :]]


def _whole_pairs(raw: bytes) -> bytes:
    """A beginning of UTF-16, of either order, that ends in no half of a character."""
    even = raw[: len(raw) // 2 * 2]
    return even[:-2] if {high & 0xFC for high in even[-2:]} & {0xD8} else even
