"""Keys that go back with their price: void, in the write that owes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.withdrawing import withdraw
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import Write


@dataclass(frozen=True)
class Withdrawals:
    store: KeyStore
    catalog: Catalog
    now_ms: NowMs

    def keys(self, key_ids: Sequence[str]) -> list[Key]:
        """As they stand, in the same order."""
        return self.store.get_all(key_ids)

    def writes(
        self,
        keys: Sequence[Key],
        refund_id: str,
        origin: Origin,
        *,
        even_if_used: bool,
        units: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Write]:
        """The writes that take these keys back, one a key in their order, for the caller's transaction.

        `units` says of which unit each key is then, where that is another one.
        Each holds only while its key was neither seen nor used since it was read. Raises NotSold, KeyRedeemed,
        UnknownSku, Unavailable.
        """
        flags: Mapping[str, bool] = {
            sku_id: self.catalog.sku(sku_id).flags_refunded for sku_id in dict.fromkeys(key.sku_id for key in keys)
        }
        now_ms = self.now_ms()
        withdrawn = [
            withdraw(
                key,
                refund_id,
                origin,
                now_ms,
                flags_seen=flags[key.sku_id],
                even_if_used=even_if_used,
                unit_id=units.get(key.key_id),
            )
            for key in keys
        ]
        return [self.store.withdrawal(sold, gone, origin) for sold, gone in zip(keys, withdrawn, strict=True)]

    def holds(self, key_ids: Sequence[str], order_id: str, held_for: str, origin: Origin) -> list[Write]:
        """The writes that keep these keys of the order from being shown and redeemed."""
        return [self.store.hold(key_id, order_id, held_for, origin, self.now_ms()) for key_id in key_ids]

    def releases(self, key_ids: Sequence[str], order_id: str, origin: Origin) -> list[Write]:
        """The writes that let these keys of the order go again."""
        return [self.store.let_go(key_id, order_id, origin, self.now_ms()) for key_id in key_ids]
