"""What a supplier's file is taken for, and what is refused of it."""

import csv
import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.inventory.model.batches import MAX_REPORTED_PROBLEMS
from keyrail.inventory.model.key_columns import Unreadable
from keyrail.inventory.model.key_file import MAX_CODE_LENGTH, MAX_FILE_BYTES, MAX_LINES, FileKey
from keyrail.inventory.service.importing import reading
from keyrail.platform.documents import from_attributes, to_attributes
from keyrail.vault.model import normalised
from tests.key_files import parse

TODAY = "2026-01-15"
ROOT = Path(__file__).resolve().parents[3]
OURS = ROOT / "tests" / "samples" / "key_files"
SUPPLIERS = Path(os.environ.get("KEYRAIL_KEY_FILES", ROOT.parent / "shared" / "data" / "key_files"))


def expectations(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads((folder / "expected.json").read_text())
    except OSError:
        return {}
    return found


def keys(text: str) -> tuple[FileKey, ...]:
    return parse(text.encode(), TODAY).keys


def reasons(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in parse(text.encode(), TODAY).report.problems]


def pairs(text: str) -> list[tuple[str, str | None]]:
    return [(key.secret.code, key.secret.password) for key in keys(text)]


def file_problem(raw: bytes) -> str | None:
    return parse(raw, TODAY).report.file_problem


@pytest.mark.parametrize(("name", "expected"), expectations(OURS).items())
def test_each_sample_file_is_counted_as_its_expectation_says(name: str, expected: dict[str, Any]) -> None:
    report = parse((OURS / name).read_bytes(), TODAY).report
    assert {field: getattr(report, field) for field in expected} == expected


@pytest.mark.skipif(not expectations(SUPPLIERS), reason="no suppliers' files: name their folder in KEYRAIL_KEY_FILES")
@pytest.mark.parametrize(("name", "expected"), expectations(SUPPLIERS).items())
def test_files_as_suppliers_send_them_are_counted_as_expected(name: str, expected: dict[str, Any]) -> None:
    report = parse((SUPPLIERS / name).read_bytes(), TODAY).report
    counts = {field: value for field, value in expected.items() if field != "note"}
    assert {field: getattr(report, field) for field in counts} == counts


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("ABCD-1234", ("ABCD-1234", None)),
        ("ABCD----12", ("ABCD", "12")),
        ("ABCD ---- 12", ("ABCD", "12")),
        ("ABCD-12-3----pa,ss;wo rd", ("ABCD-12-3", "pa,ss;wo rd")),
        ("ABCD\t12", ("ABCD", "12")),
        ("ABCD, 12", ("ABCD", "12")),
        ("ABCD   12", ("ABCD", "12")),
        ("6280106012127733\t,08470054\t", ("6280106012127733", "08470054")),
        ('"ABCD","1,2"', ("ABCD", "1,2")),
        ("ＡＢＣＤ－１２　３４５", ("ABCD-12", "345")),
        ("ＡＢＣＤ，１２", ("ABCD", "12")),
        ("-aB_9-x", ("-aB_9-x", None)),
        ("ABCD,@pass", ("ABCD", "@pass")),
        ("12E45678", ("12E45678", None)),
    ],
)
def test_a_line_without_header_is_split_by_its_own_separator(line: str, pair: tuple[str, str | None]) -> None:
    assert pairs(line) == [pair]


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("卡号,密码,有效期", "A1,p,2099-12-31", ("A1", "p", "2099-12-31")),
        ("有效期至\t卡密", "2099/1/5\tA1", ("A1", None, "2099-01-05")),
        ("Expiry Date;PIN;Card Number", "20991231;p;A1", ("A1", "p", "2099-12-31")),
        ("Card No.,Code", "A1,C2", ("A1", "C2", None)),
        ("卡号----卡密", "A1----C2", ("A1", "C2", None)),
        ("卡号 密码", "A1 p", ("A1", "p", None)),
        ("卡号（必填）,密码(6位),备注（卡号）", "A1,p,x", ("A1", "p", None)),
        ("面值,卡号,备注", "100,A1,新年 100 元", ("A1", None, None)),
        ('"Code","Password"', '"A ""1""","p"', ('A "1"', "p", None)),
        ("code", "A1", ("A1", None, None)),
        ("coupon code", "A1", ("A1", None, None)),
        ("code,valid until", "A1,2099-12-31 23:59:59", ("A1", None, "2099-12-31")),
    ],
)
def test_a_header_says_which_column_is_what(
    header: str, line: str, expected: tuple[str, str | None, str | None]
) -> None:
    (key,) = keys(f"# from the supplier\n{header}\n{line}\n")
    assert (key.secret.code, key.secret.password, key.expires_on) == expected
    assert key.line == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",p", "code_missing"),
        ("----p", "code_missing"),
        ("A" * (MAX_CODE_LENGTH + 1), "code_too_long"),
        ("A1," + "p" * 257, "password_too_long"),
        ("=HYPERLINK(1)", "formula"),
        ("+1", "formula"),
        ("@SUM(A1)", "formula"),
        ("-2+3", "formula"),
        ("＝1", "formula"),
        ("A1,=1", "formula"),
        ("A1,-cmd|x!A0", "formula"),
        ("A\x07B", "control_character"),
        ("A\u200bB", "control_character"),
        ("A1,p\ufeff", "control_character"),
        ("卡券一张", "unexpected_character"),
        ("A–1", "unexpected_character"),
        ("'0012", "unexpected_character"),
        ("6.28011E+15", "digits_lost"),
        ("A1,1.2e+09", "digits_lost"),
        ("A1,p,31/12/2099", "expiry_not_a_date"),
        ("A1,p,2099-02-30", "expiry_not_a_date"),
        ("A1,p,soon", "expiry_not_a_date"),
        ("A1,p,2026-01-14", "expired"),
        ("A1,p,2099-12-31,x", "too_many_columns"),
        ("A1,2099-12-31", "ambiguous_column"),
        ("A1-----p", "ambiguous_separator"),
        ("A1,B\tC", "ambiguous_separator"),
        ("A1;p", "ambiguous_separator"),
        ("A 1,p", "ambiguous_separator"),
        ('"A1,p', "quotes_broken"),
        ('"A1"x,p', "quotes_broken"),
    ],
)
def test_a_line_that_would_have_to_be_guessed_is_rejected_with_its_reason(line: str, reason: str) -> None:
    assert reasons(f"GOOD-1\n\n{line}") == [(3, reason)]


