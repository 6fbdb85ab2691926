"""What each change of an order, and each payment on the desk, means in the books."""

from dataclasses import replace

import pytest

from keyrail.ledger.model import JournalEntry, turnovers
from keyrail.ordering.model import disputes
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.orders import Channel, Order, OrderStatus, Unit
from keyrail.ordering.model.placing import assign
from keyrail.ordering.model.refunds import ask, give_back, give_by_hand, hear
from keyrail.ordering.model.steps import deliver, fail_unit, pay
from keyrail.payments.books import entries_between as desk_entries_between
from keyrail.payments.model import desk
from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState, Mismatch
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.payments.model.refunds import RefundAnswer, RefundState
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money

PROVIDER = Origin("provider:stripe/main", "192.0.2.1")
NOW_MS = 1_767_225_600_000
PRICE = Money(990, "CNY")
ORDER_ID = "ord_" + "0" * 26
FIRST, SECOND = (f"pay_{'0' * 26}0{number}" for number in (1, 2))
SALES, REFUNDS, SUSPENSE, BANK = "sales:CNY", "refunds:CNY", "suspense:CNY", "bank:CNY"
STRIPE, EPAY = "clearing:stripe/main:CNY", "clearing:epay/second:CNY"


def unpaid(price: Money = PRICE) -> Order:
    unit = Unit(unit_id="unt_1", sku_id="game-100", quantity=1, amount=price, key_ids=("key_1",))
    return Order(
        order_id=ORDER_ID,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=price,
        attempts=(
            PaymentAttempt(attempt_id=FIRST, provider="stripe", account="main", amount=price),
            PaymentAttempt(attempt_id=SECOND, provider="epay", account="second", amount=price),
        ),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS,
        **stamp(PROVIDER, NOW_MS),
    )


def paid(order: Order) -> Order:
    return pay(order, FIRST, "ref-1", PROVIDER, NOW_MS + 1)


def said(order: Order, state: RefundState) -> Order:
    (refund,) = order.refunds
    return hear(order, RefundAnswer(refund_id=refund.refund_id, state=state, status="said"), PROVIDER, NOW_MS + 9)


def moved(*entries: JournalEntry) -> dict[str, int]:
    return {name: turnover.balance_minor for name, turnover in turnovers(entries).items() if turnover.balance_minor}


def test_a_payment_is_a_sale_of_the_whole_amount_at_the_provider_that_was_paid() -> None:
    order = unpaid()
    (sale,) = entries_between(order, paid(order))
    assert moved(sale) == {STRIPE: 990, SALES: -990}
    assert (sale.source, sale.version, sale.what, sale.number) == (f"order:{ORDER_ID}", 2, "sale", FIRST)
    assert sale.at_ms == NOW_MS + 1


def test_a_payment_that_delivers_in_the_same_write_is_one_sale_and_delivering_later_none() -> None:
    order = unpaid()
    delivered = deliver(paid(order), {"unt_1": ("key_1",)}, PROVIDER, NOW_MS + 1)
    assert moved(*entries_between(order, delivered)) == {STRIPE: 990, SALES: -990}
    assert entries_between(paid(order), delivered) == ()
    assert entries_between(None, order) == ()


def test_a_refund_is_booked_when_the_provider_has_given_back_and_not_before() -> None:
    order = paid(unpaid())
    due = fail_unit(order, "unt_1", "sold_out", PROVIDER, NOW_MS + 2)
    asked = ask(due, due.refunds[0].refund_id, PROVIDER, NOW_MS + 3)
    processing = said(asked, RefundState.PROCESSING)
    back = said(processing, RefundState.SUCCEEDED)
    assert [entries_between(old, new) for old, new in ((order, due), (due, asked), (asked, processing))] == [()] * 3
    (refund,) = entries_between(processing, back)
    assert moved(refund) == {STRIPE: -990, REFUNDS: 990}
    assert (refund.what, refund.number) == ("refund", due.refunds[0].refund_id)
    assert entries_between(asked, said(asked, RefundState.FAILED)) == ()


