"""The largest order that limits allow: it fits its item, and each of its units comes to an end."""

from dataclasses import replace

import pytest

from keyrail.catalog.account_fields import MAX_ACCOUNT_FIELDS, MAX_ACCOUNT_LENGTH
from keyrail.ordering.model.contradictions import see_to, waits_for_it
from keyrail.ordering.model.orders import (
    MAX_ATTEMPTS_PER_ORDER,
    MAX_LINES,
    MAX_REFUND_REQUESTS,
    MAX_SECOND_PAYMENTS,
    Order,
    TooManyRefunds,
    Unit,
    UnitStatus,
    unit_id,
)
from keyrail.ordering.model.refund_requests import reject, requested, wait_for_approval
from keyrail.ordering.model.refunds import give_back
from keyrail.ordering.model.room import MAX_ITEM_BYTES, ROOM_FOR_TRIES, reckoned_bytes
from keyrail.ordering.model.steps import pay
from keyrail.ordering.model.supplying import begin, give_up, hand_over, hear, may_begin, next_reference
from keyrail.ordering.model.work import MAX_EVIDENCE_LENGTH, MAX_EVIDENCE_REFERENCE_LENGTH, Verdict
from keyrail.ordering.model.working import Saying, approve, claim, say
from keyrail.payments.model.refunds import RefundRequest
from keyrail.platform.changes import Origin
from keyrail.platform.documents import to_attributes
from keyrail.platform.errors import Invalid
from keyrail.suppliers.model.attempts import MAX_ATTEMPTS_PER_UNIT, Decision, SupplyAttempt
from keyrail.suppliers.model.outcomes import MAX_SAID_LENGTH, Success, Unknown
from keyrail.suppliers.model.routing import PassedOver
from keyrail.suppliers.model.sources import MAX_ITEM_LENGTH, MAX_SOURCES_PER_SKU
from tests.item_size import item_bytes
from tests.jobs import PRICE, REFUSED, SYSTEM, unpaid

NOW_MS = 1_795_000_000_000
WIDEST = "😀"  # four bytes a character
NAME_LENGTH, REASON_LENGTH, OPERATOR_LENGTH, REFERENCE_LENGTH = 63, 500, 128, 64
LONGEST_REASON = max(PassedOver, key=len)
ROOM_LEFT = 20_000  # bytes, for what no limit of an order is for: the attributes of its indexes, its last change
WORDS = WIDEST * REASON_LENGTH
ONE, OTHER = (Origin(f"operator:{name * OPERATOR_LENGTH}", "192.0.2.7", WORDS) for name in "ab")


def source(number: int) -> str:
    return f"{number:02d}".ljust(NAME_LENGTH, "s")


def decision(chosen: str | None) -> Decision:
    others = [source(number) for number in range(MAX_SOURCES_PER_SKU) if source(number) != chosen]
    return Decision(at_ms=NOW_MS, chosen=chosen, passed_over=dict.fromkeys(others, LONGEST_REASON))


def large(lines: int, fields: int) -> Order:
    """Paid, of so many recharges, with as much in it as a buyer and their payments may bring."""
    small = unpaid()
    account = {f"{number}".ljust(32, "f"): WIDEST * MAX_ACCOUNT_LENGTH for number in range(fields)}
    shown = replace(small.units[0], sku_id="s" * NAME_LENGTH, account=account, account_mask=account)
    units = tuple(replace(shown, unit_id=unit_id(small.order_id, number + 1)) for number in range(lines))
    attempt = replace(small.attempts[0], account="a" * 64, merchant="m" * 64)
    order = replace(small, units=units, total=PRICE.times(lines), attempts=(attempt,) * MAX_ATTEMPTS_PER_ORDER)
    return pay(order, attempt.attempt_id, "T" * 64, SYSTEM, NOW_MS)


def begun(order: Order, unit: Unit) -> Order:
    name = source(len(unit.attempts or ()) % MAX_SOURCES_PER_SKU)
    attempt = SupplyAttempt(
        reference=next_reference(unit),
        source_id=name,
        supplier="s" * 64,
        item="i" * MAX_ITEM_LENGTH,
        quantity=1,
        limit=PRICE,
        asked_at_ms=NOW_MS,
        until_ms=NOW_MS,
        asker="a" * 16,
    )
    return begin(order, unit.unit_id, attempt, decision(name), SYSTEM)


