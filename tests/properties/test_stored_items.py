"""Whatever a store puts into its table, it gets back as it was: an item that cannot be read is lost."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyrail.catalog.model import Product, Sku
from keyrail.inventory.model.batches import Batch, Pool
from keyrail.inventory.model.keys import Key
from keyrail.ordering.model.orders import Order
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.payments.model.vouchers import Voucher
from keyrail.platform.audit import AuditRecord
from keyrail.platform.documents import from_attributes, to_attributes
from keyrail.platform.money import MAX_AMOUNT_MINOR, MINOR_DIGITS, Money
from keyrail.reconciliation.model.differences import Difference
from keyrail.reconciliation.model.questions import Portion
from keyrail.reconciliation.model.runs import Run
from keyrail.suppliers.model.breaker import Health
from keyrail.suppliers.model.guarding import PriceGuard
from keyrail.suppliers.model.notices import Notice
from keyrail.suppliers.model.offers import KnownOffer, Watch
from keyrail.suppliers.model.purchases import Budget, Purchase, PurchaseRule
from keyrail.suppliers.model.sources import Sourcing
from keyrail.vault.model import WrappedFingerprintKey

STORED = [
    AuditRecord,
    Batch,
    Budget,
    Difference,
    Health,
    Key,
    KnownOffer,
    Notice,
    Order,
    Pool,
    Portion,
    PriceGuard,
    Product,
    Purchase,
    PurchaseRule,
    Run,
    Sku,
    Sourcing,
    UnmatchedPayment,
    Voucher,
    Watch,
    WrappedFingerprintKey,
]

st.register_type_strategy(Money, st.builds(Money, st.integers(0, MAX_AMOUNT_MINOR), st.sampled_from([*MINOR_DIGITS])))


@pytest.mark.parametrize("kind", STORED)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_stored_is_read_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    item = data.draw(st.from_type(kind))
    assert from_attributes(kind, to_attributes(item)) == item


@pytest.mark.parametrize("kind", STORED)
@given(data=st.data())
def test_nothing_stored_is_a_float(kind: type[Any], data: st.DataObject) -> None:
    def tags(attribute: Any) -> set[str]:
        ((tag, value),) = attribute.items()
        inner = value if tag == "L" else value.values() if tag == "M" else ()
        return {tag}.union(*(tags(each) for each in inner))

    stored = to_attributes(data.draw(st.from_type(kind)))
    assert set().union(*map(tags, stored.values())) <= {"S", "N", "B", "BOOL", "L", "M", "SS"}
    numbers = [each["N"] for each in stored.values() if "N" in each]
    assert all(str(int(number)) == number for number in numbers)
