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


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One movement as the provider's statement of a day has it; `line` counts from 1 in its file.

    `number` is ours: an attempt's for a payment, a refund's for a refund; None where the provider names none.
    """

    line: int
    kind: StatementKind
    number: str | None
    reference: str
    amount: Money
    fee: Money | None
    status: str
    at: str
