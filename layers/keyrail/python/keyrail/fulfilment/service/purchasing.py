"""Keys bought for the pool: a purchase on its way from the supplier into the stock.

Whoever stores that they ask, asks, once; a kill behind that leaves a purchase that is asked about, never one that is
asked for again (promise I7). The cards are told again with each answer, and go into the stock as often as they come.
"""

from dataclasses import dataclass

from keyrail.inventory.model.figures import Figures
from keyrail.inventory.service.card_intake import BoughtKey, BoughtKeys, CardIntake
from keyrail.inventory.service.figures import StockFigures
from keyrail.platform.changes import Origin
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Success
from keyrail.suppliers.model.purchases import NotBuyable, Purchase, PurchaseStatus, Stocked
from keyrail.suppliers.service.accounts import GONE, Placed, SupplierAccounts, Wanted
from keyrail.suppliers.service.purchases import Purchases


@dataclass(frozen=True)
class Purchasing:
    purchases: Purchases
    accounts: SupplierAccounts
    intake: CardIntake
    figures: StockFigures
    public_url: str

    def restock(self, sku_id: str, origin: Origin) -> Purchase | None:
        """Have the SKU's rule buy what it wants for the stock as it is counted; None while nothing is wanted.

        Where there never was a key nothing ran low; the rule has the first ones bought all the same.

        Raises UnknownSku, PurchaseUnderWay, NotBuyable, NotOffered, NoBudget, BudgetSpent, TooManyPurchases,
        StoreUnavailable.
        """
        figures: Figures = self.figures.of(sku_id)
        if self.purchases.rule(sku_id) is None or not (figures.low or self.figures.is_bare(figures)):
            return None
        if not self.intake.can_take(sku_id):
            raise NotBuyable
        return self.purchases.for_stock(sku_id, figures.on_hand(self.figures.now_ms()), origin)

    def go_on(self, name: str, origin: Origin) -> Purchase:
        """Ask for an approved purchase, or about one that was asked for; anything else stays as it is.

        Where its supplier is no longer there it was surely not asked for, or nobody can ask about it until a person
        does. Safe to repeat, after a kill anywhere, and to run twice at once. Raises PurchaseNotFound, Unavailable.
        """
        purchase = self.purchases.find(name)
        if purchase.status is PurchaseStatus.APPROVED:
            return self._ask_for(purchase, origin)
        if not purchase.status.is_asked_about:
            return purchase
        placed = Placed(
            reference=purchase.reference,
            their_reference=purchase.their_reference,
            quantity=purchase.pieces,
            of_keys=True,
            item=purchase.item,
        )
        return self._heard(purchase, self.accounts.query(purchase.supplier, placed), origin)

    def _ask_for(self, purchase: Purchase, origin: Origin) -> Purchase:
        try:
            supplier = self.accounts.at(purchase.supplier)
        except UnknownSupplier:
            supplier = None
        begun = self.purchases.begin(purchase, supplier.settlement_ms if supplier else 0, origin)
        if begun is None:
            return self.purchases.find(purchase.purchase_id)
        if supplier is None:
            return self._heard(begun, DefiniteFailure(said=GONE, refusal=Refusal.NOT_SENT), origin)
        return self._heard(begun, supplier.buy_keys(self._wanted(begun)), origin)

    def _wanted(self, purchase: Purchase) -> Wanted:
        return Wanted(
            reference=purchase.reference,
            item=purchase.item,
            quantity=purchase.pieces,
            limit=purchase.limit,
            callback_url=f"{self.public_url}/webhooks/suppliers/{purchase.supplier}",
        )

    def _heard(self, purchase: Purchase, outcome: Outcome, origin: Origin) -> Purchase:
        if not isinstance(outcome, Success) or not outcome.cards:
            return self.purchases.hear(purchase.purchase_id, outcome, origin)
        keys = [BoughtKey(each.code, each.password, each.expires_on) for each in outcome.cards]
        bought = BoughtKeys(
            purchase=purchase.reference,
            sku_id=purchase.sku_id,
            source=purchase.supplier,
            unit_cost=outcome.cost.shared(purchase.pieces) if outcome.cost else purchase.price,
        )
        batch = self.intake.take_in(bought, keys, origin)
        report = batch.report
        stock = Stocked(
            batch_id=batch.batch_id,
            told=len(keys),
            accepted=report.accepted if report else 0,
            duplicate=report.duplicate if report else 0,
            rejected=report.rejected if report else 0,
        )
        return self.purchases.stocked(purchase.purchase_id, outcome, stock, origin)
