"""Where a unit comes from, and what is learnt when its source was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model import breaker
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt
from keyrail.suppliers.model.breaker import (
    SHORT_LASTS_MS,
    TOLD_FROM,
    Experience,
    Health,
    had_at_once,
    had_later,
    is_failure,
)
from keyrail.suppliers.model.figures import Tally, tally_of
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal
from keyrail.suppliers.model.routing import Known, Need, PassedOver, limit_of, route, rule_broken, usable_kinds
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing
from keyrail.suppliers.store import Quota, SuppliersStore

FIGURES_WAIT_MS = 10_000  # what is counted in between is written together, and lost with its process
MAX_TRIES = 40  # of counting one failure while others do


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where a unit comes from, or that it can come from nowhere (`source` None), and why: `decision` is to be kept.

    The attempt's `asked_at_ms` has to be the decision's `at_ms`: its quota is that day's. `limit` is what it may cost
    in all. Its quota is taken by now; `health` is its supplier's as it stood then, with this call counted in it, and
    `probing` if this unit finds out for all others whether that answers again. `left_over` is what the attempt holds of
    other sources' quotas, by whoever chose before and was killed.
    """

    need: Need
    decision: Decision
    source: Source | None = None
    limit: Money | None = None
    health: Health | None = None
    probing: bool = False
    left_over: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Routing:
    """`zone` is where the business is: hours and days are meant by it."""

    store: SuppliersStore
    zone: tzinfo
    now_ms: NowMs
    _uncounted: dict[str, Tally] = field(default_factory=dict, init=False)
    _counted_at_ms: dict[str, int] = field(default_factory=dict, init=False)

    def choose(self, need: Need, origin: Origin) -> Choice:
        """The source that it comes from, with its quota taken, and its call counted or, where the supplier is to be
        tried, as its probe.

        Whoever does not begin the attempt after all calls `not_begun`; who does and asks calls `heard`, once. Raises
        StoreUnavailable.
        """
        sourcing = self.store.sourcing(need.sku_id)
        if sourcing is None:
            return Choice(need=need, decision=Decision(at_ms=self.now_ms()))
        known = self._known(sourcing, need)
        for _ in range(3 * len(sourcing.sources) + 1):  # what refuses a write is known from then on
            claimed = self._claimed(_choice(sourcing, need, known), known, origin)
            if isinstance(claimed, Choice):
                return claimed
            known = claimed
        raise StoreUnavailable

    def usable_kinds(self, need: Need) -> frozenset[SourceKind]:
        """Of the sources that it could come from now, in two requests; nothing is taken.

        What nobody has said a source of is a person's. Raises StoreUnavailable.
        """
        sourcing = self.store.sourcing(need.sku_id)
        if sourcing is None:
            return need.kinds & {SourceKind.MANUAL}
        return usable_kinds(sourcing, need, self._known(sourcing, need))

    def passed_over(self, sourcing: Sourcing, need: Need) -> dict[str, PassedOver]:
        """By source, the rule that it breaks now; nothing is taken. How many keys a pool has is asked of nobody.

        Raises StoreUnavailable.
        """
        known = self._known(sourcing, need)
        broken = {each.source_id: rule_broken(sourcing, each, need, known) for each in sourcing.sources}
        return {source_id: reason for source_id, reason in broken.items() if reason is not None}

    def _known(self, sourcing: Sourcing, need: Need) -> Known:
        now_ms = self.now_ms()
        local = self._local(now_ms)
        suppliers = {each.supplier for each in sourcing.sources if each.kind.is_bought and each.supplier}
        limited = [each.source_id for each in sourcing.sources if each.quota is not None]
        quotas = [Quota(sourcing.sku_id, source_id, local.date().isoformat()) for source_id in limited]
        health, taken, holds = self.store.standing(suppliers, quotas, need.reference)
        minute = local.hour * 60 + local.minute
        return Known(now_ms=now_ms, minute=minute, health=health, taken=taken, holds=holds)

    def _claimed(self, choice: Choice, known: Known, origin: Origin) -> Choice | Known:
        """The choice, with call or probe, and quota, its unit's where there are any; or what is known now."""
        source, health, reference = choice.source, choice.health, choice.need.reference
        if health is not None and not choice.probing:
            health, is_counted = self.store.count_call(health, known.now_ms)
            if not is_counted:
                return _with_health(known, health)
            choice = replace(choice, health=health)
        elif health is not None and not health.is_probe(reference):
            health = breaker.half_opened(health, reference, origin, known.now_ms)
            standing = self.store.move(health)
            if standing is not None:
                return _with_health(known, standing)
            choice = replace(choice, health=health)
        if source is None or source.quota is None:
            return choice
        taken = self.store.take(self._quota(choice), reference, choice.need.quantity, source.quota)
        if taken is None:
            return choice
        back = self._take_back(choice, origin)
        known = replace(known, taken={**known.taken, source.source_id: taken})
        return _with_health(known, back) if back else known

    def _take_back(self, choice: Choice, origin: Origin) -> Health | None:
        """Its call or its probe. The health as it is then; None where it is nearly as it was, or there is none."""
        if choice.health is None:
            return None
        if not choice.probing:
            self.store.take_call_back(choice.health)
            return None
        back = breaker.probe_taken_back(choice.health, origin, choice.decision.at_ms)
        return self.store.move(back) or back

    def not_begun(self, choice: Choice, origin: Origin, *, overtaken: bool = False) -> None:
        """Nobody was asked: what was taken for it goes back; not the quota where somebody was faster, who may have
        begun under the same reference and counts on it. Raises StoreUnavailable.
        """
        self._take_back(choice, origin)
        if not overtaken:
            self._give_back(choice)

    def begun(self, choice: Choice) -> None:
        """It is on record that the unit comes from the choice's source, or from nowhere: what the attempt holds of
        other quotas goes back, for nobody can begin it there any more. Raises StoreUnavailable.
        """
        for source_id, pieces in choice.left_over.items():
            day = self._local(choice.decision.at_ms).date().isoformat()
            self.store.give_back(Quota(choice.need.sku_id, source_id, day), choice.need.reference, pieces)

    def heard(self, choice: Choice, outcome: Outcome, latency_ms: int, origin: Origin, *, stored: bool) -> None:
        """Of a choice whose source was asked, by who asked, once: what the answer says of the supplier.

        Where that is `stored` as how the attempt ended, its quota goes back if it definitely failed. Raises
        StoreUnavailable; then less is known, and no harm done.
        """
        if stored and isinstance(outcome, DefiniteFailure):
            self._give_back(choice)
        if choice.health is None:
            return
        supplier, now_ms = choice.health.supplier, self.now_ms()
        self._count(supplier, tally_of(outcome, latency_ms), now_ms)
        if isinstance(outcome, DefiniteFailure) and outcome.refusal is Refusal.BALANCE_SHORT:
            self.store.put_short(supplier, now_ms + SHORT_LASTS_MS)
        if choice.probing:
            moved = breaker.opened if is_failure(outcome) else breaker.closed
            self.store.move(moved(choice.health, origin, now_ms))
        elif is_failure(outcome):
            self._failed(choice.health, origin)
        else:
            self._answered(choice.health)
        had = had_at_once(outcome, latency_ms)
        if not choice.probing and (stored or had is Experience.LET_DOWN):
            self._learn(choice.health, had)

    def heard_later(self, sku_id: str, attempt: SupplyAttempt, outcome: Outcome) -> None:
        """How the supplier says that the attempt ended, which is given as it was when that was asked; and it is stored.

        What was begun before the supplier's health was last moved says nothing of it. Raises StoreUnavailable.
        """
        if isinstance(outcome, DefiniteFailure):
            self.failed_later(sku_id, attempt)
        had = had_later(outcome) if attempt.was_taken or outcome.their_reference is not None else None
        if had is None:
            return
        health = self.store.health(attempt.supplier)
        if health is not None and attempt.asked_at_ms >= health.changed_at_ms:
            self._learn(health, had)
        if had is Experience.LET_DOWN:
            self._count(attempt.supplier, Tally(failed=1), self.now_ms())

    def failed_later(self, sku_id: str, attempt: SupplyAttempt) -> None:
        """A question or a person found out that nothing was supplied, and that is stored: its quota goes back.

        Repeated it goes back once. Raises StoreUnavailable.
        """
        day = self._local(attempt.asked_at_ms).date().isoformat()
        self.store.give_back(Quota(sku_id, attempt.source_id, day), attempt.reference, attempt.quantity)

    def _learn(self, health: Health, had: Experience | None) -> None:
        """By whom nothing would change, nobody is told."""
        if had is Experience.LET_DOWN:
            self.store.count_let_down(health, self.now_ms())
        elif had is Experience.SERVED and health.let_downs:
            self.store.count_served(health)

    def _answered(self, health: Health) -> None:
        """By whom nothing would change, nobody is told."""
        if health.strain:
            self.store.relieve(health)
        if health.unanswered >= TOLD_FROM:
            self.store.count_answer(health)

    def _failed(self, health: Health, origin: Origin) -> None:
        """Counted, or the one that opens the breaker. What was asked under another version says nothing of this one."""
        for _ in range(MAX_TRIES):
            standing = self.store.count_failure(health)
            if standing is None or standing.version != health.version:
                return
            refused = self.store.move(breaker.opened(standing, origin, self.now_ms()), strained=True)
            if refused is None or refused.version != health.version:
                return

    def _count(self, supplier: str, tally: Tally, now_ms: int) -> None:
        whole = self._uncounted.get(supplier, Tally()) + tally
        if now_ms < self._counted_at_ms.get(supplier, 0) + FIGURES_WAIT_MS:
            self._uncounted[supplier] = whole
            return
        self.store.count(supplier, whole, now_ms)
        self._uncounted.pop(supplier, None)
        self._counted_at_ms[supplier] = now_ms

    def _give_back(self, choice: Choice) -> None:
        if choice.source is not None and choice.source.quota is not None:
            self.store.give_back(self._quota(choice), choice.need.reference, choice.need.quantity)

    def _quota(self, choice: Choice) -> Quota:
        source_id = choice.source.source_id if choice.source else ""
        day = self._local(choice.decision.at_ms).date().isoformat()
        return Quota(choice.need.sku_id, source_id, day)

    def _local(self, epoch_ms: int) -> datetime:
        return datetime.fromtimestamp(epoch_ms // 1000, self.zone)


def _choice(sourcing: Sourcing, need: Need, known: Known) -> Choice:
    routed = route(sourcing, need, known)
    source = routed.source
    reasons = {source_id: str(reason) for source_id, reason in routed.passed_over.items()}
    left_over = {name: pieces for name, pieces in known.holds.items() if source is None or name != source.source_id}
    if source is None:
        return Choice(need=need, decision=Decision(at_ms=known.now_ms, passed_over=reasons), left_over=left_over)
    health = known.health_of(source)
    return Choice(
        need=need,
        decision=Decision(at_ms=known.now_ms, chosen=source.source_id, passed_over=reasons),
        source=source,
        limit=limit_of(sourcing, source, need),
        health=health,
        left_over=left_over,
        probing=health is not None and (health.is_probe(need.reference) or health.may_be_probed(known.now_ms)),
    )


def _with_health(known: Known, health: Health) -> Known:
    return replace(known, health={**known.health, health.supplier: health})
