"""A unit whose keys are bought: delivered with all of them, which are ours by then, or a person's."""

from dataclasses import replace

import pytest

from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.orders import Delivery, Order, Unit, UnitStatus
from keyrail.ordering.model.steps import fail_unit
from keyrail.ordering.model.supplying import (
    begin,
    give_up,
    hand_over,
    hear,
    hold,
    is_said_to_be_in_stock,
    may_go_on,
    starts_between,
)
from keyrail.ordering.model.work import Verdict, WorkKind
from keyrail.ordering.model.working import Saying, claim, say
from keyrail.suppliers.model.attempts import Decision, SupplyState
from keyrail.suppliers.model.outcomes import Success
from tests.unit.ordering.test_supplying import DONE, REFUSED, SYSTEM, UNIT, paid, wanted

KEYS = ("key_1", "key_2")


def asked() -> Order:
    """For two keys that the pool had none of."""
    order = paid()
    unit = replace(order.units[0], delivery=Delivery.KEY, account=None, quantity=2)
    attempt = replace(wanted(order), of_keys=True, quantity=2)
    return begin(replace(order, units=(unit,)), UNIT, attempt, Decision(at_ms=2_000, chosen="first"), SYSTEM)


def reference(order: Order) -> str:
    return (order.unit(UNIT).attempts or ())[-1].reference


def unit_after(order: Order, keys: tuple[str, ...] = KEYS, *, sold: bool = True) -> Unit:
    return hear(order, reference(order), DONE, SYSTEM, 3_000, keys=keys, sold=sold).unit(UNIT)


def said(order: Order, verdict: Verdict) -> Order:
    job = reference(order)
    claimed = claim(order, UNIT, job, SYSTEM, 7_000)
    saying = Saying(job=job, verdict=verdict, reference="asked their support")
    return say(claimed, UNIT, saying, SYSTEM, 7_000, anybodys=False, alone=True)


def test_it_is_delivered_with_the_keys_that_are_sold_to_it_by_the_same_write() -> None:
    unit = unit_after(asked())
    assert (unit.status, unit.key_ids) == (UnitStatus.DELIVERED, KEYS)


@pytest.mark.parametrize("keys", [(), KEYS[:1], ("key_1", "key_1")])
def test_it_is_never_delivered_with_fewer_keys(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="whole and once"):
        unit_after(asked(), keys)


def test_keys_that_are_not_sold_to_it_yet_wait_with_it() -> None:
    unit = unit_after(asked(), sold=False)
    assert (unit.status, unit.key_ids, is_said_to_be_in_stock(unit)) == (UnitStatus.QUEUED, KEYS, True)
    order = hear(asked(), reference(asked()), DONE, SYSTEM, 3_000, keys=KEYS)
    assert may_go_on(order, order.unit(UNIT))
    assert give_up(order, UNIT, Decision(at_ms=4_000), SYSTEM, 4_000).unit(UNIT).key_ids == ()


@pytest.mark.parametrize("keys", [(), KEYS[:1]])
def test_fewer_keys_than_were_bought_are_a_persons_and_nobody_else_is_asked(keys: tuple[str, ...]) -> None:
    order = hold(asked(), reference(asked()), DONE, keys, SYSTEM, 3_000)
    unit = order.unit(UNIT)
    assert (unit.status, unit.key_ids, unit.work.kind if unit.work else None) == (
        UnitStatus.UNKNOWN,
        keys,
        WorkKind.UNKNOWN,
    )
    assert hold(order, reference(order), DONE, keys, SYSTEM, 4_000) is order
    assert not may_go_on(order, unit)
    with pytest.raises(ValueError, match="may have been supplied"):
        fail_unit(order, UNIT, "sold_out", SYSTEM, 4_000)
    assert unit_after(order).work is None


@pytest.mark.parametrize(("verdict", "is_there"), [(Verdict.DONE, True), (Verdict.FAILED, False)])
def test_whatever_a_person_says_of_it_our_stock_is_looked_through_next(verdict: Verdict, is_there: bool) -> None:
    left = hold(asked(), reference(asked()), DONE, KEYS[:1], SYSTEM, 3_000)
    order = said(left, verdict)
    unit = order.unit(UNIT)
    assert (unit.status, unit.key_ids, unit.work) == (UnitStatus.QUEUED, KEYS[:1], None)
    assert is_said_to_be_in_stock(unit) is is_there
    assert [name for _, name in starts_between(left, order)] == [f"{UNIT}-{order.version}"]


def test_a_supplier_that_says_again_what_a_person_has_found_wanting_holds_nothing_up() -> None:
    order = said(hold(asked(), reference(asked()), DONE, (), SYSTEM, 3_000), Verdict.FAILED)
    assert hear(order, reference(order), Success(said="4"), SYSTEM, 8_000, keys=()) is order
    contradicted = said(hand_over(asked(), UNIT, SYSTEM, 6_000), Verdict.DONE)
    assert hear(contradicted, reference(contradicted), REFUSED, SYSTEM, 8_000) is not contradicted


def test_keys_that_a_unit_counted_on_it_counts_on_no_more_once_somebody_else_is_asked() -> None:
    order = said(hold(asked(), reference(asked()), DONE, KEYS[:1], SYSTEM, 3_000), Verdict.FAILED)
    following = replace(wanted(order, "second"), of_keys=True, quantity=2)
    assert begin(order, UNIT, following, Decision(at_ms=9_000), SYSTEM).unit(UNIT).key_ids == ()


def test_keys_that_came_wait_for_those_that_a_person_brings_and_not_for_an_account_that_one_credits() -> None:
    order = said(hold(asked(), reference(asked()), DONE, KEYS[:1], SYSTEM, 3_000), Verdict.DONE)
    left = hand_over(order, UNIT, SYSTEM, 8_000)
    assert left.unit(UNIT).key_ids == KEYS[:1]
    either = replace(left, units=(replace(left.units[0], delivery=Delivery.EITHER),))
    credited = hear(either, reference(either), Success(said="done"), SYSTEM, 9_000).unit(UNIT)
    assert (credited.status, credited.is_credited) == (UnitStatus.DELIVERED, True)


def test_what_keys_cost_is_booked_with_their_batch_and_not_once_more_with_the_unit() -> None:
    order = asked()
    done = hear(order, reference(order), DONE, SYSTEM, 3_000, keys=KEYS, sold=True)
    (attempt,) = done.unit(UNIT).attempts or ()
    assert (attempt.state, attempt.cost, entries_between(order, done)) == (SupplyState.SUCCEEDED, DONE.cost, ())
