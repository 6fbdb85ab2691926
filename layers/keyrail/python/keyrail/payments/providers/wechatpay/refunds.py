"""Refunds at WeChat Pay: one of a number, however often it is sent."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers.wechatpay.exchange import Exchange
from keyrail.payments.providers.wechatpay.reading import money, text

PATH = "/v3/refund/domestic/refunds"
# `ABNORMAL` is on no list: the money has left the merchant and did not reach the buyer's card. It is on somebody's desk
# at WeChat, and another refund would be a second one.
STATES = {
    "SUCCESS": RefundState.SUCCEEDED,
    "PROCESSING": RefundState.PROCESSING,
    "CLOSED": RefundState.FAILED,
}
# What WeChat says when it understood the request and does not do it. Everything else is asked for again.
REFUSALS = frozenset(
    {"INVALID_REQUEST", "NOT_ENOUGH", "PARAM_ERROR", "RESOURCE_NOT_EXISTS", "TRADE_OVERDUE", "USER_ACCOUNT_ABNORMAL"}
)
ABSENT = "RESOURCE_NOT_EXISTS"
NO_ANSWER = "no_answer"
MAX_REASON_LENGTH = 80


def refund(exchange: Exchange, wanted: RefundOrder) -> RefundAnswer:
    """Never raises for want of an answer: whether the request arrived cannot be told, so that is `unknown`.

    A refusal may be of the repetition only, while the first one is under way. So it fails only where WeChat knows of no
    refund by that number either.
    """
    try:
        answer = exchange.post(PATH, _order(wanted))
        if answer.refusal is None:
            return _answer(answer.said, wanted)
        if answer.refusal in REFUSALS:
            standing = exchange.get(_target(wanted))
            if standing.refusal is None:
                return _answer(standing.said, wanted)
            if standing.refusal == ABSENT:
                return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.FAILED, status=answer.refusal)
        return _unknown(wanted, answer.refusal)
    except ProviderUnavailable:
        return _unknown(wanted, NO_ANSWER)


def query_refund(exchange: Exchange, wanted: RefundOrder) -> RefundAnswer:
    """A refund that WeChat does not know is `unknown` too: the order for it may still be on its way.

    Raises ProviderUnavailable.
    """
    answer = exchange.get(_target(wanted))
    return _answer(answer.said, wanted) if answer.refusal is None else _unknown(wanted, answer.refusal)


def _order(wanted: RefundOrder) -> dict[str, Any]:
    amount = {
        "refund": wanted.amount.amount_minor,
        "total": wanted.attempt.amount.amount_minor,
        "currency": wanted.amount.currency,
    }
    order = {"out_trade_no": wanted.attempt.attempt_id, "out_refund_no": wanted.refund_id, "amount": amount}
    return order | ({"reason": wanted.reason[:MAX_REASON_LENGTH]} if wanted.reason else {})


def _target(wanted: RefundOrder) -> str:
    return f"{PATH}/{quote(wanted.refund_id, safe='')}"


def _answer(said: Mapping[str, Any], wanted: RefundOrder) -> RefundAnswer:
    """An answer about another refund, or about another amount, says nothing of this one."""
    status, amount = text(said, "status"), money(said, "refund")
    numbers = (text(said, "out_refund_no"), text(said, "out_trade_no"))
    ours = numbers == (wanted.refund_id, wanted.attempt.attempt_id) and amount == wanted.amount
    return RefundAnswer(
        refund_id=wanted.refund_id,
        state=STATES.get(status, RefundState.UNKNOWN) if ours else RefundState.UNKNOWN,
        status=status,
        reference=text(said, "refund_id") or None,
        amount=amount,
    )


def _unknown(wanted: RefundOrder, status: str) -> RefundAnswer:
    return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=status)
