"""The `suppliers` table: where SKUs come from, suppliers with their health, figures and notices, and what quotas
have left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.platform.clock import epoch_ms
from keyrail.platform.contention import let_others_go
from keyrail.platform.documents import Attributes, from_attributes, to_attributes
from keyrail.platform.dynamo import (
    ConditionFailed,
    IntegerAttribute,
    Read,
    StoreUnavailable,
    Table,
    TransactionFailed,
    Write,
    has_room,
    read_together,
    transact,
)
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import (
    ASIDE_LASTS_MS,
    FAILURE_STRAINS,
    LET_DOWN,
    LET_DOWN_LIMIT,
    MAX_UNANSWERED,
    PROBE_LASTS_MS,
    STRAIN_LIMIT,
    Health,
)
from keyrail.suppliers.model.figures import FIGURES_LAST_MS, HOUR_MS, HOURS_SHOWN, Tally, hour_of
from keyrail.suppliers.model.notices import Notice
from keyrail.suppliers.model.sources import MAX_SUPPLIERS, Sourcing

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

QUOTA_LASTS_S = 30 * 24 * 3600  # since its day: longer than anybody has to find out that nothing was supplied
MAX_TRIES = 20  # of a transaction that others stand in the way of
_SOURCING, _HEALTH, _NOTICE = "sourcing", "health", "notice"
_NAMES = {"pk": "suppliers", "sk": "names"}
_MOVED = (
    "disabled",
    "breaker",
    "strain",
    "called",
    "may_call",
    "given_up_ms",
    "let_downs",
    "aside_until_ms",
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
_COUNTED = {"strain", "called", "may_call", "given_up_ms", "let_downs", "aside_until_ms"}
"""What calls change under one version."""


class SuppliersItem(Model):
    """`expires_at` is the table's time to live, in epoch seconds, of what is counted by the day or the hour."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = IntegerAttribute()
    strain = IntegerAttribute()
    called = IntegerAttribute()
    may_call = IntegerAttribute()
    given_up_ms = IntegerAttribute()
    let_downs = IntegerAttribute()
    aside_until_ms = IntegerAttribute()
    taken = IntegerAttribute()
    holds = IntegerAttribute()
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

    def mark(self, reference: str) -> dict[str, str]:
        """Of what an attempt has taken."""
        return {"pk": f"taken#{reference}", "sk": f"{self.sku_id}#{self.source_id}#{self.day}"}

    @property
    def ends(self) -> Action:
        began = datetime.fromisoformat(self.day).replace(tzinfo=UTC)
        return SuppliersItem.expires_at.set(epoch_ms(began) // 1000 + QUOTA_LASTS_S)


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
        self, suppliers: Collection[str], quotas: Collection[Quota], reference: str
    ) -> tuple[dict[str, Health], dict[str, int], dict[str, int]]:
        """The health of those suppliers that there are, by source what is taken of the quotas, and what the attempt of
        that reference holds of them: one request. That is not counted as taken, for it is its own already.
        """
        names, counts = list(suppliers), list(quotas)
        reads = [
            *(self._health(name) for name in names),
            *(self._table.read(**key) for quota in counts for key in (quota.key, quota.mark(reference))),
        ]
        found = read_together(self._client, reads)
        taken = [_number(count, "taken") for count in found[len(names) :: 2]]
        held = [_number(mark, "holds") for mark in found[len(names) + 1 :: 2]]
        limited = [quota.source_id for quota in counts]
        return (
            {name: from_attributes(Health, item) for name, item in zip(names, found, strict=False) if item},
            {name: count - own for name, count, own in zip(limited, taken, held, strict=True)},
            {name: own for name, own in zip(limited, held, strict=True) if own},
        )

    # quotas

    def take(self, quota: Quota, reference: str, pieces: int, at_most: int) -> int | None:
        """Take so many pieces for the attempt of that reference, on condition that at most `at_most` are taken then.

        None if they are, else how many are. Repeated it is taken once. Raises StoreUnavailable.
        """
        room = SuppliersItem.taken <= at_most - pieces
        count = self._table.update(
            quota.key,
            [SuppliersItem.taken.set((SuppliersItem.taken | 0) + pieces), quota.ends],
            room | SuppliersItem.pk.does_not_exist() if pieces <= at_most else room,
        )
        not_taken = SuppliersItem.holds.does_not_exist() | (SuppliersItem.holds == 0)
        mark = self._table.update(quota.mark(reference), [SuppliersItem.holds.set(pieces), quota.ends], not_taken)
        refused = self._together(count, mark)
        if refused is None or 1 in refused:
            return None
        counted = refused[0]
        return int(counted["taken"]["N"]) if counted else at_most

    def give_back(self, quota: Quota, reference: str, pieces: int) -> None:
        """What was taken for the attempt of that reference, and is not given back yet. Raises StoreUnavailable."""
        holds = SuppliersItem.holds == pieces
        self._together(
            self._table.update(
                quota.key, [SuppliersItem.taken.set(SuppliersItem.taken - pieces)], SuppliersItem.taken >= pieces
            ),
            self._table.update(quota.mark(reference), [SuppliersItem.holds.set(0)], holds),
        )

    def _together(self, *writes: Write) -> dict[int, Attributes | None] | None:
        """None if all are done, else what stands where one was refused; none is then. Raises StoreUnavailable."""
        for number in range(MAX_TRIES):
            try:
                transact(self._client, writes)
            except TransactionFailed as refused:
                if refused.failed:
                    return refused.failed
                let_others_go(number)
            else:
                return None
        raise StoreUnavailable

    # health

    def health(self, supplier: str) -> Health | None:
        (found,) = read_together(self._client, [self._health(supplier)])
        return from_attributes(Health, found) if found else None

    def all_health(self) -> list[Health]:
        """Of all suppliers there are, by name."""
        listed = self._table.get(**_NAMES)
        names = sorted(listed["names"]["SS"]) if listed else []
        return self.health_of(names)

    def health_of(self, names: Sequence[str]) -> list[Health]:
        """Of those of them that there are."""
        found = read_together(self._client, [self._health(name) for name in names])
        return [from_attributes(Health, item) for item in found if item]

    def add(self, health: Health) -> bool:
        """A supplier's first version, and its name on the list; False if there is one, or the list is full.

        Raises StoreUnavailable.
        """
        room = has_room(SuppliersItem.names, MAX_SUPPLIERS)
        writes = [
            self._table.put(health, SuppliersItem.pk.does_not_exist(), **_of_supplier(health.supplier)),
            self._table.update(_NAMES, [SuppliersItem.names.add({health.supplier})], room),
        ]
        return self._together(*writes) is None

    def move(self, health: Health, *, strained: bool = False) -> Health | None:
        """The next version of a supplier's health, if the one before it stands (and, `strained`, if one failure more
        opens the breaker): None if it is in now, else what stands. Repeated it is moved once. Raises StoreUnavailable.
        """
        condition = SuppliersItem.version == health.version - 1
        if strained:
            condition &= SuppliersItem.strain >= STRAIN_LIMIT - FAILURE_STRAINS
        attributes = to_attributes(health)
        actions = [
            Path([name]).set(attributes[name]) if name in attributes else Path([name]).remove() for name in _MOVED
        ]
        standing = self._on_health(health.supplier, actions, condition)
        return None if standing is not None and _is_same_move(standing, health) else standing

    def count_call(self, health: Health, now_ms: int) -> tuple[Health, bool]:
        """The health as it stands then, and whether one call more is out: under that version, and where not as many are
        out as may be. Raises StoreUnavailable.
        """
        room = SuppliersItem.called.does_not_exist() | (SuppliersItem.called < SuppliersItem.may_call)
        actions = [
            SuppliersItem.called.set((SuppliersItem.called | 0) + 1),
            SuppliersItem.may_call.set(SuppliersItem.may_call | MAX_UNANSWERED),
            SuppliersItem.given_up_ms.set(now_ms + PROBE_LASTS_MS),
        ]
        write = self._table.update(
            _of_supplier(health.supplier), actions, room & (SuppliersItem.version == health.version)
        )
        try:
            return from_attributes(Health, self._table.send(write)), True
        except ConditionFailed as refused:
            if refused.current is None:
                raise StoreUnavailable from None
            return from_attributes(Health, refused.current), False

    def take_call_back(self, health: Health) -> None:
        """The call that was counted in that health is not made after all, so that one more may be.

        Raises StoreUnavailable.
        """
        waits = (SuppliersItem.version == health.version) & (SuppliersItem.may_call < health.called + MAX_UNANSWERED)
        self._on_health(health.supplier, [SuppliersItem.may_call.set(SuppliersItem.may_call + 1)], waits)

    def count_failure(self, health: Health) -> Health | None:
        """One failure more under that version, unless it opens the breaker: None if counted, else what stands."""
        room = SuppliersItem.strain < STRAIN_LIMIT - FAILURE_STRAINS
        actions = [SuppliersItem.strain.set(SuppliersItem.strain + FAILURE_STRAINS)]
        return self._on_health(health.supplier, actions, room & (SuppliersItem.version == health.version))

    def count_answer(self, health: Health) -> None:
        """The call that was counted in that health is answered: so many more may be made behind it.

        Raises StoreUnavailable.
        """
        same, may_call = SuppliersItem.version == health.version, health.called + MAX_UNANSWERED
        later = SuppliersItem.may_call < may_call
        self._on_health(health.supplier, [SuppliersItem.may_call.set(may_call)], same & later)

    def relieve(self, health: Health) -> None:
        """An answer takes strain away where there is any under that version. Raises StoreUnavailable."""
        strained = (SuppliersItem.version == health.version) & (SuppliersItem.strain > 0)
        self._on_health(health.supplier, [SuppliersItem.strain.set(SuppliersItem.strain - 1)], strained)

    def count_let_down(self, health: Health, now_ms: int) -> None:
        """Somebody more whom it let down under that version; at the limit it stands aside. Raises StoreUnavailable."""
        same, below = SuppliersItem.version == health.version, SuppliersItem.let_downs < LET_DOWN_LIMIT - LET_DOWN
        more = SuppliersItem.let_downs.set((SuppliersItem.let_downs | 0) + LET_DOWN)
        if self._on_health(health.supplier, [more], same & (below | SuppliersItem.let_downs.does_not_exist())):
            aside = SuppliersItem.aside_until_ms.set(now_ms + ASIDE_LASTS_MS)
            self._on_health(health.supplier, [SuppliersItem.let_downs.set(LET_DOWN_LIMIT), aside], same)

    def count_served(self, health: Health) -> None:
        """Somebody whom it served takes one away under that version, where there are any. Raises StoreUnavailable."""
        some = (SuppliersItem.version == health.version) & (SuppliersItem.let_downs > 0)
        self._on_health(health.supplier, [SuppliersItem.let_downs.set(SuppliersItem.let_downs - 1)], some)

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

    # what suppliers have news of that nobody waits for

    def keep(self, notice: Notice) -> bool:
        """False if one is kept of that reference already. Raises StoreUnavailable."""
        key = {"pk": f"supplier#{notice.supplier}", "sk": f"{_NOTICE}#{notice.reference}"}
        return self._table.put_first(notice, SuppliersItem.pk.does_not_exist(), **key) is None

    def notices(self, supplier: str, limit: int) -> list[Notice]:
        """At most `limit`, by their references."""
        here = (SuppliersItem.pk == f"supplier#{supplier}") & SuppliersItem.sk.startswith(f"{_NOTICE}#")
        return [from_attributes(Notice, item) for item in self._table.query(here, limit=limit).items]


def _number(item: Attributes | None, name: str) -> int:
    return int(item[name]["N"]) if item else 0


def _is_same_move(one: Health, other: Health) -> bool:
    """What is counted after a move is no part of it."""
    return all(getattr(one, name) == getattr(other, name) for name in _MOVED if name not in _COUNTED)


def _tally(item: Attributes) -> Tally:
    return from_attributes(Tally, {name: item[name] for name in to_attributes(Tally()) if name in item})


def _of_sku(sku_id: str) -> dict[str, str]:
    return {"pk": f"sku#{sku_id}", "sk": _SOURCING}


def _of_supplier(supplier: str) -> dict[str, str]:
    return {"pk": f"supplier#{supplier}", "sk": _HEALTH}
