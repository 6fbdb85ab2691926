"""Quotes: a cell may run over some lines, and a quote that is never closed costs its own line and no other."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.imports import Verdict, read_rows
from keyrail.inventory.model.key_file import Encoding, Layout, Line, Requirements, Row, lines, rows
from keyrail.inventory.model.key_file.reasons import MAX_LINE_LENGTH
from keyrail.inventory.model.key_file.rows import MAX_ROW_LINES
from keyrail.inventory.model.rejected_lines import HEADER, rendered
from keyrail.inventory.service.importing.beginning import rules
from keyrail.inventory.service.importing.reading import look_through, open_reader
from tests.files import UploadInMemory
from tests.key_files import parse

TODAY = "2026-01-15"
BROKEN = "quotes_broken"


def codes(text: str) -> list[str]:
    return [key.secret.code for key in parse(text.encode(), TODAY).keys]


def reasons(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in parse(text.encode(), TODAY).report.problems]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", ["code,note", "code\tnote", "code;note"])
def test_a_quote_that_never_closes_costs_its_own_line_and_no_other(header: str, line_end: str) -> None:
    separator = header[4]
    text = line_end.join([header, f"A1{separator}x", f'A2{separator}"open', *(f"B{n}{separator}x" for n in range(500))])
    assert codes(text) == ["A1", *(f"B{n}" for n in range(500))]
    assert reasons(text) == [(3, BROKEN)]


def test_a_quote_that_another_line_breaks_costs_its_own_line_and_no_other() -> None:
    assert reasons('code,note\nA1,"one\nA2,x\nA3,"two"\nA4,x') == [(2, BROKEN)]
    assert codes('code,note\nA1,"one\nA2,x\nA3,"two"\nA4,x') == ["A2", "A3", "A4"]


def test_each_of_many_lone_quotes_is_rejected_for_itself() -> None:
    report = parse(("code,password\nGOOD,p\n" + 'A1,"p\n' * 200 + "LAST,p").encode(), TODAY).report
    assert (report.accepted, report.rejected) == (2, 200)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_cell_may_run_over_some_lines_with_blank_ones_and_comments_among_them(line_end: str) -> None:
    text = line_end.join(["code,note,password", 'A1,"one', "", "# two", '""three"" 3",p', "A2,x,q"])
    assert codes(text) == ["A1", "A2"]
    report = parse(text.encode(), TODAY).report
    assert (report.accepted, report.ignored, report.rejected) == (2, 1 + 3, 0)


@pytest.mark.parametrize(("further", "taken"), [(MAX_ROW_LINES - 1, True), (MAX_ROW_LINES, False)])
def test_a_cell_runs_over_so_many_lines_and_over_no_more(further: int, taken: bool) -> None:
    text = 'code,note\nA1,"' + "\n".join(["第一行", *["说明"] * (further - 1), '完"', "A2,x"])
    assert codes(text) == (["A1", "A2"] if taken else ["A2"])
    assert (2, BROKEN) not in reasons(text) if taken else reasons(text)[0] == (2, BROKEN)


@pytest.mark.parametrize(("characters", "taken"), [(MAX_LINE_LENGTH, True), (MAX_LINE_LENGTH + 1, False)])
def test_a_row_of_several_lines_is_no_longer_than_a_line_may_be(characters: int, taken: bool) -> None:
    row = 'A1,"' + "说" * 4_000 + "\n"
    row += "明" * (characters - len(row) - 1) + '"'
    assert len(row) == characters
    assert codes(f"code,note\n{row}\nA2,x") == (["A1", "A2"] if taken else ["A2"])


def test_a_line_that_is_too_long_is_rejected_for_itself_behind_an_open_quote() -> None:
    text = 'code,note\nA1,"open\n' + "x" * (MAX_LINE_LENGTH + 1) + "\nA2,x"
    assert reasons(text) == [(2, BROKEN), (3, "line_too_long")]
    assert codes(text) == ["A2"]


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ('A1 p"w', ("A1", 'p"w')),
        ('A1----"pw', ("A1", '"pw')),
        ('A1,p"w', ("A1", 'p"w')),
        ('A1\tp"w"', ("A1", 'p"w"')),
    ],
)
def test_a_quote_inside_a_cell_is_a_character_like_any_other(line: str, pair: tuple[str, str | None]) -> None:
    file = parse(f"{line}\nB1 q".encode(), TODAY)
    assert [(key.secret.code, key.secret.password) for key in file.keys] == [pair, ("B1", "q")]


@pytest.mark.parametrize("line", ['A1, "p"', ' "A1","p"', 'A1,\t"p"', 'A1,"p", "2099-12-31"', 'A1,"p" '])
def test_a_quote_with_a_blank_around_it_would_have_to_be_guessed(line: str) -> None:
    file = parse(f"code,password,expiry\n{line}\nA2,q\n".encode(), TODAY)
    assert [(key.secret.code, key.secret.password) for key in file.keys] == [("A2", "q")]
    assert [(problem.line, problem.reason) for problem in file.report.problems] == [(2, BROKEN)]


def test_a_header_may_run_over_lines_as_well() -> None:
    file = parse('密码,"卡号\n（必填）"\np,A1\nq,A2\n'.encode(), TODAY)
    assert [(key.secret.code, key.secret.password) for key in file.keys] == [("A1", "p"), ("A2", "q")]
    assert [key.line for key in file.keys] == [3, 4]
    assert (file.report.ignored, file.report.rejected) == (2, 0)


def test_of_a_file_of_nothing_but_open_quotes_each_line_is_looked_at_a_limited_number_of_times() -> None:
    """Each line closes the quote of the one before and opens another: no reading of it ever ends."""

    class Counted(str):
        seen = 0

        def __add__(self, other: str) -> str:
            Counted.seen += 1
            return str(self) + other

    count = 10 * MAX_ROW_LINES
    hostile = (Line(number, number, Counted('x","y'), 'x","y') for number in range(1, count + 1))
    assert {row.problem for row in rows(hostile, Layout(separator=","))} == {BROKEN}
    assert Counted.seen <= count * MAX_ROW_LINES


def test_no_more_of_a_file_is_kept_than_a_row_may_have() -> None:
    asked = 0

    def endless() -> Iterator[Line]:
        nonlocal asked
        for number in range(1, 1_000):
            asked = number
            yield Line(number, number, 'A1,"p' if number == 1 else "x", "")

    first = next(rows(endless(), Layout(separator=",")))
    assert (first.line, first.lines, first.problem) == (1, 1, BROKEN)
    assert asked <= MAX_ROW_LINES + 1


# properties

PIECE = st.sampled_from(
    ["A1", "B22", "C333", '"', '""', '","', ",", '"x"', '"x', 'x"', "\t", ";", "----", " ", "中", "=", "#"]
)
LINE = st.lists(PIECE, max_size=5).map("".join)
FILE = st.lists(st.one_of(LINE, st.just("A9,p")), max_size=MAX_ROW_LINES + 8)
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


def by_chunks(raw: bytes, layout: Layout, size: int) -> Iterator[Row]:
    """As an import reads it that is broken off after every chunk, and begins anew where the last row ended."""
    position, line = 0, 1
    while True:
        chunk = list(islice(rows(lines([raw[position:]], UTF_8, position, line), layout), size))
        yield from chunk
        if len(chunk) < size:
            return
        position, line = chunk[-1].end, chunk[-1].line + chunk[-1].lines


UTF_8 = Encoding("utf_8", 0)


def file_of(verdicts: Iterable[Verdict], room: int) -> tuple[dict[int, str], bool]:
    """What the file of rejected lines has of each line that it names, and whether it says that it has all."""
    content, is_all = rendered(verdicts, room)
    _, *found = csv.reader(io.StringIO((HEADER + content).decode("utf-8-sig"), newline=""))
    return {int(line): text for line, _, _, text in found}, is_all


@given(
    header=st.sampled_from(["", "code,note\n", "卡号;密码\n", "code\tpassword\n"]),
    file=FILE,
    line_end=LINE_END,
    size=st.integers(1, 7),
    room=st.sampled_from([100, 10**6]),
)
@example(header="code,note\n", file=['A1,"open', *["A2,x"] * 40], line_end="\n", size=1, room=10**6)
@example(header="", file=['x","y'] * 40, line_end="\r\n", size=3, room=100)
def test_every_line_is_in_one_row_wherever_chunks_end_and_in_the_rejected_file_if_it_was_rejected(
    header: str, file: list[str], line_end: str, size: int, room: int
) -> None:
    text = (header + "\n".join(["GOOD,p", *file])).replace("\n", line_end)
    raw = text.encode()
    physical = re.split(r"\r\n|\n|\r", text)
    physical = physical if physical[-1] else physical[:-1]
    reader = open_reader(UploadInMemory(raw), look_through(UploadInMemory(raw)))
    layout = reader.layout()
    at_once = list(reader.rows(layout))
    assert [line for row in at_once for line in range(row.line, row.line + row.lines)] == [*range(1, len(physical) + 1)]
    assert [*by_chunks(raw, layout, size)] == at_once
    verdicts = list(read_rows(iter(at_once), rules(ASKED, layout)))
    rejected = {v.row.line: v.row.lines for v in verdicts if v.reason is not None}
    kept, is_all = file_of(verdicts, room)
    assert list(kept) == list(rejected)[: len(kept)]
    assert is_all == (len(kept) == len(rejected))
    for line in kept:
        count = rejected[line]
        assert kept[line].removeprefix("'") == "\n".join(physical[line - 1 : line - 1 + count]).removeprefix("'")


ASKED = Requirements(today=TODAY, code_format=CodeFormat())