def test_what_a_bank_takes_back_is_booked_when_it_has_decided_and_once() -> None:
    order = deliver(paid(unpaid()), {"unt_1": ("key_1",)}, PROVIDER, NOW_MS + 1)
    notice = DisputeNotice(
        provider="stripe",
        account="main",
        dispute_id="dp_1",
        reference="ref-1",
        attempt_id=None,
        amount=PRICE,
        status="said",
    )
    disputed = disputes.hear(order, notice, PROVIDER, NOW_MS + 2)
    lost = disputes.hear(disputed, replace(notice, state=DisputeState.LOST), PROVIDER, NOW_MS + 3)
    won = disputes.hear(disputed, replace(notice, state=DisputeState.WON), PROVIDER, NOW_MS + 3)
    assert [entries_between(old, new) for old, new in ((order, disputed), (disputed, won))] == [(), ()]
    (loss,) = entries_between(disputed, lost)
    assert moved(loss) == {STRIPE: -990, "disputes:CNY": 990}
    assert (loss.what, loss.number) == ("dispute_lost", (lost.disputes or ())[0].refund_id)
    assert entries_between(lost, replace(lost, version=9)) == ()


def test_what_was_given_back_by_hand_left_our_bank_and_not_the_provider() -> None:
    order = paid(unpaid())
    due = fail_unit(order, "unt_1", "sold_out", PROVIDER, NOW_MS + 2)
    failed = said(ask(due, due.refunds[0].refund_id, PROVIDER, NOW_MS + 3), RefundState.FAILED)
    given = give_by_hand(failed, failed.refunds[0].refund_id, "transfer 4711", PROVIDER, NOW_MS + 4)
    assert moved(*entries_between(failed, given)) == {BANK: -990, REFUNDS: 990}


def test_a_refund_that_comes_back_stands_at_the_provider_again() -> None:
    order = paid(unpaid())
    due = fail_unit(order, "unt_1", "sold_out", PROVIDER, NOW_MS + 2)
    asked = ask(due, due.refunds[0].refund_id, PROVIDER, NOW_MS + 3)
    back = said(asked, RefundState.SUCCEEDED)
    returned = replace(asked, version=back.version + 1)
    assert moved(*entries_between(back, returned)) == {STRIPE: 990, REFUNDS: -990}
    assert moved(*entries_between(asked, back), *entries_between(back, returned)) == {}


@pytest.mark.parametrize(("attempt", "account"), [(SECOND, EPAY), (FIRST, STRIPE)])
def test_a_second_payment_is_no_sale_but_in_suspense_until_it_is_back(attempt: str, account: str) -> None:
    order = paid(unpaid())
    owing = give_back(order, attempt, "ref-2", PROVIDER, NOW_MS + 2)
    (surplus,) = entries_between(order, owing)
    assert moved(surplus) == {account: 990, SUSPENSE: -990}
    asked = ask(owing, owing.refunds[0].refund_id, PROVIDER, NOW_MS + 3)
    back = said(asked, RefundState.SUCCEEDED)
    assert entries_between(owing, asked) == ()
    assert moved(surplus, *entries_between(asked, back)) == {}


def test_what_costs_nothing_is_not_booked() -> None:
    order = unpaid(Money(0, "CNY"))
    assert entries_between(order, paid(order)) == ()


def test_a_refund_of_no_attempt_is_not_guessed_about() -> None:
    order = paid(unpaid())
    stray = fail_unit(order, "unt_1", "sold_out", PROVIDER, NOW_MS + 2)
    stray = replace(stray, refunds=(replace(stray.refunds[0], attempt_id="pay_nobody"),))
    with pytest.raises(ValueError, match="no attempt"):
        entries_between(order, stray)


def unmatched(reason: Mismatch, amount: Money | None = PRICE) -> UnmatchedPayment:
    return UnmatchedPayment(
        payment_id="upm_1",
        provider="stripe",
        account="main",
        merchant="acct_1",
        attempt_id="pay_nobody",
        reference="ref",
        amount=amount,
        provider_status="paid",
        reason=reason,
        received_at_ms=NOW_MS,
        **stamp(PROVIDER, NOW_MS),
    )


