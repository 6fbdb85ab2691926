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


@pytest.mark.parametrize(
    "header",
    [
        "卡号,提取码", "卡号\t取件码", "card,pw", '"code","pw"', "Card Number,Security Code", "code,secret",
        "卡号,口令", "卡号,卡密内容", "卡号,验证码", "卡号;密 码 串", "card,CVV", "口令 卡号 备注",
    ],
)  # fmt: skip
def test_a_password_is_known_by_the_names_that_suppliers_give_it(header: str) -> None:
    line = "p A1 x" if header.startswith("口令") else next(s for s in "\t;," if s in header).join(["A1", "p"])
    assert pairs(parse(f"{header}\n{line}\n".encode(), TODAY)) == [("A1", "p")]


@pytest.mark.parametrize(
    "text",
    [
        "卡号,动态串\nA1,p\n",
        "code,serial\nA1,\nA2,p\n",
        "动态串,卡号\np,A1\n",
        "卡号,密码/有效期\nA1,p\n",
        "卡号,\u200b密码\nA1,p\n",
        "\ufeff\ufeff密码,卡号\np,A1\n",
        "卡号,备注（密码）\nA1,p\n",
        "卡号,密码,账号\nA1,p,user\n",
        "卡号,密码,Login\nA1,p,user\n",
    ],
)
def test_a_filled_column_that_may_be_a_secret_refuses_the_file(text: str) -> None:
    file = parse(text.encode(), TODAY)
    assert (file.report.file_problem, file.keys) == ("unknown_header", ())


def test_a_column_of_which_nothing_is_known_costs_nothing_while_it_is_empty_or_no_password_is_left() -> None:
    assert pairs(parse("卡号,业务员\nA1,\n".encode(), TODAY)) == [("A1", None)]
    assert pairs(parse("卡号,密码,业务员\nA1,p,x\n".encode(), TODAY)) == [("A1", "p")]
    assert reasons(parse("卡号,密码,业务员\nA1,,x\nA2,,\n".encode(), TODAY)) == [(2, "too_many_columns")]


@pytest.mark.parametrize("header", ["序号,卡号,备注（内部）", "Batch No.,Card,Remark", "订单号,卡号,卡密状态"])
def test_a_column_that_is_known_to_hold_no_secret_may_stand_beside_a_card_number(header: str) -> None:
    assert pairs(parse(f"{header}\n7,A1,x\n".encode(), TODAY)) == [("A1", None)]


def test_no_more_than_a_count_of_the_rows_may_stand_under_no_name_in_front_of_a_code() -> None:
    file = parse(",卡号\n1,A1\n99887766,A2\n".encode(), TODAY)
    assert pairs(file) == [("A1", None)]
    assert reasons(file) == [(3, "too_many_columns")]


@pytest.mark.parametrize(
    "text",
    [
        "Gift PIN,Gift Number\n9988,A1\n",
        "Serial Number\nA1\n",
        "pin/card\n9988,A1\n",
        "密码/卡号\n9988,A1\n",
        "密码｜卡号\n9988 A1\n",
        "密码 卡号 业务员\n9988 A1\n",
        "密码,卡号,SKU100\n9988,A1,x\n",
        "pin,card,SKU100\n9988,A1,x\n",
    ],
)
def test_a_header_that_is_not_understood_does_not_let_its_columns_be_taken_by_their_place(text: str) -> None:
    file = parse(text.encode(), TODAY)
    assert (file.report.file_problem, file.keys) == ("unknown_header", ())


def test_a_title_of_a_workbook_that_names_columns_is_not_passed_over() -> None:
    assert parse(workbook([["密码、卡号"], ["p", "A1"]]), TODAY).report.file_problem == "unknown_header"


