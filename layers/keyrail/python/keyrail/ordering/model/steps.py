"""What happens to an order, step by step: an order in, the next order out."""

from dataclasses import replace

from keyrail.ordering.model.orders import (
    MAX_ATTEMPTS_PER_ORDER,
    MAX_REPLACEMENTS_PER_KEY,
    OPEN_UNITS,
    NotCancellable,
    NotPayable,
    Order,
    OrderStatus,
    ReplacedTooOften,
    TooManyAttempts,
    Unit,
    UnitStatus,
    UnitStep,
)
from keyrail.ordering.model.owed import owed_for
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt, Route, attempt_id
from keyrail.payments.model.refunds import Refund
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.ids import derived_id


def start_payment(
    order: Order, route: Route, method: str | None, origin: Origin, now_ms: int
) -> tuple[Order, PaymentAttempt]:
    """The order with an attempt more, or as it is if it has an open one of that kind. Those before it stay valid.

    One that was started with other credentials of the account is of the same kind: it is the same merchant's.

    Raises NotPayable, TooManyAttempts.
    """
    if order.status_at(now_ms) is not OrderStatus.PENDING_PAYMENT:
        raise NotPayable
    for known in order.attempts:
        is_same = known.merchant in {None, route.merchant}
        if is_same and (known.provider, known.account, known.method) == (route.provider, route.account, method):
            return order, known
    if len(order.attempts) >= MAX_ATTEMPTS_PER_ORDER:
        raise TooManyAttempts
    attempt = PaymentAttempt(
        attempt_id=attempt_id(order.order_id, len(order.attempts) + 1),
        amount=order.total,
        method=method,
        **vars(route),
    )
    attempts = (*order.attempts, attempt)
    return replace(order, attempts=attempts, **stamp(origin, now_ms, order.version + 1)), attempt


def pay(order: Order, attempt_id: str, reference: str, origin: Origin, now_ms: int) -> Order:
    """The attempt is paid. An expired or cancelled order takes its money too: goods or a refund follow."""
    attempts = tuple(
        replace(a, status=AttemptStatus.PAID, reference=reference, paid_at_ms=now_ms)
        if a.attempt_id == attempt_id
        else a
        for a in order.attempts
    )
    units = tuple(unit if unit.of_pool else moved(unit, UnitStatus.QUEUED, now_ms) for unit in order.units)
    stamped = stamp(origin, now_ms, order.version + 1)
    return replace(order, status=OrderStatus.PAID, units=units, attempts=attempts, **stamped)


def deliver(order: Order, keys_of_unit: dict[str, tuple[str, ...]], origin: Origin, now_ms: int) -> Order:
    """The named units are delivered with these keys. A unit that would not get its quantity is a bug, not a state."""

    def delivered(unit: Unit) -> Unit:
        keys = keys_of_unit.get(unit.unit_id)
        if keys is None:
            return unit
        whole = len(keys) == len(set(keys)) == unit.quantity
        if not whole or unit.status is not UnitStatus.RESERVED:
            raise ValueError("a unit is delivered whole and once")
        return replace(unit, key_ids=keys, status=UnitStatus.DELIVERED)

    return settled(order, tuple(delivered(u) for u in order.units), order.refunds, origin, now_ms)


def reserve(order: Order, unit_id: str, key_ids: tuple[str, ...], origin: Origin, now_ms: int) -> Order:
    """The open unit counts on these keys now, so that whoever goes on with the order sells them and no others."""
    units = tuple(replace(u, key_ids=key_ids) if u.unit_id == unit_id else u for u in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))


def replace_key(order: Order, unit_id: str, bad: str, by: str, origin: Origin, now_ms: int) -> Order:
    """The delivered unit has `by` in the place of the `bad` key. Raises ReplacedTooOften."""
    unit = next(u for u in order.units if u.unit_id == unit_id)
    if unit.status is not UnitStatus.DELIVERED or bad not in unit.key_ids or by in (*unit.key_ids, *unit.replaced):
        raise ValueError("one of a delivered unit's keys is replaced by another key")
    check_replacements(unit)
    keys = tuple(by if key == bad else key for key in unit.key_ids)
    changed = replace(unit, key_ids=keys, replaced=(*unit.replaced, bad))
    units = tuple(changed if u is unit else u for u in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))


def check_replacements(unit: Unit) -> None:
    """Raises ReplacedTooOften unless one more of its keys may be replaced."""
    if len(unit.replaced) >= MAX_REPLACEMENTS_PER_KEY * unit.quantity:
        raise ReplacedTooOften


def fail_unit(order: Order, unit_id: str, reason: str, origin: Origin, now_ms: int) -> Order:
    """The unit cannot be delivered: its money is due back to the attempt that paid (promise I5).

    Where nothing of that is left, the unit is refunded as it stands.
    """
    paid = order.paid_attempt()
    if paid is None:
        raise ValueError("an unpaid order owes nothing")
    unit = next(u for u in order.units if u.unit_id == unit_id and u.is_open)
    if unit.open_attempt():
        raise ValueError("while it may have been supplied, nothing is given back")
    refund = Refund(
        refund_id=derived_id("ref", order.order_id, unit_id),
        attempt_id=paid.attempt_id,
        payment_reference=paid.reference,
        unit_ids=(unit_id,),
        amount=owed_for(order, (unit,)),
        reason=reason,
        due_at_ms=now_ms,
    )
    owes = refund.amount.amount_minor > 0
    failed = moved(replace(unit, key_ids=()), UnitStatus.FAILED if owes else UnitStatus.REFUNDED, now_ms)
    units = tuple(failed if u is unit else u for u in order.units)
    return settled(order, units, (*order.refunds, refund) if owes else order.refunds, origin, now_ms)


def moved(unit: Unit, status: UnitStatus, now_ms: int) -> Unit:
    """The unit in that status; one that is supplied remembers when it came there."""
    if unit.of_pool or unit.status is status:
        return replace(unit, status=status)
    return replace(unit, status=status, history=(*(unit.history or ()), UnitStep(at_ms=now_ms, status=status)))


def settled(order: Order, units: tuple[Unit, ...], refunds: tuple[Refund, ...], origin: Origin, now_ms: int) -> Order:
    """The order with these units and refunds, and the status that the units make; of one that is paid."""
    states = {unit.status for unit in units}
    if states & OPEN_UNITS:
        status = OrderStatus.FULFILLING
    elif states == {UnitStatus.DELIVERED}:
        status = OrderStatus.DELIVERED
    elif states == {UnitStatus.REFUNDED}:
        status = OrderStatus.REFUNDED
    else:
        status = OrderStatus.PARTIALLY_DELIVERED if UnitStatus.DELIVERED in states else OrderStatus.REFUNDING
    return replace(order, status=status, units=units, refunds=refunds, **stamp(origin, now_ms, order.version + 1))


def cancel(order: Order, origin: Origin, now_ms: int) -> Order:
    """Raises NotCancellable unless the order is unpaid; an expired one may be cancelled as well."""
    if order.status is not OrderStatus.PENDING_PAYMENT:
        raise NotCancellable
    return replace(order, status=OrderStatus.CANCELLED, **stamp(origin, now_ms, order.version + 1))