@pytest.mark.parametrize(
    "reason",
    [
        Mismatch.UNKNOWN_ATTEMPT,
        Mismatch.WRONG_ACCOUNT,
        Mismatch.WRONG_CURRENCY,
        Mismatch.UNDER_PAID,
        Mismatch.OVER_PAID,
    ],
)
def test_money_that_nobody_can_place_is_in_suspense(reason: Mismatch) -> None:
    (entry,) = desk_entries_between(None, unmatched(reason))
    assert moved(entry) == {STRIPE: 990, SUSPENSE: -990}
    assert (entry.source, entry.what, entry.number) == ("payment:upm_1", "unmatched", "pay_nobody")


@pytest.mark.parametrize(
    "reason", [Mismatch.NOT_PAID, Mismatch.WRONG_MERCHANT, Mismatch.DISPUTED, Mismatch.REFUND_FAILED]
)
def test_what_did_not_come_to_us_is_not_booked(reason: Mismatch) -> None:
    assert desk_entries_between(None, unmatched(reason)) == ()


def test_a_payment_that_is_sent_back_is_in_suspense_until_it_has_gone_and_again_if_it_comes_back() -> None:
    there = unmatched(Mismatch.OVER_PAID)
    due = desk.send_back(there, PROVIDER, NOW_MS)
    assert due.refund is not None
    asked = desk.ask(due, due.refund.refund_id, PROVIDER, NOW_MS)
    back, refused = (
        desk.hear(asked, RefundAnswer(refund_id=due.refund.refund_id, state=state, status="said"), PROVIDER, NOW_MS)
        for state in (RefundState.SUCCEEDED, RefundState.FAILED)
    )
    assert [desk_entries_between(*each) for each in ((there, due), (due, asked), (asked, refused))] == [()] * 3
    (refund,) = desk_entries_between(asked, back)
    assert moved(refund) == {STRIPE: -990, SUSPENSE: 990}
    assert (refund.source, refund.what, refund.number) == ("payment:upm_1", "refund", due.refund.refund_id)
    returned = replace(refused, version=back.version + 1)
    assert moved(*desk_entries_between(back, returned)) == {STRIPE: 990, SUSPENSE: -990}


def test_a_payment_that_is_off_the_desk_because_an_order_has_it_goes_out_as_it_came() -> None:
    there = unmatched(Mismatch.UNDER_PAID)
    off = desk.dismiss(there, PROVIDER, NOW_MS, is_booked=True)
    assert moved(*desk_entries_between(None, there), *desk_entries_between(there, off)) == {}
    assert desk_entries_between(off, replace(off, version=9)) == ()
    unpaid_for = unmatched(Mismatch.NOT_PAID)
    assert desk_entries_between(unpaid_for, desk.dismiss(unpaid_for, PROVIDER, NOW_MS)) == ()


@pytest.mark.parametrize("minor", [500, 990, 1_500])
def test_what_an_operator_places_leaves_suspense_for_sales_with_what_was_received(minor: int) -> None:
    came = Money(minor, "CNY")
    there = replace(unmatched(Mismatch.UNKNOWN_ATTEMPT, came), attempt_id="till-1")
    (put,) = desk_entries_between(None, there)
    order = unpaid()
    settled = assign(order, there, PROVIDER, NOW_MS, accept_amount=True)
    assigned = desk.place(there, desk.DeskStatus.ASSIGNED, ORDER_ID, FIRST, PROVIDER, NOW_MS)
    assert desk_entries_between(there, assigned) == ()
    (sale,) = entries_between(order, settled)
    assert moved(sale) == {SUSPENSE: minor, SALES: -minor}
    assert moved(put, sale) == {STRIPE: minor, SALES: -minor}
    due = fail_unit(settled, "unt_1", "sold_out", PROVIDER, NOW_MS)
    back = said(ask(due, due.refunds[0].refund_id, PROVIDER, NOW_MS), RefundState.SUCCEEDED)
    (refund,) = entries_between(due, back)
    assert moved(put, sale, refund) == {SALES: -minor, REFUNDS: minor}


def test_a_payment_comes_onto_the_desk_once_and_one_of_no_amount_is_not_booked() -> None:
    there = unmatched(Mismatch.UNDER_PAID)
    assert desk_entries_between(there, replace(there, version=2)) == ()
    assert desk_entries_between(None, unmatched(Mismatch.WRONG_CURRENCY, None)) == ()
    assert desk_entries_between(None, unmatched(Mismatch.UNKNOWN_ATTEMPT, Money(0, "CNY"))) == ()
