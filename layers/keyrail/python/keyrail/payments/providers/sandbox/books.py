"""The sandbox's books, asked over HTTP: what became of a payment, money back, and a day's movements."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.model.statements import StatementKind, StatementLine, StatementMissing
from keyrail.payments.providers.http_client import request
from keyrail.payments.providers.sandbox.signing import (
    HEADER,
    amount_of,
    answering,
    asking,
    is_text,
    json_object,
)
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import signed_header, verify

OK = 200
NO_ANSWER = "no_answer"
REFUNDED = "refunded"
# Of these no money moved, and none will for the same request.
REFUSALS = frozenset({"no_such_payment", "more_than_was_paid", "too_many_refunds"})
MAX_PAGES = 10_000


@dataclass(frozen=True, kw_only=True)
class Books:
    """Asked with the first of `secrets`; an answer signed with any of them is one."""

    url: str
    account: str
    merchant: str
    secrets: list[str] = field(repr=False)
    now_ms: NowMs = field(repr=False)

    def query(self, attempt: PaymentAttempt, paid_statuses: frozenset[str]) -> Inquiry:
        """Raises ProviderUnavailable."""
        said = self._ask("query", {"attempt_id": attempt.attempt_id})
        state, unknown = said.get("status"), Inquiry(state=InquiryState.UNKNOWN)
        if said.get("attempt_id") != attempt.attempt_id or not is_text(state):
            return unknown
        if state in {"open", "failed"}:
            return Inquiry(state=InquiryState.OPEN if state == "open" else InquiryState.CLOSED)
        if state not in paid_statuses or not is_text(said.get("merchant")) or not is_text(said.get("reference")):
            return unknown
        confirmed = Confirmation(
            provider=attempt.provider,
            account=self.account,
            merchant=said["merchant"],
            attempt_id=said["attempt_id"],
            reference=said["reference"],
            amount=amount_of(said),
            paid=True,
            status=said["status"],
        )
        return Inquiry(state=InquiryState.PAID, said=confirmed)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Without an answer it is unknown: it may have been done."""
        order = {
            "attempt_id": wanted.attempt.attempt_id,
            "reference": wanted.attempt.reference,
            "refund_id": wanted.refund_id,
            **wanted.amount.plain(),
        }
        try:
            said = self._ask("refund", order)
        except ProviderUnavailable:
            return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=NO_ANSWER)
        return _refund_answer(said, wanted)

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Raises ProviderUnavailable."""
        asked = {"attempt_id": wanted.attempt.attempt_id, "refund_id": wanted.refund_id}
        return _refund_answer(self._ask("query_refund", asked), wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:
        """Raises StatementMissing at once, ProviderUnavailable also while it is read."""
        page = self._page(day, None)
        if page.get("missing") is True:
            raise StatementMissing
        return self._lines(day, page)

    def _lines(self, day: date, page: Mapping[str, Any]) -> Iterator[StatementLine]:
        number = 0
        for _ in range(MAX_PAGES):
            for said in page["lines"]:
                number += 1
                yield _line(number, said)
            if page.get("next") is None:
                return
            page = self._page(day, page["next"])
        raise ProviderUnavailable

    def _page(self, day: date, after: str | None) -> dict[str, Any]:
        page = self._ask("statement", {"day": day.isoformat(), "after": after})
        if page.get("missing") is not True and not isinstance(page.get("lines"), list):
            raise ProviderUnavailable
        return page

    def _ask(self, what: str, members: Mapping[str, object]) -> dict[str, Any]:
        """Raises ProviderUnavailable for anything but an answer that the sandbox signed for this very question."""
        body = json.dumps({"merchant": self.merchant, **members}).encode()
        question = signed_header(self.secrets[0], asking(what), self.now_ms() // 1000, body)
        headers = {"content-type": "application/json", HEADER: question}
        # Whatever is asked may be asked twice: a refund is done once for its number.
        reply = request("POST", f"{self.url}/{what}", body=body, headers=headers, repeatable=True)
        if reply.status != OK:
            raise ProviderUnavailable
        try:
            verify(reply.headers.get(HEADER, ""), self.secrets, answering(question), reply.body, self.now_ms())
            return json_object(reply.body)
        except SignatureInvalid:
            raise ProviderUnavailable from None


def _refund_answer(said: Mapping[str, Any], wanted: RefundOrder) -> RefundAnswer:
    status = said["status"] if is_text(said.get("status")) else "unreadable"
    if said.get("refund_id") != wanted.refund_id or status not in REFUSALS | {REFUNDED}:
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=status)
    if status in REFUSALS:
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.FAILED, status=status)
    amount, reference = amount_of(said), said.get("reference")
    if amount is None or not is_text(reference):
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=status)
    return RefundAnswer(
        refund_id=wanted.refund_id, state=RefundState.SUCCEEDED, status=status, reference=reference, amount=amount
    )


def _line(number: int, said: Any) -> StatementLine:
    """Raises ProviderUnavailable."""
    if not isinstance(said, dict) or not all(is_text(said.get(n)) for n in ("kind", "reference", "status", "at")):
        raise ProviderUnavailable
    amount, ours, paid_as = amount_of(said), said.get("number"), said.get("payment_number")
    if amount is None or not is_text(ours) or said["kind"] not in set(StatementKind):
        raise ProviderUnavailable
    return StatementLine(
        line=number,
        kind=StatementKind(said["kind"]),
        number=ours,
        reference=said["reference"],
        amount=amount,
        fee=Money(0, amount.currency),
        status=said["status"],
        at=said["at"],
        payment_number=paid_as if is_text(paid_as) else None,
    )
