"""Keys that are parted from their unit take their part of its price along, and no fen is made or lost."""

from dataclasses import replace

import pytest

from keyrail.ordering.model.dividing import divided
from keyrail.ordering.model.orders import NotRefundable, UnitStatus
from keyrail.ordering.model.steps import deliver
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money, total
from tests.unit.ordering.test_orders_model import FIRST, KEYS, PAID, SECOND, SYSTEM

WHOLE = deliver(PAID, KEYS, SYSTEM, 1_600)


def test_a_key_leaves_with_its_part_of_the_price_and_what_cannot_be_divided_stays() -> None:
    odd = replace(WHOLE, units=(replace(WHOLE.units[0], amount=Money(201, "CNY")), WHOLE.units[1]))
    order, (apart,) = divided(odd, ["key_2"])
    assert [(u.unit_id, u.quantity, u.amount.amount_minor, u.key_ids) for u in order.units] == [
        (FIRST, 1, 101, ("key_1",)),
        (SECOND, 1, 55, ("key_3",)),
        (apart.unit_id, 1, 100, ("key_2",)),
    ]
    assert len({unit.unit_id for unit in order.units}) == 3
    assert total([unit.amount for unit in order.units]) == total([unit.amount for unit in odd.units])
    assert (order.version, apart.status) == (odd.version, UnitStatus.DELIVERED)


def test_all_keys_of_a_unit_are_that_unit_and_keys_of_several_are_parted_from_each() -> None:
    order, units = divided(WHOLE, ["key_3", "key_1", "key_2"])
    assert (order, units) == (WHOLE, WHOLE.units)
    order, units = divided(WHOLE, ["key_1", "key_3"])
    assert [unit.key_ids for unit in units] == [("key_1",), ("key_3",)]
    assert [unit.key_ids for unit in order.units] == [("key_2",), ("key_3",), ("key_1",)]


@pytest.mark.parametrize(
    ("keys", "error"), [([], Invalid), (["key_1"] * 2, Invalid), (["key_1", "key_9"], NotRefundable)]
)
def test_what_no_delivered_unit_has_is_not_parted(keys: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        divided(WHOLE, keys)
    with pytest.raises(error if error is Invalid else NotRefundable):
        divided(PAID, keys)
