"""Bought keys on their way into the pool: as strict as with a file, and never anywhere in the clear.

A batch of bought keys is named by its purchase, and its keys are told again by whoever sold them. So an intake that was
broken off is done again from the beginning: what is in already is known by its fingerprint and its place in the batch.

Keys that are bought for one order come in leased to it, and their batch stays out of the pool: where they are sold at
once nobody else ever has to look at them, and a pool has no part for each order.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from keyrail.catalog.model import Sku
from keyrail.catalog.service import Catalog
from keyrail.inventory.model.batches import Batch, BatchNotFound, BatchStatus, Filling, ImportReport, PoolPart
from keyrail.inventory.model.imports import FileSurvey, Survey, TakenGroup, Verdict, counted, read_rows, with_taken
from keyrail.inventory.model.key_columns import Columns
from keyrail.inventory.model.key_file import Layout, Requirements, Row, Rules
from keyrail.inventory.model.key_file.rows import CELLS
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.service.claims import partitions
from keyrail.inventory.service.data_keys import DataKeys
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.importing.chunks import Chunks
from keyrail.inventory.service.importing.ending import with_expiries
from keyrail.inventory.service.intake import Intake, Leased
from keyrail.inventory.service.pooling import Pooling, takes_bought_keys
from keyrail.inventory.service.sources import Sources
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs, utc_date
from keyrail.platform.dynamo import ConditionFailed, StoreUnavailable
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.platform.patterns import matcher
from keyrail.vault.codes import OWN_ISSUER
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import Fingerprints
from keyrail.vault.service.sealing import BatchKey

MAX_REWRITES = 10
MAX_PARALLEL_WRITES = 8
MAX_KEYS_OF_AN_ORDER = 90
_LAYOUT = Layout(columns=Columns(code=0, password=1, expiry=2, count=3), separator=CELLS)


@dataclass(frozen=True, kw_only=True)
class BoughtKeys:
    """`purchase` names them for ever; `source` is who sold them, and `unit_cost` what one of them cost. They are
    `leased` to the order that they were bought for, if to one.
    """

    purchase: str
    sku_id: str
    source: str
    unit_cost: Money | None
    leased: Leased | None = None


@dataclass(frozen=True)
class BoughtKey:
    """As it was told. Prints as nothing."""

    code: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    expires_on: str | None = None


@dataclass
class CardIntake:
    """Keeps the fingerprint key for its own life, and data keys for minutes: one instance a process."""

    store: KeyStore
    imports: ImportStore
    catalog: Catalog
    vault_wrapper: KeyWrapper
    fingerprint_wrapper: KeyWrapper
    now_ms: NowMs
    _fingerprints: Fingerprints | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._data_keys = DataKeys(self.vault_wrapper, self.now_ms)

    def can_take(self, sku_id: str) -> bool:
        """Raises UnknownSku."""
        return takes_bought_keys(self.catalog.sku(sku_id), self.store, self.now_ms)

    def take_in(self, bought: BoughtKeys, keys: Sequence[BoughtKey], origin: Origin) -> Batch:
        """The batch with its report, settled: every key is counted in it once.

        Safe to repeat, and to run twice at once. Raises UnknownSku, Unavailable.
        """
        sku = self.catalog.sku(bought.sku_id)
        batch = self._opened(bought, origin)
        if batch.is_settled:
            return batch
        survey, verdicts = self._read(batch, sku, keys)
        # Where its keys will be is on the batch before they are, so that they can be found after any kill.
        parts = _parts(batch, _wanted(batch, survey, verdicts)) if bought.leased else []
        batch, data_key = self._keyed(batch, parts, origin)
        intake = Intake(batch, sku, data_key, self._names(), origin, self.now_ms, bought.leased)
        with ThreadPoolExecutor(MAX_PARALLEL_WRITES, "intake") as writers:
            heard = Chunks(self.store, self.imports, intake, survey, writers).stored(verdicts, 0)
        return self._settled(batch, heard, origin, in_pool=bought.leased is None)

    def keep(self, bought: BoughtKeys, keys: Sequence[BoughtKey], origin: Origin) -> tuple[str, ...]:
        """The ids of those that are in our stock by this, and were not before; in the same order each time.

        Safe to repeat, and to run twice at once. Raises UnknownSku, Unavailable.
        """
        batch, sku = self.take_in(bought, keys, origin), self.catalog.sku(bought.sku_id)
        _, verdicts = self._read(batch, sku, keys)
        secrets = [each.key.secret for each in verdicts if each.key is not None]
        names, issuer = self._names(), sku.key_issuer
        ids = [names.key_id(issuer, each.code, case_sensitive=sku.case_sensitive) for each in secrets]
        stored = self.store.get_all(list(dict.fromkeys(ids)))
        return tuple(key.key_id for key in stored if key.batch_id == batch.batch_id)

    def join_pool(self, purchase: str, origin: Origin) -> None:
        """What came in for an order is anybody's once the order's lease is over; nothing where nothing came.

        Raises Unavailable.
        """
        batch = self._known(purchase)
        if batch is not None and batch.parts:
            Pooling(self.store, self.now_ms).join(batch.sku_id, batch.parts, origin)

    def leased_to(self, order_id: str, purchase: str) -> tuple[str, ...]:
        """What came in for the order and is leased to it, as the index shows it. Raises Unavailable."""
        batch = self._known(purchase)
        where = [name for part in batch.parts for name in partitions(batch.sku_id, part)] if batch else []
        found = [key_id for name in where for key_id, _ in self.store.candidates(name, "0", MAX_KEYS_OF_AN_ORDER)]
        keys = self.store.get_all(found)
        return tuple(key.key_id for key in keys if (key.order_id, key.state) == (order_id, KeyState.LEASED))

    def _known(self, purchase: str) -> Batch | None:
        try:
            return self.store.get_batch(_batch_id(purchase))
        except BatchNotFound:
            return None

    def _read(self, batch: Batch, sku: Sku, keys: Sequence[BoughtKey]) -> tuple[Survey, list[Verdict]]:
        """What the cards alone say: the same each time."""
        rows = [_row(number, key) for number, key in enumerate(_in_order(keys), 1)]
        rules = self._rules(batch, sku)
        found = FileSurvey(rules)
        for row in rows:
            found.look_at(row)
        verdicts = read_rows(iter(rows), replace(rules, with_password=found.with_password))
        return found.finish(sheet=0), list(verdicts)

    def _opened(self, bought: BoughtKeys, origin: Origin) -> Batch:
        """As it stands, or new."""
        now_ms = self.now_ms()
        batch = Batch(
            batch_id=_batch_id(bought.purchase),
            sku_id=bought.sku_id,
            source=bought.source,
            filling=Filling.PURCHASE,
            purchase=bought.purchase,
            status=BatchStatus.IMPORTING,
            unit_cost=bought.unit_cost,
            importing_since_ms=now_ms,
            created_at_ms=now_ms,
            **stamp(origin, now_ms),
        )
        Sources(SourceStore(self.store), self.now_ms).supplying(bought.source, bought.sku_id, origin)
        return self.store.add_batch(batch) or batch

    def _keyed(self, batch: Batch, parts: Sequence[PoolPart], origin: Origin) -> tuple[Batch, BatchKey]:
        """With a data key in it that this process has in the clear, and these parts."""
        data_key = self._data_keys.of(batch)

        def keyed(standing: Batch) -> Batch | None:
            if data_key.wrapped in standing.data_keys or standing.is_settled:
                return None
            return replace(standing.with_parts(parts), data_keys=(*standing.data_keys, data_key.wrapped))

        return self._change(batch, keyed, origin), data_key

    def _names(self) -> Fingerprints:
        if self._fingerprints is None:
            self._fingerprints = fingerprints(self.store, self.fingerprint_wrapper)
        return self._fingerprints

    def _rules(self, batch: Batch, sku: Sku) -> Rules:
        """By the day on which it was begun, so that an intake that is done again says the same."""
        asked = Requirements(
            today=utc_date(batch.importing_since_ms or self.now_ms()),
            code_format=sku.code_format,
            own_issuer=sku.issuer == OWN_ISSUER,
        )
        pattern = sku.code_format.pattern
        return Rules(asked=asked, layout=_LAYOUT, fits=None if pattern is None else matcher(pattern))

    def _settled(self, batch: Batch, heard: list[Verdict], origin: Origin, *, in_pool: bool) -> Batch:
        taken = with_taken((), heard)
        if in_pool and (parts := _parts(batch, taken)):
            batch = Pooling(self.store, self.now_ms).join(batch.sku_id, parts, origin)

        def settled(standing: Batch) -> Batch | None:
            if standing.is_settled:
                return None
            report = counted(ImportReport(), heard)
            return replace(with_expiries(standing, taken), status=BatchStatus.IMPORTED, report=report)

        self._data_keys.forget(batch.batch_id)
        return self._change(batch, settled, origin)

    def _change(self, batch: Batch, change: Callable[[Batch], Batch | None], origin: Origin) -> Batch:
        """Store what `change` makes of the batch as it stands; None leaves it so."""
        for _ in range(MAX_REWRITES):
            changed = change(batch)
            if changed is None:
                return batch
            changed = replace(changed, **stamp(origin, self.now_ms(), batch.version + 1))
            try:
                self.store.replace_batch(changed)
            except ConditionFailed:
                batch = self.store.get_batch(batch.batch_id)
                continue
            return changed
        raise StoreUnavailable


def _batch_id(purchase: str) -> str:
    return derived_id("bat", "purchase", purchase)


def _wanted(batch: Batch, survey: Survey, verdicts: Sequence[Verdict]) -> tuple[TakenGroup, ...]:
    """The groups of all that are keys, whatever the stock says of them."""
    keys = [each for each in verdicts if each.key is not None]
    placed = [
        replace(each, place=survey.place(batch, each.key.expires_on if each.key else None, number))
        for number, each in enumerate(keys, 1)
    ]
    return with_taken((), placed)


def _parts(batch: Batch, taken: Sequence[TakenGroup]) -> list[PoolPart]:
    since_ms = batch.importing_since_ms or 0
    return [
        PoolPart(batch.batch_id, each.group, each.shards, since_ms, each.first_expiry, each.last_expiry)
        for each in taken
    ]


def _in_order(keys: Sequence[BoughtKey]) -> list[BoughtKey]:
    """In whatever order they are told another time, each has the same number."""
    return sorted(keys, key=lambda each: (each.code, each.password or "", each.expires_on or ""))


def _row(number: int, key: BoughtKey) -> Row:
    cells = [key.code, key.password or "", key.expires_on or ""]
    return Row(line=number, lines=1, end=number, written="", cells=cells)
