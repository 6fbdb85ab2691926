"""An account whose credentials are being changed: one merchant number, several versions of what it signs with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, Inquiry
from keyrail.payments.model.refunds import RefundAnswer, RefundNotice, RefundOrder
from keyrail.payments.model.statements import StatementLine
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction, PaymentProvider
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money

MAX_VERSIONS = 4


@dataclass(frozen=True)
class VersionedAccount:
    """The `current` version opens what is new; an attempt stays with its own as long as that is there.

    A callback is taken with any of the `versions`: which of them a provider signs for is not ours to know.
    """

    current: str
    versions: Mapping[str, PaymentProvider]

    @property
    def _current(self) -> PaymentProvider:
        return self.versions[self.current]

    def _of(self, attempt: PaymentAttempt) -> PaymentProvider:
        return self.versions.get(attempt.credential or self.current, self._current)

    @property
    def acknowledgement(self) -> Acknowledgement:
        return self._current.acknowledgement

    @property
    def merchant(self) -> str:
        return self._current.merchant

    def check(self, amount: Money, means: Means) -> str:
        return self._current.check(amount, means)

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        return self._of(attempt).open(attempt, opening)

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation | RefundNotice | DisputeNotice | None:
        """Raises SignatureInvalid where no version takes it."""
        others = (version for name, version in self.versions.items() if name != self.current)
        for version in (self._current, *others):
            try:
                return version.confirm(callback, now_ms)
            except SignatureInvalid:
                continue
        raise SignatureInvalid

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        return self._of(attempt).query(attempt)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._of(wanted.attempt).refund(wanted)

    def may_repeat(self, wanted: RefundOrder) -> bool:
        return self._of(wanted.attempt).may_repeat(wanted)

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._of(wanted.attempt).query_refund(wanted)

    @property
    def statement_zone(self) -> tzinfo | None:
        return self._current.statement_zone

    def statement(self, day: date) -> Iterator[StatementLine]:
        return self._current.statement(day)
