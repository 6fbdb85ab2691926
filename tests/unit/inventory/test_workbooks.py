"""Workbooks: what their cells show is what counts, and what Excel has lost or computed is refused."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from keyrail.inventory.service.importing import workbooks
from keyrail.platform.money import Money
from tests.key_files import KeyFile, parse

TODAY = "2026-01-15"


def moment(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - Excel knows no time zones


def workbook(*sheets: Sequence[Sequence[Any]], dress: Callable[[Worksheet], None] | None = None) -> bytes:
    """As a supplier would save it. A cell may be a value, or a value and its number format."""
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"Sheet{number}")
        for at, row in enumerate(rows, 1):
            for column, cell in enumerate(row, 1):
                value, number_format = cell if isinstance(cell, tuple) else (cell, None)
                if value is not None:
                    written = sheet.cell(at, column, value)
                    written.number_format = number_format or written.number_format
        if dress:
            dress(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(raw: bytes, change: Callable[[str, str], str | None]) -> bytes:
    """The archive with each part's text as `change` makes it; None leaves the part out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = change(name, old.read(name).decode())
            if text is not None:
                new.writestr(name, text)
    return out.getvalue()


def read(*sheets: Sequence[Sequence[Any]], **asked: Any) -> KeyFile:
    return parse(workbook(*sheets), TODAY, **asked)


def pairs(file: KeyFile) -> list[tuple[str, str | None]]:
    return [(key.secret.code, key.secret.password) for key in file.keys]


def reasons(file: KeyFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in file.report.problems]


def only_reason(cell: Any) -> str | None:
    """Why the code in this cell is not taken, beside one that is."""
    file = read([["code"], ["GOOD-1"], [cell]])
    return reasons(file)[0][1] if file.report.problems else None


def only_code(cell: Any) -> str:
    (key,) = read([["code"], [cell]]).keys
    return key.secret.code


def test_a_workbook_with_a_header_is_read_like_any_file() -> None:
    file = read(
        [
            ["卡号", "密码", "有效期", "备注"],
            ["A1", "0012", date(2099, 12, 31), "新年"],
            ["A1", "x", None, None],
            ["A2", "p"],
        ]
    )
    assert pairs(file) == [("A1", "0012"), ("A2", "p")]
    assert [key.expires_on for key in file.keys] == ["2099-12-31", None]
    assert [key.line for key in file.keys] == [2, 4]
    assert (file.report.duplicate, file.report.ignored) == (1, 1)


def test_without_a_header_the_columns_are_code_password_and_expiry() -> None:
    file = read([["A 1;x", "p,w", "2099/1/5"], ["B1", "q", None]])
    assert pairs(file) == [("A 1;x", "p,w"), ("B1", "q")]
    assert file.keys[0].expires_on == "2099-01-05"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("00123", "00123"),
        (" ＡＢ－１ ", "AB-1"),
        ("1234567890123456789", "1234567890123456789"),
        (123456789012345, "123456789012345"),
        (12345.0, "12345"),
        ((123, "00000"), "00123"),
        ((12345678, "0000-0000"), "1234-5678"),
        ((12, "000 000"), "000 012"),
        ((1234567, "00000"), "1234567"),
        ((12345, "#,##0"), "12345"),
        ((12345, "0_ "), "12345"),
        ((12345, "0_);[Red]\\(0\\)"), "12345"),
        ((12345, "@"), "12345"),
        ((12345, '00"-"000'), "12-345"),
    ],
)
def test_a_number_is_taken_as_its_format_shows_it(cell: Any, code: str) -> None:
    assert only_code(cell) == code


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (1234567890123456, "digits_lost"),
        (6280106012127733000, "digits_lost"),
        (1.234567890123457e18, "digits_lost"),
        ((628010601212, "0.00E+00"), "digits_lost"),
        ((628010601212, "##0.0E+0"), "digits_lost"),
        ("6.28011E+15", "digits_lost"),
        (12.5, "cell_not_text"),
        (-5, "cell_not_text"),
        ((123, '"KR"00000'), "cell_not_text"),
        (True, "cell_not_text"),
        (moment(2026, 3, 12), "cell_not_text"),
        (time(12, 30), "cell_not_text"),
        ("#N/A", "cell_not_text"),
        ("=1+1", "formula"),
        ('=HYPERLINK("http://x")', "formula"),
        ("'=1+1", "unexpected_character"),
        ("@SUM(A1)", "formula"),
        ("A\nB", "control_character"),
        ("A_x0007_B", "control_character"),
        ("A\u200bB", "control_character"),
        ("卡券", "unexpected_character"),
    ],
)
def test_what_excel_has_lost_or_made_of_a_code_is_refused(cell: Any, reason: str) -> None:
    assert only_reason(cell) == reason


