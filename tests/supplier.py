"""A supplier for tests, at the outside port: it keeps its books, and answers as it is told to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from enum import StrEnum
from threading import Lock

from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted

ITEM = "1001"
COST = Money(950, "CNY")
SETTLEMENT_MS = 60 * 60_000
SIGNATURE = "genuine"


class Plan(StrEnum):
    """What becomes of an order, and what is said of it at first; the truth comes with a question."""

    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    SLOW = "slow"  # accepted; done by the time of the first question
    SLOW_THEN_FAILED = "slow_then_failed"  # accepted; failed by the time of the first question
    STUCK = "stuck"  # accepted, and never done
    LOST = "lost"  # done, and the answer is lost
    LOST_REFUSED = "lost_refused"  # refused, and the answer is lost
    UNHEARD = "unheard"  # not done, no answer, and nobody there knows of it
    CRASHES = "crashes"  # done, and the adapter breaks on the answer
    WITHOUT_CARDS = "without_cards"  # said to be done, and no keys are told


_DONE_AT_ONCE = {Plan.DONE, Plan.LOST, Plan.CRASHES, Plan.WITHOUT_CARDS}
_DONE_WHEN_ASKED = {Plan.SLOW}
_FAILED = {Plan.REFUSED, Plan.LOST_REFUSED, Plan.SLOW_THEN_FAILED}


@dataclass
class Wholesaler:
    """`plans` come over the next orders, one each, and then all are done. While it is `silent` no question is answered.

    `placed` is every order as it came, `credited` what was done, by our references; of keys it tells those that are
    made of the reference, or `odd` ones in their place, each time alike. What is `given_back` was done before.
    """

    plans: list[Plan] = field(default_factory=list)
    silent: bool = False
    settlement_ms: int = SETTLEMENT_MS
    cost: Money = COST
    placed: list[Wanted] = field(default_factory=list)
    credited: dict[str, Wanted] = field(default_factory=dict)
    odd: Callable[[tuple[Card, ...]], tuple[Card, ...]] | None = None
    questions: list[str] = field(default_factory=list)
    given_back: set[str] = field(default_factory=set)
    of_keys: set[str] = field(default_factory=set)
    books: dict[str, Plan] = field(default_factory=dict)
    accepted: dict[str, Wanted] = field(default_factory=dict)
    statements: dict[date, list[SupplierLine]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    acknowledgement = Acknowledgement("ok", "text/plain")
    statement_zone = UTC

    def place(self, wanted: Wanted) -> Outcome:
        with self._lock:
            self.placed.append(wanted)
            plan = self.plans.pop(0) if self.plans else Plan.DONE
            if plan is Plan.NOT_SENT:
                return DefiniteFailure(said="not_sent", refusal=Refusal.NOT_SENT)
            if plan is Plan.UNHEARD:
                return Unknown(said="no_answer")
            self.books[wanted.reference], self.accepted[wanted.reference] = plan, wanted
            if plan in _DONE_AT_ONCE:
                self.credited[wanted.reference] = wanted
            if plan is Plan.CRASHES:
                raise RuntimeError(f"a word of {wanted.account}")
            if plan in {Plan.LOST, Plan.LOST_REFUSED}:
                return Unknown(said="no_answer")
            return self._said(wanted.reference, asked=False)

    def buy_keys(self, wanted: Wanted) -> Outcome:
        self.of_keys.add(wanted.reference)
        return self.place(wanted)

    def query(self, placed: Placed) -> Outcome:
        with self._lock:
            self.questions.append(placed.reference)
            if self.silent:
                return Unknown(said="no_answer", answered=False)
            plan = self.books.get(placed.reference)
            if plan is None or placed.of_keys is not (placed.reference in self.of_keys):
                return Unknown(said="no_such_order")
            if plan in _DONE_WHEN_ASKED:
                self.credited.setdefault(placed.reference, self.accepted[placed.reference])
            return self._said(placed.reference, asked=True)

    def _said(self, reference: str, *, asked: bool) -> Outcome:
        plan, theirs = self.books[reference], f"S-{reference}"
        if reference in self.given_back:
            return DefiniteFailure(said="5", refusal=Refusal.REFUSED, their_reference=theirs)
        if reference in self.credited:
            quantity = self.credited[reference].quantity
            cards = self._cards(reference) if plan is not Plan.WITHOUT_CARDS else ()
            return Success(said="4", their_reference=theirs, cost=self.cost.times(quantity), cards=cards)
        if plan in _FAILED and (asked or plan is Plan.REFUSED):
            return DefiniteFailure(said="5", refusal=Refusal.SOLD_OUT, their_reference=theirs)
        return Processing(said="3", their_reference=theirs)

    def _cards(self, reference: str) -> tuple[Card, ...]:
        if reference not in self.of_keys:
            return ()
        cards = tuple(Card(code=f"{reference}-{number}") for number in range(self.credited[reference].quantity))
        return self.odd(cards) if self.odd else cards

    def codes(self) -> list[str]:
        """Of all keys that it sold."""
        return [card.code for reference in self.credited for card in self._cards(reference)]

    def balance(self) -> Money:
        return self.cost.times(1000)

    def catalog(self) -> Iterator[Offer]:
        yield Offer(item=ITEM, name="10 yuan of credit", price=self.cost, on_sale=True)

    def callback(self, reference: str, *, genuine: bool = True) -> Callback:
        """News of an order: genuine whatever it is about."""
        headers = {"signature": SIGNATURE if genuine else "forged"}
        return Callback("POST", "", reference.encode(), headers)

    def statement(self, day: date) -> Iterator[SupplierLine]:
        if day not in self.statements:
            raise SupplierStatementMissing
        return iter(self.statements[day])

    def parse_callback(self, callback: Callback, now_ms: int) -> str:
        if callback.headers.get("signature") != SIGNATURE:
            raise SignatureInvalid
        return callback.raw_body.decode()
