"""A payment provider for tests, at the outside port: it keeps its books, and loses answers when it is told to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from threading import Lock

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money

PROVIDER, ACCOUNT = "bank", "main"


@dataclass
class Bank:
    """`collected` is what it says when it is asked about an attempt; `silent`, it says nothing then.

    `troubles` come over the next requests about refunds, one each:

    `down` (it is not reached), `lost` (it does what it is asked, and the answer is lost), `slow` (it takes the refund
    and books it with the next question), `refuse`, `other_sum` (it says that it gave back something else).
    """

    collected: dict[str, Confirmation] = field(default_factory=dict)
    silent: bool = False
    questions: list[str] = field(default_factory=list)
    given_back: dict[str, Money] = field(default_factory=dict)
    taken: dict[str, RefundOrder] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    refused: set[tuple[str, int]] = field(default_factory=set)
    asked: int = 0
    last: RefundOrder | None = None
    repeats: bool = True
    statements: dict[date, list[StatementLine]] = field(default_factory=dict)
    statements_read: list[date] = field(default_factory=list)
    breaks_off: bool = False
    _lock: Lock = field(default_factory=Lock)

    acknowledgement = Acknowledgement("ok", "text/plain")
    merchant = "bank-1"
    statement_zone = UTC

    def check(self, amount: Money, means: Means) -> str:
        return means.return_url or "https://shop.example"

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        return PaymentAction(type="redirect", url=f"https://bank.example/{attempt.attempt_id}")

    def paid(self, attempt: PaymentAttempt, reference: str) -> Confirmation:
        """What it says of a payment once its signature is verified."""
        return Confirmation(
            provider=PROVIDER,
            account=ACCOUNT,
            merchant=self.merchant,
            attempt_id=attempt.attempt_id,
            reference=reference,
            amount=attempt.amount,
            paid=True,
            status="paid",
        )

    def confirm(self, callback: Callback, now_ms: int) -> None:
        raise SignatureInvalid

    def collect(self, attempt: PaymentAttempt, reference: str) -> Confirmation:
        """The buyer pays, and the callback is lost, unless somebody brings what is given back here."""
        self.collected[attempt.attempt_id] = said = self.paid(attempt, reference)
        return said

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        self.questions.append(attempt.attempt_id)
        if self.silent:
            raise ProviderUnavailable
        said = self.collected.get(attempt.attempt_id)
        return Inquiry(state=InquiryState.PAID if said else InquiryState.OPEN, said=said)

    @property
    def wanted(self) -> RefundOrder:
        """What it was asked for last."""
        assert self.last is not None
        return self.last

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        with self._lock:
            self.asked += 1
            self.last = wanted
            trouble = self.troubles.pop(0) if self.troubles else ""
            if trouble == "down":
                raise ProviderUnavailable
            if trouble == "refuse":
                self.refused.add((wanted.refund_id, wanted.round))
            if (wanted.refund_id, wanted.round) in self.refused:
                return self._answer(wanted, RefundState.FAILED)
            if trouble == "slow":
                self.taken[wanted.refund_id] = wanted
                return self._answer(wanted, RefundState.PROCESSING)
            self.given_back.setdefault(wanted.refund_id, wanted.amount)
            return self._told(wanted, trouble)

    def may_repeat(self, wanted: RefundOrder) -> bool:
        return self.repeats

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        with self._lock:
            self.asked += 1
            trouble = self.troubles.pop(0) if self.troubles else ""
            if trouble == "down":
                raise ProviderUnavailable
            if trouble == "refuse":
                return self._answer(wanted, RefundState.FAILED)
            if taken := self.taken.pop(wanted.refund_id, None):
                self.given_back.setdefault(taken.refund_id, taken.amount)
            if wanted.refund_id not in self.given_back:
                return self._answer(wanted, RefundState.UNKNOWN)
            return self._told(wanted, trouble)

    def _told(self, wanted: RefundOrder, trouble: str) -> RefundAnswer:
        if trouble == "lost":
            return self._answer(wanted, RefundState.UNKNOWN)
        amount = wanted.amount.times(2) if trouble == "other_sum" else wanted.amount
        return self._answer(wanted, RefundState.SUCCEEDED, amount)

    def _answer(self, wanted: RefundOrder, state: RefundState, amount: Money | None = None) -> RefundAnswer:
        return RefundAnswer(refund_id=wanted.refund_id, state=state, status=f"bank says {state}", amount=amount)

    def statement(self, day: date) -> Iterator[StatementLine]:
        """Where it `breaks_off` the lines come, and behind them the trouble."""
        self.statements_read.append(day)
        if day not in self.statements:
            raise StatementMissing
        return self._statement(day)

    def _statement(self, day: date) -> Iterator[StatementLine]:
        yield from self.statements[day]
        if self.breaks_off:
            raise ProviderUnavailable
