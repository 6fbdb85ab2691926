"""What one change of an order is called by; one change may be several events (paid and delivered in one write)."""

from collections.abc import Iterator

from keyrail.ordering.model.orders import Order, OrderStatus, UnitStatus
from keyrail.platform.changes import Event


def events_between(old: Order | None, new: Order | None) -> list[Event]:
    """What happened to an order; one change may be several events (paid and delivered in one write)."""
    if new is None:
        return []
    happened = [
        *_placed(old, new),
        *_paid(old, new),
        *_refunds(old, new),
        *_keys_replaced(old, new),
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
                "open": len(new.open_units()),
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


def _keys_replaced(old: Order | None, new: Order) -> _Happened:
    for before, unit in zip(old.units if old else (), new.units, strict=False):
        for bad in unit.replaced[len(before.replaced) :]:
            by = unit.key_ids[before.key_ids.index(bad)]
            yield "key_replaced", {"unit_id": unit.unit_id, "key_id": by, "replaces": bad}


def _announced(old: Order | None, new: Order) -> _Happened:
    if old is not None and new.status is not old.status and new.status in _ANNOUNCED:
        yield new.status, {"unit_ids": [u.unit_id for u in new.units if u.status is UnitStatus.DELIVERED]}


_ANNOUNCED = {OrderStatus.DELIVERED, OrderStatus.PARTIALLY_DELIVERED, OrderStatus.REFUNDED, OrderStatus.CANCELLED}
