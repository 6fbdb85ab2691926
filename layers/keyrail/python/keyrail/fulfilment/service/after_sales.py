"""After-sales: another key for a bad one, and what its source owes us for that."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.fulfilment.model import Complaint, Replacement
from keyrail.inventory.model.batches import Standing
from keyrail.inventory.model.faults import check_replaceable
from keyrail.inventory.model.keys import Key, KeyFrozen, LabelTaken, NotSold, SoldOut
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.faulty_keys import FaultyKeys
from keyrail.inventory.service.labels import Labels
from keyrail.inventory.service.lookup import KeyLookup
from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.model.steps import check_replacements, replace_key
from keyrail.ordering.service.orders import Orders
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

REPLACEMENT_LEASE_MS = 60_000  # from claiming the key that stands in to selling it
MAX_TRIES = 10


@dataclass(frozen=True)
class AfterSales:
    orders: Orders
    lookup: KeyLookup
    claims: Claims
    faulty: FaultyKeys
    client: "DynamoDBClient"
    now_ms: NowMs

    def replace(self, key_id: str, complaint: Complaint, origin: Origin) -> Replacement:
        """Another key of the SKU for the unit that has this bad one, which is void from then on.

        Repeating it, or doing it twice at once, gives the one replacement; a charge that is asked for only then is made
        then, once. Raises KeyNotFound, NotSold, KeyFrozen, KeyRedeemed, ReplacedTooOften, SoldOut, LabelTaken (by none
        of them anything is changed), Unavailable.
        """
        for number in range(MAX_TRIES):
            bad = self.lookup.key(key_id)
            if bad.replaced_by is None:
                done = self._replace(bad, complaint, origin)
            elif complaint.charge_back and bad.charged_back_at_ms is None:
                done = self._charge(bad, origin)
            else:
                return Replacement(bad, self.lookup.key(bad.replaced_by))
            if not done:
                let_others_go(number)
        raise StoreUnavailable

    def _replace(self, bad: Key, complaint: Complaint, origin: Origin) -> bool:
        """One transaction of the order, both keys and what is charged. False if somebody was faster: look again.

        A crash in front of it leaves a lease that lapses by itself.
        """
        check_replaceable(bad)
        order = self.orders.of_operator(str(bad.order_id))
        unit = next(u for u in order.units if u.unit_id == bad.unit_id)
        if unit.status is not UnitStatus.DELIVERED:
            raise NotSold
        if bad.key_id not in unit.key_ids:
            return False
        check_replacements(unit)
        if self.lookup.batch(bad.batch_id).standing is Standing.FROZEN:
            raise KeyFrozen
        fresh = self._lease(order, unit, bad, origin)
        if fresh is None:
            return False
        replaced = replace_key(order, unit.unit_id, bad.key_id, fresh, origin, self.now_ms())
        writes = [
            self.orders.replacement(order, replaced),
            *self.claims.sales([fresh], order.order_id, unit.unit_id, origin, replaces=bad.key_id),
            *self.faulty.retirement(bad, fresh, complaint.fault, origin, charged=complaint.charge_back),
        ]
        try:
            transact(self.client, writes)
        except TransactionFailed:
            self.claims.release([fresh], order.order_id, origin)
            return False
        logs.log(Entry.KEY_REPLACED, order_id=order.order_id, unit_id=unit.unit_id, fault=complaint.fault)
        return True

    def _lease(self, order: Order, unit: Unit, bad: Key, origin: Origin) -> str | None:
        """A key of another secret, or of the very label that the buyer chose.

        None if the bad key was replaced meanwhile, perhaps by the last one that there was. Raises SoldOut, LabelTaken.
        """
        until_ms = self.now_ms() + REPLACEMENT_LEASE_MS
        try:
            if unit.label is not None:
                return Labels(self.claims).lease(unit.sku_id, unit.label, order.order_id, until_ms, origin)
            known = (*unit.key_ids, *unit.replaced)
            (fresh,) = self.claims.lease(unit.sku_id, 1, order.order_id, until_ms, origin, besides=known)
        except (SoldOut, LabelTaken):
            if self.lookup.key(bad.key_id).replaced_by is None:
                raise
            return None
        return fresh

    def _charge(self, bad: Key, origin: Origin) -> bool:
        try:
            transact(self.client, self.faulty.charge(bad, origin))
        except TransactionFailed:
            return False
        return True
