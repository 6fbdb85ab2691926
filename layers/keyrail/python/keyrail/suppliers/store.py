"""The `suppliers` table: where SKUs come from, suppliers with their health and figures, and what quotas have left."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.platform.contention import let_others_go
from keyrail.platform.documents import Attributes, from_attributes, to_attributes
from keyrail.platform.dynamo import (
    MAX_CONTENDED_TRIES,
    ConditionFailed,
    IntegerAttribute,
    Read,
    StoreUnavailable,
    Table,
    TransactionFailed,
    read_together,
    transact,
)
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import FAILURE_STRAINS, STRAIN_LIMIT, Health
from keyrail.suppliers.model.figures import FIGURES_LAST_MS, HOUR_MS, HOURS_SHOWN, Tally, hour_of
from keyrail.suppliers.model.sources import MAX_SUPPLIERS, Sourcing

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

QUOTA_LASTS_MS = 3 * 24 * HOUR_MS  # longer than anybody gives back what was taken on its day
_SOURCING, _HEALTH = "sourcing", "health"
_NAMES = {"pk": "suppliers", "sk": "names"}
_MOVED = (
    "disabled",
    "breaker",
    "strain",
    "openings",
    "until_ms",
    "probe",
    "version",
    "changed_by",
    "changed_from",
    "changed_at_ms",
    "changed_reason",
)
"""What one version of a supplier's health has otherwise than the one before; its balance is not among it."""


