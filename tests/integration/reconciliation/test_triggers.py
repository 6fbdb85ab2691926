"""From the clock to the books: the function, what the stream shows of its writes, and what the relay makes of that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from functions.event_relay.app import books as relay_books
from functions.event_relay.app import settings as relay_settings
from functions.operator_api.audit import verification
from functions.reconciliation import handler as function
from keyrail.payments.model.refunds import RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.audit_walk import walk, walk_subject
from keyrail.platform.clock import utc_date
from keyrail.platform.config import ConfigError
from keyrail.reconciliation.model import runs
from keyrail.reconciliation.model.comparing import DifferenceKind, Found
from keyrail.reconciliation.model.differences import difference_of
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Known, Movement
from keyrail.reconciliation.model.runs import FeeOfDay, RunStatus
from keyrail.reconciliation.model.supplies import SupplyLine
from keyrail.reconciliation.service import asking
from keyrail.suppliers.service.accounts import SupplierAccounts
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.bookkeeping import check_books
from tests.integration.test_relay import Relay, relay
from tests.integration.test_triggers import Stage, stage
from tests.reconciling import DAY_MS, HOLDER, Books, all_given_back, at_bank, days_ago, lines_of, noon_ms, paid, unpaid
from tests.supplier import Wholesaler
from tests.world import OPERATOR, PRICE, SYSTEM

__all__ = ["relay", "stage"]

HOUSE = Holder("house")
FEES, CLEARING = "fees:CNY", f"clearing:{PROVIDER}/{ACCOUNT}:CNY"


def messages(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m-{at}", "body": json.dumps(body)} for at, body in enumerate(bodies)]}


@pytest.fixture
def books(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Books:
    bank = Bank()
    at_bank(stage.world, bank)
    accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    monkeypatch.setattr(function, "accounts", lambda: accounts)
    monkeypatch.setattr(function, "suppliers", lambda: SupplierAccounts({HOUSE.account: Wholesaler()}))
    return Books(stage.world, bank)


def test_the_clock_asks_for_yesterday_of_every_account_and_every_supplier_once(stage: Stage, books: Books) -> None:
    day = days_ago(stage.world, 1)
    for _ in range(2):
        assert function.handler(messages({"job": "reconcile"}), None) == {"batchItemFailures": []}
    assert (books.run(day).status, books.run(day).version) == (RunStatus.REQUESTED, 1)
    of_house = stage.world.reconciliation_desk.run(runs.run_id(HOUSE, day.isoformat()))
    assert (of_house.holder, of_house.status, of_house.version) == (HOUSE, RunStatus.REQUESTED, 1)
    assert len(stage.world.scan("reconciliation")) == 2


def test_whatever_is_wrong_with_the_suppliers_accounts_are_compared(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> SupplierAccounts:
        raise ConfigError("SUPPLIER_ACCOUNTS")

    monkeypatch.setattr(function, "suppliers", unreadable)
    day = days_ago(books.world, 1)
    books.said(day)
    asked = function.handler(messages({"job": "reconcile"}), None)
    assert asked == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert function.handler(messages({"run_id": books.run(day).run_id}), None) == {"batchItemFailures": []}
    assert books.run(day).status is RunStatus.RECONCILED


def test_a_morning_that_did_not_come_is_made_up_for(books: Books) -> None:
    world, now_ms = books.world, books.world.now_ms()
    accounts, last = [HOLDER], days_ago(world, 1)
    desk = world.reconciliation_desk
    assert desk.request_day(accounts, SYSTEM) == 1
    later = replace(desk, now_ms=lambda: now_ms + 3 * DAY_MS)
    assert later.request_day(accounts, SYSTEM) == 3
    assert [books.run(last + timedelta(days=number)).version for number in range(4)] == [1] * 4
    assert later.request_day([*accounts, Holder("new", PROVIDER)], SYSTEM) == 1


def test_a_run_that_is_asked_for_is_worked_on_and_tried_again_while_there_is_no_statement(
    stage: Stage, books: Books, relay: Relay
) -> None:
    day = days_ago(stage.world, 1)
    function.handler(messages({"job": "reconcile"}), None)
    assert relay.relays([relay.record(0, (None, books.run(day)), "reconciliation")]) == []
    (message,) = stage.messages("reconciliations")
    assert message == {"run_id": books.run(day).run_id}
    sent: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(function, "send_rest", lambda url, body, delay_s: sent.append({**body, "after": delay_s}))
        assert function.handler(messages(message), None) == {"batchItemFailures": []}
    assert sent == [{**message, "after": 900}]
    books.said(day)
    assert function.handler(messages(message, message), None) == {"batchItemFailures": []}
    assert books.run(day).status is RunStatus.RECONCILED


def test_what_is_asked_order_by_order_goes_on_at_once_and_is_no_news_of_its_own(
    stage: Stage, books: Books, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Wholesaler):
        statement_zone = None  # type: ignore[assignment]

    monkeypatch.setattr(function, "suppliers", lambda: SupplierAccounts({HOUSE.account: Silent()}))
    monkeypatch.setattr(asking, "MAX_ASKING_MS", 0)
    function.counterparts.cache_clear()
    function.comparing.cache_clear()
    function.handler(messages({"job": "reconcile"}), None)
    name = runs.run_id(HOUSE, days_ago(stage.world, 1).isoformat())
    sent: list[tuple[dict[str, Any], int]] = []
    monkeypatch.setattr(function, "send_rest", lambda url, body, delay_s: sent.append((body, delay_s)))
    assert function.handler(messages({"run_id": name}), None) == {"batchItemFailures": []}
    assert sent == [({"run_id": name}, 0)]
    (portion,) = (item for item in stage.world.scan("reconciliation") if item["sk"]["S"].startswith("asked#"))
    change = relay.record(
        0, (None, runs.new_run(HOUSE, days_ago(stage.world, 1), RunStatus.REQUESTED, SYSTEM, 0)), "reconciliation"
    )
    change["dynamodb"] |= {"Keys": {"pk": portion["pk"], "sk": portion["sk"]}, "NewImage": portion}
    assert relay.relays([change]) == []
    assert stage.messages("reconciliations") == []


def test_what_the_day_cost_is_booked_once_and_a_correction_by_what_it_differs(books: Books, relay: Relay) -> None:
    day, world = days_ago(books.world, 1), books.world
    at_ms = noon_ms(day, UTC)
    (line,) = lines_of(unpaid(at_ms), at_ms)
    requested = runs.new_run(HOLDER, day, RunStatus.REQUESTED, SYSTEM, world.now_ms())
    first = runs.finish(requested, runs.Tally(), runs.fees_of([line] * 5), SYSTEM, world.now_ms())
    again = runs.ask_again(first, SYSTEM, world.now_ms())
    second = runs.finish(again, runs.Tally(), runs.fees_of([line] * 3), SYSTEM, world.now_ms())
    none = replace(second, version=second.version + 1, fees=(), changed_at_ms=world.now_ms())
    pairs = [(None, requested), (requested, first), (first, again), (again, second)]
    assert first.fees == (FeeOfDay(currency="CNY", kept_minor=30),)
    records = [relay.record(number, pair, "reconciliation") for number, pair in enumerate(pairs)]
    for some in (records[:2], records, records):
        assert relay.relays(some) == []
    assert closings(books) == {FEES: 18, CLEARING: -18}
    assert relay.relays([relay.record(9, (second, none), "reconciliation")]) == []
    assert closings(books) == {FEES: 0, CLEARING: 0}


def test_each_change_of_a_run_and_of_a_difference_is_told_and_what_changes_nothing_is_not(
    books: Books, relay: Relay
) -> None:
    day = days_ago(books.world, 1)
    at_ms = noon_ms(day, UTC)
    books.said(day, lines_of(unpaid(at_ms), at_ms)[0])
    (difference,) = books.reconcile(day)
    run = books.run(day)
    relay.relays(
        [
            relay.record(0, (None, difference), "reconciliation"),
            relay.record(1, (replace(run, version=run.version - 1), run), "reconciliation"),
            relay.record(2, (run, run), "reconciliation"),
        ]
    )
    assert relay.names() == ["reconciliation.difference", "reconciliation.finished"]


def test_a_provider_that_has_money_of_which_nobody_told_us_is_asked_at_once(
    stage: Stage, books: Books, relay: Relay
) -> None:
    day = days_ago(books.world, 1)
    order = books.put(unpaid(noon_ms(day, UTC)))
    books.said(day, *lines_of(order, noon_ms(day, UTC)))
    (difference,) = books.reconcile(day)
    resolved = books.world.reconciliation_desk.resolve(
        difference.run_id, difference.difference_id, difference.version, OPERATOR
    )
    pairs = [(None, difference), (difference, resolved)]
    assert relay.relays([relay.record(at, pair, "reconciliation") for at, pair in enumerate(pairs)]) == []
    assert stage.messages("inquiries") == [{"order_id": order.order_id}]


def test_a_refund_that_is_done_with_them_and_open_with_us_is_asked_about(
    stage: Stage, books: Books, relay: Relay
) -> None:
    day = days_ago(books.world, 1)
    at_ms = noon_ms(day, UTC)
    order = all_given_back(paid(unpaid(at_ms), at_ms), at_ms)
    books.put(replace(order, refunds=(replace(order.refunds[0], status=RefundStatus.UNKNOWN),)))
    books.said(day, *lines_of(order, at_ms))
    books.post()
    (difference,) = books.reconcile(day)
    assert relay.relays([relay.record(0, (None, difference), "reconciliation")]) == []
    assert stage.messages("refunds") == [{"order_id": order.order_id}]
    assert stage.messages("inquiries") == []


@pytest.mark.parametrize("known", Known)
def test_what_a_supplier_is_through_with_and_we_hold_open_is_asked_about_once(
    stage: Stage, relay: Relay, known: Known
) -> None:
    now_ms = stage.world.now_ms()
    run = runs.new_run(HOUSE, days_ago(stage.world, 1), RunStatus.REQUESTED, SYSTEM, now_ms)
    changes = []
    for reference in (f"{'7' * 26}0101", f"{'7' * 26}PK01"):
        line = SupplyLine(line=1, number=reference, reference="S-1", amount=PRICE, status="done", at="")
        ours = Movement(name=reference, kind=line.kind, number=reference, reference="S-1", amount=None, known=known)
        found = Found(kind=DifferenceKind.STATUS_DIFFERS, line=line, ours=ours)
        changes.append(difference_of(run, found, SYSTEM, now_ms))
    for _ in range(2):
        assert relay.relays([relay.record(at, (None, new), "reconciliation") for at, new in enumerate(changes)]) == []
    arn = relay_settings().direct_recharge_arn
    started = stage.cloud.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    named = [f"unt_{'7' * 26}01-{changes[0].difference_id}-1"]
    assert [each["name"] for each in started] == (named if known is Known.OPEN else [])
    asked = [{"purchase_id": f"pur_{'7' * 26}"}] * 2
    assert stage.messages("supply") == (asked if known is Known.OPEN else [])


def test_the_audit_trail_of_a_run_and_of_its_differences_can_be_verified(
    stage: Stage, books: Books, relay: Relay
) -> None:
    day, desk = days_ago(books.world, 1), books.world.reconciliation_desk
    at_ms = noon_ms(day, UTC)
    books.said(day, lines_of(unpaid(at_ms), at_ms)[0])
    name = books.request(day)
    requested = books.run(day)
    books.world.comparing.run(name, SYSTEM)
    finished = books.run(day)
    comparing = runs.take_up(requested, SYSTEM, finished.changed_at_ms)
    (difference,) = books.open(day)
    resolved = desk.resolve(name, difference.difference_id, difference.version, OPERATOR)
    changes = [(None, requested), (requested, comparing), (comparing, finished), (None, difference)]
    records = [relay.record(at, pair, "reconciliation") for at, pair in enumerate([*changes, (difference, resolved)])]
    assert relay.relays(records) == []
    for subject, versions in ((f"reconciliation:{name}", 3), (f"difference:{name}/{difference.difference_id}", 2)):
        part = walk_subject(verification(), subject, 100, None)
        assert (part.records, part.problems) == (versions, 0)
    whole = walk(verification(), 1_000, None)
    assert not [found for found in whole.findings if found[0].startswith(("reconciliation:", "difference:"))]


def closings(books: Books) -> dict[str, int]:
    check_books(books.world)
    day = utc_date(books.world.now_ms())
    return {each.account: each.closing_minor for each in relay_books().trial_balance(day).accounts}
