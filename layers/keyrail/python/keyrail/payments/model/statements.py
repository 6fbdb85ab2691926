"""A provider's own account of a day."""

from dataclasses import dataclass
from enum import StrEnum

from keyrail.platform.errors import NotFound
from keyrail.platform.money import Money


class StatementMissing(NotFound):
    """The provider has no statement of that day: it makes none for the account, or has not made it yet.

    Not an empty one: of a day without movements a provider says so, and that statement has no lines.
    """

    code = "statement_missing"
    title = "The payment provider has no statement of that day."
    title_zh = "支付渠道没有当日的对账单。"


class StatementKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


class LineState(StrEnum):
    """How far the movement was when the statement was made. Some providers book a refund on the day they accept it."""

    DONE = "done"
    UNDER_WAY = "under_way"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One movement as the provider's statement of a day has it; `line` counts from 1 in its file.

    `number` is ours: an attempt's for a payment, a refund's for a refund; None where the provider names none.
    `payment_number` and `payment_reference` are of the payment that a refund gives back. The `fee` is what the provider
    keeps, or gives back where it `fee_returned`; None where it cannot be read.
    """

    line: int
    kind: StatementKind
    number: str | None
    reference: str
    amount: Money
    fee: Money | None
    status: str
    at: str
    state: LineState = LineState.DONE
    fee_returned: bool = False
    payment_number: str | None = None
    payment_reference: str | None = None