def spoken(order: Order, unit: Unit, job: str, by: Origin, *, again: bool = False) -> Order:
    """As long as may be said, or as short as people say it otherwise."""
    long = Saying(
        job=job,
        verdict=Verdict.FAILED,
        text=WIDEST * MAX_EVIDENCE_LENGTH,
        reference=WIDEST * MAX_EVIDENCE_REFERENCE_LENGTH,
    )
    short = replace(long, text="no", reference=None)
    for saying, origin in ((long, by), (short, replace(by, reason="asked them"))):
        try:
            if again:
                return see_to(order, unit.unit_id, saying, origin, NOW_MS, another_person=True)
            said = say(order, unit.unit_id, saying, origin, NOW_MS, anybodys=False, alone=False)
            return approve(said, unit.unit_id, job, replace(OTHER, reason="I agree"), NOW_MS)
        except Invalid:
            continue
    raise AssertionError("nothing can be said any more")


def round_of(order: Order) -> Order:
    """Each unit that may be is asked for, found out about by a person, who is contradicted, which a person sees to."""
    for step in (_asked, _left, _claimed, _said, _contradicted, _seen):
        for unit in order.units:
            order = step(order, order.unit(unit.unit_id))
    return order


def _asked(order: Order, unit: Unit) -> Order:
    if not may_begin(order, unit):
        return order
    order = begun(order, unit)
    said = Unknown(said=WIDEST * MAX_SAID_LENGTH, their_reference="t" * REFERENCE_LENGTH)
    return hear(order, next_reference(unit), said, SYSTEM, NOW_MS)


def _left(order: Order, unit: Unit) -> Order:
    return hand_over(order, unit.unit_id, SYSTEM, NOW_MS) if unit.open_attempt() else order


def _claimed(order: Order, unit: Unit) -> Order:
    return claim(order, unit.unit_id, unit.work.job, ONE, NOW_MS) if unit.work else order


def _said(order: Order, unit: Unit) -> Order:
    return spoken(order, unit, unit.work.job, ONE) if unit.work else order


def _contradicted(order: Order, unit: Unit) -> Order:
    job = unit.jobs[-1].job if unit.jobs else ""
    return hear(order, job, Success(said=WIDEST * MAX_SAID_LENGTH, cost=PRICE), SYSTEM, NOW_MS)


def _seen(order: Order, unit: Unit) -> Order:
    return spoken(order, unit, unit.jobs[-1].job, OTHER, again=True) if waits_for_it(unit) else order


def with_refunds(order: Order) -> Order:
    """Asked for again and again of a unit that was delivered, and turned down."""
    first = order.units[0]
    for number in range(MAX_REFUND_REQUESTS):
        request = RefundRequest(by=ONE.by, at_ms=NOW_MS, why=WORDS, fingerprint="f" * 64, even_if_used=True)
        try:
            refund = requested(order, f"ref_{number:026d}", (first,), request)
        except TooManyRefunds:
            return order
        order = reject(wait_for_approval(order, refund, ONE, NOW_MS), refund, OTHER, NOW_MS)
    return order


def ended(order: Order) -> Order:
    """Given up by the last of its decisions, and paid again as often as that goes back by itself."""
    for unit in order.units:
        if unit.is_open:
            order = give_up(order, unit.unit_id, decision(None), SYSTEM, NOW_MS)
    for number in range(MAX_SECOND_PAYMENTS):
        order = give_back(order, order.attempts[0].attempt_id, f"{number}".ljust(64, "T"), SYSTEM, NOW_MS)
    return order


def stored_bytes(order: Order) -> int:
    return item_bytes(to_attributes(order))


@pytest.mark.parametrize("refunds_first", [True, False])
@pytest.mark.parametrize("fields", [0, MAX_ACCOUNT_FIELDS])
def test_the_largest_order_fits_its_item_and_ends(fields: int, refunds_first: bool) -> None:
    order = large(MAX_LINES, fields)
    first, *others = order.units
    order = replace(order, units=(replace(first, status=UnitStatus.DELIVERED), *others))
    order = with_refunds(order) if refunds_first else order
    while any(may_begin(order, unit) for unit in order.units):
        order = round_of(order)
        assert stored_bytes(order) < MAX_ITEM_BYTES
    assert all(unit.attempts for unit in order.units[1:])
    over = ended(order if refunds_first else with_refunds(order))
    assert not any(unit.is_open for unit in over.units)
    assert ROOM_FOR_TRIES < stored_bytes(over) < MAX_ITEM_BYTES - ROOM_LEFT
    assert stored_bytes(over) <= reckoned_bytes(over)


def test_one_unit_is_asked_for_as_often_as_there_may_be_tries_whatever_its_names_are() -> None:
    order = large(1, MAX_ACCOUNT_FIELDS)
    for _ in range(MAX_ATTEMPTS_PER_UNIT):
        (unit,) = order.units
        order = hear(begun(order, unit), next_reference(unit), REFUSED, SYSTEM, NOW_MS)
    assert len(order.units[0].attempts or ()) == MAX_ATTEMPTS_PER_UNIT
