"""Vouchers on a real engine and over the desk: once under their number, reversed once, and never below zero."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import pytest

from functions.event_relay.app import books as relay_books
from keyrail.ledger.model import InsufficientBalance
from keyrail.payments.model.desk import PaymentNotFound
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.vouchers import (
    AlreadyReversed,
    NewVoucher,
    NotReversible,
    Voucher,
    VoucherKind,
    VoucherNotFound,
)
from keyrail.payments.service.vouchers import Vouchers
from keyrail.platform.changes import Origin
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import IdempotencyConflict, Invalid, Unavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import new_supplier
from tests.bookkeeping import check_books, sale, vouchers_of
from tests.engines import Engine
from tests.faults.breaking import Killed, Way, Wire
from tests.integration.test_after_sales_desk import Desk, desk
from tests.integration.test_relay import Relay, relay
from tests.integration.test_triggers import stage
from tests.racing import at_once, refusals
from tests.world import OPERATOR, World, new_codes

__all__ = ["desk", "relay", "stage"]

FINANCE = Origin("operator:fay", "192.0.2.8", "bank statement of Monday")
BALANCE = "partner_balance:prt_1:CNY"


def voucher(number: str, kind: str, holder: str, minor: int) -> NewVoucher:
    return NewVoucher(voucher_no=number, kind=VoucherKind(kind), holder=holder, amount=Money(minor, "CNY"))


def closings(world: World) -> dict[str, int]:
    check_books(world)
    accounts = world.books.trial_balance(utc_date(world.now_ms())).accounts
    return {each.account: each.closing_minor for each in accounts if each.closing_minor}


def test_a_hundred_copies_of_a_voucher_at_once_are_one_and_each_is_told_the_same(world: World) -> None:
    vouchers, wanted = vouchers_of(world), voucher("V-1", "partner_top_up", "prt_1", 500)
    found = at_once([partial(vouchers.post, wanted, FINANCE)] * 100)
    assert {type(each) for each in found} == {Voucher}
    assert len({each.changed_at_ms for each in found if isinstance(each, Voucher)}) == 1
    assert closings(world) == {"bank:CNY": 500, "partner_balance:CNY": -500}


def test_the_number_of_a_voucher_is_not_given_to_another_one(world: World) -> None:
    vouchers = vouchers_of(world)
    vouchers.post(voucher("V-1", "partner_top_up", "prt_1", 500), FINANCE)
    with pytest.raises(IdempotencyConflict):
        vouchers.post(voucher("V-1", "partner_top_up", "prt_1", 501), FINANCE)
    with pytest.raises(IdempotencyConflict):
        vouchers.reverse("V-1", "V-1", FINANCE)
    assert world.books.balance(BALANCE) == 500
    check_books(world)


def test_withdrawals_at_once_never_take_more_than_there_is(world: World) -> None:
    vouchers = vouchers_of(world)
    vouchers.post(voucher("V-0", "partner_top_up", "prt_1", 100), FINANCE)
    some = [voucher(f"V-{number}", "partner_withdrawal", "prt_1", 30) for number in range(1, 17)]
    refused = refusals(at_once([partial(vouchers.post, each, FINANCE) for each in some]))
    assert refused == [InsufficientBalance.code] * 13
    assert world.books.balance(BALANCE) == 10
    day = vouchers.of_day(utc_date(world.now_ms()), 100)[0]
    assert len(day) == 4
    check_books(world)


def test_a_voucher_is_reversed_once_however_many_reverse_it(world: World) -> None:
    vouchers = vouchers_of(world)
    vouchers.post(voucher("V-0", "credit_granted", "cus_1", 100), FINANCE)
    reversals = [partial(vouchers.reverse, f"R-{number}", "V-0", FINANCE) for number in range(8)]
    assert refusals(at_once([*reversals, *reversals])).count(AlreadyReversed.code) == 14
    assert closings(world) == {}
    with pytest.raises(VoucherNotFound):
        vouchers.reverse("R-9", "V-9", FINANCE)


def test_what_was_paid_in_and_spent_is_not_taken_back(world: World) -> None:
    vouchers = vouchers_of(world)
    vouchers.post(voucher("V-0", "partner_top_up", "prt_1", 100), FINANCE)
    vouchers.post(voucher("V-1", "partner_withdrawal", "prt_1", 1), FINANCE)
    with pytest.raises(InsufficientBalance):
        vouchers.reverse("R-0", "V-0", FINANCE)
    vouchers.reverse("R-1", "V-1", FINANCE)
    vouchers.reverse("R-0", "V-0", FINANCE)
    assert closings(world) == {}


def test_a_letter_that_is_wrong_opens_no_account(world: World) -> None:
    vouchers = vouchers_of(world)
    world.books.post([sale(1)])
    for wanted in (voucher("V-1", "payout", "strpe/main", 5), voucher("V-2", "supplier_paid", "Akme", 5)):
        with pytest.raises(Invalid):
            vouchers.post(wanted, FINANCE)
    vouchers.post(voucher("V-1", "payout", "stripe/main", 5), FINANCE)
    vouchers.post(voucher("V-2", "supplier_paid", "Acme", 5), FINANCE)
    assert world.books.balance("supplier_payable:Acme:CNY") == -5
    assert closings(world) == {
        "clearing:stripe/main:CNY": 985,
        "sales:CNY": -990,
        "supplier_payable:CNY": 5,
    }


@pytest.mark.parametrize("way", Way)
def test_a_voucher_that_breaks_off_and_comes_again_is_booked_once(engine: Engine, way: Way) -> None:
    world = engine.world()
    for number in range(2):
        process, wire = world.another_process(), Wire(number, way)
        wanted = voucher(f"V-{number}", "partner_top_up", "prt_1", 50)
        with suppress(Unavailable, Killed), wire.carrying(process.dynamodb):
            vouchers_of(process).post(wanted, FINANCE)
        assert wire.broken
        vouchers_of(world).post(wanted, FINANCE)
    assert world.books.balance(BALANCE) == 100
    check_books(world)


# a second person


BOB = Origin("operator:bob", "192.0.2.9", "seen at the bank")


def limited(world: World, payment_minor: int, day_minor: int) -> Vouchers:
    world.refund_limits = RefundLimits({"CNY": RefundLimit(payment_minor, day_minor)})
    return vouchers_of(world)


def test_above_the_limit_a_balance_is_given_once_another_person_sends_the_same(world: World) -> None:
    vouchers, wanted = limited(world, 100, 1_000), voucher("V-1", "partner_top_up", "prt_1", 101)
    for _ in range(2):
        assert vouchers.post(wanted, FINANCE).waits
    assert world.scan("accounts") == []
    with pytest.raises(IdempotencyConflict):
        vouchers.post(voucher("V-1", "partner_top_up", "prt_1", 102), BOB)
    with pytest.raises(NotReversible):
        vouchers.reverse("R-1", "V-1", BOB)
    (first, *others) = at_once([partial(vouchers.post, wanted, BOB)] * 8)
    assert isinstance(first, Voucher)
    assert (first.waits, first.asked_by, first.changed_by) == (False, FINANCE.by, BOB.by)
    assert {each.version for each in others if isinstance(each, Voucher)} == {2}
    assert not vouchers.post(wanted, FINANCE).waits
    assert closings(world) == {"bank:CNY": 101, "partner_balance:CNY": -101}


def test_a_person_gives_no_more_on_a_day_by_giving_it_in_parts_at_once(world: World) -> None:
    vouchers = limited(world, 100, 250)
    some = [voucher(f"V-{number}", "credit_granted", "cus_1", 100) for number in range(6)]
    found = at_once([partial(vouchers.post, each, FINANCE) for each in some])
    assert sorted(each.waits for each in found if isinstance(each, Voucher)) == [False] * 2 + [True] * 4
    assert world.books.balance("customer_credit:cus_1:CNY") == 200
    check_books(world)


def test_what_gives_nobody_a_balance_takes_one_person_and_taking_it_back_to_a_holder_takes_two(world: World) -> None:
    vouchers = limited(world, 100, 250)
    assert not vouchers.post(voucher("V-1", "supplier_paid", "Acme", 10_000), FINANCE).waits
    wanted = voucher("V-2", "partner_top_up", "prt_1", 500)
    vouchers.post(wanted, FINANCE)
    vouchers.post(wanted, BOB)
    assert not vouchers.post(voucher("V-3", "partner_withdrawal", "prt_1", 400), FINANCE).waits
    assert vouchers.reverse("R-3", "V-3", FINANCE).waits
    assert world.books.balance(BALANCE) == 100
    assert not vouchers.reverse("R-3", "V-3", BOB).waits
    assert world.books.balance(BALANCE) == 500
    check_books(world)


# the desk


def post(desk: Desk, body: Mapping[str, object], group: str = "finance") -> tuple[int, dict[str, object]]:
    return desk.ask(group, "POST", "books/vouchers", {"reason": "bank statement", **body})


def test_finance_books_lists_and_reverses_vouchers_and_others_do_not(desk: Desk) -> None:
    body = {
        "voucher_no": "2026-0117",
        "kind": "partner_top_up",
        "holder": "prt_1",
        "amount": {"amount_minor": 400, "currency": "CNY"},
    }
    for group in ("support", "operator", "auditor"):
        assert post(desk, body, group)[1]["code"] == "not_in_group"
    first, again = post(desk, body), post(desk, body)
    assert first == again
    assert (first[0], first[1]["changed_by"], first[1]["reason"]) == (201, "operator:sue", "bank statement")
    assert post(desk, {**body, "holder": "prt_2"})[1]["code"] == "idempotency_conflict"
    reason = {"voucher_no": "2026-0118", "reason": "twice on the statement"}
    status, reversed_one = desk.ask("admin", "POST", "books/vouchers/2026-0117/reversal", reason)
    assert (status, reversed_one["reverses"]) == (201, "2026-0117")
    reason["voucher_no"] = "2026-0119"
    assert desk.ask("admin", "POST", "books/vouchers/2026-0117/reversal", reason)[1]["code"] == (
        "voucher_already_reversed"
    )
    query = f"day={utc_date(desk.world.now_ms())}&limit=1"
    page = desk.told("auditor", "GET", "books/vouchers", query=query)
    following = desk.told("auditor", "GET", "books/vouchers", query=f"{query}&cursor={page['cursor']}")
    assert [each["voucher_no"] for each in (*page["vouchers"], *following["vouchers"])] == ["2026-0117", "2026-0118"]
    assert desk.told("finance", "GET", "books/balances", query="kind=partner_balance")["balances"] == [
        {"account": BALANCE, "holder": "prt_1", "currency": "CNY", "balance_minor": 0}
    ]
    check_books(desk.world)


def test_a_voucher_is_no_payment_on_the_desk(desk: Desk) -> None:
    posted = vouchers_of(desk.world).post(voucher("V-1", "partner_top_up", "prt_1", 5), FINANCE)
    with pytest.raises(PaymentNotFound):
        desk.world.desk.payment(posted.voucher_id)
    assert desk.world.desk.waiting(10) == []


def test_a_source_of_keys_and_a_supplier_are_paid_and_nobody_else_is(desk: Desk) -> None:
    desk.world.import_codes(new_codes(1), source="Acme Ltd.", unit_cost=Money(700, "CNY"))
    desk.world.suppliers.add(new_supplier("house", OPERATOR, desk.world.now_ms()))
    amount = {"amount_minor": 700, "currency": "CNY"}
    for holder, status in (("Acme Ltd.", 201), ("house", 201), ("Acme Ltd", 422), ("horse", 422)):
        body = {
            "voucher_no": f"V-{holder.replace(' ', '-')}",
            "kind": "supplier_paid",
            "holder": holder,
            "amount": amount,
        }
        assert post(desk, body)[0] == status


def test_a_body_that_is_wrong_books_nothing(desk: Desk) -> None:
    good = {
        "voucher_no": "V-1",
        "kind": "partner_top_up",
        "holder": "prt_1",
        "amount": {"amount_minor": 400, "currency": "CNY"},
    }
    for wrong in (
        {"voucher_no": "V/1"},
        {"voucher_no": "V-1\n"},
        {"kind": "gift"},
        {"holder": ""},
        {"amount": {"amount_minor": 0, "currency": "CNY"}},
        {"amount": {"amount_minor": -1, "currency": "CNY"}},
        {"amount": {"amount_minor": 1.5, "currency": "CNY"}},
        {"amount": {"amount_minor": 1, "currency": "XXX"}},
        {"reason": ""},
        {"debit": "bank"},
    ):
        assert post(desk, {**good, **wrong})[0] == 422, wrong
    assert desk.world.scan("accounts") == []


def test_a_voucher_is_audited_and_told_and_booked_no_second_time_by_the_relay(desk: Desk, relay: Relay) -> None:
    world = relay.stage.world
    vouchers_of(world).post(voucher("V-1", "partner_top_up", "prt_1", 500), FINANCE)
    vouchers_of(world).reverse("V-2", "V-1", FINANCE)
    stream = f"arn:aws:dynamodb:eu-central-1:1:table/{world.names['payments']}/stream/1"
    records = [
        {
            "eventID": f"event-{number}",
            "eventSourceARN": stream,
            "dynamodb": {
                "Keys": {"payment_id": item["payment_id"]},
                "NewImage": item,
                "SequenceNumber": f"{number:021d}",
            },
        }
        for number, item in enumerate(world.scan("payments"))
    ]
    assert len(records) == 3  # the second voucher stands beside the first one, which so is reversed once
    assert relay.relays(records) == relay.relays(records) == []
    assert sorted(set(relay.names())) == ["voucher.posted", "voucher.reversed"]
    audited = [item for item in world.scan("audit") if item["subject"]["S"].startswith("voucher:")]
    assert {item["reason"]["S"] for item in audited if "reason" in item} == {FINANCE.reason}
    assert closings(world) == {}
    assert relay_books().balance(BALANCE) == 0
