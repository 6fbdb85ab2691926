"""Reconciliations as finance and auditors meet them by the API."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from functions.operator_api.access import Group
from keyrail.platform.cursor import encode_cursor
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.report import COLUMNS
from keyrail.reconciliation.model.runs import run_id
from keyrail.suppliers.model.statements import Moved, SupplierLine
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.integration.test_after_sales_desk import Desk, desk
from tests.reconciling import Books, at_bank, days_ago, lines_of, noon_ms, unpaid
from tests.supplier import Wholesaler
from tests.world import PRICE, SYSTEM

__all__ = ["desk"]

WHY = {"reason": "they have booked it twice, ticket 4711"}
RESOLVED = {**WHY, "version": 1}
PATH = "reconciliations"
HOUSE = Holder("house")


@pytest.fixture
def books(desk: Desk) -> Books:
    bank = Bank()
    at_bank(desk.world, bank)
    return Books(desk.world, bank)


@pytest.fixture
def day(books: Books) -> date:
    return days_ago(books.world, 1)


def with_differences(books: Books, day: date, count: int) -> str:
    at_ms = noon_ms(day, UTC)
    books.said(day, *(lines_of(unpaid(at_ms), at_ms)[0] for _ in range(count)))
    return books.reconcile(day)[0].run_id


def text(desk: Desk, path: str) -> str:
    answer = desk.answer("finance", "GET", path)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["headers"].get("Cache-Control") == "no-store"
    return str(answer["body"])


def test_runs_are_listed_by_month_the_latest_day_first(desk: Desk, books: Books, day: date) -> None:
    days = [day - timedelta(days=number) for number in range(3)]
    for each in (days[1], days[2], days[0]):
        books.said(each)
        books.reconcile(each)
    listed: list[str] = []
    for month in sorted({each.isoformat()[:7] for each in days}, reverse=True):
        cursor: str | None = ""
        while cursor is not None:
            query = f"month={month}&limit=1" + (f"&cursor={cursor}" if cursor else "")
            page = desk.told("auditor", "GET", PATH, query=query)
            listed += [run["day"] for run in page["runs"]]
            cursor = page.get("cursor")
    assert listed == [each.isoformat() for each in days]
    assert desk.told("auditor", "GET", PATH)["runs"][0]["day"] == day.isoformat()


def test_a_run_is_shown_with_its_differences_page_by_page(desk: Desk, books: Books, day: date) -> None:
    name = with_differences(books, day, 5)
    first = desk.told("operator", "GET", f"{PATH}/{name}", query="limit=3")
    run = first["run"]
    assert (run["status"], run["differences"], run["tally"]["missing_with_us"]) == ("reconciled", 5, 5)
    assert run["fees"] == [{"currency": "CNY", "kept_minor": 30}]
    last = desk.told("operator", "GET", f"{PATH}/{name}", query=f"limit=3&cursor={first['cursor']}")
    shown = [each["difference_id"] for page in (first, last) for each in page["differences"]]
    assert len(set(shown)) == len(shown) == 5
    assert "cursor" not in last
    difference = first["differences"][0]
    assert (difference["kind"], difference["movement"], difference["status"]) == ("missing_with_us", "payment", "open")
    assert difference["theirs"]["amount"] == {"amount_minor": 990, "currency": "CNY"}
    assert "ours" not in difference


def test_all_differences_are_a_file_in_which_nothing_runs(desk: Desk, books: Books, day: date) -> None:
    at_ms = noon_ms(day, UTC)
    (line,) = lines_of(unpaid(at_ms), at_ms)
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", 'a,"b'] * 20
    for number, said in enumerate(evil):
        books.said(day, replace(line, number=said, reference=f"{number}", status=said))
    name = books.reconcile(day)[0].run_id
    rows = list(csv.reader(io.StringIO(text(desk, f"{PATH}/{name}/csv").removeprefix("\ufeff"), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 1 + len(evil)
    assert {row[COLUMNS.index("version")] for row in rows[1:]} == {"1"}  # to be named by who resolves it
    at = COLUMNS.index("number")
    assert {row[at] for row in rows[1:]} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "'\nx", "'＝1", 'a,"b'}
    assert {row[COLUMNS.index("their_status")] for row in rows[1:]} == {row[at] for row in rows[1:]}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_difference_is_resolved_once_with_a_reason(desk: Desk, books: Books, day: date) -> None:
    name = with_differences(books, day, 1)
    (difference,) = books.open(day)
    path = f"{PATH}/{name}/differences/{difference.difference_id}/resolve"
    first = desk.told("finance", "POST", path, RESOLVED)
    assert (first["status"], first["resolution"], first["changed_by"]) == ("resolved", WHY["reason"], "operator:sue")
    assert desk.told("finance", "POST", path, RESOLVED) == first
    status, refusal = desk.ask("admin", "POST", path, {**RESOLVED, "reason": "another"})
    assert (status, refusal["code"]) == (409, "difference_already_resolved")
    assert [each.version for each in books.all(day)] == [2]


def test_a_difference_that_is_gone_is_not_resolved(desk: Desk, books: Books, day: date) -> None:
    name = with_differences(books, day, 1)
    (difference,) = books.open(day)
    books.bank.statements[day] = []
    books.reconcile(day)
    status, refusal = desk.ask(
        "finance", "POST", f"{PATH}/{name}/differences/{difference.difference_id}/resolve", RESOLVED
    )
    assert (status, refusal["code"]) == (409, "difference_gone")


def test_a_difference_that_a_comparison_has_changed_since_is_looked_at_again(
    desk: Desk, books: Books, day: date
) -> None:
    name = with_differences(books, day, 1)
    (seen,) = books.open(day)
    (line,) = books.bank.statements[day]
    books.bank.statements[day] = [replace(line, amount=line.amount + line.amount)]
    books.reconcile(day)
    path = f"{PATH}/{name}/differences/{seen.difference_id}/resolve"
    status, refusal = desk.ask("finance", "POST", path, {**WHY, "version": seen.version})
    assert (status, refusal["code"]) == (409, "difference_changed")
    (shown,) = desk.told("finance", "GET", f"{PATH}/{name}")["differences"]
    assert (shown["status"], shown["theirs"]["amount"]["amount_minor"]) == ("open", 2 * line.amount.amount_minor)
    assert desk.told("finance", "POST", path, {**WHY, "version": shown["version"]})["status"] == "resolved"


@pytest.mark.parametrize("group", Group)
def test_who_may_do_what(desk: Desk, books: Books, day: date, group: Group) -> None:
    name = with_differences(books, day, 1)
    reads, pays = {"finance", "operator", "auditor", "admin"}, {"finance", "admin"}
    for path in (PATH, f"{PATH}/{name}"):
        assert (desk.ask(group, "GET", path)[0] == 200) == (group in reads)
    again = {"provider": PROVIDER, "account": ACCOUNT, "day": day.isoformat(), **WHY}
    assert (desk.ask(group, "POST", PATH, again)[0] == 202) == (group in pays)
    resolve = f"{PATH}/{name}/differences/dif_none/resolve"
    assert desk.ask(group, "POST", resolve, RESOLVED)[0] == (404 if group in pays else 403)


def test_a_day_is_compared_anew_and_asking_twice_is_asking_once(desk: Desk, books: Books, day: date) -> None:
    books.said(day)
    books.reconcile(day)
    wanted = {"provider": PROVIDER, "account": ACCOUNT, "day": day.isoformat(), **WHY}
    asked = [desk.ask("finance", "POST", PATH, wanted) for _ in range(2)]
    assert [(status, run["status"]) for status, run in asked] == [(202, "requested")] * 2
    run = books.run(day)
    assert (run.changed_by, run.changed_reason) == ("operator:sue", WHY["reason"])
    other = {**wanted, "day": (day - timedelta(days=20)).isoformat()}
    assert desk.ask("finance", "POST", PATH, other)[0] == 202
    books.world.comparing.run(run.run_id, SYSTEM)
    assert books.run(day).version == run.version + 2


def test_what_cannot_be_compared_is_refused_and_changes_nothing(desk: Desk, books: Books, day: date) -> None:
    books.said(day)
    books.reconcile(day)
    before = books.world.scan("reconciliation")
    wanted = {"provider": PROVIDER, "account": ACCOUNT, "day": day.isoformat(), **WHY}
    for changed, status, code in (
        ({"day": (day + timedelta(days=1)).isoformat()}, 422, "invalid_request"),
        ({"day": (day - timedelta(days=90)).isoformat()}, 422, "invalid_request"),
        ({"day": "yesterday"}, 422, "invalid_request"),
        ({"account": "nobody's"}, 422, "invalid_request"),
        ({"account": "other"}, 404, "account_not_reconciled"),
        ({"reason": ""}, 422, "invalid_request"),
    ):
        answered, refusal = desk.ask("finance", "POST", PATH, {**wanted, **changed})
        assert (answered, refusal["code"]) == (status, code)
    for path in (f"{PATH}/rec_none", f"{PATH}/rec_none/csv", f"{PATH}/{books.run(day).run_id}x"):
        assert desk.ask("finance", "GET", path)[0] == 404
    without_a_place = encode_cursor(f"#{books.run(day).run_id}")
    for query in ("month=2026-13", "cursor=AAAA", f"cursor={'A' * 30}", f"cursor={without_a_place}", "limit=0"):
        assert desk.ask("finance", "GET", PATH, query=query)[0] == 422
    assert desk.ask("finance", "GET", f"{PATH}/{books.run(day).run_id}", query="cursor=AAAA")[0] == 422
    resolve = f"{PATH}/{books.run(day).run_id}/differences/run/resolve"
    assert desk.ask("finance", "POST", resolve, RESOLVED)[0] == 404
    assert books.world.scan("reconciliation") == before


@pytest.fixture
def house(desk: Desk, day: date) -> Wholesaler:
    """A supplier whose yesterday was compared: it took something for nothing that we know of."""
    house = desk.world.wholesalers["house"] = Wholesaler()
    taken = SupplierLine(
        line=1,
        moved=Moved.TAKEN,
        reference="R-1",
        their_reference="S-1",
        amount=PRICE,
        status="done",
        is_over=True,
        at="then",
    )
    house.statements[day] = [taken]
    desk.world.reconciliation_desk.request_day([HOUSE], SYSTEM)
    desk.world.comparing.run(run_id(HOUSE, day.isoformat()), SYSTEM)
    return house


def test_a_suppliers_day_is_shown_and_resolved_like_an_accounts(
    desk: Desk, books: Books, day: date, house: Wholesaler
) -> None:
    books.said(day)
    books.reconcile(day)
    listed = desk.told("auditor", "GET", PATH, query=f"month={day.isoformat()[:7]}")["runs"]
    assert {(run.get("provider"), run.get("account"), run.get("supplier")) for run in listed} == {
        (PROVIDER, ACCOUNT, None),
        (None, None, "house"),
    }
    name = run_id(HOUSE, day.isoformat())
    (shown,) = desk.told("operator", "GET", f"{PATH}/{name}")["differences"]
    assert (shown["kind"], shown["movement"], shown["number"]) == ("missing_with_us", "supply", "R-1")
    (row,) = csv.DictReader(io.StringIO(text(desk, f"{PATH}/{name}/csv").removeprefix("\ufeff"), newline=""))
    assert (row["supplier"], row["provider"], row["account"], row["movement"]) == ("house", "", "", "supply")
    path = f"{PATH}/{name}/differences/{shown['difference_id']}/resolve"
    assert desk.told("finance", "POST", path, {**WHY, "version": 1})["status"] == "resolved"
    house.statements[day] = []
    again = desk.ask("finance", "POST", PATH, {"supplier": "house", "day": day.isoformat(), **WHY})
    assert (again[0], again[1]["supplier"], again[1]["status"]) == (202, "house", "requested")


def test_runs_are_listed_by_whom_they_are_of(desk: Desk, books: Books, day: date, house: Wholesaler) -> None:
    books.said(day)
    books.reconcile(day)
    month = f"month={day.isoformat()[:7]}"
    for query, supplier in (("&supplier=house", "house"), (f"&provider={PROVIDER}&account={ACCOUNT}", None)):
        page = desk.told("auditor", "GET", PATH, query=month + query)
        assert [(run["day"], run.get("supplier")) for run in page["runs"]] == [(day.isoformat(), supplier)]
        assert "cursor" not in page
    assert desk.told("auditor", "GET", PATH, query=f"{month}&supplier=nobody")["runs"] == []
    assert desk.told("auditor", "GET", PATH, query="month=2020-02&supplier=house")["runs"] == []
    assert house.statements


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({}, "supplier"),
        ({"provider": PROVIDER}, "account"),
        ({"account": ACCOUNT}, "provider"),
        ({"provider": PROVIDER, "account": ACCOUNT, "supplier": "house"}, "supplier"),
        ({"provider": PROVIDER, "supplier": "house"}, "supplier"),
        ({"supplier": "no name"}, "supplier"),
    ],
)
def test_who_names_half_of_somebody_or_two_is_refused(
    desk: Desk, books: Books, day: date, named: dict[str, str], field: str
) -> None:
    status, refusal = desk.ask("finance", "POST", PATH, {**named, "day": day.isoformat(), **WHY})
    assert (status, [each["field"] for each in refusal["errors"]]) == (422, [field])
    if named:
        query = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in named.items())
        assert desk.ask("finance", "GET", PATH, query=query)[0] == 422
    assert books.world.scan("reconciliation") == []
