"""A unit as the back office sees it: never with a key in the clear, nor with the whole account of its buyer."""

from keyrail.ordering.model.orders import Delivery, Unit, UnitStatus
from keyrail.platform.documents import outgoing, view
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyState
from keyrail.suppliers.model.outcomes import Refusal


@outgoing
class SupplyAttemptOut:
    """One try to have it supplied. `reference` is ours, `said` the supplier's own word; `until` it is asked."""

    reference: str
    source_id: str
    supplier: str
    item: str
    quantity: int
    limit: Money
    state: SupplyState
    refusal: Refusal | None
    said: str
    their_reference: str | None
    cost: Money | None
    asked_at: str
    until: str
    decided_at: str | None


@outgoing
class DecisionOut:
    """Where it was to come from, and by source why not from elsewhere; `chosen` null: there was nothing left."""

    at: str
    chosen: str | None
    passed_over: dict[str, str]


@outgoing
class StepOut:
    at: str
    status: UnitStatus


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

    @classmethod
    def of(cls, unit: Unit) -> "UnitOut":
        return view(
            cls,
            unit,
            delivery=unit.delivery or Delivery.KEY,
            account=unit.account_mask,
            attempts=tuple(view(SupplyAttemptOut, attempt) for attempt in unit.attempts or ()),
            decisions=tuple(view(DecisionOut, decision) for decision in unit.decisions or ()),
            history=tuple(view(StepOut, step) for step in unit.history or ()),
        )
