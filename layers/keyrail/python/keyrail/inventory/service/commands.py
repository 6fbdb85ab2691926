"""Commands on a batch: one transaction each, of the same size for any number of keys; the keys follow behind it."""

from collections.abc import Callable
from dataclasses import dataclass

from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.commands import extend, filled, held_with, release, stand
from keyrail.inventory.store.batches import BatchStore
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed

MAX_TRIES = 8


@dataclass(frozen=True)
class BatchCommands:
    """A command that was given already is answered by the batch as it stands. All raise BatchNotFound, Unavailable."""

    store: BatchStore
    now_ms: NowMs

    def freeze(self, batch_id: str, origin: Origin) -> Batch:
        """Nothing of it is sold, shown or redeemed any more. Raises BatchClosed, BatchVoid, TooManyHeldBatches."""
        return self._stand(batch_id, Standing.FROZEN, origin)

    def unfreeze(self, batch_id: str, origin: Origin) -> Batch:
        """It is as it was before it was frozen. Raises BatchClosed, BatchVoid."""
        return self._stand(batch_id, Standing.OPEN, origin)

    def void(self, batch_id: str, origin: Origin) -> Batch:
        """Whatever of it was not used up is worth nothing from now on. Raises BatchClosed, TooManyHeldBatches."""
        return self._stand(batch_id, Standing.VOID, origin)

    def close(self, batch_id: str, origin: Origin) -> Batch:
        """Nothing more of it is sold; what is sold lives on. Raises BatchVoid, TooManyHeldBatches."""
        return self._stand(batch_id, Standing.CLOSED, origin)

    def extend(self, batch_id: str, expires_on: str, over_ms: int, origin: Origin) -> Batch:
        """No key of it expires before that ISO date, which is over at `over_ms` where the business is.

        Raises BatchClosed, BatchVoid, ExpiryNotLater.
        """
        return self._command(batch_id, lambda batch: extend(batch, expires_on, over_ms, origin, self.now_ms()), origin)

    def release(self, batch_id: str, stage: int, opens_at_ms: int | None, origin: Origin) -> Batch:
        """The stage, counted from 1, goes on sale then, or now. Raises BatchClosed, BatchVoid, Invalid."""

        def released(batch: Batch) -> Batch:
            now_ms = self.now_ms()
            return release(batch, stage, now_ms if opens_at_ms is None else opens_at_ms, origin, now_ms)

        return self._command(batch_id, released, origin)

    def _stand(self, batch_id: str, standing: Standing, origin: Origin) -> Batch:
        return self._command(batch_id, lambda batch: stand(batch, standing, origin, self.now_ms()), origin)

    def _command(self, batch_id: str, decide: Callable[[Batch], Batch], origin: Origin) -> Batch:
        """Each round decides on the batch as it stands; a write that failed may have been our own, answer lost."""
        for number in range(MAX_TRIES):
            batch = self.store.keys.get_batch(batch_id)
            commanded = decide(batch)
            if commanded is batch:
                return batch
            try:
                self._store(commanded, origin)
            except TransactionFailed:
                let_others_go(number)
                continue
            return commanded
        raise StoreUnavailable

    def _store(self, batch: Batch, origin: Origin) -> None:
        """The batch, with the list and the pool where they change. Raises TransactionFailed, TooManyHeldBatches."""
        now_ms = self.now_ms()
        held, pool = self.store.surroundings(batch.sku_id)
        self.store.change(batch, held_with(held, batch, origin, now_ms), filled(pool, batch, origin, now_ms))
