"""Keys for units that are supplied: of our own stock, or bought for the unit; sold in the write that delivers it.

What is bought comes in leased to the unit's order, and stands in no pool while it may be sold at once. A kill anywhere
is mended by whoever asks the supplier again: the cards are told again, and what is in is known by its fingerprint.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.inventory.service.card_intake import BoughtKey, BoughtKeys, CardIntake
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.intake import Leased
from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import Order, Unit
from keyrail.ordering.model.steps import reserve
from keyrail.ordering.model.supplying import deliver_keys, hear, hold
from keyrail.ordering.service.orders import Orders
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, transact
from keyrail.platform.logs import Entry
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt
from keyrail.suppliers.model.outcomes import Success

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 20
ISSUE_LEASE_MS = 60_000  # from claiming a key for a unit to selling it
BOUGHT_LEASE_MS = 24 * 60 * 60 * 1000
"""Only the unit can have what was bought for it until so long behind the supplier's settlement window."""


@dataclass(frozen=True)
class KeysForUnits:
    orders: Orders
    claims: Claims
    intake: CardIntake
    client: "DynamoDBClient"
    now_ms: NowMs

    def issue(self, order: Order, unit: Unit, decision: Decision, origin: Origin) -> Order | None:
        """The order with the unit delivered: with the keys that it counts on, and keys of the pool for what is missing.

        None if somebody was faster. Raises SoldOut, PoolContended, StoreUnavailable.
        """
        lost: set[str] = set()
        for _ in range(unit.quantity + 1):
            held = tuple(key for key in unit.key_ids if key not in lost)[: unit.quantity]
            fresh = self._leased(order, unit, held, origin)
            keys = (*held, *fresh)
            delivered = deliver_keys(order, unit.unit_id, keys, decision, origin, self.now_ms())
            refused = self._put(order, delivered, unit, keys, origin)
            if refused is None:
                return delivered
            self.claims.release(fresh, order.order_id, origin)
            gone = {key for at, key in enumerate(keys, 1) if at in refused and key in held}
            if 0 in refused or not gone:
                return None
            lost |= gone
        return None

    def heard(self, order: Order, attempt: SupplyAttempt, said: Success, origin: Origin) -> tuple[Order, bool]:
        """The order once the supplier says that it sold us these; and whether it was this that changed it.

        With all of its keys in our stock the unit is delivered by the same write, unless a bank may take its money back
        or its batch stands still: then they wait with it. With fewer it is a person's. Those of an attempt about which
        a person has decided are the unit's where it waits for some, else anybody's. Raises Unavailable.
        """
        keys, refused = self._taken_in(order, attempt, said, origin), False
        for number in range(MAX_TRIES):
            unit = _unit_of(order, attempt)
            mine = keys[: unit.quantity]
            at_once = len(mine) == unit.quantity and not refused and not is_frozen(order)
            if not at_once or keys != mine or not _is_open(unit, attempt):  # some of it is not sold by this
                self.intake.join_pool(attempt.reference, origin)
            if not _is_open(unit, attempt):
                return self._late(order, unit, mine, origin)
            following = self._after(order, attempt, said, mine, origin, sold=at_once)
            if following is order:
                return order, False
            failed = self._put(order, following, unit, mine if at_once else (), origin)
            if failed is None:
                logs.log(Entry.SUPPLIER_HEARD, reference=attempt.reference, outcome=type(said).__name__)
                return following, True
            refused = refused or any(at > 0 for at in failed)
            let_others_go(number)
            order = self.orders.of_operator(order.order_id)
        raise StoreUnavailable

    def join_pool(self, attempt: SupplyAttempt, origin: Origin) -> None:
        """What may have come in for the attempt is anybody's once its lease is over. Raises Unavailable."""
        if attempt.of_keys:
            self.intake.join_pool(attempt.reference, origin)

    def that_came(self, order: Order, unit: Unit, origin: Origin) -> tuple[str, ...]:
        """Keys that are in for the unit's open attempt, though nobody could say so to the order. Raises Unavailable."""
        attempt = unit.open_attempt()
        if attempt is None or not attempt.of_keys or unit.work is not None:
            return ()
        self.intake.join_pool(attempt.reference, origin)
        return self.intake.leased_to(order.order_id, attempt.reference)

    def let_go(self, before: Unit, order: Order, origin: Origin) -> None:
        """Keys that the unit counted on, and counts on no more, are anybody's at once."""
        still = order.unit(before.unit_id).key_ids
        self.claims.release([key for key in before.key_ids if key not in still], order.order_id, origin)

    def _after(
        self,
        order: Order,
        attempt: SupplyAttempt,
        said: Success,
        keys: tuple[str, ...],
        origin: Origin,
        *,
        sold: bool,
    ) -> Order:
        if len(keys) < attempt.quantity:
            return hold(order, attempt.reference, said, keys, origin, self.now_ms())
        return hear(order, attempt.reference, said, origin, self.now_ms(), keys=keys, sold=sold)

    def _late(self, order: Order, unit: Unit, keys: tuple[str, ...], origin: Origin) -> tuple[Order, bool]:
        if not unit.is_open or unit.open_attempt() is not None or unit.work is not None:
            self.claims.release(keys, order.order_id, origin)
            return order, False
        if not set(keys) - set(unit.key_ids):
            return order, False
        reserved = reserve(order, unit.unit_id, keys, origin, self.now_ms())
        if self.orders.replace(order, reserved):
            return reserved, True
        return self.orders.of_operator(order.order_id), False

    def _taken_in(self, order: Order, attempt: SupplyAttempt, said: Success, origin: Origin) -> tuple[str, ...]:
        if not said.cards:
            return ()
        until_ms = max(attempt.until_ms, self.now_ms()) + BOUGHT_LEASE_MS
        bought = BoughtKeys(
            purchase=attempt.reference,
            sku_id=_unit_of(order, attempt).sku_id,
            source=attempt.supplier,
            unit_cost=said.cost and said.cost.shared(attempt.quantity),
            leased=Leased(order_id=order.order_id, until_ms=until_ms),
        )
        cards = [BoughtKey(each.code, each.password, each.expires_on) for each in said.cards]
        return self.intake.keep(bought, cards, origin)

    def _leased(self, order: Order, unit: Unit, held: tuple[str, ...], origin: Origin) -> tuple[str, ...]:
        missing = unit.quantity - len(held)
        if not missing:
            return ()
        until_ms = self.now_ms() + ISSUE_LEASE_MS
        return self.claims.lease(unit.sku_id, missing, order.order_id, until_ms, origin, held)

    def _put(
        self, order: Order, following: Order, unit: Unit, keys: tuple[str, ...], origin: Origin
    ) -> Collection[int] | None:
        """The order, with these keys sold to the unit. None if it is written now, else what refused it: the order is 0,
        and the keys are behind it.
        """
        if not keys:
            return None if self.orders.replace(order, following) else {0}
        sales = self.claims.sales(keys, order.order_id, unit.unit_id, origin)
        try:
            transact(self.client, [self.orders.replacement(order, following), *sales])
        except TransactionFailed as refused:
            return refused.failed.keys()
        logs.log(Entry.UNITS_ISSUED, order_id=order.order_id, unit_ids=[unit.unit_id])
        return None


def _unit_of(order: Order, attempt: SupplyAttempt) -> Unit:
    references = ((unit, each.reference) for unit in order.units for each in unit.attempts or ())
    return next(unit for unit, reference in references if reference == attempt.reference)


def _is_open(unit: Unit, attempt: SupplyAttempt) -> bool:
    still = unit.open_attempt()
    return still is not None and still.reference == attempt.reference
