"""A unit that is supplied: one at a time is asked, and while nobody knows, nobody else is (promise I7)."""

from dataclasses import replace

import pytest

from keyrail.ledger.model import Account, AccountKind, credit, debit
from keyrail.ordering.model import disputes
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import (
    Channel,
    Delivery,
    Order,
    OrderStatus,
    Unit,
    UnitStatus,
    order_id,
    unit_id,
)
from keyrail.ordering.model.steps import fail_unit, pay
from keyrail.ordering.model.supplying import (
    NotSuppliable,
    begin,
    deliver_keys,
    give_up,
    hand_over,
    hear,
    next_reference,
    starts_between,
)
from keyrail.ordering.model.work import WorkKind
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import MAX_ATTEMPTS_PER_UNIT, Decision, SupplyAttempt, SupplyState
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from tests.disputes import dispute

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


@pytest.mark.parametrize(
    ("cost", "is_told"),
    [(PRICE, False), (None, False), (Money(991, "CNY"), True), (Money(1, "USD"), True)],
)
def test_of_a_supplier_that_took_more_than_its_limit_is_told(cost: Money | None, is_told: bool) -> None:
    asked = begun(paid())
    told = [each.name for each in events_between(asked, after(asked, Success(said="4", cost=cost)))]
    assert ("order.supply_overpaid" in told) is is_told


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
        "queued",
        "recharging",
        "unknown",
        "recharging",
        "delivered",
    ]


def test_there_are_only_so_many_tries_and_what_nobody_sees_to_after_them_is_owed_back() -> None:
    order = paid()
    for _ in range(MAX_ATTEMPTS_PER_UNIT):
        order = after(begun(order), REFUSED)
    with pytest.raises(NotSuppliable):
        begun(order)
    left = hand_over(order, UNIT, SYSTEM, 6_000)
    assert (left.unit(UNIT).status, [refund.amount for refund in left.refunds]) == (UnitStatus.FAILED, [PRICE])


def test_the_account_of_the_buyer_is_not_printed() -> None:
    assert "13800138000" not in repr(paid())


def test_an_attempt_of_another_number_is_not_begun() -> None:
    order = paid()
    strange = replace(wanted(order), reference=wanted(order).reference[:-2] + "02")
    with pytest.raises(NotSuppliable):
        begin(order, UNIT, strange, Decision(at_ms=2_000, chosen="first"), SYSTEM)


def disputed(order: Order, state: DisputeState, dispute_id: str = "dp_1") -> Order:
    notice = dispute("T-1", PRICE, state, dispute_id)
    return disputes.hear(order, notice, SYSTEM, 5_000)


def test_while_a_bank_may_take_the_money_back_nobody_is_asked() -> None:
    with pytest.raises(NotSuppliable):
        begun(disputed(paid(), DisputeState.OPEN))
    won = begun(disputed(disputed(paid(), DisputeState.OPEN), DisputeState.WON))
    assert won.unit(UNIT).open_attempt() is not None


def test_what_a_bank_took_is_given_up_unless_it_may_have_been_supplied() -> None:
    assert disputed(paid(), DisputeState.LOST).unit(UNIT).status is UnitStatus.REFUNDED
    order = disputed(begun(paid()), DisputeState.LOST)
    assert order.unit(UNIT).status is UnitStatus.RECHARGING
    assert is_frozen(order)


@pytest.mark.parametrize(
    ("outcome", "unit_status", "given_up"), [(REFUSED, UnitStatus.REFUNDED, (UNIT,)), (DONE, UnitStatus.DELIVERED, ())]
)
def test_what_a_bank_took_meanwhile_is_given_up_once_it_surely_was_not_supplied(
    outcome: Outcome, unit_status: UnitStatus, given_up: tuple[str, ...]
) -> None:
    lost = disputed(begun(paid()), DisputeState.LOST)
    order = after(lost, outcome)
    assert order.unit(UNIT).status is unit_status
    assert order.version == lost.version + 1
    assert (order.refunds, is_frozen(order)) == ((), False)
    (dispute,) = order.disputes or ()
    assert (dispute.unit_ids, dispute.awaits) == (given_up, None)


@pytest.mark.parametrize(("outcome", "unit_status"), [(REFUSED, UnitStatus.REFUNDED), (DONE, UnitStatus.DELIVERED)])
def test_what_two_disputes_wait_for_is_over_for_both(outcome: Outcome, unit_status: UnitStatus) -> None:
    lost = disputed(disputed(begun(paid()), DisputeState.LOST), DisputeState.LOST, "dp_2")
    order = after(lost, outcome)
    assert (order.unit(UNIT).status, order.version, is_frozen(order)) == (unit_status, lost.version + 1, False)
    assert [dispute.awaits for dispute in order.disputes or ()] == [None, None]


