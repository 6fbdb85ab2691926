"""A supplier's own account of a day: what it took from what we have with it, and what it gave back."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.errors import NotFound
from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable


class SupplierStatementMissing(NotFound):
    """The supplier has no statement of that day: it makes none, or has not made it yet.

    Not an empty one: that statement has no lines.
    """

    code = "supplier_statement_missing"
    title = "The supplier has no statement of that day."
    title_zh = "供货商没有当日的对账单。"


class SupplierStatementUnreadable(SupplierUnavailable):
    """It has a word, or a layout, that is on no reviewed list: nothing of it is believed."""

    code = "supplier_statement_unreadable"
    title = "The supplier's statement of that day is in a form that is not known."
    title_zh = "供货商的对账单格式无法识别。"


class SupplierSaidNothing(SupplierUnavailable):
    """It was asked about each of our orders of a day, and not one answer says what became of it."""

    code = "supplier_said_nothing"
    title = "The supplier did not say of any of our orders of that day what became of it."
    title_zh = "供货商未答复当日任何订单的结果。"


class Moved(StrEnum):
    """`taken` for an order, or `returned` of what was taken for one."""

    TAKEN = "taken"
    RETURNED = "returned"


@dataclass(frozen=True, kw_only=True)
class SupplierLine:
    """One movement as the supplier's statement of a day has it; `line` counts from 1.

    `reference` is ours; None where the supplier names none. The supplier is still at work on an order that `is_over`
    does not say to be; what came of one that is over, its statement need not say.
    """

    line: int
    moved: Moved
    reference: str | None
    their_reference: str
    amount: Money
    status: str
    is_over: bool
    at: str