def test_what_is_wrong_in_a_column_that_nobody_needs_refuses_nothing() -> None:
    file = read([["code", "note", "amount"], ["A1", "=1+1", 1e30], ["A2", True, "#REF!"]])
    assert pairs(file) == [("A1", None), ("A2", None)]


@pytest.mark.parametrize(
    ("cell", "expires_on"),
    [
        (moment(2099, 12, 31), "2099-12-31"),
        (moment(2099, 12, 31, 23, 59, 59), "2099-12-31"),
        ("2099/12/31", "2099-12-31"),
        (20991231, "2099-12-31"),
        ((moment(2099, 12, 31), 'yyyy"年"m"月"d"日"'), "2099-12-31"),
        (None, None),
    ],
)
def test_a_day_of_use_is_understood_as_a_date_and_as_a_text(cell: Any, expires_on: str | None) -> None:
    (key,) = read([["code", "expiry"], ["A1", cell]]).keys
    assert key.expires_on == expires_on


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (moment(2099, 12, 31, 12, 0), "expiry_not_a_date"),
        (46000, "expiry_not_a_date"),
        (moment(2026, 1, 14), "expired"),
        ("31/12/2099", "expiry_not_a_date"),
        (True, "cell_not_text"),
        ("=TODAY()", "formula"),
    ],
)
def test_a_day_that_would_have_to_be_guessed_is_refused(cell: Any, reason: str) -> None:
    assert reasons(read([["code", "expiry"], ["A1", None], ["A2", cell]])) == [(3, reason)]


def test_rows_are_those_that_excel_numbers_and_blank_ones_are_ignored() -> None:
    file = read([[None], ["code"], [None, None], ["A1"], ["# 备注"], ["  "], ["=1"], ["A2"], [None]])
    assert [key.line for key in file.keys] == [4, 8]
    assert reasons(file) == [(7, "formula")]
    assert (file.report.accepted, file.report.rejected, file.report.ignored) == (2, 1, 5)


def test_a_face_value_may_be_a_number_with_a_fraction() -> None:
    file = read(
        [["card_no", "face_value"], ["A1", 99.5], ["A2", (99.5, "¥#,##0.00")], ["A3", "99.50元"], ["A4", 100]],
        face_value=Money(9950, "CNY"),
    )
    assert [key.secret.code for key in file.keys] == ["A1", "A2", "A3"]
    assert reasons(file) == [(5, "face_value_differs")]


# several sheets


def test_of_several_sheets_the_one_with_a_known_header_is_taken_and_the_others_are_ignored() -> None:
    notes: list[list[Any]] = [["说明"], ["请勿外传", "客服 400"], [None], ["谢谢"]]
    file = read(notes, [["卡号", "密码"], ["A1", "p"]], [[None]], [["B1", "q"]])
    assert pairs(file) == [("A1", "p")]
    assert file.survey is not None
    assert file.survey.sheet == 1
    assert (file.report.accepted, file.report.ignored) == (1, 1 + 4 + 1)


def test_the_only_sheet_with_anything_in_it_needs_no_header() -> None:
    assert pairs(read([[None]], [["A1", "p"]])) == [("A1", "p")]


@pytest.mark.parametrize(
    "sheets",
    [
        ([["code"], ["A1"]], [["code"], ["B1"]]),
        ([["A1"]], [["B1"]]),
        ([["A1"]], [["说明", "备注"]]),
        ([["密码", "有效期"], ["p", "2099-01-01"]], [["A1"]]),
    ],
)
def test_several_sheets_of_which_none_or_more_than_one_says_it_has_the_keys_are_refused(sheets: Any) -> None:
    assert read(*sheets).report.file_problem == "several_sheets"


