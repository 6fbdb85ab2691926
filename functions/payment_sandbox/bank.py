"""What the sandbox does: decide once, tell the shop until it has heard, and answer a merchant's questions."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from functions.payment_sandbox.store import TradeStore
from functions.payment_sandbox.trades import (
    PAID,
    Decision,
    Link,
    Payment,
    Refused,
    Trade,
    decided,
    give_back,
    link_of,
    standing,
    told,
    trade_id,
)
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers.http_client import request
from keyrail.payments.providers.sandbox import PROVIDER, Sandbox
from keyrail.payments.providers.sandbox.signing import (
    CALLBACK,
    HEADER,
    amount_of,
    is_text,
    link_parameters,
    verify_link,
)
from keyrail.payments.service.accounts import PaymentAccounts, PaymentProvider
from keyrail.payments.service.credentials import VersionedAccount
from keyrail.platform import logs
from keyrail.platform.clock import NowMs, rfc3339
from keyrail.platform.config import ConfigError
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.logs import Entry
from keyrail.platform.signed_messages import signed_header
from keyrail.platform.slices import send_rest

# The callbacks of two payments, one after the other, end before the page's function does.
TELL_TIMEOUT_S = 4
# After the page's function is over, so that what it decided is there to be seen.
FIRST_LOOK_S = 30
MAX_TRIES = 8
MAX_NUMBER_LENGTH = 64  # of an attempt, a payment or a refund
OK = 200


@dataclass(frozen=True)
class Bank:
    """`accounts` are those of the sandbox alone; `api_url` is our own API, the only one that is called."""

    store: TradeStore
    accounts: PaymentAccounts
    api_url: str
    queue_url: str
    now_ms: NowMs

    def account(self, merchant: object) -> Sandbox:
        """Raises SignatureInvalid: whoever names nobody of ours cannot have signed it."""
        for provider, name in self.accounts.accounts:
            account = self.accounts.at(provider, name)
            if account.merchant == merchant:
                return _whole(account)
        raise SignatureInvalid

    def link(self, query: str) -> Link:
        """Raises SignatureInvalid for a link that we did not sign, Invalid for one that leads nowhere."""
        said = link_parameters(query)
        account = self.account(said.get("merchant"))
        verify_link(said, account.secrets)
        link = link_of(said, query)
        if link.notify_url != self._notify_url(account):
            raise Invalid(FieldError("notify_url", "not_ours"))
        return link

    def find(self, link: Link) -> Trade | None:
        return self.store.find(link.trade_id)

    def decide(self, link: Link, decision: Decision) -> Trade:
        """The first press decides, whichever the later ones are; each brings what was not heard yet to the shop.

        The look from the queue is asked for before the write, so that no decision is ever left untold.
        """
        trade = self.store.find(link.trade_id)
        if trade is None:
            send_rest(self.queue_url, {"trade_id": link.trade_id}, delay_s=FIRST_LOOK_S)
            late_after_s = self.account(link.merchant).late_after_s
            trade = self.store.add(decided(link, decision, late_after_s, self.now_ms()))
            logs.log(Entry.SANDBOX_DECIDED, attempt_id=trade.attempt_id, decision=trade.decision)
        return self.tell(trade)

    def tell(self, trade: Trade) -> Trade:
        """Send the callbacks that are due and were not acknowledged, until one is not acknowledged."""
        account = self.account(trade.merchant)
        for payment in trade.untold():
            if payment.at_ms > self.now_ms():
                continue
            if not self._acknowledged(account, trade, payment):
                logs.warn(Entry.SANDBOX_UNHEARD, attempt_id=trade.attempt_id)
                return trade
            trade = self._told(trade, payment.reference)
        return trade

    def _told(self, trade: Trade, reference: str) -> Trade:
        for _ in range(MAX_TRIES):
            heard = told(trade, reference, self.now_ms())
            if heard is trade or self.store.replace(trade, heard):
                return heard
            trade = self.store.find(trade.trade_id) or trade
        raise StoreUnavailable

    def _acknowledged(self, account: Sandbox, trade: Trade, payment: Payment) -> bool:
        body = json.dumps(
            {
                "merchant": trade.merchant,
                "attempt_id": trade.attempt_id,
                "reference": payment.reference,
                **trade.amount.plain(),
                "status": payment.status,
            }
        ).encode()
        signature = signed_header(account.secrets[0], CALLBACK, self.now_ms() // 1000, body)
        headers = {"content-type": "application/json", HEADER: signature}
        try:
            reply = request(
                "POST",
                self._notify_url(account),
                body=body,
                headers=headers,
                read_timeout_s=TELL_TIMEOUT_S,
                repeatable=True,
            )
        except ProviderUnavailable:
            return False
        return reply.status == OK and reply.body == account.acknowledgement.body.encode()

    def _notify_url(self, account: Sandbox) -> str:
        """Made of what we know, whatever a link says: so nobody has us call another address."""
        return f"{self.api_url}/webhooks/payments/{PROVIDER}/{account.account}"

    # the questions of a merchant

    def query(self, merchant: str, asked: dict[str, Any]) -> dict[str, Any]:
        attempt_id = _text(asked, "attempt_id")
        trade = self.store.find(trade_id(merchant, attempt_id))
        status, payment = standing(trade, self.now_ms())
        answer: dict[str, Any] = {"merchant": merchant, "attempt_id": attempt_id, "status": status}
        if trade is not None and payment is not None:
            answer |= {"reference": payment.reference, **trade.amount.plain()}
        return answer

    def refund(self, merchant: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises OtherRefund, Unavailable."""
        refund_id, reference = _text(asked, "refund_id"), _text(asked, "reference")
        amount = amount_of(asked)
        if amount is None:
            raise Invalid(FieldError("amount_minor", "no_amount"))
        for _ in range(MAX_TRIES):
            trade = self.store.find(trade_id(merchant, _text(asked, "attempt_id")))
            if trade is None:
                return {"refund_id": refund_id, "status": Refused.NO_SUCH_PAYMENT}
            given = give_back(trade, refund_id, reference, amount, self.now_ms())
            if isinstance(given, Refused):
                return {"refund_id": refund_id, "status": given}
            if given is trade or self.store.replace(trade, given):
                return _refund(given, refund_id)
        raise StoreUnavailable

    def query_refund(self, merchant: str, asked: dict[str, Any]) -> dict[str, Any]:
        trade = self.store.find(trade_id(merchant, _text(asked, "attempt_id")))
        refund_id = _text(asked, "refund_id")
        return _refund(trade, refund_id) if trade else {"refund_id": refund_id, "status": "not_found"}

    def statement(self, merchant: str, asked: dict[str, Any]) -> dict[str, Any]:
        """A page of the movements of a day in UTC."""
        try:
            day = date.fromisoformat(_text(asked, "day"))
        except ValueError:
            raise Invalid(FieldError("day", "no_date")) from None
        now_ms = self.now_ms()
        if day > datetime.fromtimestamp(now_ms // 1000, UTC).date():
            return {"missing": True}
        trades, last = self.store.page(asked.get("after") if is_text(asked.get("after")) else None)
        lines = [line for trade in trades if trade.merchant == merchant for line in _lines(trade, now_ms)]
        return {"lines": [line for line in lines if line["at"].startswith(day.isoformat())], "next": last}


def _whole(account: PaymentProvider) -> Sandbox:
    """The account with the secrets of all its versions, the current one's first. Raises ConfigError."""
    versions = account.versions.values() if isinstance(account, VersionedAccount) else (account,)
    ours = [version for version in versions if isinstance(version, Sandbox)]
    if not ours:
        raise ConfigError(PROVIDER)
    return replace(ours[0], secrets=[secret for version in ours for secret in version.secrets])


def _text(asked: dict[str, Any], name: str) -> str:
    """Raises Invalid."""
    value = asked.get(name)
    if not is_text(value) or len(str(value)) > MAX_NUMBER_LENGTH:
        raise Invalid(FieldError(name, "no_number"))
    return str(value)


def _refund(trade: Trade, refund_id: str) -> dict[str, Any]:
    refund = trade.refund(refund_id)
    if refund is None:
        return {"refund_id": refund_id, "status": "not_found"}
    return {"refund_id": refund_id, "status": "refunded", "reference": refund.number, **refund.amount.plain()}


def _lines(trade: Trade, now_ms: int) -> list[dict[str, Any]]:
    payments = [
        {
            "kind": "payment",
            "number": trade.attempt_id,
            "reference": payment.reference,
            **trade.amount.plain(),
            "status": PAID,
            "at": rfc3339(payment.at_ms),
        }
        for payment in trade.paid(now_ms)
    ]
    refunds = [
        {
            "kind": "refund",
            "number": refund.refund_id,
            "payment_number": trade.attempt_id,
            "reference": refund.number,
            **refund.amount.plain(),
            "status": "refunded",
            "at": rfc3339(refund.at_ms),
        }
        for refund in trade.refunds
    ]
    return payments + refunds
