"""Goods or money back: looks, redemptions, refunds, approvals, disputes, callbacks and freezes in any order."""

from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from keyrail.catalog.model import Product, Sku, Terms
from keyrail.fulfilment.model import Complaint
from keyrail.inventory.model.keys import Fault
from keyrail.inventory.model.withdrawing import is_used
from keyrail.inventory.service.claims import DRAINED_MEMORY_MS
from keyrail.ordering.model.orders import Line, Order
from keyrail.ordering.model.refund_requests import WantedRefund, awaiting
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.refunds import ASK_AGAIN_MS, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.disputes import dispute
from tests.promises import check_promises
from tests.properties.in_memory import world_in_memory
from tests.redeeming import redeem, reverse
from tests.world import BUYER, OPERATOR, PRICE, SYSTEM, World, new_codes

STOCK = 5
PEOPLE = st.sampled_from([Origin(f"operator:{name}", "192.0.2.1", "why") for name in ("alice", "bob")])
LIMITS = RefundLimits({"CNY": RefundLimit(payment_minor=PRICE.amount_minor, day_minor=3 * PRICE.amount_minor)})
PAID = precondition(lambda self: self.placed)
PATIENCE = 20


class GoodsOrMoney(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.bank = Bank()
        self.world = self.at_bank(world_in_memory(self.until))
        now = stamp(OPERATOR, self.world.now_ms())
        self.world.catalog.save_product(Product(product_id="game", store_id="main", name="Game", **now), OPERATOR)
        self.codes: list[str] = []
        for sku_id, terms in (("own", Terms(uses=2, reversal_ms=10**9)), ("other", None)):
            sku = Sku(
                sku_id=sku_id,
                product_id="game",
                store_id="main",
                name=sku_id,
                price=PRICE,
                issuer="g",
                terms=terms,
                **now,
            )
            self.world.catalog.save_sku(sku, OPERATOR)
            self.codes += self.world.import_codes(new_codes(STOCK), sku_id)[0]
        self.placed: list[Placed] = []

    def at_bank(self, world: World) -> World:
        world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): self.bank}, {(PROVIDER, ACCOUNT): ()})
        world.refund_limits = LIMITS
        return world

    def draw(self, data: st.DataObject) -> Order:
        return self.world.orders.of_operator(data.draw(st.sampled_from(self.placed)).order.order_id)

    @rule(own=st.integers(0, 2), other=st.integers(0, 1))
    def buy(self, own: int, other: int) -> None:
        lines = tuple(Line(sku, count) for sku, count in (("own", own), ("other", other)) if count)
        with suppress(Conflict):
            if lines:
                placed = self.world.order(lines=lines, provider=PROVIDER)
                self.world.settlement.settle(self.bank.paid(placed.attempt, _reference(placed)), SYSTEM)
                self.placed.append(placed)

    @PAID
    @rule(data=st.data(), again=st.booleans())
    def hear_from_the_provider(self, data: st.DataObject, again: bool) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        reference = _reference(placed) if again else "another"
        self.world.settlement.settle(self.bank.paid(placed.attempt, reference), SYSTEM)

    @PAID
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        with suppress(Conflict, NotFound):
            self.world.delivery.reveal(placed.order.order_id, placed.token, BUYER)

    @PAID
    @rule(data=st.data(), name=st.integers(0, 2), back=st.booleans())
    def redeem(self, data: st.DataObject, name: int, back: bool) -> None:
        """Of an order, since chance says which code it has."""
        own = [key for unit in self.draw(data).units if unit.sku_id == "own" for key in unit.key_ids[:1]]
        for key in own:
            code = self.codes[self.world.keys.get(key).line - 1]
            with suppress(Conflict, NotFound):
                (reverse if back else redeem)(self.world, code, f"till-7-00000{name}", issuer="g")

    @PAID
    @rule(
        data=st.data(),
        even_if_used=st.booleans(),
        by=PEOPLE,
        name=st.integers(0, 2),
        whole=st.booleans(),
        by_key=st.booleans(),
    )
    def refund(self, data: st.DataObject, even_if_used: bool, by: Origin, name: int, whole: bool, by_key: bool) -> None:
        order = self.draw(data)
        units = None if whole else (order.units[0].unit_id,)
        wanted = WantedRefund(unit_ids=units, even_if_used=even_if_used, why="x")
        if by_key:
            wanted = WantedRefund(key_ids=order.units[0].key_ids[:1], even_if_used=even_if_used, why="x")
        with suppress(Conflict, Invalid):
            self.world.unit_refunds.request(order.order_id, wanted, f"the refund of number {name}", by)

    @PAID
    @rule(data=st.data(), by=PEOPLE, approved=st.booleans())
    def decide(self, data: st.DataObject, by: Origin, approved: bool) -> None:
        order = self.draw(data)
        for refund in awaiting(order)[:1]:
            how = self.world.unit_refunds.approve if approved else self.world.unit_refunds.reject
            with suppress(Conflict, Denied):
                how(order.order_id, refund.refund_id, by)

    @PAID
    @rule(data=st.data(), troubles=st.lists(st.sampled_from(["", "lost", "slow", "down", "refuse"]), max_size=2))
    def run_the_refunds(self, data: st.DataObject, troubles: list[str]) -> None:
        self.bank.troubles = troubles
        with suppress(Unavailable):
            self.world.refunds.settle(self.draw(data).order_id, SYSTEM)
        self.bank.troubles = []

    @PAID
    @rule(data=st.data(), state=st.sampled_from(DisputeState), number=st.integers(1, 2), part=st.booleans())
    def hear_from_the_bank(self, data: st.DataObject, state: DisputeState, number: int, part: bool) -> None:
        placed = data.draw(st.sampled_from(self.placed))
        notice = dispute(
            _reference(placed),
            Money(1, "CNY") if part else placed.order.total,
            state,
            f"dp_{number}",
            provider=PROVIDER,
            account=ACCOUNT,
        )
        self.world.disputes.hear(notice, SYSTEM)

    @PAID
    @rule(data=st.data(), number=st.integers(1, 2))
    def let_it_go_on(self, data: st.DataObject, number: int) -> None:
        with suppress(NotFound):
            self.world.freezing.unfreeze(self.draw(data).order_id, f"dp_{number}", OPERATOR)

    @PAID
    @rule(data=st.data(), last=st.booleans())
    def complain(self, data: st.DataObject, last: bool) -> None:
        known = [key for unit in self.draw(data).units for key in unit.key_ids]
        for key in known[-1:] if last else known[:1]:
            with suppress(Conflict, NotFound):
                self.world.after_sales.replace(key, Complaint(fault=Fault.BAD_CODE, charge_back=False), OPERATOR)

    @rule(sku_id=st.sampled_from(["own", "other"]), frozen=st.booleans())
    def freeze_a_batch(self, sku_id: str, frozen: bool) -> None:
        batch_id = self.batches()[sku_id]
        (self.world.commands.freeze if frozen else self.world.commands.unfreeze)(batch_id, OPERATOR)
        self.world.follow(batch_id)
        self.world.ahead_ms += DRAINED_MEMORY_MS  # what is remembered of pools depends on the clock

    def batches(self) -> dict[str, str]:
        return {key.sku_id: key.batch_id for key in self.world.stored_keys()}

    def teardown(self) -> None:
        with self.until:
            for batch_id in self.batches().values():
                self.world.follow(batch_id)
            for placed in self.placed:
                self.world.issuance.issue(placed.order.order_id, SYSTEM)
                self.finish_refunds(placed.order.order_id)
                self.check_order(self.world.orders.of_operator(placed.order.order_id))
            check_promises(self.world, self.codes)

    def finish_refunds(self, order_id: str) -> None:
        for _ in range(PATIENCE):
            for refund in self.world.orders.of_operator(order_id).refunds:
                if refund.status is RefundStatus.FAILED:
                    self.world.refund_desk.ask_again(order_id, refund.refund_id, OPERATOR)
            if self.world.refunds.settle(order_id, SYSTEM):
                return
            self.world.ahead_ms += ASK_AGAIN_MS
        raise AssertionError("money is owed for ever")

    def check_order(self, order: Order) -> None:
        """What went back is on the provider's books as on ours, and nothing that was used went back unsaid."""
        for refund in order.refunds:
            given = self.bank.given_back.get(refund.refund_id)
            assert given == (refund.amount if refund.is_owed else None), "the provider's books say otherwise"
        allowed = {each.refund_id for each in order.disputes or ()} | {
            each.refund_id for each in order.refunds if each.request and each.request.even_if_used
        }
        keys = {key.key_id: key for key in self.world.stored_keys()}
        for key in (keys[key_id] for unit in order.units for key_id in unit.key_ids if key_id in keys):
            assert not (key.refund_id and is_used(key)) or key.refund_id in allowed, "used, and the money back"
        gone = sum(each.amount.amount_minor for each in order.refunds if each.is_owed and each.unit_ids)
        assert gone <= order.total.amount_minor, "more went back than came in"


def _reference(placed: Placed) -> str:
    return f"pi-{placed.order.order_id}"


TestGoodsOrMoney = GoodsOrMoney.TestCase
TestGoodsOrMoney.settings = settings(max_examples=5, stateful_step_count=25, deadline=None)