def test_an_account_that_was_credited_is_not_given_up_for_a_bank() -> None:
    order = disputed(after(begun(paid()), DONE), DisputeState.LOST)
    assert (order.unit(UNIT).status, is_frozen(order)) == (UnitStatus.DELIVERED, False)


def test_what_a_supplier_took_is_owed_to_it_from_its_word_that_it_is_done() -> None:
    asked = begun(paid())
    done = after(asked, Processing(said="3"), DONE)
    (entry,) = entries_between(asked, done)
    assert entry.postings == (
        debit(Account(AccountKind.COST_OF_GOODS, "CNY"), Money(950, "CNY")),
        credit(Account(AccountKind.SUPPLIER_PAYABLE, "CNY", "main"), Money(950, "CNY")),
    )
    unsaid, nothing = after(asked, Success(said="4")), after(asked, Success(said="4", cost=Money(0, "CNY")))
    for old, new in ((done, done), (asked, unsaid), (asked, nothing), (asked, after(asked, REFUSED))):
        assert entries_between(old, new) == ()


def _kind(order: Order) -> WorkKind | None:
    work = order.unit(UNIT).work
    return work.kind if work else None


def test_a_person_who_has_a_unit_has_it_alone_and_until_it_is_decided() -> None:
    unknown = hand_over(begun(paid()), UNIT, SYSTEM, 6_000)
    assert _kind(unknown) is WorkKind.UNKNOWN
    assert hand_over(unknown, UNIT, SYSTEM, 7_000) is unknown
    assert after(unknown, Unknown(said="no_answer")).unit(UNIT).work is not None
    assert after(unknown, DONE).unit(UNIT).work is None
    by_hand = hand_over(paid(), UNIT, SYSTEM, 6_000)
    assert _kind(by_hand) is WorkKind.MANUAL
    with pytest.raises(NotSuppliable):
        begun(by_hand)
    with pytest.raises(ValueError, match="may have been supplied"):
        fail_unit(by_hand, UNIT, "sold_out", SYSTEM, 7_000)
    assert after(by_hand, DONE).status is OrderStatus.DELIVERED


def test_a_unit_that_is_over_is_no_work() -> None:
    over = after(begun(paid()), DONE)
    assert hand_over(over, UNIT, SYSTEM, 6_000) is over


def test_keys_of_our_own_may_do_as_well_once_nobody_else_may_have_supplied_it() -> None:
    failed, decision = after(begun(paid()), REFUSED), Decision(at_ms=4_000, chosen="pool")
    order = deliver_keys(failed, UNIT, ("key_1",), decision, SYSTEM, 4_000)
    assert (order.status, order.unit(UNIT).key_ids) == (OrderStatus.DELIVERED, ("key_1",))
    with pytest.raises(NotSuppliable):
        deliver_keys(begun(paid()), UNIT, ("key_1",), decision, SYSTEM, 4_000)
    with pytest.raises(ValueError, match="whole"):
        deliver_keys(failed, UNIT, (), decision, SYSTEM, 4_000)


def test_nobody_is_left_only_when_nobody_may_have_supplied_it() -> None:
    with pytest.raises(NotSuppliable):
        give_up(begun(paid()), UNIT, Decision(at_ms=4_000), SYSTEM, 4_000)
    assert give_up(paid(), UNIT, Decision(at_ms=4_000), SYSTEM, 4_000).unit(UNIT).status is UnitStatus.FAILED


def test_a_unit_is_started_when_it_is_paid_freed_or_found_not_to_be_supplied() -> None:
    asked = begun(paid())
    with_person = hand_over(asked, UNIT, SYSTEM, 6_000)
    freed = after(with_person, REFUSED)
    frozen, won = disputed(paid(), DisputeState.OPEN), disputed(disputed(paid(), DisputeState.OPEN), DisputeState.WON)
    assert list(starts_between(unpaid(), paid())) == [(UNIT, UNIT)]
    assert list(starts_between(with_person, freed)) == [(UNIT, f"{UNIT}-{freed.version}")]
    assert list(starts_between(frozen, won)) == [(UNIT, f"{UNIT}-{won.version}")]
    quiet = [(None, unpaid()), (paid(), asked), (asked, after(asked, REFUSED)), (asked, with_person), (paid(), frozen)]
    assert [start for old, new in quiet for start in starts_between(old, new)] == []
    assert list(starts_between(with_person, after(with_person, DONE))) == []
