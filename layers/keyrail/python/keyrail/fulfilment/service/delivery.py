"""Reveal: the buyer sees the keys, and the look is on record before the plaintext leaves."""

from dataclasses import dataclass

from keyrail.fulfilment.model import GivenUp, NotDelivered, NothingToReveal, RevealedKey, RevealedUnit
from keyrail.inventory.model.keys import KeyFrozen, KeyNotFound, KeyVoid
from keyrail.inventory.service.sold_keys import SoldKeys
from keyrail.ordering.model.orders import Delivery as By
from keyrail.ordering.model.orders import Order, Unit, UnitStatus
from keyrail.ordering.service.orders import Orders, opened
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Conflict
from keyrail.platform.logs import Entry
from keyrail.vault.model import Place
from keyrail.vault.service.sealing import Opener

_REASONS = {error.code: error for error in (KeyFrozen, KeyVoid, KeyNotFound)}
_GIVEN_UP = {UnitStatus.FAILED, UnitStatus.REFUNDED}
_OF_REPLACED = {KeyVoid.code, KeyNotFound.code}


@dataclass(frozen=True)
class Delivery:
    orders: Orders
    sold_keys: SoldKeys
    opener: Opener

    def reveal(self, order_id: str, token: str, origin: Origin) -> tuple[RevealedUnit, ...]:
        """The keys of all delivered units that have any. One that stands still or is void is withheld, and the others
        are shown.

        Raises OrderNotFound, NotDelivered, NothingToReveal, GivenUp, SecretUnreadable, Unavailable, and KeyFrozen,
        KeyVoid or KeyNotFound where there is nothing to show.
        """
        units = self._shown(order_id, token, origin)
        keys = [key for unit in units for key in unit.keys]
        shown = sum(key.withheld is None for key in keys)
        if not shown:
            raise _REASONS[keys[0].withheld or KeyNotFound.code]
        logs.log(Entry.KEYS_REVEALED, order_id=order_id, keys=shown, withheld=len(keys) - shown)
        return units

    def _shown(self, order_id: str, token: str, origin: Origin) -> tuple[RevealedUnit, ...]:
        """Of the order as it stands: a key that was replaced after the order was read is looked for anew."""
        delivered = self._delivered(order_id, token)
        while True:
            units = tuple(self._unit(order_id, unit, origin) for unit in delivered)
            if not any(key.withheld in _OF_REPLACED for unit in units for key in unit.keys):
                return units
            before, delivered = delivered, self._delivered(order_id, token)
            if delivered == before:
                return units

    def _delivered(self, order_id: str, token: str) -> tuple[Unit, ...]:
        order = opened(self.orders.find_with(self.sold_keys.holds, order_id), token)
        delivered = tuple(unit for unit in order.units if unit.status is UnitStatus.DELIVERED and unit.key_ids)
        if not delivered:
            raise _why_none(order)
        return delivered

    def _unit(self, order_id: str, unit: Unit, origin: Origin) -> RevealedUnit:
        keys = tuple(self._key(order_id, key_id, origin) for key_id in unit.key_ids)
        return RevealedUnit(unit_id=unit.unit_id, sku_id=unit.sku_id, keys=keys)

    def _key(self, order_id: str, key_id: str, origin: Origin) -> RevealedKey:
        try:
            sold = self.sold_keys.reveal(key_id, order_id, origin)
        except (KeyFrozen, KeyVoid, KeyNotFound) as refusal:
            return RevealedKey(key_id=key_id, withheld=refusal.code)
        key = sold.key
        secret = self.opener.open(sold.data_key, Place(key.key_id, key.batch_id, key.sku_id), key.sealed)
        return RevealedKey(key_id=key_id, code=secret.code, password=secret.password, expires_on=key.expires_on)


def _why_none(order: Order) -> Conflict:
    if any(unit.status in _GIVEN_UP and unit.key_ids for unit in order.units):
        return GivenUp()
    waits_for_keys = any(unit.is_open and unit.delivery is not By.RECHARGE for unit in order.units)
    credited = any(unit.is_credited for unit in order.units)
    return NothingToReveal() if credited and not waits_for_keys else NotDelivered()
