"""Headers where they are not expected, and names that do not say enough: a column is never taken for another one."""

from typing import Any

import pytest

from tests.key_files import KeyFile, parse
from tests.unit.inventory.test_workbooks import workbook

TODAY = "2026-01-15"


def pairs(file: KeyFile) -> list[tuple[str, str | None]]:
    return [(key.secret.code, key.secret.password) for key in file.keys]


def reasons(file: KeyFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in file.report.problems]


@pytest.mark.parametrize(
    "title", ["供货清单", "星河数码 2026-11 第 2 批,,", "\n# 供货清单\n\n星河数码（100 元）\n第 2 批"]
)
def test_titles_may_stand_above_a_header_and_are_ignored_like_it(title: str) -> None:
    file = parse(f"{title}\n密码,卡号,有效期\np,A1,2099-01-05\nq,A2,\n".encode(), TODAY)
    assert pairs(file) == [("A1", "p"), ("A2", "q")]
    assert file.report.ignored == title.count("\n") + 2
    assert file.report.rejected == 0


def test_a_title_that_was_merged_over_the_columns_of_a_workbook_is_one_too() -> None:
    rows: list[list[Any]] = [
        ["星河数码 供货清单 2026-11", None, None],
        [None],
        ["密码", "卡号", "备注"],
        ["p", "A1", None],
    ]
    file = parse(workbook(rows), TODAY)
    assert pairs(file) == [("A1", "p")]
    assert (file.report.ignored, file.report.rejected) == (3, 0)
    assert pairs(parse(workbook([["说明"], ["谢谢"]], rows), TODAY)) == [("A1", "p")]


def test_a_first_line_that_is_no_key_is_rejected_where_no_header_follows() -> None:
    file = parse("供货清单\nA1----p\nA2----q\n".encode(), TODAY)
    assert pairs(file) == [("A1", "p"), ("A2", "q")]
    assert reasons(file) == [(1, "unexpected_character")]


@pytest.mark.parametrize("header", ["code,password", "卡号,密码", "Card No.,PIN"])
def test_a_header_that_comes_again_is_no_key(header: str) -> None:
    file = parse(f"{header}\nA1,p\n{header}\nA2,q\n".encode(), TODAY)
    assert pairs(file) == [("A1", "p"), ("A2", "q")]
    assert reasons(file) == [(3, "header_again")]


def test_a_header_that_comes_late_and_says_what_was_thought_is_rejected_alone() -> None:
    file = parse(b"A1,p\nA2,q\ncode,password\nA3,r\n", TODAY)
    assert pairs(file) == [("A1", "p"), ("A2", "q"), ("A3", "r")]
    assert reasons(file) == [(3, "header_again")]


@pytest.mark.parametrize(
    "text",
    [
        "Order 4711 of ACME\npassword,code\np,A1\n",
        "A1,p\n密码,卡号\nq,A2\n",
        "卡号,密码\nA1,p\n密码,卡号\nq,A2\n",
        "A1,p\n卡号,面值\nA2,100\n",
    ],
)
def test_a_header_that_comes_late_and_says_otherwise_refuses_the_file(text: str) -> None:
    file = parse(text.encode(), TODAY)
    assert (file.report.file_problem, file.keys) == ("ambiguous_header", ())


def test_a_password_that_is_a_name_is_a_password() -> None:
    file = parse(b"A1,p\nABCD,pass\nEFGH,pin\nCODE1,code\n", TODAY)
    assert pairs(file) == [("A1", "p"), ("ABCD", "pass"), ("EFGH", "pin"), ("CODE1", "code")]


@pytest.mark.parametrize("header", ["卡密,,有效期", "code,", "卡号,,备注"])
def test_what_stands_under_no_name_may_be_the_password_and_is_not_dropped(header: str) -> None:
    file = parse(f"{header}\nA1,p,\nA2,,\n".encode(), TODAY)
    assert pairs(file) == [("A2", None)]
    assert reasons(file) == [(2, "too_many_columns")]


def test_what_stands_under_no_name_beside_a_password_is_of_no_interest() -> None:
    assert pairs(parse("卡号,密码,\nA1,p,x\n".encode(), TODAY)) == [("A1", "p")]
    assert pairs(parse(b",code\n0,A1\n1,A2\n", TODAY)) == [("A1", None), ("A2", None)]


@pytest.mark.parametrize("header", ["卡号,密码,密码2", "密码,卡号（1）,面值100元"])
def test_a_name_with_a_number_that_nobody_knows_refuses_the_file(header: str) -> None:
    assert parse(f"{header}\nA1,p,q\n".encode(), TODAY).report.file_problem == "unknown_header"


@pytest.mark.parametrize("code", ["1.23E+15", "1.23e+15", "1.23E15", "1.23e15", "6E+15", "1.23E+015"])
def test_a_number_that_lost_its_digits_is_known_in_every_spelling(code: str) -> None:
    assert reasons(parse(f"code\nA1\n{code}\n".encode(), TODAY)) == [(3, "digits_lost")]


def test_a_bar_between_code_and_password_would_have_to_be_guessed() -> None:
    assert reasons(parse(b"A1|p1\nA2 p2\n", TODAY)) == [(1, "ambiguous_separator")]
