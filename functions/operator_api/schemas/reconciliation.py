"""Reconciliations: what was compared, and what differs."""

from datetime import date
from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import LimitQuery, Reason
from functions.operator_api.schemas.suppliers import SupplierName
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money
from keyrail.reconciliation.model.comparing import DifferenceKind
from keyrail.reconciliation.model.differences import Difference, DifferenceStatus
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.movements import Known, MovementKind
from keyrail.reconciliation.model.runs import FeeOfDay, Run, RunStatus, Tally

AccountName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


@incoming
class ReconciliationsQuery(LimitQuery):
    """`month` of the days that were reconciled; without one, yesterday's. Of all; or of a `supplier`, or of an
    `account` at a `provider`: then all days of the month are one page.
    """

    month: Annotated[str, Field(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")] | None = None
    provider: AccountName | None = None
    account: AccountName | None = None
    supplier: SupplierName | None = None
    cursor: Annotated[str, Field(max_length=400)] | None = None


@incoming
class DifferencesQuery(LimitQuery):
    cursor: Annotated[str, Field(max_length=400)] | None = None


@incoming
class ReconcileIn:
    """`day` of a `supplier`, or of an `account` at a `provider`, as they count days; it is over, and at most 90 days
    ago.
    """

    provider: AccountName | None = None
    account: AccountName | None = None
    supplier: SupplierName | None = None
    day: date
    reason: Reason


@incoming
class ResolveIn:
    """`version` is the difference's as it was looked at: the reason is for that."""

    version: Annotated[int, Field(ge=1)]
    reason: Reason


def holder_in(wanted: ReconciliationsQuery | ReconcileIn) -> Holder | None:
    """Whom it names; None for nobody. Raises Invalid for both at once, and for half an account."""
    of_account = wanted.provider, wanted.account
    if wanted.supplier is not None and of_account == (None, None):
        return Holder(wanted.supplier)
    if wanted.supplier is not None:
        raise Invalid(FieldError("supplier", "not_with_account"))
    if wanted.account is not None and wanted.provider is not None:
        return Holder(wanted.account, wanted.provider)
    if of_account != (None, None):
        raise Invalid(FieldError("provider" if wanted.provider is None else "account", "missing"))
    return None


@outgoing
class RunOut:
    """The day of a `supplier`, or of an `account` at a payment `provider`. `trouble` is the code of what it had to be
    given up for. `tally` and `fees` are of the last comparison. `order_by_order`: the supplier has no statement, and
    was asked about each of our `tally.asked` orders; of `tally.unheard` it did not say what became of them. Orders
    that are none of ours such a day does not show.
    """

    run_id: str
    provider: str | None
    account: str | None
    supplier: str | None
    day: str
    status: RunStatus
    requested_at: str
    compared_at: str | None
    trouble: str | None
    order_by_order: bool
    differences: int
    tally: Tally
    fees: tuple[FeeOfDay, ...]

    @classmethod
    def of(cls, run: Run) -> "RunOut":
        holder = run.holder.plain()
        named = {each: holder.get(each) for each in ("provider", "account", "supplier")}
        asked = bool(run.order_by_order)
        return view(cls, run, **named, order_by_order=asked, differences=run.tally.differences)


@outgoing
class RunsOut:
    runs: tuple[RunOut, ...]
    cursor: str | None


@outgoing
class TheirsOut:
    """`amount` is null where they do not say."""

    line: int
    amount: Money | None
    status: str
    at: str


@outgoing
class OursOut:
    name: str
    amount: Money | None
    known: Known
    booked: Money | None
    booked_at: str | None


@outgoing
class DifferenceOut:
    """`theirs` is what the statement says, `ours` what we know; one of them may be missing."""

    difference_id: str
    kind: DifferenceKind
    movement: MovementKind
    number: str | None
    reference: str | None
    order_id: str | None
    theirs: TheirsOut | None
    ours: OursOut | None
    status: DifferenceStatus
    resolution: str | None
    version: int
    changed_by: str
    changed_at: str

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceOut":
        return view(
            cls,
            difference,
            theirs=view(TheirsOut, difference.theirs) if difference.theirs else None,
            ours=view(OursOut, difference.ours) if difference.ours else None,
        )


@outgoing
class ReconciliationOut:
    run: RunOut
    differences: tuple[DifferenceOut, ...]
    cursor: str | None