@pytest.mark.parametrize(
    ("sheets", "problem"),
    [
        (([[None]],), "empty"),
        (([["code"], ["=1"]],), "no_key"),
        (([["密码", "有效期"], ["p", "2099-01-01"]],), "no_code_column"),
        (([["面额", "编号"], ["100", "1"]],), "unknown_header"),
        (([["code", "key"], ["A", "B"]],), "ambiguous_header"),
    ],
)
def test_a_workbook_that_cannot_be_taken_is_refused_as_a_whole(sheets: Any, problem: str) -> None:
    assert read(*sheets).report.file_problem == problem


# what a workbook says of itself, and what is in it


def test_a_sheet_that_calls_itself_smaller_than_it_is_hides_no_row() -> None:
    raw = workbook([["code"], ["A1"], ["A2"]])
    lying = changed(raw, lambda name, text: text.replace('ref="A1:A3"', 'ref="A1:A1"'))
    assert lying != raw
    assert [key.secret.code for key in parse(lying, TODAY).keys] == ["A1", "A2"]


def test_a_row_number_beyond_all_rows_is_one_line_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_LINES", 1_000)
    raw = workbook([["code"], ["A1"]])
    far = changed(
        raw, lambda name, text: text.replace('r="A2"', 'r="A99999999"').replace('<row r="2"', '<row r="99999999"')
    )
    assert parse(far, TODAY).report.file_problem == "too_many_lines"


@pytest.mark.parametrize(
    ("limit", "value"),
    [("MAX_UNPACKED_BYTES", 2_000), ("MAX_OTHER_PART_BYTES", 1_000), ("MAX_PARTS", 3), ("MAX_SHEETS", 0)],
)
def test_a_workbook_over_a_limit_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(workbooks, limit, value)
    assert read([["code"], ["A1"]]).report.file_problem == "too_large"


def test_a_row_that_is_read_whole_and_never_ends_is_refused() -> None:
    raw = workbook([["code"], ["A1"]])
    endless = '<c r="B2" t="inlineStr"><is><t>' + "x" * (workbooks.MAX_ROW_BYTES + 1) + "</t></is></c>"
    bomb = changed(raw, lambda name, text: text.replace("</row></sheetData>", f"{endless}</row></sheetData>"))
    assert len(bomb) < 20_000
    assert parse(bomb, TODAY).report.file_problem == "too_large"


def test_more_is_never_unpacked_than_was_declared() -> None:
    """The directory says one thing and the data another: zipfile stops at what was declared, and misses the rest."""
    raw = bytearray(workbook([["code"], ["A1"]]))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    declared = size.to_bytes(4, "little")
    at = raw.rfind(declared)
    assert at > 0
    raw[at : at + 4] = (100).to_bytes(4, "little")
    assert parse(bytes(raw), TODAY).report.file_problem == "unsupported_format"


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_entities_are_refused_since_they_grow_without_end(part: str) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    raw = changed(workbook([["code"], ["A1"]]), lambda name, text: bomb + text if name == part else text)
    assert parse(raw, TODAY).report.file_problem == "unsupported_format"


def test_markup_in_utf_16_in_which_nothing_would_be_found_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([["code"], ["A1"]]))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.decode().encode("utf-16") if name == "xl/workbook.xml" else content)
    assert parse(out.getvalue(), TODAY).report.file_problem == "unsupported_format"


@pytest.mark.parametrize("missing", ["xl/workbook.xml", "[Content_Types].xml"])
def test_an_archive_that_is_no_whole_workbook_is_refused(missing: str) -> None:
    raw = changed(workbook([["code"], ["A1"]]), lambda name, text: None if name == missing else text)
    assert parse(raw, TODAY).report.file_problem == "unsupported_format"


def test_another_archive_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("codes.txt", "A1\n")
    assert parse(out.getvalue(), TODAY).report.file_problem == "unsupported_format"


def test_pictures_and_shared_texts_are_no_obstacle() -> None:
    raw = workbook([["code", "密码"], ["A1", "p"], ["A2", "p"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("xl/media/logo.png", b"\x89PNG\0\0<!DOCTYPE")
    assert pairs(parse(out.getvalue(), TODAY)) == [("A1", "p"), ("A2", "p")]


def test_a_rejected_row_is_kept_as_it_was() -> None:
    file = read([["code", "password"], ["GOOD", "p"], [1.234567890123457e18, "p,1"], ["=1+1", None]])
    written = [verdict.row.written for verdict in file.verdicts if verdict.reason]
    assert written == ['1.234567890123457e+18,"p,1"', "=1+1"]
