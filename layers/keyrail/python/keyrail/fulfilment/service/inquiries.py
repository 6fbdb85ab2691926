"""Ask providers about attempts that nobody has called back for, and settle what turns out to be paid."""

from dataclasses import dataclass

from keyrail.fulfilment.model import Outcome
from keyrail.fulfilment.service.settlement import Settlement
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, InquiryState, Mismatch, mismatch
from keyrail.payments.model.desk import payment_id
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform import logs, metrics
from keyrail.platform.changes import Origin
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric

# Of an answer that is not about the attempt that was asked about.
_NOT_ASKED_ABOUT = frozenset({Mismatch.UNKNOWN_ATTEMPT, Mismatch.WRONG_ACCOUNT})


@dataclass(frozen=True)
class Inquiries:
    orders: Orders
    accounts: PaymentAccounts
    settlement: Settlement

    def ask(self, order_id: str, origin: Origin) -> None:
        """Ask about each attempt that is not known to be paid; what is paid takes a callback's way, binding first.

        Repeating it, and a callback at the same moment, have one effect; what a person can place from the desk is left
        to them. A provider that does not answer changes nothing, and whatever is wrong with one keeps no other from
        being asked. Raises OrderNotFound, and afterwards what was wrong beside silence, Unavailable say.
        """
        trouble: Exception | None = None
        for attempt in self.orders.of_operator(order_id).attempts:
            if attempt.status is AttemptStatus.PAID:
                continue
            try:
                self._ask(attempt, origin)
            except ProviderUnavailable as error:
                metrics.count(Metric.PROVIDER_SILENT)
                logs.warn(Entry.NEIGHBOUR_UNAVAILABLE, refusal=error.code, provider=attempt.provider, order_id=order_id)
            except Exception as error:  # noqa: BLE001 - of one provider; the buyer may have paid at another
                trouble = trouble or error
        if trouble is not None:
            raise trouble

    def _ask(self, attempt: PaymentAttempt, origin: Origin) -> None:
        provider = self.accounts.of(attempt)
        answer = provider.query(attempt)
        logs.log(Entry.PROVIDER_ASKED, attempt_id=attempt.attempt_id, provider=attempt.provider, state=answer.state)
        if answer.state is not InquiryState.PAID or answer.said is None:
            return
        reason = mismatch(answer.said, attempt, provider.merchant)
        if reason is not None and reason in _NOT_ASKED_ABOUT:
            self._to_desk(answer.said, attempt, reason, origin)
            return
        known = self.settlement.desk.find(payment_id(answer.said))
        if known is not None and known.money is not None:
            # It fitted nothing when it was told of before: a person gives it back, or assigns it, or has done so.
            return
        settled = self.settlement.settle(answer.said, origin)
        if settled.outcome is not Outcome.DUPLICATE:
            logs.log(Entry.PAYMENT_FOUND, attempt_id=attempt.attempt_id, outcome=settled.outcome)

    def _to_desk(self, said: Confirmation, asked: PaymentAttempt, reason: Mismatch, origin: Origin) -> None:
        if self.settlement.desk.put(said, reason, origin):
            logs.warn(Entry.PAYMENT_UNMATCHED, reason=reason, attempt_id=said.attempt_id, asked_about=asked.attempt_id)