class SuppliersItem(Model):
    """`expires_at` is the table's time to live, in epoch seconds, of what is counted by the day or the hour."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = IntegerAttribute()
    strain = IntegerAttribute()
    taken = IntegerAttribute()
    names = UnicodeSetAttribute()
    expires_at = IntegerAttribute()
    balance_at_ms = IntegerAttribute()
    short_until_ms = IntegerAttribute()


@dataclass(frozen=True)
class Quota:
    """How much of a source is taken on a day, written as an ISO date."""

    sku_id: str
    source_id: str
    day: str

    @property
    def key(self) -> dict[str, str]:
        return {"pk": f"sku#{self.sku_id}", "sk": f"quota#{self.source_id}#{self.day}"}


class SuppliersStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = Table(client, table_name)

    # where SKUs come from

    def sourcing(self, sku_id: str) -> Sourcing | None:
        found = self._table.get(**_of_sku(sku_id))
        return from_attributes(Sourcing, found) if found else None

    def put_sourcing(self, sourcing: Sourcing) -> bool:
        """Store the first or next version; False if somebody else stored one meanwhile."""
        first = sourcing.version == 1
        condition = SuppliersItem.pk.does_not_exist() if first else SuppliersItem.version == sourcing.version - 1
        try:
            self._table.send(self._table.put(sourcing, condition, **_of_sku(sourcing.sku_id)))
        except ConditionFailed:
            return False
        return True

    # what a choice looks at

    def standing(
        self, suppliers: Collection[str], quotas: Collection[Quota]
    ) -> tuple[dict[str, Health], dict[str, int]]:
        """The health of those suppliers that there are, and by source what is taken of the quotas: one request."""
        healths, counts = list(suppliers), list(quotas)
        reads = [*(self._health(name) for name in healths), *(self._table.read(**quota.key) for quota in counts)]
        found = read_together(self._client, reads)
        healthy = zip(healths, found[: len(healths)], strict=True)
        counted = zip(counts, found[len(healths) :], strict=True)
        return (
            {name: from_attributes(Health, item) for name, item in healthy if item},
            {quota.source_id: int(item["taken"]["N"]) for quota, item in counted if item},
        )

    # quotas

    def take(self, quota: Quota, pieces: int, at_most: int, now_ms: int) -> int | None:
        """Take so many pieces on condition that at most `at_most` are taken then: None if they are, else how many are.

        Sent again after a lost answer it takes them twice. Raises StoreUnavailable.
        """
        actions = [
            SuppliersItem.taken.set((SuppliersItem.taken | 0) + pieces),
            SuppliersItem.expires_at.set((now_ms + QUOTA_LASTS_MS) // 1000),
        ]
        room = SuppliersItem.taken <= at_most - pieces
        condition = room | SuppliersItem.pk.does_not_exist() if pieces <= at_most else room
        try:
            self._table.send(self._table.update(quota.key, actions, condition))
        except ConditionFailed as refused:
            return int(refused.current["taken"]["N"]) if refused.current else at_most
        return None

    def give_back(self, quota: Quota, pieces: int) -> None:
        """Never below nothing. Raises StoreUnavailable."""
        actions = [SuppliersItem.taken.set(SuppliersItem.taken - pieces)]
        with suppress(ConditionFailed):
            self._table.send(self._table.update(quota.key, actions, SuppliersItem.taken >= pieces))

    # health

    def health(self, supplier: str) -> Health | None:
        (found,) = read_together(self._client, [self._health(supplier)])
        return from_attributes(Health, found) if found else None

    def all_health(self) -> list[Health]:
        """Of all suppliers there are, by name."""
        listed = self._table.get(**_NAMES)
        names = sorted(listed["names"]["SS"]) if listed else []
        found = read_together(self._client, [self._health(name) for name in names])
        return [from_attributes(Health, item) for item in found if item]

    def add(self, health: Health) -> bool:
        """A supplier's first version, and its name on the list; False if there is one, or the list is full.

        Raises StoreUnavailable.
        """
        room = SuppliersItem.names.does_not_exist() | (size(SuppliersItem.names) < MAX_SUPPLIERS)  # type: ignore[no-untyped-call]
        writes = [
            self._table.put(health, SuppliersItem.pk.does_not_exist(), **_of_supplier(health.supplier)),
            self._table.update(_NAMES, [SuppliersItem.names.add({health.supplier})], room),
        ]
        for number in range(MAX_CONTENDED_TRIES):
            try:
                transact(self._client, writes)
            except TransactionFailed as refused:
                if refused.failed:
                    return False
                let_others_go(number)
            else:
                return True
        raise StoreUnavailable

    def move(self, health: Health, *, strained: bool = False) -> Health | None:
        """The next version of a supplier's health, if the one before it stands (and, `strained`, if one failure more
        opens the breaker): None if it is in now, else what stands. Raises StoreUnavailable.
        """
        condition = SuppliersItem.version == health.version - 1
        if strained:
            condition &= SuppliersItem.strain >= STRAIN_LIMIT - FAILURE_STRAINS
        attributes = to_attributes(health)
        actions = [
            Path([name]).set(attributes[name]) if name in attributes else Path([name]).remove() for name in _MOVED
        ]
        return self._on_health(health.supplier, actions, condition)

    def count_failure(self, health: Health) -> Health | None:
        """One failure more under that version, unless it opens the breaker: None if counted, else what stands."""
        room = SuppliersItem.strain < STRAIN_LIMIT - FAILURE_STRAINS
        actions = [SuppliersItem.strain.set(SuppliersItem.strain + FAILURE_STRAINS)]
        return self._on_health(health.supplier, actions, room & (SuppliersItem.version == health.version))

    def count_answer(self, health: Health) -> None:
        """One answer more under that version, which takes strain away where there is any. Raises StoreUnavailable."""
        strained = (SuppliersItem.version == health.version) & (SuppliersItem.strain > 0)
        self._on_health(health.supplier, [SuppliersItem.strain.set(SuppliersItem.strain - 1)], strained)

    def put_balance(self, supplier: str, balance: Money, now_ms: int) -> None:
        """What we have with them, unless a later look is in; whatever was short before is not any more."""
        actions = [
            Path(["balance"]).set({"M": to_attributes(balance)}),
            SuppliersItem.balance_at_ms.set(now_ms),
            SuppliersItem.short_until_ms.remove(),
        ]
        later = SuppliersItem.balance_at_ms.does_not_exist() | (SuppliersItem.balance_at_ms <= now_ms)
        self._on_health(supplier, actions, SuppliersItem.pk.exists() & later)

    def put_short(self, supplier: str, until_ms: int) -> None:
        """The supplier says that our balance does not do."""
        self._on_health(supplier, [SuppliersItem.short_until_ms.set(until_ms)], SuppliersItem.pk.exists())

    def _on_health(self, supplier: str, actions: Sequence[Action], condition: Condition) -> Health | None:
        """None if it is done, else what stands there, of a supplier that there is. Raises StoreUnavailable."""
        try:
            self._table.send(self._table.update(_of_supplier(supplier), actions, condition))
        except ConditionFailed as refused:
            if refused.current is None:
                raise StoreUnavailable from None
            return from_attributes(Health, refused.current)
        return None

    def _health(self, supplier: str) -> Read:
        return self._table.read(**_of_supplier(supplier))

    # figures

    def count(self, supplier: str, tally: Tally, now_ms: int) -> None:
        """Add to the figures of this hour. Raises StoreUnavailable."""
        counted = to_attributes(tally)
        lasts = SuppliersItem.expires_at.set((now_ms + FIGURES_LAST_MS) // 1000)
        actions = [lasts, *(Path([name]).add(value) for name, value in counted.items())]
        key = {"pk": f"supplier#{supplier}", "sk": f"figures#{hour_of(now_ms)}"}
        self._table.send(self._table.update(key, actions, SuppliersItem.version.does_not_exist()))

    def figures(self, supplier: str, now_ms: int) -> Tally:
        """Of the last HOURS_SHOWN hours, this one among them."""
        first, last = (f"figures#{hour_of(now_ms - ago * HOUR_MS)}" for ago in (HOURS_SHOWN - 1, 0))
        here = (SuppliersItem.pk == f"supplier#{supplier}") & SuppliersItem.sk.between(first, last)
        return sum((_tally(item) for item in self._table.query_all(here)), Tally())


def _tally(item: Attributes) -> Tally:
    return from_attributes(Tally, {name: item[name] for name in to_attributes(Tally())})


def _of_sku(sku_id: str) -> dict[str, str]:
    return {"pk": f"sku#{sku_id}", "sk": _SOURCING}


def _of_supplier(supplier: str) -> dict[str, str]:
    return {"pk": f"supplier#{supplier}", "sk": _HEALTH}
