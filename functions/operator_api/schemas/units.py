"""A unit as the back office sees it: never with a key in the clear, nor with the whole account of its buyer."""

from keyrail.ordering.model.discretion import without_account
from keyrail.ordering.model.orders import Delivery, Unit, UnitStatus
from keyrail.ordering.model.work import Contradiction, Verdict, Work, WorkKind
from keyrail.platform.documents import outgoing, view
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState
from keyrail.suppliers.model.outcomes import Refusal


@outgoing
class SupplyAttemptOut:
    """One try to have it supplied, or its keys bought. `reference` is ours, `said` the supplier's own word; `until` it
    is asked. What a person does has no `supplier` and no `item`.
    """

    reference: str
    source_id: str
    supplier: str | None
    item: str | None
    quantity: int
    limit: Money
    of_keys: bool
    state: SupplyState
    refusal: Refusal | None
    said: str
    their_reference: str | None
    cost: Money | None
    asked_at: str
    until: str
    decided_at: str | None

    @classmethod
    def of(cls, unit: Unit, attempt: SupplyAttempt) -> "SupplyAttemptOut":
        return view(
            cls,
            attempt,
            supplier=attempt.supplier or None,
            item=attempt.item or None,
            of_keys=bool(attempt.of_keys),
            said=without_account(unit, attempt.said),
        )


@outgoing
class DecisionOut:
    """Where it was to come from, and by source why not from elsewhere; `chosen` null: there was nothing left, or
    nothing for the moment, and the unit `waits_until` then for one of them to come back.
    """

    at: str
    chosen: str | None
    passed_over: dict[str, str]
    waits_until: str | None


@outgoing
class StepOut:
    at: str
    status: UnitStatus


@outgoing
class ClaimOut:
    """Theirs until that time, and after it until somebody else claims it."""

    by: str
    at: str
    until: str


@outgoing
class WordOut:
    """What a person says of it. `final` false: a second one has to agree."""

    verdict: Verdict
    by: str
    at: str
    why: str
    text: str | None
    reference: str | None
    final: bool
    agreed_by: str | None
    agreed_at: str | None


@outgoing
class ContradictionOut:
    """What the supplier said later, and what somebody has `seen` to be so."""

    at: str
    verdict: Verdict
    said: str
    seen: WordOut | None


@outgoing
class WorkOut:
    """A person's job, by the name of the attempt that it is about. `held_before` had claimed it before."""

    job: str
    kind: WorkKind
    since: str
    due: str
    claim: ClaimOut | None
    held_before: str | None
    word: WordOut | None
    turned_down_by: str | None
    ended_by: str | None
    ended_at: str | None
    contradiction: ContradictionOut | None

    @classmethod
    def of(cls, unit: Unit, work: Work) -> "WorkOut":
        return view(
            cls,
            work,
            claim=view(ClaimOut, work.claim) if work.claim else None,
            word=view(WordOut, work.word) if work.word else None,
            contradiction=_contradiction(unit, work.contradiction) if work.contradiction else None,
        )


def _contradiction(unit: Unit, found: Contradiction) -> ContradictionOut:
    seen = view(WordOut, found.seen) if found.seen else None
    return view(ContradictionOut, found, said=without_account(unit, found.said), seen=seen)


@outgoing
class UnitOut:
    unit_id: str
    sku_id: str
    quantity: int
    amount: Money
    delivery: Delivery
    status: UnitStatus
    label: str | None
    key_ids: tuple[str, ...]
    replaced: tuple[str, ...]
    account: dict[str, str] | None
    attempts: tuple[SupplyAttemptOut, ...]
    decisions: tuple[DecisionOut, ...]
    history: tuple[StepOut, ...]
    jobs: tuple[WorkOut, ...]

    @classmethod
    def of(cls, unit: Unit) -> "UnitOut":
        return view(
            cls,
            unit,
            delivery=unit.delivery or Delivery.KEY,
            account=unit.account_mask,
            attempts=tuple(SupplyAttemptOut.of(unit, attempt) for attempt in unit.attempts or ()),
            decisions=tuple(view(DecisionOut, decision) for decision in unit.decisions or ()),
            history=tuple(view(StepOut, step) for step in unit.history or ()),
            jobs=tuple(WorkOut.of(unit, work) for work in unit.jobs),
        )
