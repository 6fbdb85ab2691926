"""The sandbox's books: one decision, never more back than was paid, and no link that leads astray."""

from dataclasses import replace
from typing import Any

import pytest

from functions.payment_sandbox.trades import (
    LATE_GRACE_MS,
    MAX_REFUNDS,
    Decision,
    Link,
    OtherRefund,
    Refused,
    Trade,
    decided,
    give_back,
    link_of,
    standing,
    told,
)
from keyrail.ordering.service.checkout import LEASE_GRACE_MS
from keyrail.payments.model.attempts import attempt_id
from keyrail.platform.errors import Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

NOW_MS = 1_790_000_000_000
SAID = {
    "merchant": "sbx_1",
    "attempt_id": attempt_id(derived_id("ord", "sandbox"), 1),
    "amount_minor": "1990",
    "currency": "CNY",
    "title": "Order 1",
    "notify_url": "https://api.example/webhooks/payments/sandbox/main",
    "return_url": "https://shop.example/thanks",
    "expires_at_ms": str(NOW_MS + 900_000),
}
LINK = link_of(SAID, "merchant=sbx_1")


def trade_of(decision: Decision, link: Link = LINK, late_after_s: int | None = None) -> Trade:
    return decided(link, decision, late_after_s, NOW_MS)


def refunded(trade: Trade, refund_id: str, amount_minor: int, reference: str = "") -> Trade | Refused:
    amount = Money(amount_minor, "CNY")
    return give_back(trade, refund_id, reference or trade.payments[0].reference, amount, NOW_MS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempt_id", "pay_1"),
        ("attempt_id", ""),
        ("amount_minor", "-1"),
        ("amount_minor", "19.90"),
        ("amount_minor", "١٩٩٠"),
        ("amount_minor", "10000000000000"),
        ("currency", "XXX"),
        ("return_url", "javascript:alert(1)"),
        ("return_url", ""),
        ("notify_url", ""),
        ("expires_at_ms", "soon"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(field: str, value: str) -> None:
    with pytest.raises(Invalid):
        link_of({**SAID, field: value}, "")
    with pytest.raises(Invalid):
        link_of({name: said for name, said in SAID.items() if name != field}, "")


def test_each_button_makes_the_payments_that_it_says() -> None:
    made = {decision: [(p.status, p.at_ms - NOW_MS) for p in trade_of(decision).payments] for decision in Decision}
    assert made == {
        Decision.PAY: [("paid", 0)],
        Decision.FAIL: [("failed", 0)],
        Decision.PAY_LATE: [("paid", 900_000 + LATE_GRACE_MS)],
        Decision.PAY_TWICE: [("paid", 0), ("paid", 0)],
    }
    first, second = trade_of(Decision.PAY_TWICE).payments
    assert first.reference != second.reference


def test_late_is_later_than_the_order_and_its_leases_last() -> None:
    assert LATE_GRACE_MS > LEASE_GRACE_MS


@pytest.mark.parametrize(
    ("expires_at_ms", "late_after_s", "late_ms"), [(NOW_MS - 10**9, None, 0), (NOW_MS + 900_000, 30, 30_000)]
)
def test_late_may_be_made_short_and_is_never_before_the_press(
    expires_at_ms: int, late_after_s: int | None, late_ms: int
) -> None:
    trade = trade_of(Decision.PAY_LATE, replace(LINK, expires_at_ms=expires_at_ms), late_after_s)
    assert trade.payments[0].at_ms == NOW_MS + late_ms


def test_the_same_decision_has_the_same_references_on_every_machine() -> None:
    assert trade_of(Decision.PAY) == trade_of(Decision.PAY)
    other = replace(LINK, merchant="sbx_2")
    assert trade_of(Decision.PAY, other).payments != trade_of(Decision.PAY).payments


def test_a_payment_that_is_not_there_yet_is_neither_paid_nor_given_back() -> None:
    trade = trade_of(Decision.PAY_LATE)
    assert standing(trade, NOW_MS) == ("open", None)
    assert refunded(trade, "rfd_1", 1) is Refused.NO_SUCH_PAYMENT
    assert standing(trade, trade.payments[0].at_ms) == ("paid", trade.payments[0])


def test_what_failed_is_not_given_back() -> None:
    trade = trade_of(Decision.FAIL)
    assert standing(trade, NOW_MS) == ("failed", trade.payments[0])
    assert refunded(trade, "rfd_1", 1) is Refused.NO_SUCH_PAYMENT


def test_never_more_is_given_back_of_a_payment_than_was_paid() -> None:
    trade = refunded(trade_of(Decision.PAY_TWICE), "rfd_1", 1990)
    assert isinstance(trade, Trade)
    assert refunded(trade, "rfd_2", 1) is Refused.MORE_THAN_WAS_PAID
    assert isinstance(refunded(trade, "rfd_2", 1990, trade.payments[1].reference), Trade)
    assert refunded(trade, "rfd_3", 1991, trade.payments[1].reference) is Refused.MORE_THAN_WAS_PAID
    assert refunded(trade, "rfd_3", 0, trade.payments[1].reference) is Refused.MORE_THAN_WAS_PAID
    yen = give_back(trade, "rfd_4", trade.payments[1].reference, Money(1, "JPY"), NOW_MS)
    assert yen is Refused.MORE_THAN_WAS_PAID


def test_one_payment_is_given_back_in_so_many_parts_and_no_more() -> None:
    trade: Trade | Refused = trade_of(Decision.PAY)
    for number in range(MAX_REFUNDS):
        assert isinstance(trade, Trade)
        trade = refunded(trade, f"rfd_{number}", 1)
    assert isinstance(trade, Trade)
    assert refunded(trade, "rfd_more", 1) is Refused.TOO_MANY_REFUNDS
    assert refunded(trade, "rfd_0", 1) is trade


def test_a_refund_is_done_once_for_its_number() -> None:
    trade = refunded(trade_of(Decision.PAY_TWICE), "rfd_1", 500)
    assert isinstance(trade, Trade)
    assert refunded(trade, "rfd_1", 500) is trade
    with pytest.raises(OtherRefund):
        refunded(trade, "rfd_1", 400)
    with pytest.raises(OtherRefund):
        refunded(trade, "rfd_1", 500, trade.payments[1].reference)


def test_each_payment_is_acknowledged_by_itself_and_once() -> None:
    trade = trade_of(Decision.PAY_TWICE)
    heard = told(trade, trade.payments[0].reference, NOW_MS)
    assert [payment.told_at_ms for payment in heard.payments] == [NOW_MS, None]
    assert heard.untold() == (heard.payments[1],)
    again: Any = told(heard, trade.payments[0].reference, NOW_MS + 1)
    assert again is heard
