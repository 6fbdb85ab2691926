"""From bytes to lines: whatever piece the file comes in, whatever encoding it is in, and wherever that first shows."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file import Encoding, EncodingSurvey, lines
from keyrail.inventory.model.key_file.encodings import GB18030, UTF_8, UTF_16_BE, UTF_16_LE, UTF_16_SHOWS_WITHIN
from keyrail.inventory.model.key_file.lines import MAX_LINE_BYTES
from keyrail.inventory.model.key_file.reasons import MAX_LINE_LENGTH
from keyrail.inventory.service.importing.reading import _looks_like
from tests.key_files import parse

TODAY = "2026-01-15"
CODECS = {UTF_8: "utf-8", GB18030: "gb18030", UTF_16_LE: "utf-16-le", UTF_16_BE: "utf-16-be"}
SUPPLIERS_WORDS = "卡号,密码,有效期\nAB12-CD34,123456,2099-12-31\n# 第二批，请勿外传\nＡＢ１２----１２３\n"


def pieces(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[start : start + size] for start in range(0, len(raw), size))


def surveyed(raw: bytes, size: int = 1 << 20) -> Encoding | FileProblem:
    survey = EncodingSurvey()
    for piece in pieces(raw, size):
        survey.feed(piece)
    try:
        return survey.finish(_looks_like)
    except Unreadable as unreadable:
        return unreadable.problem


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 20])
def test_the_pieces_that_a_file_comes_in_make_no_difference(name: str, size: int) -> None:
    raw = SUPPLIERS_WORDS.encode(CODECS[name])
    assert surveyed(raw, size) == Encoding(name, 0)


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8-sig", Encoding(UTF_8, 3)),
        ("utf-16", Encoding(UTF_16_LE, 2)),
        ("gbk", Encoding(GB18030, 0)),
        ("ascii", Encoding(UTF_8, 0)),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_byte_order_mark_says_it_and_plain_ascii_is_the_same_in_all(
    codec: str, encoding: Encoding, size: int
) -> None:
    text = "code,password\nA1,p\n" if codec == "ascii" else SUPPLIERS_WORDS
    assert surveyed(text.encode(codec), size) == encoding


def test_utf_16_of_the_other_order_says_so_by_its_mark() -> None:
    assert surveyed(b"\xfe\xff" + SUPPLIERS_WORDS.encode("utf-16-be")) == Encoding(UTF_16_BE, 2)


@pytest.mark.parametrize(("codec", "name"), [("gb18030", GB18030), ("utf-8", UTF_8)])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_character_that_comes_late_is_judged_as_well(codec: str, name: str, line_end: str) -> None:
    """Where a look at the beginning would have found plain ASCII."""
    codes = [f"CODE-{number:08d}" for number in range(8_000)]
    raw = line_end.join([*codes, "# 尾款已结清", "ＬＡＳＴ－１"]).encode(codec)
    assert surveyed(raw, 4_096) == Encoding(name, 0)
    file = parse(raw, TODAY)
    assert (file.report.accepted, file.report.ignored, file.report.rejected) == (8_001, 1, 0)
    assert file.keys[-1].secret.code == "LAST-1"


def test_one_byte_that_fits_no_encoding_refuses_the_file_however_late_it_comes() -> None:
    raw = b"A1\n" * 50_000 + b"B\xff\xff2\n"
    assert surveyed(raw, 4_096) is FileProblem.NOT_TEXT


def test_a_zero_that_comes_late_is_no_utf_16() -> None:
    raw = b"CODE-1\n" * UTF_16_SHOWS_WITHIN + b"A\0"
    assert surveyed(raw, 4_096) is FileProblem.NOT_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "卡",
        "A1,中",
        "★★★☆☆☆！！！\nA1",
        "ＡＢＣ１２３----４５６",
        "# 供货商：星河数码　面值：100 元",
        "𠮷,A1",
        "“引号”，——破折号……\nA1",
    ],
)
@pytest.mark.parametrize("name", CODECS)
def test_few_and_strange_characters_do_not_confuse_it(text: str, name: str) -> None:
    raw = f"{text}\nCODE-1\n".encode(CODECS[name])
    found = surveyed(raw)
    assert isinstance(found, Encoding)
    assert raw.decode(found.name) == f"{text}\nCODE-1\n"


def test_a_text_of_another_language_in_another_encoding_is_not_taken_for_chinese() -> None:
    assert surveyed("Código,Contraseña\nA1,p\n".encode("cp1252")) is FileProblem.NOT_TEXT


@pytest.mark.parametrize("raw", [b"", b"\r\n \t\n", b"\xff\xfe", b"\xff\xfe\x0a\x00", b"\xef\xbb\xbf"])
def test_a_file_with_nothing_to_see_is_empty(raw: bytes) -> None:
    assert surveyed(raw) is FileProblem.EMPTY


@given(
    text=st.text(st.sampled_from("A1中ａ𠮷\n\r \t,"), max_size=60),
    name=st.sampled_from(sorted(CODECS)),
    size=st.integers(1, 9),
)
def test_lines_are_those_of_an_editor_and_each_says_where_the_next_begins(text: str, name: str, size: int) -> None:
    raw = text.encode(CODECS[name])
    found = list(lines(pieces(raw, size), Encoding(name, 0), 0, 1))
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line.written for line in found] == (expected if expected[-1] else expected[:-1])
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    for line, following in itertools.pairwise(found):
        rest = list(lines(pieces(raw[line.end :], size), Encoding(name, 0), line.end, following.number))
        assert rest == found[following.number - 1 :]
    assert not found or found[-1].end == len(raw)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [1 << 10, 1 << 20])
def test_a_line_that_never_ends_is_not_kept_and_the_lines_behind_it_are_right(name: str, size: int) -> None:
    text = "A1\n" + "长" * (MAX_LINE_BYTES * 2) + "\nB2\n" + "x" * MAX_LINE_LENGTH + "\n" + "x" * (MAX_LINE_LENGTH + 1)
    raw = text.encode(CODECS[name])
    found = list(lines(pieces(raw, size), Encoding(name, 0), 0, 1))
    assert [line.too_long for line in found] == [False, True, False, False, True]
    assert max(len(line.written) for line in found) == MAX_LINE_LENGTH
    assert found[2].text == "B2"
    assert found[-1].end == len(raw)
    assert raw[found[1].end :].decode(CODECS[name]).startswith("B2")


def test_a_line_that_is_too_long_is_rejected_and_no_other() -> None:
    report = parse(("A1\n" + "B" * 100_000 + '\n"C' + "D" * 100_000 + '",p\nE1').encode(), TODAY).report
    assert [(problem.line, problem.reason) for problem in report.problems] == [
        (2, "line_too_long"),
        (3, "line_too_long"),
    ]
    assert report.accepted == 2
