"""A unit that is supplied: one at a time is asked, and while nobody knows, nobody else is (promise I7)."""

from dataclasses import replace

import pytest

from keyrail.ordering.model.orders import Channel, Delivery, Order, OrderStatus, Unit, UnitStatus, order_id, unit_id
from keyrail.ordering.model.steps import fail_unit, pay
from keyrail.ordering.model.supplying import NotSuppliable, begin, hear, next_reference
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import MAX_ATTEMPTS_PER_UNIT, Decision, SupplyAttempt, SupplyState
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown

SYSTEM = Origin("system:test", "test")
ORDER = order_id("main", Channel.STOREFRONT, "an order of a recharge")
UNIT = unit_id(ORDER, 1)
PRICE = Money(990, "CNY")
DONE = Success(said="4", cost=Money(950, "CNY"))
REFUSED = DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)


def unpaid() -> Order:
    unit = Unit(
        unit_id=UNIT,
        sku_id="phone-10",
        quantity=1,
        amount=PRICE,
        key_ids=(),
        delivery=Delivery.RECHARGE,
        account={"phone": "13800138000"},
    )
    attempt = PaymentAttempt(attempt_id=attempt_id(ORDER, 1), provider="epay", account="main", amount=PRICE)
    return Order(
        order_id=ORDER,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=PRICE,
        attempts=(attempt,),
        request_hash=b"r",
        token_hash=b"t",
        created_at_ms=0,
        expires_at_ms=900_000,
        **stamp(SYSTEM, 0),
    )


def paid() -> Order:
    return pay(unpaid(), attempt_id(ORDER, 1), "T-1", SYSTEM, 1_000)


def wanted(order: Order, source: str = "first") -> SupplyAttempt:
    return SupplyAttempt(
        reference=next_reference(order.unit(UNIT)),
        source_id=source,
        supplier="main",
        item="1001",
        quantity=1,
        limit=PRICE,
        asked_at_ms=2_000,
        until_ms=9_000,
    )


def begun(order: Order, source: str = "first") -> Order:
    return begin(order, UNIT, wanted(order, source), Decision(at_ms=2_000, chosen=source), SYSTEM)


def after(order: Order, *outcomes: Outcome) -> Order:
    for number, outcome in enumerate(outcomes):
        attempts = order.unit(UNIT).attempts or ()
        order = hear(order, attempts[-1].reference, outcome, SYSTEM, 3_000 + number)
    return order


def test_an_unpaid_unit_is_asked_for_nowhere() -> None:
    with pytest.raises(NotSuppliable):
        begun(unpaid())


def test_what_is_asked_for_is_stored_before_and_counts_as_unknown() -> None:
    order = begun(paid())
    (attempt,) = order.unit(UNIT).attempts or ()
    assert (attempt.state, order.unit(UNIT).status) == (SupplyState.UNKNOWN, UnitStatus.RECHARGING)
    assert order.status is OrderStatus.FULFILLING


@pytest.mark.parametrize("answers", [(), (Unknown(said="no_answer"),), (Processing(said="3"),), (DONE,)])
def test_nobody_else_is_asked_unless_it_surely_failed(answers: tuple[Outcome, ...]) -> None:
    order = after(begun(paid()), *answers)
    with pytest.raises(NotSuppliable):
        begun(order, "second")


@pytest.mark.parametrize("answers", [(), (Unknown(said="no_answer"),), (Processing(said="3"),)])
def test_nothing_is_given_back_while_it_may_have_been_supplied(answers: tuple[Outcome, ...]) -> None:
    with pytest.raises(ValueError, match="may have been supplied"):
        fail_unit(after(begun(paid()), *answers), UNIT, "sold_out", SYSTEM, 4_000)


def test_what_surely_failed_is_asked_for_elsewhere_under_another_reference() -> None:
    order = begun(after(begun(paid()), REFUSED), "second")
    first, second = order.unit(UNIT).attempts or ()
    assert first.reference != second.reference
    assert [each.chosen for each in order.unit(UNIT).decisions or ()] == ["first", "second"]
    assert after(order, DONE).status is OrderStatus.DELIVERED


def test_what_surely_failed_everywhere_is_owed_back() -> None:
    order = fail_unit(after(begun(paid()), REFUSED), UNIT, "sold_out", SYSTEM, 4_000)
    assert (order.unit(UNIT).status, [each.amount for each in order.refunds]) == (UnitStatus.FAILED, [PRICE])
    with pytest.raises(NotSuppliable):
        begun(order)


def test_a_word_of_the_past_changes_nothing() -> None:
    order = after(begun(after(begun(paid()), REFUSED), "second"), DONE)
    first, second = order.unit(UNIT).attempts or ()
    for reference in (first.reference, second.reference, "of nobody"):
        assert hear(order, reference, Unknown(said="no_answer"), SYSTEM, 9_000) is order


def test_a_unit_tells_how_it_went() -> None:
    order = after(begun(paid()), Unknown(said="no_answer"), Processing(said="3"), DONE)
    assert [step.status for step in order.unit(UNIT).history or ()] == [
        "recharging",
        "unknown",
        "recharging",
        "delivered",
    ]


def test_there_are_only_so_many_tries() -> None:
    order = paid()
    for _ in range(MAX_ATTEMPTS_PER_UNIT):
        order = after(begun(order), REFUSED)
    with pytest.raises(NotSuppliable):
        begun(order)


def test_the_account_of_the_buyer_is_not_printed() -> None:
    assert "13800138000" not in repr(paid())


def test_an_attempt_of_another_number_is_not_begun() -> None:
    order = paid()
    strange = replace(wanted(order), reference=wanted(order).reference[:-2] + "02")
    with pytest.raises(NotSuppliable):
        begin(order, UNIT, strange, Decision(at_ms=2_000, chosen="first"), SYSTEM)