def test_an_empty_password_is_missing_only_where_other_lines_have_one() -> None:
    assert reasons("code,password\nA1,p\nA2,\nA3\n") == [(3, "password_missing"), (4, "password_missing")]
    assert reasons("code,password\nA1,\nA2,\n") == []
    assert reasons("A1----p\nA2----\nA3\n") == [(2, "password_missing")]


def test_the_last_day_of_use_is_today_and_not_yesterday() -> None:
    assert keys(f"A1,p,{TODAY}")[0].expires_on == TODAY
    assert reasons("A1,p,2026-01-14") == [(1, "expired")]


def test_a_code_seen_twice_is_a_duplicate_in_any_case_and_width_and_with_another_password() -> None:
    report = parse("Ab-1----p\nAB-1----p\nａｂ－１----other\nAB-2----p".encode(), TODAY).report
    assert (report.accepted, report.duplicate) == (2, 2)
    assert [(p.line, p.reason) for p in report.problems] == [(2, "duplicate_in_file"), (3, "duplicate_in_file")]


def test_a_rejected_line_does_not_make_a_later_good_one_a_duplicate() -> None:
    assert [key.line for key in keys("A1,p,2020-01-01\nA1,p,2099-01-01")] == [2]


def test_leading_zeros_stay() -> None:
    assert pairs("code,password\n0012,0034") == [("0012", "0034")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_make_no_difference(encoding: str, line_end: str) -> None:
    text = line_end.join(["卡号,密码", "A1,p", "", "# 第二批", "A2,q", ""])
    file = parse(text.encode(encoding), TODAY)
    assert [(key.line, key.secret.code) for key in file.keys] == [(2, "A1"), (5, "A2")]
    assert file.report.ignored == 3


def test_a_quoted_cell_over_several_lines_keeps_the_line_numbers_of_an_editor() -> None:
    report = parse(b'code,note\nA1,"one\ntwo\nthree"\n\nA1,again\n', TODAY).report
    assert (report.accepted, report.duplicate, report.ignored) == (1, 1, 4)
    assert report.problems[0].line == 6


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n \t\r\n", "empty"),
        (b"# only a comment", "no_key"),
        (b"=1\n=2\n", "no_key"),
        (b"A1\0B2", "not_text"),
        (bytes(range(1, 32)) * 8, "not_text"),
        (b"\xff\xfe\x00\x00A\x00\x00\x00", "not_text"),
        (b"\xef\xbb\xbf\xbf\xa8A1", "not_text"),
        (b"\x81\x20\xff\xff", "not_text"),
        (b"PK\x03\x04rest", "unsupported_format"),
        (b"%PDF-1.7", "unsupported_format"),
        ("密码,有效期\np,2099-12-31".encode(), "no_code_column"),
        (b"code,key\nA,B", "ambiguous_header"),
        (b"card number,code,password\nA,B,C", "ambiguous_header"),
        ("面额,编号\n100,1".encode(), "unknown_header"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_as_a_whole(raw: bytes, problem: str) -> None:
    file = parse(raw, TODAY)
    assert file.report.file_problem == problem
    assert file.keys == ()


def test_exactly_as_many_lines_as_allowed_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINES", 1_000)
    lines = "\n".join(f"CODE{n}" for n in range(1_000)).encode()
    assert parse(lines, TODAY).report.accepted == 1_000
    assert file_problem(lines + b"\n1") == "too_many_lines"
    assert file_problem(b"#\r" * 1_001) == "too_many_lines"


def test_a_file_may_be_of_a_million_lines_and_of_no_more_bytes_than_the_limit() -> None:
    @dataclass(frozen=True)
    class Huge:
        size_bytes: int = MAX_FILE_BYTES + 1

    assert MAX_LINES == 1_000_000
    with pytest.raises(Unreadable) as refused:
        reading.check_size(Huge())  # type: ignore[arg-type]  # its size is all that is looked at
    assert refused.value.problem == "too_large"


def test_counts_are_exact_where_the_list_of_problems_ends() -> None:
    report = parse(b"GOOD\n" + b",p\n" * 500, TODAY).report
    assert report.rejected == 500
    assert len(report.problems) == MAX_REPORTED_PROBLEMS


def test_a_report_shows_no_more_of_a_code_than_its_mask() -> None:
    text = "SECRET-CODE-0001\nsecret-code-0001\n=SECRET-CODE-2\nSECRET-CODE-0003,p,2020-01-01\nSECRET\x01CODE"
    file = parse(text.encode(), TODAY)
    assert "SECRET" not in repr(file.report).upper().replace("••••", "")
    assert "SECRET" not in repr(file.keys)
    assert [problem.mask for problem in file.report.problems] == ["••••0001", None, "••••0003", None]


def test_a_report_survives_the_table() -> None:
    report = parse(b"A1\nA1\n,p", TODAY).report
    assert from_attributes(type(report), to_attributes(report)) == report


# properties

CELL = st.text(st.sampled_from("AB1é中\"'=+-@#/ ,;\t\x01　ａ．"), max_size=8)
LINE = st.lists(CELL, max_size=4).flatmap(
    lambda cells: st.sampled_from(["----", ",", "\t", ";", " "]).map(lambda separator: separator.join(cells))
)
HEADER = st.sampled_from(["", "code\n", "卡号,密码\n", "密码;卡号;有效期\n", "卡号----密码\n", "备注\tcode\n"])


@given(header=HEADER, lines=st.lists(LINE, max_size=12), line_end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_line_is_counted_exactly_once(header: str, lines: list[str], line_end: str) -> None:
    text = (header + "\n".join(lines)).replace("\n", line_end)
    file = parse(text.encode(), TODAY)
    report = file.report
    if report.file_problem in {None, "no_key"}:
        counted = len(re.split(r"\r\n|\n|\r", text)) - text.endswith(("\r", "\n"))
        assert report.accepted + report.duplicate + report.rejected + report.ignored == counted
    assert len(file.keys) == report.accepted
    assert len({normalised(key.secret.code, case_sensitive=False) for key in file.keys}) == len(file.keys)
    assert [key.line for key in file.keys] == sorted({key.line for key in file.keys})


@given(raw=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("gb18030", "ignore"))))
def test_any_bytes_give_a_report_and_never_an_error(raw: bytes) -> None:
    file = parse(raw, TODAY)
    assert len(file.keys) == file.report.accepted
    assert (file.report.file_problem is None) == bool(file.keys)


SOUND = st.text(st.sampled_from("ABCDEF0123456789"), min_size=1, max_size=20)


@given(rows=st.lists(st.tuples(SOUND, SOUND), min_size=1, max_size=20, unique_by=lambda row: row[0]))
def test_what_a_csv_writer_writes_is_read_back_unchanged(rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("code", "password"), *rows])
    assert pairs(out.getvalue()) == rows
