"""What of the `suppliers` table is about supply: catalogues, price rules, and purchases with their budget."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from keyrail.platform.changes import Versioned
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import (
    ConditionFailed,
    IntegerAttribute,
    StoreUnavailable,
    Table,
    TransactionFailed,
    Write,
    has_room,
    transact,
)
from keyrail.suppliers.model.guarding import MAX_GUARDS, PriceGuard
from keyrail.suppliers.model.offers import KnownOffer, Watch
from keyrail.suppliers.model.purchases import (
    MAX_OPEN_PURCHASES,
    MAX_RULES,
    Budget,
    Purchase,
    PurchaseNotFound,
    PurchaseRule,
    unspent,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_SUPPLY = "supply"
_OFFER = "offer#"
_NUMBERED = "purchase#"
SPENT_LASTS_S = 40 * 24 * 60 * 60  # a purchase that fails late still gives back to its day
OF_ITSELF, OF_BUDGET, OF_LIST = 0, 2, 3  # positions in the transaction that adds a purchase
LATEST = 20  # purchases of a SKU that are shown

Item = TypeVar("Item", bound=Versioned)


class SupplyItem(Model):
    """`names` is a list of ids; `number` counts a SKU's purchases, of which `open` is the one under way."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = IntegerAttribute()
    revision = IntegerAttribute()
    changed_at_ms = IntegerAttribute()
    names = UnicodeSetAttribute()
    number = IntegerAttribute()
    open = UnicodeAttribute()
    purchase_id = UnicodeAttribute()
    spent = IntegerAttribute()
    expires_at = IntegerAttribute()


class SupplyStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = Table(client, table_name)

    # what suppliers offer

    def watch(self, supplier: str) -> Watch | None:
        return self._found(Watch, _watch(supplier))

    def put_watch(self, watch: Watch) -> bool:
        """Store the next revision; False if somebody else stored one meanwhile."""
        first = SupplyItem.pk.does_not_exist()
        condition = first if watch.revision == 1 else SupplyItem.revision == watch.revision - 1
        return self._sent(self._table.put(watch, condition, **_watch(watch.supplier)))

    def offers(self, supplier: str) -> dict[str, KnownOffer]:
        """All of them by item, and what is not on sale any more as well."""
        here = (SupplyItem.pk == f"supplier#{supplier}") & SupplyItem.sk.startswith(_OFFER)
        found = (from_attributes(KnownOffer, item) for item in self._table.query_all(here))
        return {each.item: each for each in found}

    def offers_page(self, supplier: str, limit: int, behind: str | None) -> tuple[list[KnownOffer], str | None]:
        """By item, from behind that one on; and behind which the next page begins."""
        here = SupplyItem.pk == f"supplier#{supplier}"
        # What sorts behind the prefix of all offers is none of them.
        here &= SupplyItem.sk.between(f"{_OFFER}{behind}\0" if behind else _OFFER, f"{_OFFER}\U0010ffff")
        page = self._table.query(here, limit=limit)
        found = [from_attributes(KnownOffer, item) for item in page.items]
        return found, found[-1].item if page.last_key else None

    def known(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], KnownOffer]:
        """Those of these items, each named with its supplier, that a catalogue told of."""
        found = self._table.get_all([_offer(*each) for each in wanted])
        return {
            (item["pk"]["S"].removeprefix("supplier#"), item["item"]["S"]): from_attributes(KnownOffer, item)
            for item in found
        }

    def put_offer(self, supplier: str, offer: KnownOffer) -> bool:
        """False if something later is known."""
        older = SupplyItem.pk.does_not_exist() | (SupplyItem.changed_at_ms <= offer.changed_at_ms)
        return self._sent(self._table.put(offer, older, **_offer(supplier, offer.item)))

    # rules

    def guard(self, sku_id: str) -> PriceGuard | None:
        return self._found(PriceGuard, _of_sku(sku_id, "guard"))

    def guarded_skus(self) -> list[str]:
        return self._listed("guards")

    def put_guard(self, guard: PriceGuard) -> bool:
        """The first or next version; False if another is in, or too many SKUs have one."""
        return self._put_listed(guard, guard.sku_id, _of_sku(guard.sku_id, "guard"), "guards", MAX_GUARDS)

    def rule(self, sku_id: str) -> PurchaseRule | None:
        return self._found(PurchaseRule, _of_sku(sku_id, "purchasing"))

    def skus_with_rules(self) -> list[str]:
        return self._listed("rules")

    def put_rule(self, rule: PurchaseRule) -> bool:
        """The first or next version; False if another is in, or too many SKUs have one."""
        return self._put_listed(rule, rule.sku_id, _of_sku(rule.sku_id, "purchasing"), "rules", MAX_RULES)

    def budget(self, currency: str) -> Budget | None:
        return self._found(Budget, _budget(currency))

    def put_budget(self, budget: Budget) -> bool:
        return self._sent(self._table.put(budget, _next(budget), **_budget(budget.currency)))

    def spent(self, currency: str, day: str) -> int:
        """In minor units: what purchases of that day have cost, or may still."""
        found = self._table.get(**_spent(currency, day))
        return int(found["spent"]["N"]) if found else 0

    # purchases

    def latest(self, sku_id: str) -> tuple[int, str | None]:
        """How many purchases the SKU had, and which one is open."""
        found = self._table.get(**_of_sku(sku_id, "purchases"))
        return (int(found["number"]["N"]), found.get("open", {}).get("S")) if found else (0, None)

    def purchase(self, name: str) -> Purchase:
        """Raises PurchaseNotFound."""
        found = self._found(Purchase, _purchase(name))
        if found is None:
            raise PurchaseNotFound
        return found

    def of_sku(self, sku_id: str, limit: int = LATEST) -> list[Purchase]:
        """The latest ones, newest first."""
        here = (SupplyItem.pk == f"sku#{sku_id}") & SupplyItem.sk.startswith(_NUMBERED)
        page = self._table.query(here, limit=limit, newest_first=True, consistent=True)
        return self.purchases([item["purchase_id"]["S"] for item in page.items])

    def open_purchases(self) -> list[Purchase]:
        """All that are not over, oldest first."""
        return sorted(self.purchases(self._listed("open")), key=lambda each: each.created_at_ms)

    def purchases(self, names: Sequence[str]) -> list[Purchase]:
        """Those of them that there are, each SKU's newest first."""
        found = [from_attributes(Purchase, item) for item in self._table.get_all([_purchase(each) for each in names])]
        return sorted(found, key=lambda each: -each.number)

    def add_purchase(self, purchase: Purchase, a_day_minor: int) -> None:
        """The SKU's next purchase, unless one of it is open, with its share of the day's budget: all or nothing.

        Raises TransactionFailed, whose positions are those named above.
        """
        reserved = purchase.reserved.amount_minor
        before = SupplyItem.number == purchase.number - 1 if purchase.number > 1 else SupplyItem.pk.does_not_exist()
        room = SupplyItem.spent <= a_day_minor - reserved
        if reserved <= a_day_minor:
            room |= SupplyItem.pk.does_not_exist()
        spent = [
            SupplyItem.spent.set((SupplyItem.spent | 0) + reserved),
            SupplyItem.expires_at.set(purchase.created_at_ms // 1000 + SPENT_LASTS_S),
        ]
        opened = [SupplyItem.number.set(purchase.number), SupplyItem.open.set(purchase.purchase_id)]
        transact(
            self._client,
            [
                self._table.put(purchase, SupplyItem.pk.does_not_exist(), **_purchase(purchase.purchase_id)),
                self._table.update(
                    _of_sku(purchase.sku_id, "purchases"), opened, before & SupplyItem.open.does_not_exist()
                ),
                self._table.update(_spent(purchase.reserved.currency, purchase.day), spent, room),
                self._listing("open", purchase.purchase_id, MAX_OPEN_PURCHASES),
                self._table.update(
                    _of_sku(purchase.sku_id, f"{_NUMBERED}{purchase.number:08d}"),
                    [SupplyItem.purchase_id.set(purchase.purchase_id)],
                    SupplyItem.pk.does_not_exist(),
                ),
            ],
        )

    def replace_purchase(self, before: Purchase, after: Purchase) -> bool:
        """The next version; one that is over leaves room for the SKU's next one, and what it did not spend.

        False if it changed meanwhile. Raises StoreUnavailable.
        """
        writes = [self._table.put(after, _next(after), **_purchase(after.purchase_id))]
        if not after.status.is_open:
            here = SupplyItem.open == after.purchase_id
            writes.append(
                self._table.update(_of_sku(after.sku_id, "purchases"), [SupplyItem.open.remove()], here),
            )
            unlisted = [SupplyItem.names.delete({after.purchase_id})]
            writes.append(self._table.update(_list("open"), unlisted, SupplyItem.pk.exists()))
        given_back = unspent(before, after)
        if given_back:
            spent = [SupplyItem.spent.set(SupplyItem.spent - given_back)]
            writes.append(self._table.update(_spent(after.reserved.currency, after.day), spent, SupplyItem.pk.exists()))
        if len(writes) == 1:
            return self._sent(writes[0])
        try:
            transact(self._client, writes)
        except TransactionFailed as refused:
            if not refused.failed:
                raise StoreUnavailable from None
            return False
        return True

    # how it is written

    def _found(self, kind: type[Item], key: dict[str, str]) -> Item | None:
        found = self._table.get(**key)
        return from_attributes(kind, found) if found else None

    def _sent(self, write: Write) -> bool:
        try:
            self._table.send(write)
        except ConditionFailed:
            return False
        return True

    def _listed(self, name: str) -> list[str]:
        found: Attributes = self._table.get(**_list(name)) or {}
        return sorted(found.get("names", {}).get("SS", []))

    def _listing(self, name: str, entry: str, at_most: int) -> Write:
        return self._table.update(_list(name), [SupplyItem.names.add({entry})], has_room(SupplyItem.names, at_most))

    def _put_listed(self, item: Versioned, entry: str, key: dict[str, str], name: str, at_most: int) -> bool:
        put = self._table.put(item, _next(item), **key)
        if item.version > 1:
            return self._sent(put)
        try:
            transact(self._client, [put, self._listing(name, entry, at_most)])
        except TransactionFailed:
            return False
        return True


def _next(item: Versioned) -> Condition:
    condition: Condition = (
        SupplyItem.pk.does_not_exist() if item.version == 1 else SupplyItem.version == item.version - 1
    )
    return condition


def _of_sku(sku_id: str, what: str) -> dict[str, str]:
    return {"pk": f"sku#{sku_id}", "sk": what}


def _watch(supplier: str) -> dict[str, str]:
    return {"pk": f"supplier#{supplier}", "sk": "watch"}


def _offer(supplier: str, item: str) -> dict[str, str]:
    return {"pk": f"supplier#{supplier}", "sk": f"{_OFFER}{item}"}


def _purchase(name: str) -> dict[str, str]:
    return {"pk": f"purchase#{name}", "sk": "purchase"}


def _budget(currency: str) -> dict[str, str]:
    return {"pk": f"budget#{currency}", "sk": "budget"}


def _spent(currency: str, day: str) -> dict[str, str]:
    return {"pk": f"budget#{currency}", "sk": f"spent#{day}"}


def _list(name: str) -> dict[str, str]:
    return {"pk": _SUPPLY, "sk": name}
