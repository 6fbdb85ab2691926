"""An order under any sequence of commands, with duplicates and delays: I2, I4, I5, and the events of every step."""

from collections import Counter
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import (
    MAX_REPLACEMENTS_PER_KEY,
    NotCancellable,
    Order,
    OrderStatus,
    ReplacedTooOften,
    Unit,
    UnitStatus,
)
from keyrail.ordering.model.steps import cancel, deliver, fail_unit, pay, replace_key, reserve
from keyrail.platform.money import Money, total
from tests.properties.orders import BUYER, LIFETIME_MS, PROVIDER, SYSTEM, unpaid_orders

PAID_STATES = {
    OrderStatus.PAID,
    OrderStatus.FULFILLING,
    OrderStatus.DELIVERED,
    OrderStatus.PARTIALLY_DELIVERED,
    OrderStatus.REFUNDING,
}


class OrderLife(RuleBasedStateMachine):
    """The commands as the services give them: each looks at the order as it stands and decides on it."""

    order: Order
    now_ms: int = 0

    @initialize(order=unpaid_orders())
    def place(self, order: Order) -> None:
        self.order = order
        self.announced = Counter(event.name for event in events_between(None, order))
        self.keys_by_unit = {unit.unit_id: unit.key_ids for unit in order.units}

    @rule(wait_ms=st.integers(0, 2 * LIFETIME_MS))
    def wait(self, wait_ms: int) -> None:
        self.now_ms += wait_ms

    @rule(number=st.integers(0, 1), reference=st.sampled_from("ab"))
    def pay(self, number: int, reference: str) -> None:
        if self.order.paid_attempt() is None:
            attempt = self.order.attempts[number]
            self.step(pay(self.order, attempt.attempt_id, reference, PROVIDER, self.now_ms))

    @rule()
    def cancel(self) -> None:
        try:
            self.step(cancel(self.order, BUYER, self.now_ms))
        except NotCancellable:
            assert self.order.status in PAID_STATES | {OrderStatus.CANCELLED}

    @precondition(lambda self: self.order.paid_attempt())
    @rule(data=st.data())
    def deliver_some(self, data: st.DataObject) -> None:
        units = data.draw(st.sets(st.sampled_from(self.order.units)))
        units_to_issue = [unit for unit in units if unit in self.order.units_to_issue()]
        if units_to_issue:
            keys = {unit.unit_id: unit.key_ids for unit in units_to_issue}
            self.step(deliver(self.order, keys, SYSTEM, self.now_ms))

    @precondition(lambda self: self.order.paid_attempt() and self.order.units_to_issue())
    @rule(data=st.data(), run=st.integers(0, 9))
    def count_on_other_keys(self, data: st.DataObject, run: int) -> None:
        unit = data.draw(st.sampled_from(self.order.units_to_issue()))
        keys = tuple(f"key_other_{run}_{unit.unit_id}_{number}" for number in range(unit.quantity))
        self.step(reserve(self.order, unit.unit_id, keys, SYSTEM, self.now_ms))
        self.keys_by_unit[unit.unit_id] = keys

    @precondition(lambda self: self.order.paid_attempt() and self.order.units_to_issue())
    @rule(data=st.data())
    def fail_one(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(self.order.units_to_issue()))
        self.step(fail_unit(self.order, unit.unit_id, "sold_out", SYSTEM, self.now_ms))

    @precondition(lambda self: any(unit.status is UnitStatus.DELIVERED for unit in self.order.units))
    @rule(data=st.data())
    def replace_one(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from([u for u in self.order.units if u.status is UnitStatus.DELIVERED]))
        bad, by = data.draw(st.sampled_from(unit.key_ids)), f"key_stand_in_{self.order.version}"
        try:
            self.step(replace_key(self.order, unit.unit_id, bad, by, SYSTEM, self.now_ms))
        except ReplacedTooOften:
            assert len(unit.replaced) >= MAX_REPLACEMENTS_PER_KEY
        else:
            self.keys_by_unit[unit.unit_id] = tuple(by if key == bad else key for key in unit.key_ids)

    @precondition(lambda self: any(unit.status is not UnitStatus.DELIVERED for unit in self.order.units))
    @rule(data=st.data())
    def replace_what_nobody_has(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from([u for u in self.order.units if u.status is not UnitStatus.DELIVERED]))
        bad = next(iter(unit.key_ids), "key_none")
        assert refused(lambda: replace_key(self.order, unit.unit_id, bad, "key_by", SYSTEM, self.now_ms))

    @precondition(lambda self: any(unit.status is not UnitStatus.RESERVED for unit in self.order.units))
    @rule(data=st.data())
    def settle_a_settled_unit_again(self, data: st.DataObject) -> None:
        settled = [unit for unit in self.order.units if unit.status is not UnitStatus.RESERVED]
        unit = data.draw(st.sampled_from(settled))
        assert refused(lambda: deliver(self.order, {unit.unit_id: self.keys(unit)}, SYSTEM, self.now_ms))
        assert refused(lambda: fail_unit(self.order, unit.unit_id, "sold_out", SYSTEM, self.now_ms))

    @precondition(lambda self: self.order.paid_attempt() and self.order.units_to_issue())
    @rule(data=st.data())
    def deliver_half_a_unit(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(self.order.units_to_issue()))
        for keys in (unit.key_ids[1:], (*unit.key_ids, "key_more"), unit.key_ids[:1] * (unit.quantity + 1)):
            assert refused(lambda keys=keys: deliver(self.order, {unit.unit_id: keys}, SYSTEM, self.now_ms))

    @precondition(lambda self: self.order.paid_attempt() is None)
    @rule()
    def owe_what_was_never_paid(self) -> None:
        unit = self.order.units[0]
        assert refused(lambda: fail_unit(self.order, unit.unit_id, "sold_out", SYSTEM, self.now_ms))

    def keys(self, unit: Unit) -> tuple[str, ...]:
        return self.keys_by_unit[unit.unit_id]

    def step(self, following: Order) -> None:
        before, self.order = self.order, following
        assert following.version > before.version
        assert (following.order_id, following.total, following.token_hash) == (
            before.order_id,
            before.total,
            before.token_hash,
        )
        self.announced.update(event.name for event in events_between(before, following))
        assert [event.name for event in events_between(following, replace(following, version=99))] == ["order.changed"]

    @invariant()
    def a_unit_is_delivered_whole_and_only_when_it_is_paid(self) -> None:
        for unit in self.order.units:
            if unit.status is UnitStatus.DELIVERED:
                assert self.order.paid_attempt() is not None
                assert unit.key_ids == self.keys(unit)
                assert len(set(unit.key_ids)) == unit.quantity
                assert set(unit.key_ids).isdisjoint(unit.replaced)
            if unit.status is UnitStatus.FAILED:
                assert unit.key_ids == ()

    @invariant()
    def every_fen_is_unpaid_delivered_open_or_owed_back(self) -> None:
        owed = total([Money(0, "CNY"), *(refund.amount for refund in self.order.refunds)])
        kept = total([Money(0, "CNY"), *(u.amount for u in self.order.units if u.status is not UnitStatus.FAILED)])
        assert owed + kept == self.order.total
        paid = self.order.paid_attempt()
        assert {refund.attempt_id for refund in self.order.refunds} <= {paid.attempt_id if paid else ""}
        assert len({refund.refund_id for refund in self.order.refunds}) == len(self.order.refunds)

    @invariant()
    def the_status_says_what_the_units_say(self) -> None:
        states = {unit.status for unit in self.order.units}
        match self.order.status:
            case OrderStatus.DELIVERED:
                assert states == {UnitStatus.DELIVERED}
            case OrderStatus.PARTIALLY_DELIVERED:
                assert states == {UnitStatus.DELIVERED, UnitStatus.FAILED}
            case OrderStatus.REFUNDING:
                assert states == {UnitStatus.FAILED}
            case OrderStatus.FULFILLING:
                assert UnitStatus.RESERVED in states
            case _:
                assert states == {UnitStatus.RESERVED}
        assert (self.order.paid_attempt() is not None) == (self.order.status in PAID_STATES)

    @invariant()
    def only_an_unpaid_order_expires_and_only_by_time(self) -> None:
        expired = self.order.status_at(self.now_ms) is OrderStatus.EXPIRED
        assert expired == (self.order.status is OrderStatus.PENDING_PAYMENT and self.now_ms >= LIFETIME_MS)
        assert replace(self.order).status is not OrderStatus.EXPIRED

    @invariant()
    def everything_is_announced_once(self) -> None:
        assert self.announced["order.placed"] == 1
        assert self.announced["order.paid"] == (self.order.paid_attempt() is not None)
        assert self.announced["order.refund_due"] == len(self.order.refunds)
        assert self.announced["order.delivered"] == (self.order.status is OrderStatus.DELIVERED)
        assert self.announced["order.partially_delivered"] == (self.order.status is OrderStatus.PARTIALLY_DELIVERED)
        assert self.announced["order.cancelled"] <= 1
        assert self.announced["order.key_replaced"] == sum(len(unit.replaced) for unit in self.order.units)


def refused(act: object) -> bool:
    assert callable(act)
    try:
        act()
    except (ValueError, StopIteration):
        return True
    return False


TestOrderLife = OrderLife.TestCase
