"""Whatever callers, answers, silences, kills and waits come in whatever order: a supplier that may be dead is sent only
so many, and one that lives is never left for good.
"""

import itertools
from datetime import UTC
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import FIRST_OPEN_MS, MAX_OPEN_MS, MAX_UNANSWERED, PROBE_LASTS_MS, new_supplier
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source, SourceKind, Sourcing
from keyrail.suppliers.service.routing import Choice, Routing
from keyrail.suppliers.store import SuppliersStore
from tests.quick_tables import QuickTables
from tests.tables import create_table

TABLE, SKU, HOUSE = "suppliers", "phone-10", "main"
PRICE = Money(1000, "CNY")
BY = Origin("system:test", "test")
ANSWERS: list[Outcome] = [Success(said="4"), Processing(said="3"), DefiniteFailure(said="5", refusal=Refusal.SOLD_OUT)]
SILENCES: list[Outcome] = [Unknown(said="no_answer"), DefiniteFailure(said="", refusal=Refusal.NOT_SENT)]
WAITS = [1_000, FIRST_OPEN_MS, PROBE_LASTS_MS - 1, PROBE_LASTS_MS, MAX_OPEN_MS]


class Calls(RuleBasedStateMachine):
    """`out` are calls of which nothing was heard yet. `sent` numbers them, without probes: an answer counts for all
    that were sent before it, and those that were taken back are in `unsent`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_700_000_000_000
        tables: Any = QuickTables()
        create_table(tables, "suppliers", TABLE)
        store = SuppliersStore(tables, TABLE)
        source = Source(source_id="first", kind=SourceKind.RECHARGE, supplier=HOUSE, item="1", cost=PRICE)
        store.add(new_supplier(HOUSE, BY, self.now_ms))
        store.put_sourcing(Sourcing(sku_id=SKU, sources=(source,), **stamp(BY, self.now_ms)))
        self.routing = Routing(store, UTC, lambda: self.now_ms)
        self.numbers = itertools.count()
        self.out: list[Choice] = []
        self.sent: list[Choice] = []
        self.unsent: set[int] = set()
        self.answered = 0
        self.probe_ends_ms = 0

    def choose(self) -> Choice:
        reference = f"reference-{next(self.numbers)}"
        need = Need(sku_id=SKU, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference=reference)
        return self.routing.choose(need, BY)

    @rule(callers=st.integers(1, 20))
    def call(self, callers: int) -> None:
        for choice in [self.choose() for _ in range(callers)]:
            if choice.source is None:
                assert set(choice.decision.passed_over.values()) <= {"unanswered", "breaker_open"}
                continue
            self.out.append(choice)
            if choice.probing:
                assert self.now_ms >= self.probe_ends_ms, "two find out at once"
                self.probe_ends_ms = self.now_ms + PROBE_LASTS_MS
            else:
                self.sent.append(choice)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), answer=st.sampled_from(ANSWERS))
    def answer(self, data: st.DataObject, answer: Outcome) -> None:
        choice = self._one(data)
        self.routing.heard(choice, answer, 200, BY, stored=True)
        self.answered = max(self.answered, self._number(choice))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), silence=st.sampled_from(SILENCES))
    def be_silent(self, data: st.DataObject, silence: Outcome) -> None:
        self.routing.heard(self._one(data), silence, 200, BY, stored=True)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def not_begin(self, data: st.DataObject) -> None:
        choice = self._one(data)
        self.routing.not_begun(choice, BY)
        self.unsent.add(self._number(choice))

    @precondition(lambda self: self.out)
    @rule(killed=st.integers(1, 20))
    def be_killed(self, killed: int) -> None:
        del self.out[:killed]

    @rule(ms=st.sampled_from(WAITS))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    def _number(self, choice: Choice) -> int:
        """From 1; a probe finds out for all."""
        return len(self.sent) if choice.probing else self.sent.index(choice) + 1

    def _one(self, data: st.DataObject) -> Choice:
        choice = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        if choice.probing:
            self.probe_ends_ms = 0
        return choice

    @invariant()
    def is_sent_no_more_than_may_be_lost(self) -> None:
        behind = set(range(self.answered + 1, len(self.sent) + 1))
        assert len(behind - self.unsent) <= MAX_UNANSWERED

    def teardown(self) -> None:
        """One that answers again is taken back, and sent whatever comes from then on."""
        self.now_ms += MAX_OPEN_MS + PROBE_LASTS_MS
        for _ in range(2 * MAX_UNANSWERED):
            choice = self.choose()
            assert choice.source is not None
            self.routing.heard(choice, ANSWERS[0], 200, BY, stored=True)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
