"""Refunds that a person of ours asks for: what was delivered is given up, and its price is owed back. Pure.

Without a second person's approval where the asking person may; else nothing moves until there is one, or a rejection.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace

from keyrail.ordering.model.dividing import divided, units_with
from keyrail.ordering.model.orders import (
    MAX_REFUND_REQUESTS,
    AccountCredited,
    NotRefundable,
    Order,
    OrderDisputed,
    RefundWaits,
    TooManyRefunds,
    Unit,
    UnitStatus,
)
from keyrail.ordering.model.owed import is_disputed, left_to_refund, owed_for
from keyrail.ordering.model.room import has_room_for_words
from keyrail.ordering.model.steps import moved, settled
from keyrail.payments.model import refunds
from keyrail.payments.model.refunds import AlreadyDecided, Refund, RefundNotFound, RefundRequest, RefundStatus
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid
from keyrail.platform.ids import derived_id

RETURNED = "returned"  # what the provider is told


@dataclass(frozen=True, kw_only=True)
class WantedRefund:
    """Of these units, of these keys, or of everything that is delivered; also of what our own books call used, if so
    wished.
    """

    unit_ids: tuple[str, ...] | None = None
    key_ids: tuple[str, ...] | None = None
    even_if_used: bool = False
    why: str

    @property
    def fingerprint(self) -> str:
        named = (",".join(sorted(ids)) if ids is not None else "*" for ids in (self.unit_ids, self.key_ids))
        return hashlib.sha256("\n".join((*named, str(self.even_if_used), self.why)).encode()).hexdigest()


def refund_id(order_id: str, name: str) -> str:
    """By the name that who asks for it gave it."""
    return derived_id("ref", order_id, "requested", name)


def standing(order: Order, wanted: WantedRefund, known: str) -> Refund | None:
    """What the same request led to before. Raises IdempotencyConflict for another one of that name."""
    refund = order.refund(known)
    if refund is not None and (refund.request is None or refund.request.fingerprint != wanted.fingerprint):
        raise IdempotencyConflict
    return refund


def meant_by(order: Order, wanted: WantedRefund) -> tuple[Order, tuple[Unit, ...]]:
    """The units that are meant, and the order with them: keys that are named are in units of their own then.

    Raises Invalid, NotRefundable, RefundWaits, OrderDisputed.
    """
    if wanted.key_ids is None:
        return order, refundable_units(order, wanted.unit_ids)
    if wanted.unit_ids is not None:
        raise Invalid(FieldError("key_ids", "not_with_unit_ids"))
    refundable_units(order, [unit.unit_id for unit in units_with(order, wanted.key_ids)])
    return divided(order, wanted.key_ids)


def refundable_units(order: Order, unit_ids: Collection[str] | None) -> tuple[Unit, ...]:
    """The units that are meant, all of them delivered. Raises Invalid, NotRefundable, RefundWaits, OrderDisputed."""
    known = {unit.unit_id: unit for unit in order.units}
    wrong = [FieldError(f"unit_ids.{n}", "unknown") for n, unit in enumerate(unit_ids or ()) if unit not in known]
    if wrong or (unit_ids is not None and len(set(unit_ids)) != len(unit_ids)):
        raise Invalid(*(wrong or [FieldError("unit_ids", "repeated")]))
    delivered = tuple(unit for unit in order.units if unit.status is UnitStatus.DELIVERED)
    meant = delivered if unit_ids is None else tuple(unit for unit in order.units if unit.unit_id in unit_ids)
    if not meant or any(unit not in delivered for unit in meant):
        raise NotRefundable
    waiting = {unit_id for refund in awaiting(order) for unit_id in refund.unit_ids}
    if any(unit.unit_id in waiting for unit in meant):
        raise RefundWaits
    if is_disputed(order):
        raise OrderDisputed
    return meant


def awaiting(order: Order) -> tuple[Refund, ...]:
    """Those that a second person has to decide about."""
    return tuple(refund for refund in order.refunds if refund.status is RefundStatus.AWAITING_APPROVAL)


def given_alone(order: Order, by: str) -> int:
    """Minor units of the order that this person has given back on their own word."""
    return sum(
        refund.amount.amount_minor
        for refund in order.refunds
        if refund.is_owed and refund.request and (refund.request.by, refund.request.decided_by) == (by, None)
    )


def requested(order: Order, known: str, units: Collection[Unit], request: RefundRequest) -> Refund:
    """What is to be given back for these units: their amounts, but never more than is left of what came in.

    It waits for approval as yet. Raises NotRefundable, AccountCredited, TooManyRefunds.
    """
    paid = order.paid_attempt()
    amount = owed_for(order, units)
    if paid is None or amount.amount_minor == 0:
        raise NotRefundable
    if not request.even_if_used and any(unit.is_credited for unit in units):
        raise AccountCredited
    asked = sum(refund.request is not None for refund in order.refunds)
    if asked >= MAX_REFUND_REQUESTS or not has_room_for_words(order, request.why, *(request.key_ids or ())):
        raise TooManyRefunds
    return Refund(
        refund_id=known,
        attempt_id=paid.attempt_id,
        payment_reference=paid.reference,
        unit_ids=tuple(unit.unit_id for unit in units),
        amount=amount,
        reason=RETURNED,
        status=RefundStatus.AWAITING_APPROVAL,
        request=request,
    )


def wait_for_approval(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    """On record, and nothing more: keys that are named stay with their units."""
    if refund.request is not None and refund.request.key_ids is not None:
        refund = replace(refund, unit_ids=tuple(u.unit_id for u in units_with(order, refund.request.key_ids)))
    return replace(order, refunds=(*order.refunds, refund), **stamp(origin, now_ms, order.version + 1))


def take_back(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    """The units of the refund give up what was delivered, and their money is due.

    For the transaction that ends their keys: there is no moment at which a buyer has both, or neither.
    """
    owed = replace(refund, status=RefundStatus.DUE, due_at_ms=now_ms)
    others = tuple(other for other in order.refunds if other.refund_id != refund.refund_id)
    if not set(refund.unit_ids) <= {unit.unit_id for unit in order.units if unit.status is UnitStatus.DELIVERED}:
        raise ValueError("goods xor money back")
    units = tuple(
        moved(unit, UnitStatus.FAILED, now_ms) if unit.unit_id in refund.unit_ids else unit for unit in order.units
    )
    return settled(order, units, (*others, owed), origin, now_ms)


def approve(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    """With what was paid too much, where these are the last units by now.

    Raises AlreadyDecided, OwnRequest, OrderDisputed, and NotRefundable where so much is not left any more.
    """
    approved = refunds.approve(refund, origin.by, now_ms)
    if refund.request is not None and refund.request.key_ids is not None:
        order, apart = divided(order, refund.request.key_ids)
        approved = replace(approved, unit_ids=tuple(unit.unit_id for unit in apart))
    if is_disputed(order):
        raise OrderDisputed
    delivered = {unit.unit_id for unit in order.units if unit.status is UnitStatus.DELIVERED}
    if refund.amount.amount_minor > left_to_refund(order) or not set(approved.unit_ids) <= delivered:
        raise NotRefundable
    owed = owed_for(order, [unit for unit in order.units if unit.unit_id in approved.unit_ids])
    amount = max(owed, refund.amount, key=lambda each: each.amount_minor)
    return take_back(order, replace(approved, amount=amount), origin, now_ms)


def reject(order: Order, refund: Refund, origin: Origin, now_ms: int) -> Order:
    """Raises AlreadyDecided."""
    rejected = refunds.reject(refund, origin.by, now_ms)
    others = tuple(rejected if other is refund else other for other in order.refunds)
    return replace(order, refunds=others, **stamp(origin, now_ms, order.version + 1))


def to_decide(order: Order, known: str, by: str, *, approved: bool) -> Refund | None:
    """The refund that is to be decided about; None if this very person has decided so before.

    Raises RefundNotFound, AlreadyDecided.
    """
    refund = order.refund(known)
    if refund is None:
        raise RefundNotFound
    request = refund.request
    if request is not None and request.decided_by == by and refund.is_owed is approved:
        return None
    if refund.status is not RefundStatus.AWAITING_APPROVAL:
        raise AlreadyDecided
    return refund
