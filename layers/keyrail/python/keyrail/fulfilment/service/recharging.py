"""Have units supplied: at one source after the other, until one has surely done it, or all have surely not.

A workflow takes these steps one after the other, and each again whenever it does not know what came of it. Each may be
taken twice, twice at once, and be killed anywhere: what was decided is on the order, and decides.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from random import SystemRandom
from secrets import token_hex

from keyrail.fulfilment.service.keys_for_units import KeysForUnits
from keyrail.inventory.model.keys import SoldOut
from keyrail.ordering.model.contradictions import last_word_about
from keyrail.ordering.model.orders import Delivery, Order, OrderNotFound, Unit
from keyrail.ordering.model.patience import next_look_s, patient, patient_until_ms, tried, waits_until_ms
from keyrail.ordering.model.supplying import (
    BY_HAND,
    NOT_SUPPLIED,
    begin,
    by_hand,
    give_up,
    hand_over,
    hear,
    is_said_to_be_in_stock,
    may_begin,
    may_go_on,
    next_reference,
    wait,
)
from keyrail.ordering.model.work import WorkKind
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.service.supply import KINDS
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import Unavailable
from keyrail.platform.logs import Entry
from keyrail.risk.service import News
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt, SupplyState, is_ended_by
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.outcomes import Outcome, Success, Unknown
from keyrail.suppliers.model.routing import Need, PassedOver
from keyrail.suppliers.model.sources import Source, SourceKind
from keyrail.suppliers.model.waiting import wait_s
from keyrail.suppliers.service.accounts import BROKEN, Placed, Supplier, SupplierAccounts, Wanted
from keyrail.suppliers.service.routing import Choice, Routing

MAX_TRIES = 20
KEEP_TRIES = 5  # of storing an answer that is in hand, some three seconds in all where the table refuses at once
FIRST_KEEP_WAIT_S, MAX_KEEP_WAIT_S = 0.4, 3.2
PLACING_LASTS_MS = 2 * 60_000  # from storing an attempt to the end of the step that did
ASKER_BYTES = 8
IN_STOCK = "in_stock"  # the source of keys of our own that nobody routed
Unusable = dict[str, PassedOver]  # sources of which something was found out when they were to be used


class Turn(StrEnum):
    """What is next for a unit. `wait`: to be placed, once one of its sources may be back. `held`: nothing, for as long
    as a bank may take its money back.
    """

    DONE = "done"
    PLACE = "place"
    WAIT = "wait"
    ASK = "ask"
    PERSON = "person"
    HELD = "held"


@dataclass(frozen=True)
class Next:
    """`wait_s` is how long to wait for news before it is asked for, or before it is placed."""

    turn: Turn
    wait_s: int = 0


@dataclass(frozen=True)
class Recharging:
    """`chance` is from 0 to 1, `public_api_url` where suppliers reach us."""

    orders: Orders
    routing: Routing
    suppliers: SupplierAccounts
    keys: KeysForUnits
    news: News
    public_api_url: str
    now_ms: NowMs
    chance: Callable[[], float] = field(default=SystemRandom().random)

    def place(self, order_id: str, unit_id: str, origin: Origin) -> Next:
        """Have the unit supplied by the source that is right for it now, unless somebody may have done so already.

        Where none is left its money is owed back; where one may come back, after PATIENCE_MS. What a person has is
        asked about once, and so is what a person has said, before anybody else is asked: the supplier may know better.
        So is what nobody can be placing any more: whoever begins anew has a reason to.
        Raises OrderNotFound, Unavailable.
        """
        unusable: Unusable = {}
        for number in range(MAX_TRIES):
            order, unit = self._read(order_id, unit_id)
            if number == 0:
                order, unit = self._held_to_their_word(order, unit, origin)
            if unit.work is not None or self._was_placed_before(unit):
                return self.ask(order_id, unit_id, origin)
            if not may_go_on(order, unit):
                return self._next(order, unit_id)
            done = self._supply(order, unit, unusable, origin)
            if done is not None:
                self._tell(partial(self.keys.let_go, unit, done, origin))
                return self._next(done, unit_id)
            let_others_go(number)
        raise StoreUnavailable

    def ask(self, order_id: str, unit_id: str, origin: Origin) -> Next:
        """Ask what became of the unit's open attempt; after its settlement window the unit is left to a person.

        Whose it is, it stays, unless the supplier knows how it ended. Raises OrderNotFound, Unavailable.
        """
        order, unit = self._read(order_id, unit_id)
        attempt = unit.open_attempt()
        if attempt is None or not attempt.supplier:
            return self._next(order, unit_id)
        self.news.ask(unit_id)
        outcome = self._question(attempt)
        order, stored = self._heard(order, attempt, outcome, origin)
        if stored and is_ended_by(order.unit(unit_id).attempts, attempt.reference, outcome):
            self._tell(lambda: self.routing.heard_later(unit.sku_id, attempt, outcome))
        still = order.unit(unit_id).open_attempt()
        if still is not None and self.now_ms() >= still.until_ms:
            return self.leave(order_id, unit_id, origin)
        return self._next(order, unit_id)

    def await_news(self, unit_id: str, token: str, wait_s: int) -> bool:
        """Whoever has `token` waits for news of the unit; whether there is some, so that nobody will tell them.

        Raises Unavailable.
        """
        return self.news.wait(unit_id, token, self.now_ms() + wait_s * 1000)

    def leave(self, order_id: str, unit_id: str, origin: Origin) -> Next:
        """A person sees to the unit from now on. Raises OrderNotFound, Unavailable."""
        for number in range(MAX_TRIES):
            order, unit = self._read(order_id, unit_id)
            came = self.keys.that_came(order, unit, origin)
            left = hand_over(order, unit_id, origin, self.now_ms(), came)
            if left is order:
                return self._next(order, unit_id)
            if self.orders.replace(order, left):
                logs.warn(Entry.UNIT_LEFT, order_id=order_id, unit_id=unit_id)
                return self._next(left, unit_id)
            let_others_go(number)
        raise StoreUnavailable

    def _supply(self, order: Order, unit: Unit, unusable: Unusable, origin: Origin) -> Order | None:
        """The order as it stands then; None where it is to be looked at again.

        What comes as keys is of our stock where that has them, as at checkout, before anybody is paid for more.
        """
        if unit.comes_as_keys or unit.key_ids or is_said_to_be_in_stock(unit):
            try:
                return self.keys.issue(order, unit, Decision(at_ms=self.now_ms(), chosen=IN_STOCK), origin)
            except SoldOut:
                pass
        if not may_begin(order, unit):
            return self._give_up(order, unit, Decision(at_ms=self.now_ms()), origin)
        if is_said_to_be_in_stock(unit):
            now_ms = self.now_ms()
            decision = Decision(at_ms=now_ms, chosen=BY_HAND)
            return self._to_person(order, unit, by_hand(unit, BY_HAND, now_ms), decision, origin)
        choice = _explained(self.routing.choose(_need(unit, unusable), origin), unusable)
        return self._go(order, unit, choice, unusable, origin)

    def _was_placed_before(self, unit: Unit) -> bool:
        attempt = unit.open_attempt()
        return attempt is not None and self.now_ms() >= attempt.asked_at_ms + PLACING_LASTS_MS

    def _held_to_their_word(self, order: Order, unit: Unit, origin: Origin) -> tuple[Order, Unit]:
        """A supplier that contradicts a person changes nothing but that somebody has to see to it; keys that came in
        for what is decided are anybody's, and what a person says was not supplied takes nothing of a quota.
        """
        said = last_word_about(unit)
        if said is None:
            return order, unit
        self.keys.join_pool(said, origin)
        order, _ = self._heard(order, said, self._question(said), origin)
        unit = order.unit(unit.unit_id)
        if said.state is SupplyState.FAILED and not unit.in_doubt:
            self._tell(lambda: self.routing.failed_later(unit.sku_id, said))
        return order, unit

    def _go(self, order: Order, unit: Unit, choice: Choice, unusable: Unusable, origin: Origin) -> Order | None:
        """The order as it stands then; None where somebody was faster, or it was none of a source after all."""
        source = choice.source
        by_hand_before = any(attempt.source_id == BY_HAND for attempt in unit.attempts or ())
        if source is None and not choice.decision.passed_over and not by_hand_before:  # nobody has said where from
            return self._to_person(order, unit, by_hand(unit, BY_HAND, choice.decision.at_ms), choice.decision, origin)
        if source is None and (waiting := patient(unit, choice.decision)):
            return self._wait(order, unit, waiting, origin)
        match source:
            case None:
                done = self._give_up(order, unit, choice.decision, origin)
            case Source(kind=SourceKind.RECHARGE | SourceKind.KEYS):
                done = self._ask_for(order, unit, choice, source, unusable, origin)
            case Source(kind=SourceKind.POOL):
                done = self._issue(order, unit, choice, unusable, origin)
            case _:
                attempt = by_hand(unit, source.source_id, choice.decision.at_ms)
                done = self._to_person(order, unit, attempt, choice.decision, origin)
        if done is not None:
            self._tell(lambda: self.routing.begun(choice))
        elif source is not None:
            overtaken = source.source_id not in unusable or self._has_changed(order)
            self.routing.not_begun(choice, origin, overtaken=overtaken)
        return done

    def _has_changed(self, order: Order) -> bool:
        return self.orders.of_operator(order.order_id).version != order.version

    def _ask_for(
        self, order: Order, unit: Unit, choice: Choice, source: Source, unusable: Unusable, origin: Origin
    ) -> Order | None:
        """On record before the supplier is called; and only who put it there calls, once (promise I7)."""
        try:
            supplier = self.suppliers.at(source.supplier or "")
        except UnknownSupplier:
            unusable[source.source_id] = PassedOver.UNKNOWN_SUPPLIER
            return None
        attempt = _attempt(unit, choice, source, supplier.settlement_ms)
        begun = begin(order, unit.unit_id, attempt, choice.decision, origin)
        if not self.orders.replace(order, begun):
            begun = self.orders.of_operator(order.order_id)
            if begun.unit(unit.unit_id).open_attempt() != attempt:
                return None  # else it was our own write, whose answer was lost
        called_ms = self.now_ms()
        outcome = self._call(supplier, unit, attempt)
        latency_ms = self.now_ms() - called_ms
        stored = False
        try:
            heard = self._kept(begun, attempt, outcome, origin)
            stored = is_ended_by(heard.unit(unit.unit_id).attempts, attempt.reference, outcome)
        finally:  # the supplier has answered, also where we cannot keep what it said
            self._tell(partial(self.routing.heard, choice, outcome, latency_ms, origin, stored=stored))
        return heard

    def _kept(self, order: Order, attempt: SupplyAttempt, outcome: Outcome, origin: Origin) -> Order:
        """What a supplier that never heard of it would not say again: where the table does not take it, once more."""
        for number in range(KEEP_TRIES - 1):
            with suppress(StoreUnavailable):
                return self._heard(order, attempt, outcome, origin)[0]
            let_others_go(number, FIRST_KEEP_WAIT_S, MAX_KEEP_WAIT_S)
        return self._heard(order, attempt, outcome, origin)[0]

    def _call(self, supplier: Supplier, unit: Unit, attempt: SupplyAttempt) -> Outcome:
        logs.log(Entry.SUPPLIER_ASKED, unit_id=unit.unit_id, supplier=attempt.supplier, reference=attempt.reference)
        wanted = Wanted(
            reference=attempt.reference,
            item=attempt.item,
            quantity=attempt.quantity,
            limit=attempt.limit,
            callback_url=f"{self.public_api_url}/webhooks/suppliers/{attempt.supplier}",
            account={} if attempt.of_keys else unit.account or {},
        )
        try:
            return supplier.buy_keys(wanted) if attempt.of_keys else supplier.place(wanted)
        except Exception as error:  # noqa: BLE001 - whatever broke, it may have been sent
            logs.log_failure(error, reference=attempt.reference)
            return Unknown(said=BROKEN)

    def _question(self, attempt: SupplyAttempt) -> Outcome:
        return self.suppliers.query(
            attempt.supplier,
            Placed(
                reference=attempt.reference,
                their_reference=attempt.their_reference,
                quantity=attempt.quantity,
                of_keys=bool(attempt.of_keys),
                item=attempt.item,
            ),
        )

    def _heard(self, order: Order, attempt: SupplyAttempt, outcome: Outcome, origin: Origin) -> tuple[Order, bool]:
        """The order as it stands then, and whether it was this that changed it."""
        if attempt.of_keys and isinstance(outcome, Success):
            return self.keys.heard(order, attempt, outcome, origin)
        for number in range(MAX_TRIES):
            following = hear(order, attempt.reference, outcome, origin, self.now_ms())
            if following is order:
                return order, False
            if self.orders.replace(order, following):
                logs.log(Entry.SUPPLIER_HEARD, reference=attempt.reference, outcome=type(outcome).__name__)
                return following, True
            let_others_go(number)
            order = self.orders.of_operator(order.order_id)
        raise StoreUnavailable

    def _issue(self, order: Order, unit: Unit, choice: Choice, unusable: Unusable, origin: Origin) -> Order | None:
        """Keys of our own, sold in the transaction that delivers them; those that are not are leased for a minute."""
        try:
            return self.keys.issue(order, unit, choice.decision, origin)
        except SoldOut:
            left = self.keys.claims.stock(unit.sku_id)
            is_leased = left.claimable + left.leased >= unit.quantity
            unusable[str(choice.decision.chosen)] = PassedOver.KEYS_LEASED if is_leased else PassedOver.SOLD_OUT
            return None

    def _to_person(
        self, order: Order, unit: Unit, attempt: SupplyAttempt, decision: Decision, origin: Origin
    ) -> Order | None:
        begun = begin(order, unit.unit_id, attempt, decision, origin, WorkKind.MANUAL)
        if not self.orders.replace(order, begun):
            return None
        logs.log(Entry.UNIT_LEFT, order_id=order.order_id, unit_id=unit.unit_id)
        return begun

    def _wait(self, order: Order, unit: Unit, decision: Decision, origin: Origin) -> Order | None:
        """On record once, with the reasons of then; whoever looks again for as long writes nothing."""
        if waits_until_ms(unit) is not None:
            return order
        waiting = wait(order, unit.unit_id, decision, origin, self.now_ms())
        if not self.orders.replace(order, waiting):
            return None
        logs.warn(Entry.UNIT_WAITS, order_id=order.order_id, unit_id=unit.unit_id)
        return waiting

    def _give_up(self, order: Order, unit: Unit, decision: Decision, origin: Origin) -> Order | None:
        given_up = give_up(order, unit.unit_id, decision, origin, self.now_ms())
        if not self.orders.replace(order, given_up):
            return None
        logs.warn(Entry.REFUND_DUE, order_id=order.order_id, unit_id=unit.unit_id, reason=NOT_SUPPLIED)
        return given_up

    def _tell(self, told: Callable[[], None]) -> None:
        """What is learnt of a supplier by it is worth less than the unit that it was asked for."""
        try:
            told()
        except Unavailable as error:
            logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code)

    def _read(self, order_id: str, unit_id: str) -> tuple[Order, Unit]:
        order = self.orders.of_operator(order_id)
        for unit in order.units:
            if unit.unit_id == unit_id:
                return order, unit
        raise OrderNotFound

    def _next(self, order: Order, unit_id: str) -> Next:
        unit = order.unit(unit_id)
        if unit.work is not None:
            return Next(Turn.PERSON)
        if attempt := unit.open_attempt():
            return Next(Turn.ASK, wait_s(attempt, self.now_ms(), self.chance()))
        if may_go_on(order, unit):
            until_ms = waits_until_ms(unit)
            if until_ms is None:
                return Next(Turn.PLACE)
            return Next(Turn.WAIT, next_look_s(until_ms, self.now_ms(), self.chance()))
        return Next(Turn.HELD if unit.is_open else Turn.DONE)


def _explained(choice: Choice, unusable: Unusable) -> Choice:
    """With what was found out of sources when they were to be used."""
    known = {source_id: unusable.get(source_id, reason) for source_id, reason in choice.decision.passed_over.items()}
    return replace(choice, decision=replace(choice.decision, passed_over=known))


def _need(unit: Unit, unusable: Unusable) -> Need:
    return Need(
        sku_id=unit.sku_id,
        quantity=unit.quantity,
        paid=unit.amount,
        kinds=KINDS[unit.delivery or Delivery.RECHARGE],
        reference=next_reference(unit),
        tried=tried(unit) | unusable.keys(),
        patient_until_ms=patient_until_ms(unit),
    )


def _attempt(unit: Unit, choice: Choice, source: Source, settlement_ms: int) -> SupplyAttempt:
    return SupplyAttempt(
        reference=next_reference(unit),
        source_id=source.source_id,
        supplier=source.supplier or "",
        item=source.item or "",
        quantity=unit.quantity,
        limit=choice.limit or unit.amount,
        asked_at_ms=choice.decision.at_ms,
        until_ms=choice.decision.at_ms + settlement_ms,
        asker=token_hex(ASKER_BYTES),
        of_keys=source.kind is SourceKind.KEYS or None,
    )
