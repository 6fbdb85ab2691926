"""Some keys of a delivered unit become a unit of their own, so that each is delivered or given back whole. Pure."""

from collections.abc import Collection
from dataclasses import replace

from keyrail.ordering.model.orders import NotRefundable, Order, Unit, UnitStatus, unit_id
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money


def units_with(order: Order, key_ids: Collection[str]) -> tuple[Unit, ...]:
    """The delivered units that have these keys. Raises Invalid, and NotRefundable for keys that none of them has."""
    if not key_ids or len(set(key_ids)) != len(key_ids):
        raise Invalid(FieldError("key_ids", "repeated" if key_ids else "empty"))
    delivered = [unit for unit in order.units if unit.status is UnitStatus.DELIVERED]
    if not set(key_ids) <= {key for unit in delivered for key in unit.key_ids}:
        raise NotRefundable
    return tuple(unit for unit in delivered if set(unit.key_ids) & set(key_ids))


def divided(order: Order, key_ids: Collection[str]) -> tuple[Order, tuple[Unit, ...]]:
    """The order with these keys in units that have no others, and those units. Raises as `units_with` does.

    Each key takes the same part of its unit's price along; what cannot be divided stays, and so do the tries to have
    the unit supplied, which were for all of it. Nothing is written by it: the order has no new version.
    """
    apart: list[Unit] = []
    for unit in units_with(order, key_ids):
        leaving = tuple(key for key in unit.key_ids if key in key_ids)
        if len(leaving) == unit.quantity:
            apart.append(unit)
            continue
        order, new = _parted(order, unit, leaving)
        apart.append(new)
    return order, tuple(apart)


def _parted(order: Order, unit: Unit, leaving: tuple[str, ...]) -> tuple[Order, Unit]:
    price = unit.amount.amount_minor // unit.quantity * len(leaving)
    new = replace(
        unit,
        unit_id=unit_id(order.order_id, len(order.units) + 1),
        quantity=len(leaving),
        amount=Money(price, unit.amount.currency),
        key_ids=leaving,
        replaced=(),
        attempts=None,
        decisions=None,
        worked=None,
    )
    kept = replace(
        unit,
        quantity=unit.quantity - len(leaving),
        amount=Money(unit.amount.amount_minor - price, unit.amount.currency),
        key_ids=tuple(key for key in unit.key_ids if key not in leaving),
    )
    return replace(order, units=(*(kept if each is unit else each for each in order.units), new)), new
