"""Whether a unit that no lease holds goods for could be supplied now: asked by checkout, and shown on the shelf."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from keyrail.catalog.model import Sku, SkuKind
from keyrail.inventory.model.keys import SoldOut, StockLevel
from keyrail.inventory.service.claims import Claims
from keyrail.ordering.model.accounts import Addressed
from keyrail.ordering.model.orders import Delivery
from keyrail.platform.clock import NowMs
from keyrail.platform.money import Money
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import EVERY_KIND, KEY_KINDS, RECHARGE_KINDS, SourceKind
from keyrail.suppliers.service.routing import Routing

SHELF_CACHE_MS = 5_000
MAX_SHOWN = 1_000
KINDS = {Delivery.KEY: KEY_KINDS, Delivery.RECHARGE: RECHARGE_KINDS, Delivery.EITHER: EVERY_KIND}
"""The sources that a unit may come from, by how it is delivered."""


@dataclass(frozen=True)
class Offer:
    """What the shelf says of a SKU. `by_hand`: only a person could supply it now. Where its buyer may choose, and there
    are no `keys`, it is to be had as a recharge only.
    """

    stock: StockLevel
    by_hand: bool = False
    keys: bool = True


@dataclass
class Supply:
    """Remembers for seconds what it shows; for an order it looks each time. Nothing is taken: that is decided when the
    unit is paid for.
    """

    routing: Routing
    claims: Claims
    now_ms: NowMs
    _shown: dict[str, tuple[int, Offer]] = field(default_factory=dict, init=False)

    def check(self, wanted: Iterable[tuple[Addressed, Sku, Money]]) -> None:
        """Costs nothing where all lines are of keys, which are leased or bought for it. Raises SoldOut where a line
        could come from nowhere.
        """
        for goes, sku, amount in wanted:
            if goes.delivery is not None and not self._usable(sku, goes.delivery, goes.line.quantity, amount):
                raise SoldOut

    def bought_for(self, sku: Sku, quantity: int, amount: Money) -> bool:
        """Whether keys could be bought for a line that the pool has too few for. Two reads."""
        return sku.has_keys and SourceKind.KEYS in self._usable(sku, Delivery.KEY, quantity, amount)

    def offer(self, sku: Sku) -> Offer:
        now_ms = self.now_ms()
        known = self._shown.get(sku.sku_id)
        if known is None or now_ms - known[0] >= SHELF_CACHE_MS:
            known = (now_ms, self._offer(sku))
            if len(self._shown) >= MAX_SHOWN:
                self._shown.clear()
            self._shown[sku.sku_id] = known
        return known[1]

    def _offer(self, sku: Sku) -> Offer:
        stock = self.claims.level(sku.sku_id, sku.low_stock) if sku.has_keys else StockLevel.SOLD_OUT
        if sku.kind in {SkuKind.KEY, SkuKind.CHOICE}:
            return self._offer_of_keys(sku, stock)
        delivery = Delivery.EITHER if sku.kind is SkuKind.EITHER else Delivery.RECHARGE
        usable = self._usable(sku, delivery, 1, sku.price)
        if usable == {SourceKind.POOL}:
            return Offer(stock)
        return Offer(StockLevel.IN_STOCK if usable else StockLevel.SOLD_OUT, usable == {SourceKind.MANUAL})

    def _offer_of_keys(self, sku: Sku, stock: StockLevel) -> Offer:
        if stock is not StockLevel.SOLD_OUT:
            return Offer(stock)
        if self.bought_for(sku, 1, sku.price):
            return Offer(StockLevel.IN_STOCK)
        usable = self._usable(sku, Delivery.RECHARGE, 1, sku.price) if sku.kind is SkuKind.CHOICE else None
        return Offer(StockLevel.IN_STOCK, usable == {SourceKind.MANUAL}, keys=False) if usable else Offer(stock)

    def _usable(self, sku: Sku, delivery: Delivery, quantity: int, paid: Money) -> frozenset[SourceKind]:
        """The kinds of sources that it could come from now; the pool only if there is a key in it."""
        need = Need(sku_id=sku.sku_id, quantity=quantity, paid=paid, kinds=KINDS[delivery], reference="")
        usable = self.routing.usable_kinds(need)
        if SourceKind.POOL in usable and self.claims.level(sku.sku_id, sku.low_stock) is StockLevel.SOLD_OUT:
            return usable - {SourceKind.POOL}
        return usable
