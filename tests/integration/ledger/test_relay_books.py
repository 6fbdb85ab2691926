"""What the stream shows of orders and of the desk is in the books, once, with the audit record of the change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.event_relay.app import books, chain
from keyrail.inventory.model.batches import MAX_UNIT_COST_MINOR, BatchStatus
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.steps import pay
from keyrail.payments.model.confirmations import Mismatch
from keyrail.platform.changes import stamp
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money
from tests.bookkeeping import check_books
from tests.faults.breaking import Wire
from tests.integration.test_after_sales_desk import Desk, desk
from tests.integration.test_relay import Record, Relay, relay
from tests.integration.test_triggers import forget, stage
from tests.world import OPERATOR, PRICE, PROVIDER, World, new_codes

__all__ = ["desk", "relay", "stage"]

SALES, CLEARING, SUSPENSE = "sales:CNY", "clearing:epay/main:CNY", "suspense:CNY"


def sales(relay: Relay, count: int) -> list[Record]:
    """Different orders that are paid, as the stream shows them."""
    placed = relay.stage.world.order().order
    records = []
    for number in range(count):
        order = replace(placed, order_id=f"ord_{number:026d}")
        records.append(relay.record(number, (order, paid(relay, order)), "orders"))
    return records


def paid(relay: Relay, order: Order) -> Order:
    return pay(order, order.attempts[0].attempt_id, "ref", PROVIDER, relay.stage.world.now_ms())


def closings(world: World) -> dict[str, int]:
    check_books(world)
    return {each.account: each.closing_minor for each in books().trial_balance(utc_date(world.now_ms())).accounts}


def test_paid_orders_are_booked_once_however_often_they_come(relay: Relay) -> None:
    records = sales(relay, 5)
    for some in (records[:3], records, records[2:], records):
        assert relay.relays(some) == []
    assert closings(relay.stage.world) == {CLEARING: 5 * 990, SALES: -5 * 990}


def test_a_full_batch_of_paid_orders_is_booked_in_two_requests(relay: Relay) -> None:
    records, wire = sales(relay, 100), Wire()
    with wire.carrying(chain().client):
        assert relay.relays(records) == []
    assert wire.requests.count("dynamodb.TransactWriteItems") == 2  # of 100 writes at most each
    assert closings(relay.stage.world)[SALES] == -100 * 990


def test_what_cannot_be_booked_is_not_told_and_comes_again(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    names, placed = relay.stage.world.names, relay.stage.world.order().order
    records = [relay.record(0, (None, placed), "orders"), *sales(relay, 3)[1:]]
    monkeypatch.setenv("ACCOUNTS_TABLE", f"{names['accounts']}-gone")
    forget()
    assert relay.relays(records) == [records[1]["dynamodb"]["SequenceNumber"]]
    assert relay.names() == ["order.placed"]
    monkeypatch.setenv("ACCOUNTS_TABLE", names["accounts"])
    forget()
    assert relay.relays(records[1:]) == []
    assert relay.names() == ["order.placed", "order.paid", "order.paid"]
    assert closings(relay.stage.world) == {CLEARING: 2 * 990, SALES: -2 * 990}


def test_a_payment_that_nobody_can_place_is_booked_into_suspense(relay: Relay) -> None:
    world = relay.stage.world
    said = world.confirmed(world.callback(world.order().attempt, money="5.00"))
    world.desk.put(said, Mismatch.UNDER_PAID, PROVIDER)
    (payment,) = world.desk.waiting(10)
    record = relay.record(1, (None, payment), "payments")
    assert relay.relays([record]) == relay.relays([record]) == []
    assert closings(world) == {CLEARING: 500, SUSPENSE: -500}


def test_an_entry_says_which_change_of_which_order_it_is_of(relay: Relay) -> None:
    (record,) = sales(relay, 1)
    assert relay.relays([record]) == []
    (entry,) = books().statement(SALES, utc_date(relay.stage.world.now_ms())).entries
    audited = {item["subject"]["S"] for item in relay.stage.world.scan("audit")}
    assert entry.source in audited
    assert entry.version == 2


def test_keys_of_known_cost_are_owed_for_to_their_source_until_they_are_charged_back(relay: Relay) -> None:
    world = relay.stage.world
    _, batch = world.import_codes(new_codes(3), source="Acme Ltd.", unit_cost=Money(700, "CNY"))
    batch = replace(batch, data_keys=())
    charged = replace(batch, charged_back=1, **stamp(OPERATOR, world.now_ms(), batch.version + 1))
    opened = replace(batch, report=None, status=BatchStatus.IMPORTING, version=batch.version - 1)
    records = [relay.record(number, pair) for number, pair in enumerate(((opened, batch), (batch, charged)))]
    for some in (records, records[1:], records):
        assert relay.relays(some) == []
    assert closings(world) == {"cost_of_goods:CNY": 1_400, "supplier_payable:CNY": -1_400}
    assert books().balance("supplier_payable:Acme Ltd.:CNY") == 1_400


def test_a_cost_that_would_fill_the_books_by_itself_is_refused(relay: Relay) -> None:
    with pytest.raises(Invalid) as refused:
        relay.stage.world.import_codes([], unit_cost=Money(MAX_UNIT_COST_MINOR + 1, "CNY"))
    assert refused.value.fields == (FieldError("unit_cost.amount_minor", f"above_{MAX_UNIT_COST_MINOR}"),)


# the desk


def test_finance_reads_the_books_and_support_does_not(desk: Desk, relay: Relay) -> None:
    assert relay.relays(sales(relay, 3)) == []
    today = utc_date(relay.stage.world.now_ms())
    balance = desk.told("finance", "GET", "books/trial-balance", query=f"day={today}")
    assert balance["balanced"] is True
    assert balance["totals"] == [{"currency": "CNY", "debits_minor": 2_970, "credits_minor": 2_970}]
    assert {each["account"]: each["closing_minor"] for each in balance["accounts"]} == {CLEARING: 2_970, SALES: -2_970}
    statement = desk.told("auditor", "GET", "books/statement", query=f"account={CLEARING}&day={today}")
    assert statement["account"]["closing_minor"] == 2_970
    assert len(statement["entries"]) == 3
    assert statement["entries"][0]["postings"] == [
        {"account": CLEARING, "side": "debit", "amount": PRICE.plain()},
        {"account": SALES, "side": "credit", "amount": PRICE.plain()},
    ]
    for path in (f"books/trial-balance?day={today}", f"books/statement?account={SALES}&day={today}"):
        address, _, query = path.partition("?")
        assert desk.ask("support", "GET", address, query=query)[1]["code"] == "not_in_group"


def test_finance_reads_what_suppliers_are_owed_and_the_account_of_one(desk: Desk, relay: Relay) -> None:
    world = relay.stage.world
    _, batch = world.import_codes(new_codes(2), source="深圳 Acme: Ltd.", unit_cost=Money(700, "CNY"))
    assert relay.relays([relay.record(0, (None, replace(batch, data_keys=())))]) == []
    found = desk.told("finance", "GET", "books/balances", query="kind=supplier_payable&limit=1")
    account = "supplier_payable:深圳 Acme: Ltd.:CNY"
    (owed,) = found["balances"]
    assert owed == {"account": account, "holder": "深圳 Acme: Ltd.", "currency": "CNY", "balance_minor": 1_400}
    query = f"account={account}&day={utc_date(world.now_ms())}"
    statement = desk.told("auditor", "GET", "books/statement", query=query)
    assert statement["account"]["closing_minor"] == -1_400
    assert [each["what"] for each in statement["entries"]] == ["keys_delivered"]
    assert desk.ask("support", "GET", "books/balances", query="kind=supplier_payable")[1]["code"] == "not_in_group"
    for query in ("kind=sales", "", "kind=partner_balance&limit=101", "kind=partner_balance&cursor=*"):
        assert desk.ask("finance", "GET", "books/balances", query=query)[0] == 422


def test_what_is_no_account_no_day_or_no_cursor_of_ours_is_refused(desk: Desk) -> None:
    for query, code in (
        ("account=cash:CNY&day=2026-01-01", "unknown_ledger_account"),
        ("account=sales:CNY&day=yesterday", "invalid_request"),
        ("account=sales:CNY", "invalid_request"),
        ("account=sales:CNY&day=2026-01-01&cursor=*", "invalid_request"),
    ):
        status, answer = desk.ask("finance", "GET", "books/statement", query=query)
        assert (status, answer["code"]) == (422, code)
