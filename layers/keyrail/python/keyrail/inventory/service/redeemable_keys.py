"""Keys that we redeem ourselves: used, made active and taken back, each by a write that decides."""

from dataclasses import dataclass, field

from keyrail.catalog.model import Activation
from keyrail.inventory.model.batches import Standing
from keyrail.inventory.model.keys import Key, KeyFrozen, KeyState, KeyVoid
from keyrail.inventory.model.redeeming import Asked, Tried, is_lapsed
from keyrail.inventory.model.uses import Moment, Use
from keyrail.inventory.service.fingerprints import standing_fingerprints
from keyrail.inventory.service.holds import Holds
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.uses import UseStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints

_STANDING_STILL = {Standing.FROZEN: KeyFrozen, Standing.VOID: KeyVoid}


@dataclass
class RedeemableKeys:
    """Keeps the fingerprint key for its own life: one instance a process."""

    keys: KeyStore
    store: UseStore
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _names: Fingerprints | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.holds = Holds(self.keys, self.now_ms)

    def names(self) -> Fingerprints | None:
        """None before the first import: then no code is known. Raises Unavailable."""
        if self._names is None:
            self._names = standing_fingerprints(self.keys, self.fingerprint_wrapper)
        return self._names

    def find(self, key_id: str) -> Key | None:
        return self.store.get(key_id)

    def use(self, key_id: str, asked: Asked, origin: Origin, at: Moment) -> Tried:
        """One write, which decides; see `UseStore.use`.

        A lease that has lapsed is nobody's: where a key may be used without being sold, it is given back first.
        """
        tried = self.store.use(key_id, asked, origin, at, self.still)
        if tried.refused and tried.key and _is_free(tried.key, at.now_ms):
            self.store.free_lapsed(tried.key, origin, at.now_ms)
            return self.store.use(key_id, asked, origin, at, self.still)
        return tried

    def activate(self, key_id: str, origin: Origin, at: Moment, *, over_the_counter: bool) -> Tried:
        return self.store.activate(key_id, origin, at, self.still, over_the_counter=over_the_counter)

    def give_back(self, key: Key, use: Use, origin: Origin) -> Tried:
        """Take the use back, unless the key has changed since it was read.

        Its batch is looked at, not only the list of those that stand still: a key that was used up is passed over when
        its batch is frozen, so it must not come back to life in one. Raises KeyFrozen, KeyVoid.
        """
        still = self.still
        if stands_still := _STANDING_STILL.get(self.keys.get_batch(key.batch_id).standing):
            raise stands_still
        return self.store.give_back(key, use, origin, self.now_ms(), still)

    @property
    def still(self) -> tuple[str, ...]:
        """Batches of which nothing is redeemed. Reads them if they are due."""
        return self.holds.now().frozen


def _is_free(key: Key, now_ms: int) -> bool:
    on_import = key.terms is not None and key.terms.activation is Activation.ON_IMPORT
    return on_import and key.state is KeyState.LEASED and is_lapsed(key, now_ms)
