"""What one change of an order is called by; one change may be several events (paid and delivered in one write)."""

from collections.abc import Iterator

from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import Order, OrderStatus, UnitStatus
from keyrail.ordering.model.work_events import work_between
from keyrail.payments.model.confirmations import DisputeState
from keyrail.platform.changes import Event


def events_between(old: Order | None, new: Order | None) -> list[Event]:
    """What happened to an order; one change may be several events (paid and delivered in one write)."""
    if new is None:
        return []
    happened = [
        *_placed(old, new),
        *_paid(old, new),
        *_refunds(old, new),
        *_disputes(old, new),
        *_keys_replaced(old, new),
        *_supplied(old, new),
        *work_between(old, new),
        *_announced(old, new),
    ]
    return [
        Event(f"order.{name}", f"order:{new.order_id}", {"store_id": new.store_id, **data})
        for name, data in happened or [("changed", {"status": new.status})]
    ]


_Happened = Iterator[tuple[str, dict[str, object]]]


def _placed(old: Order | None, new: Order) -> _Happened:
    if old is None:
        yield "placed", {"total": new.total.plain(), "sku_ids": [u.sku_id for u in new.units]}


def _paid(old: Order | None, new: Order) -> _Happened:
    paid = new.paid_attempt()
    if paid and (old is None or old.paid_attempt() is None):
        yield (
            "paid",
            {
                "attempt_id": paid.attempt_id,
                "provider": paid.provider,
                "total": new.total.plain(),
                "open": len(new.units_to_issue()),
            },
        )


def _refunds(old: Order | None, new: Order) -> _Happened:
    for refund in new.refunds:
        before = old.refund(refund.refund_id) if old else None
        if before is None or refund.status is not before.status:
            yield (
                f"refund_{refund.status}",
                {"refund_id": refund.refund_id, "amount": refund.amount.plain(), "reason": refund.reason},
            )


def _disputes(old: Order | None, new: Order) -> _Happened:
    """Where nothing stands still any more, `open` units are delivered now."""
    known = {each.dispute_id: each for each in (old.disputes if old else None) or ()}
    for dispute in new.disputes or ():
        before = known.get(dispute.dispute_id)
        data: dict[str, object] = {
            "dispute_id": dispute.dispute_id,
            "amount": dispute.amount.plain() if dispute.amount else None,
            "open": 0 if is_frozen(new) else len(new.units_to_issue()),
        }
        if before is None or dispute.state is not before.state:
            yield _OF_DISPUTE[dispute.state], data
        elif before.frozen and not dispute.frozen:
            yield "dispute_released", data


_OF_DISPUTE = {
    DisputeState.ASKED: "disputed",
    DisputeState.OPEN: "disputed",
    DisputeState.WON: "dispute_won",
    DisputeState.LOST: "dispute_lost",
}


def _keys_replaced(old: Order | None, new: Order) -> _Happened:
    for before, unit in zip(old.units if old else (), new.units, strict=False):
        for bad in unit.replaced[len(before.replaced) :]:
            by = unit.key_ids[before.key_ids.index(bad)]
            yield "key_replaced", {"unit_id": unit.unit_id, "key_id": by, "replaces": bad}


def _supplied(old: Order | None, new: Order) -> _Happened:
    """Who is asked for a unit, and what came of it. Not in the supplier's words: they may name the account."""
    before = {unit.unit_id: unit for unit in old.units} if old else {}
    for unit in new.units:
        was = before.get(unit.unit_id)
        known = {each.reference: each.state for each in (was.attempts if was else None) or ()}
        for attempt in unit.attempts or ():
            data: dict[str, object] = {"unit_id": unit.unit_id, "reference": attempt.reference}
            if attempt.reference not in known:
                yield "supply_asked", {**data, "source_id": attempt.source_id, "supplier": attempt.supplier}
            elif attempt.state is not known[attempt.reference]:
                yield "supply_heard", {**data, "state": attempt.state, "refusal": attempt.refusal}
                if attempt.is_overpaid and attempt.cost:
                    told = {"limit": attempt.limit.plain(), "cost": attempt.cost.plain()}
                    yield "supply_overpaid", {**data, "supplier": attempt.supplier, **told}


def _announced(old: Order | None, new: Order) -> _Happened:
    if old is not None and new.status is not old.status and new.status in _ANNOUNCED:
        yield new.status, {"unit_ids": [u.unit_id for u in new.units if u.status is UnitStatus.DELIVERED]}


_ANNOUNCED = {OrderStatus.DELIVERED, OrderStatus.PARTIALLY_DELIVERED, OrderStatus.REFUNDED, OrderStatus.CANCELLED}
