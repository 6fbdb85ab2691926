"""A day of a shop with a supplier of recharges and keys, and the morning on which it is compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, timedelta

from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.books import entries_between as batch_entries
from keyrail.ledger.model import JournalEntry
from keyrail.ordering.model.books import entries_between
from keyrail.ordering.model.orders import Order, Unit
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import from_attributes
from keyrail.platform.money import Money
from keyrail.reconciliation.model.differences import Difference, DifferenceStatus
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.runs import Run, run_id
from keyrail.reconciliation.service.comparing import Outcome
from keyrail.suppliers.model.purchases import Purchase
from keyrail.suppliers.model.statements import Moved, SupplierLine
from tests.card_house import HOUSE, Buying, CardHouse
from tests.card_house import Plan as Keys
from tests.recharging import buy, recharge, sell, supplied, unit_of
from tests.reconciling import DAY_MS, noon_ms
from tests.supplier import COST, Plan, Wholesaler
from tests.world import OPERATOR, SYSTEM, World

HOLDER = Holder(HOUSE)


@dataclass
class Street:
    """A shop with a supplier of recharges and keys, whose statements a test has made; it is noon."""

    world: World
    buying: Buying
    day: date
    house: Wholesaler = field(default_factory=Wholesaler)
    entries: list[JournalEntry] = field(default_factory=list)

    def unit(self, plan: Plan = Plan.DONE, *, once: bool = False) -> tuple[Order, Unit]:
        """Of an order that was paid, as far as it comes by itself, or by one step, while the house says what the plan
        says.
        """
        sku_id = sell(self.world, recharge(HOUSE))
        self.house.plans = [plan]
        placed = buy(self.world, sku_id)
        if once:
            self.world.recharging.place(placed.order.order_id, unit_of(self.world, placed).unit_id, SYSTEM)
        else:
            supplied(self.world, placed)
        return self.world.orders.of_operator(placed.order.order_id), unit_of(self.world, placed)

    def purchase(self, plan: Keys = Keys.DONE, pieces: int = 5, takes: Money | None = None) -> Purchase:
        sku_id = f"keys-{len(self.buying.house.orders)}-{plan}"
        self.world.stock_up(1, sku_id)
        self.buying.house.plans, self.buying.house.takes = [plan], takes
        return self.buying.go_on(self.buying.request(sku_id, pieces))

    def said(self, *lines: SupplierLine, day: date | None = None) -> None:
        self.house.statements.setdefault(day or self.day, []).extend(lines)

    def post(self) -> None:
        """What the stream makes of all that is stored."""
        batches = [
            from_attributes(Batch, item) for item in self.world.scan("keys") if item["key_id"]["S"][:4] == "bat_"
        ]
        entries = [entry for order in self.world.stored_orders() for entry in entries_between(None, order)]
        entries += [entry for batch in batches for entry in batch_entries(None, batch)]
        self.world.books.post([*entries, *self.entries])

    def next_morning(self, days: int = 1) -> None:
        self.world.ahead_ms += days * DAY_MS

    def run(self, day: date | None = None) -> Run:
        return self.world.reconciliation_desk.run(run_id(HOLDER, (day or self.day).isoformat()))

    def reconcile(self) -> list[Difference]:
        """The open differences of the day, as the morning after finds them."""
        self.post()
        self.next_morning()
        self.world.reconciliation_desk.request_day([HOLDER], SYSTEM)
        assert self.world.comparing.run(self.run().run_id, SYSTEM) is Outcome.ENDED
        return self.open()

    def again(self) -> list[Difference]:
        self.world.reconciliation_desk.request(HOLDER, self.day, OPERATOR)
        self.world.comparing.run(self.run().run_id, SYSTEM)
        return self.open()

    def open(self) -> list[Difference]:
        found = self.world.reconciliation_desk.all_differences(self.run().run_id)
        return [each for each in found if each.status is DifferenceStatus.OPEN]


def taken(reference: str, amount: Money = COST, *, is_over: bool = True, moved: Moved = Moved.TAKEN) -> SupplierLine:
    return SupplierLine(
        line=1,
        moved=moved,
        reference=reference,
        their_reference=f"S-{reference}",
        amount=amount,
        status="done" if is_over else "processing",
        is_over=is_over,
        at=rfc3339(0),
    )


def back(reference: str, amount: Money = COST) -> SupplierLine:
    return taken(reference, amount, moved=Moved.RETURNED)


def attempted(unit: Unit) -> str:
    assert unit.attempts
    return unit.attempts[-1].reference


def street_at_noon(world: World) -> Street:
    world.accounts = PaymentAccounts(dict(world.accounts.accounts), dict(world.accounts.stores))
    day = date.fromisoformat(rfc3339(world.now_ms())[:10]) + timedelta(days=1)
    world.ahead_ms += noon_ms(day, UTC) - world.now_ms()
    buying = Buying(world, CardHouse())
    buying.sync()
    buying.spend()
    street = Street(world, buying, day)
    world.wholesalers[HOUSE] = street.house
    return street