@pytest.mark.parametrize(
    "text",
    [
        "A1,p\n序号,卡号\n1,A2\n",
        "A1,p\n密码|卡号\nq,A2\n",
        "A1,p\n口令,账号\nq,A2\n",
        "A1,p\nGift PIN,Gift Number\nq,A2\n",
        "卡号,密码,备注\nA1,p,x\n卡号,备注,密码\nA2,x,q\n",
    ],
)
def test_a_late_header_is_seen_whatever_stands_in_the_place_of_the_code(text: str) -> None:
    file = parse(text.encode(), TODAY)
    assert (file.report.file_problem, file.keys) == ("ambiguous_header", ())


@pytest.mark.parametrize("joint", ["----", "---", "--", ":", "：", "/", "|", ";", "=", "~", "=>", "__", "  "])
def test_a_code_with_its_password_joined_to_it_is_no_code_where_a_password_was_promised(joint: str) -> None:
    file = parse(f"卡号,密码\nABCD1234{joint}99887766\nAB-12.CD_3,\nhttps://gift.example/a?b=c,\n".encode(), TODAY)
    assert pairs(file) == [("AB-12.CD_3", None), ("https://gift.example/a?b=c", None)]
    assert reasons(file) == [(2, "ambiguous_separator")]


@pytest.mark.parametrize(
    "text",
    [
        "卡号 密码\nABCD1234,99887766\n",
        "卡号;密码\nABCD1234,99887766\n",
        "卡号----密码\nABCD1234,99887766\n",
        "面值,卡号,密码\n100,ABCD1234----99887766,\n",
        "卡号,备注\nABCD1234 99887766,x\n",
        "卡号,密码,有效期\nABCD1234----99887766,2099-01-01\n",
        "卡号\tNote\nABCD1234:99887766\n",
    ],
)
def test_a_line_with_another_separator_than_its_header_is_refused(text: str) -> None:
    assert reasons(parse(text.encode(), TODAY)) == [(2, "ambiguous_separator")]


@pytest.mark.parametrize("line", ["ABCD1234---99887766", "ABCD1234:99887766", "ABCD1234：99887766"])
def test_a_line_without_header_is_not_taken_for_a_code_with_its_password_in_it(line: str) -> None:
    assert reasons(parse(f"GOOD-1\n{line}\n".encode(), TODAY)) == [(2, "ambiguous_separator")]


def test_a_cell_of_a_workbook_with_code_and_password_in_it_is_refused() -> None:
    rows = [["卡密"], ["ABCD1234----99887766"], ["ABCD1234 99887766"], ["ABCD 1234 EFGH"]]
    file = parse(workbook(rows), TODAY)
    assert pairs(file) == [("ABCD 1234 EFGH", None)]
    assert reasons(file) == [(2, "ambiguous_separator"), (3, "ambiguous_separator")]
    assert parse(workbook([["ABCD1234----99887766"]]), TODAY).keys == ()


def test_a_line_with_a_cell_left_out_does_not_give_its_password_for_the_code_or_its_expiry_for_the_password() -> None:
    assert reasons(parse("备注,卡号,密码\nA1,p\n".encode(), TODAY)) == [(2, "ambiguous_column")]
    assert reasons(parse("卡号,密码,有效期\nA1,2099-01-01\n".encode(), TODAY)) == [(2, "ambiguous_column")]
    assert pairs(parse(workbook([["备注", "卡号", "密码"], ["x", "A1"]]), TODAY)) == [("A1", None)]


@pytest.mark.parametrize("code", ["1.23E+15", "1.23e+15", "1.23E15", "1.23e15", "6E+15", "1.23E+015"])
def test_a_number_that_lost_its_digits_is_known_in_every_spelling(code: str) -> None:
    assert reasons(parse(f"code\nA1\n{code}\n".encode(), TODAY)) == [(3, "digits_lost")]


def test_a_bar_between_code_and_password_would_have_to_be_guessed() -> None:
    assert reasons(parse(b"A1|p1\nA2 p2\n", TODAY)) == [(1, "ambiguous_separator")]
