"""What a SKU asks of the lines of a file, how they are counted, and what is kept of those that are not taken."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.batches import MAX_REPORTED_PROBLEMS, NEVER, Batch, ImportReport, Stage
from keyrail.inventory.model.imports import FileSurvey, Group, ImportProgress, TakenGroup, Verdict, counted, with_taken
from keyrail.inventory.model.key_file import FileKey, Layout, Reason, Requirements, Row, Rules
from keyrail.inventory.model.key_file.amounts import NotAnAmount, face_value
from keyrail.inventory.model.rejected_lines import HEADER, rendered
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.documents import from_attributes, to_attributes
from keyrail.platform.money import Money
from keyrail.vault.codes import grouped, new_code
from keyrail.vault.model import Secret, mask
from tests.key_files import KeyFile, parse

TODAY = "2026-01-15"
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
STAMP = stamp(Origin("system:test", "test"), 0)
ANY = Requirements(today=TODAY, code_format=CodeFormat())


def reasons(file: KeyFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in file.report.problems]


def codes(file: KeyFile) -> list[str]:
    return [key.secret.code for key in file.keys]


# the code format of the SKU


def test_a_code_of_another_pattern_or_length_is_rejected_with_its_mask() -> None:
    wanted = CodeFormat(pattern="[A-Z]{4}-[0-9]{4}", min_length=9, max_length=9)
    file = parse(b"ABCD-1234\nABCD-12345\nABC-1234\nABCD_1234\nabcd-1234\n", TODAY, code_format=wanted)
    assert codes(file) == ["ABCD-1234"]
    assert reasons(file) == [
        (2, "code_too_long"), (3, "code_too_short"), (4, "code_format"), (5, "code_format"),
    ]  # fmt: skip
    assert [problem.mask for problem in file.report.problems] == ["••••45", "••••34", "••••34", "••••34"]


def test_the_pattern_looks_at_the_code_as_written_with_its_width_folded() -> None:
    wanted = CodeFormat(pattern="[0-9]{4}-[0-9]{4}")
    file = parse("１２３４－５６７８\n12345678\n".encode(), TODAY, code_format=wanted)
    assert codes(file) == ["1234-5678"]
    assert reasons(file) == [(2, "code_format")]


def test_the_whole_code_must_be_of_the_pattern() -> None:
    file = parse(b"ABCDx\nABCD\n", TODAY, code_format=CodeFormat(pattern="ABCD|ABCDE"))
    assert reasons(file) == [(1, "code_format")]


def test_codes_that_differ_in_case_only_are_two_where_case_matters() -> None:
    raw = b"aB12\nAB12\naB12\n"
    assert reasons(parse(raw, TODAY)) == [(2, "duplicate_in_file"), (3, "duplicate_in_file")]
    sensitive = parse(raw, TODAY, code_format=CodeFormat(case_sensitive=True))
    assert codes(sensitive) == ["aB12", "AB12"]
    assert reasons(sensitive) == [(3, "duplicate_in_file")]


# codes of our own that come back in a file


def test_where_the_issuer_is_ours_a_code_that_we_cannot_have_made_is_rejected_with_its_line_and_mask() -> None:
    own = grouped(new_code("VCH"))
    wrong = own[:-1] + ("0" if own[-1] != "0" else "1")
    file = parse(f"code\n{own}\n{wrong}\nVIP00001\nSUMMER-2031-AAAA\n".encode(), TODAY, own_issuer=True)
    assert codes(file) == [own]
    assert reasons(file) == [(3, "mistyped_code"), (4, "mistyped_code"), (5, "mistyped_code")]
    assert [problem.mask for problem in file.report.problems] == [mask(wrong), mask("VIP00001"), "••••AAAA"]
    assert codes(parse(f"{wrong}\nVIP00001\n".encode(), TODAY)) == [wrong, "VIP00001"]


def test_a_code_of_our_own_is_taken_in_every_spelling_that_would_be_redeemed() -> None:
    own = new_code()
    spelled = [grouped(own), own.lower(), grouped(own).replace("-", " "), own.translate(WIDE), own.replace("0", "O")]
    for spelling in spelled:
        assert len(parse(f"code,note\n{spelling},x\n".encode(), TODAY, own_issuer=True).keys) == 1, spelling


# the face value of the SKU


@pytest.mark.parametrize(
    "text",
    [
        "100",
        "100.00",
        "100.0",
        "¥100",
        "￥100.00",
        "100元",
        "100 元",
        "100圆",
        "RMB 100",
        "100 CNY",
        "0100",
        "人民币100元",
    ],
)
def test_an_amount_is_understood_as_suppliers_write_it(text: str) -> None:
    assert face_value(text, "CNY") == Money(10_000, "CNY")


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("1,000", "CNY", Money(100_000, "CNY")),
        ("1,234,567.80元", "CNY", Money(123_456_780, "CNY")),
        ("$5", "USD", Money(500, "USD")),
        ("US$5.00", "CNY", Money(500, "USD")),
        ("€5", "CNY", Money(500, "EUR")),
        ("¥500", "JPY", Money(500, "JPY")),
        ("500円", "CNY", Money(500, "JPY")),
        ("HKD 50", "CNY", Money(5_000, "HKD")),
        ("0.5元", "CNY", Money(50, "CNY")),
    ],
)
def test_a_sign_says_which_currency_it_is(text: str, currency: str, amount: Money) -> None:
    assert face_value(text, currency) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "一百",
        "100-200",
        "1,00",
        "1,0000",
        "100.",
        ".5",
        "100.001",
        "100点",
        "$100",
        "100 200",
        "1e2",
        "-100",
        "9" * 20,
    ],
)
def test_what_would_have_to_be_guessed_is_no_amount(text: str) -> None:
    with pytest.raises(NotAnAmount):
        face_value(text, "CNY")


def test_a_line_of_another_face_value_is_rejected() -> None:
    raw = "卡号,面值\nA1,100\nA2,¥100.00\nA3,50\nA4,一百\nA5,\nA6,$100\n".encode()
    file = parse(raw, TODAY, face_value=Money(10_000, "CNY"))
    assert codes(file) == ["A1", "A2", "A5"]
    assert reasons(file) == [
        (4, "face_value_differs"), (5, "face_value_not_an_amount"), (7, "face_value_not_an_amount"),
    ]  # fmt: skip


def test_where_the_sku_names_no_face_value_the_column_says_nothing() -> None:
    assert codes(parse("卡号,面值\nA1,100\nA2,随机\n".encode(), TODAY)) == ["A1", "A2"]


@pytest.mark.parametrize(
    "name", ["面值", "面额", "面值（元）", "face value", "Face_Value", "denomination", "金额", "amount"]
)
def test_a_column_of_face_values_is_known_by_its_names(name: str) -> None:
    assert (
        reasons(parse(f"code,{name}\nA1,50\n".encode(), TODAY, face_value=Money(100, "CNY")))[0][1]
        == "face_value_differs"
    )


def test_a_price_beside_a_face_value_is_another_matter() -> None:
    file = parse("卡号,面值,金额\nA1,100,95\n".encode(), TODAY, face_value=Money(10_000, "CNY"))
    assert codes(file) == ["A1"]
    assert parse("卡号,面值,面额\nA1,100,100\n".encode(), TODAY).report.file_problem == "ambiguous_header"


# labels, and days


@pytest.mark.parametrize("name", ["label", "靓号", "号码"])
def test_a_public_label_is_read_by_its_names(name: str) -> None:
    (key,) = parse(f"卡密,{name}\nA1,138-8888\n".encode(), TODAY).keys
    assert key.label == "138-8888"


@pytest.mark.parametrize("label", ["靓号", "8 8", "8" * 41, "8~8", "8#8"])
def test_a_label_that_is_none_is_refused_where_buyers_choose_by_it_and_else_passed_over(label: str) -> None:
    raw = f"卡密,靓号\nA1,{label}\nA2,\n".encode()
    assert reasons(parse(raw, TODAY, by_label=True)) == [(2, "label_not_allowed")]
    assert [key.label for key in parse(raw, TODAY).keys] == [None, None]


def test_a_line_without_a_day_has_that_of_its_batch() -> None:
    file = parse(b"code,expiry\nA1,2099-01-01\nA2,\n", TODAY, expires_on="2098-05-05")
    assert [key.expires_on for key in file.keys] == ["2099-01-01", "2098-05-05"]
    assert reasons(parse(b"A1\n", TODAY, expires_on="2026-01-14")) == [(1, "expired")]


# counting


def row(line: int, lines: int = 1, *, ignored: bool = False) -> Row:
    return Row(line, lines, 0, f"line {line}", None if ignored else ["cell"])


def taken(line: int, expires_on: str | None = None, place: Group | None = None) -> Verdict:
    return Verdict(row(line), FileKey(line, Secret(f"CODE-{line}"), expires_on), place=place or Group(NEVER, 1))


def refused(line: int, reason: Reason, lines: int = 1) -> Verdict:
    return Verdict(row(line, lines), None, reason, "••••")


@given(
    kinds=st.lists(st.sampled_from(["taken", "rejected", "duplicate", "ignored"]), max_size=30),
    cut=st.integers(0, 30),
    lines=st.integers(1, 3),
)
def test_every_line_is_counted_once_wherever_the_chunks_are_cut(kinds: list[str], cut: int, lines: int) -> None:
    verdicts = []
    for at, kind in enumerate(kinds):
        where = row(1 + at * lines, lines, ignored=kind == "ignored")
        reason = {"rejected": Reason.FORMULA, "duplicate": Reason.ALREADY_SOLD}.get(kind)
        key = FileKey(where.line, Secret("CODE")) if kind == "taken" else None
        verdicts.append(Verdict(where, key, reason))
    whole = counted(ImportReport(), verdicts)
    assert whole == counted(counted(ImportReport(), verdicts[:cut]), verdicts[cut:])
    assert whole.accepted + whole.duplicate + whole.rejected + whole.ignored == len(kinds) * lines
    assert whole.accepted == kinds.count("taken")
    assert len(whole.problems) == kinds.count("rejected") + kinds.count("duplicate")


def test_only_the_first_problems_are_kept_and_all_are_counted() -> None:
    verdicts = [refused(line, Reason.FORMULA) for line in range(1, 3 * MAX_REPORTED_PROBLEMS)]
    report = counted(counted(ImportReport(), verdicts[:150]), verdicts[150:])
    assert report.rejected == len(verdicts)
    assert [problem.line for problem in report.problems] == list(range(1, MAX_REPORTED_PROBLEMS + 1))


def test_keys_that_were_taken_are_counted_by_the_part_of_the_pool_they_are_in() -> None:
    early, late = Group("2098", 1), Group("2099", 2)
    first = with_taken((), [taken(1, "2098-05-01", early), taken(2, "2099-01-01", late), refused(3, Reason.FORMULA)])
    both = with_taken(first, [taken(4, "2098-01-01", early), Verdict(row(5, ignored=True))])
    assert both == (
        TakenGroup(group="2098", shards=1, keys=2, first_expiry="2098-01-01", last_expiry="2098-05-01"),
        TakenGroup(group="2099", shards=2, keys=1, first_expiry="2099-01-01", last_expiry="2099-01-01"),
    )


# the survey


def surveyed(days: list[str | None], max_groups: int = 50) -> FileSurvey:
    survey = FileSurvey(Rules(asked=ANY, layout=Layout()), max_groups)
    for line, day in enumerate(days, 1):
        survey.look_at(Row(line, 1, line, "", [f"CODE{line}", "p", day or ""]))
    return survey


def days(count: int) -> list[str | None]:
    return [f"{2030 + at // 336}-{1 + at // 28 % 12:02d}-{1 + at % 28:02d}" for at in range(count)]


@pytest.mark.parametrize(
    ("count", "precision", "groups"),
    [(1, 10, 1), (50, 10, 50), (51, 7, 2), (1_400, 7, 50), (1_401, 4, 5), (16_801, 0, 1)],
)
def test_keys_are_grouped_by_day_month_or_year_so_that_groups_stay_few(count: int, precision: int, groups: int) -> None:
    survey = surveyed(days(count)).finish()
    assert (survey.precision, len(survey.groups)) == (precision, groups)


def test_a_survey_of_many_days_keeps_few_of_them() -> None:
    survey = surveyed(days(20_000))
    assert sum(len(groups) for groups in survey._groups.values()) <= 50 * 3 + 1


def test_groups_are_spread_over_index_partitions_by_the_keys_that_will_be_in_them() -> None:
    survey = surveyed(["2099-01-01"] * 3_000 + [None])
    assert survey.finish().groups == (Group("2099-01-01", 2), Group(NEVER, 1))
    assert survey.finish(sales_per_key=4).groups[0] == Group("2099-01-01", 8)


def test_a_key_goes_to_the_stage_of_its_number_and_small_stages_need_few_partitions() -> None:
    batch = Batch(
        batch_id="bat_1",
        sku_id="a",
        source="s",
        stages=(Stage(keys=2), Stage(keys=3_000), Stage()),
        created_at_ms=0,
        **STAMP,
    )
    survey = surveyed(["2099-01-01"] * 9_000).finish()
    first, second, third = (survey.place(batch, "2099-01-01", number) for number in (2, 3, 9_000))
    assert (first.shards, second.shards, third.shards) == (1, 2, 8)
    assert len({first.name, second.name, third.name}) == 3


def test_passwords_of_a_later_line_make_those_missing_before_it_no_keys() -> None:
    survey = FileSurvey(Rules(asked=ANY, layout=Layout()))
    survey.look_at(Row(1, 1, 1, "", ["A1", ""]))
    assert (survey.keys, survey.with_password) == (1, False)
    survey.look_at(Row(2, 1, 2, "", ["=1", "p"]))
    assert (survey.keys, survey.with_password) == (0, True)


def test_the_progress_of_an_import_survives_the_table_and_stays_small() -> None:
    survey = surveyed(days(50)).finish()
    report = counted(ImportReport(), [refused(line, Reason.FORMULA) for line in range(1, 1_000)])
    group = TakenGroup(group="2030-01-01", shards=16, keys=10**6, first_expiry="2030-01-01", last_expiry=NEVER)
    progress = ImportProgress(
        batch_id="bat_1", upload="u" * 32, object_name="o" * 52, asked=ANY, survey=survey, position=10**8, line=10**6,
        report=report, taken=(group,) * 50, **STAMP,
    )  # fmt: skip
    attributes = to_attributes(progress)
    assert from_attributes(ImportProgress, attributes) == progress
    assert len(repr(attributes)) < 40_000
    beginning = ImportProgress(batch_id="bat_1", upload="u", object_name="o", asked=ANY, survey=survey, **STAMP)
    assert from_attributes(ImportProgress, to_attributes(beginning)) == beginning


# the file of what was not taken


def test_a_rejected_line_is_kept_as_it_was_and_a_duplicate_only_by_its_mask() -> None:
    rejected = Verdict(Row(7, 1, 0, 'ＡＢ"1,p', None), None, Reason.QUOTES_BROKEN)
    duplicate = Verdict(
        Row(8, 1, 0, "SECRET-1234", ["x"]), FileKey(8, Secret("SECRET-1234")), Reason.ALREADY_SOLD, "••••34"
    )
    content, is_all = rendered([taken(6), rejected, duplicate, Verdict(row(9, ignored=True))], 10_000)
    assert is_all
    assert list(csv.reader(io.StringIO((HEADER + content).decode("utf-8-sig")))) == [
        ["line", "reason", "mask", "text"],
        ["7", "quotes_broken", "", 'ＡＢ"1,p'],
        ["8", "already_sold", "••••34", ""],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1"])
def test_what_excel_would_run_gets_an_apostrophe_in_front(text: str) -> None:
    content, _ = rendered([Verdict(Row(1, 1, 0, text, None), None, Reason.FORMULA)], 10_000)
    ((_, _, _, kept),) = csv.reader(io.StringIO(content.decode()))
    assert kept == f"'{text}"


def test_a_full_file_says_so_and_holds_whole_lines_only() -> None:
    verdicts = [refused(line, Reason.FORMULA) for line in range(1, 100)]
    whole, _ = rendered(verdicts, 10**6)
    content, is_all = rendered(verdicts, 500)
    assert not is_all
    assert len(content) <= 500
    assert whole.startswith(content)
    assert content.endswith(b"\r\n")
