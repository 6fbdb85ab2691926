"""Refunds at WeChat Pay: one of a number, however often it is sent.

A request that WeChat refuses leaves its number free: it wants the very same request again, with the same number. A
refund that it took and closed keeps its number for good, and the next round needs another one.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState, number_of
from keyrail.payments.providers.wechatpay.exchange import Answer, Exchange
from keyrail.payments.providers.wechatpay.opening import CURRENCY
from keyrail.payments.providers.wechatpay.transactions import money
from keyrail.platform import json_objects
from keyrail.platform.json_objects import child, text
from keyrail.platform.money import Money

CLOSED = "CLOSED"
PATH = "/v3/refund/domestic/refunds"
# `ABNORMAL` is on no list: the money has left the merchant and did not reach the buyer's card. It is on somebody's desk
# at WeChat, and another refund would be a second one.
STATES = {
    "SUCCESS": RefundState.SUCCEEDED,
    "PROCESSING": RefundState.PROCESSING,
    CLOSED: RefundState.FAILED,
}
# What WeChat says when it understood the request and does not do it. Everything else is asked for again.
REFUSALS = frozenset(
    {"INVALID_REQUEST", "NOT_ENOUGH", "PARAM_ERROR", "RESOURCE_NOT_EXISTS", "TRADE_OVERDUE", "USER_ACCOUNT_ABNORMAL"}
)
ABSENT = "RESOURCE_NOT_EXISTS"
# Of these the money has left the merchant.
MOVED = frozenset({"SUCCESS", "ABNORMAL"})
NO_ANSWER = "no_answer"
MAX_REASON_LENGTH = 80


def refund(exchange: Exchange, wanted: RefundOrder) -> RefundAnswer:
    """Never raises for want of an answer: whether the request arrived cannot be told, so that is `unknown`.

    A refusal may be of the repetition only, while the first one is under way. So it fails only where WeChat knows of no
    refund by that number either.
    """
    try:
        number, standing = _number(exchange, wanted) if wanted.round else (wanted.refund_id, None)
        if standing is not None and standing.refusal != ABSENT:
            return _read(standing, wanted, number)
        answer = exchange.post(PATH, _order(wanted, number))
        if answer.refusal in REFUSALS:
            standing = exchange.get(_target(number))
            if standing.refusal == ABSENT:
                return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.FAILED, status=answer.refusal)
            if standing.refusal is None:
                return _answer(standing.said, wanted, number)
        return _read(answer, wanted, number)
    except ProviderUnavailable:
        return _unknown(wanted, NO_ANSWER)


def query_refund(exchange: Exchange, wanted: RefundOrder) -> RefundAnswer:
    """A refund that WeChat does not know is `unknown` too: the order for it may still be on its way.

    Raises ProviderUnavailable.
    """
    number, answer = _number(exchange, wanted)
    return _read(answer, wanted, number)


def noticed_amount(resource: Mapping[str, Any]) -> Money | None:
    """A notice names no currency: refunds of this interface are in yuan."""
    return json_objects.money(child(resource, "amount").get("refund"), CURRENCY)


def _number(exchange: Exchange, wanted: RefundOrder) -> tuple[str, Answer]:
    """The first number of the refund's rounds that is not closed, and what WeChat says of it.

    Raises ProviderUnavailable.
    """
    for round_ in range(wanted.round + 1):
        number = number_of(wanted.refund_id, round_)
        answer = exchange.get(_target(number))
        if answer.refusal is not None or text(answer.said, "status") != CLOSED:
            break
    return number, answer


def _read(answer: Answer, wanted: RefundOrder, number: str) -> RefundAnswer:
    return _answer(answer.said, wanted, number) if answer.refusal is None else _unknown(wanted, answer.refusal)


def _order(wanted: RefundOrder, number: str) -> dict[str, Any]:
    amount = {
        "refund": wanted.amount.amount_minor,
        "total": wanted.attempt.amount.amount_minor,
        "currency": wanted.amount.currency,
    }
    order = {"out_trade_no": wanted.attempt.attempt_id, "out_refund_no": number, "amount": amount}
    more = {"reason": wanted.reason[:MAX_REASON_LENGTH], "notify_url": wanted.notify_url}
    return order | {name: value for name, value in more.items() if value}


def _target(number: str) -> str:
    return f"{PATH}/{quote(number, safe='')}"


def _answer(said: Mapping[str, Any], wanted: RefundOrder, number: str) -> RefundAnswer:
    """An answer about another refund, or about another amount, says nothing of this one."""
    status, amount = text(said, "status"), money(said, "refund")
    numbers = (text(said, "out_refund_no"), text(said, "out_trade_no"))
    ours = numbers == (number, wanted.attempt.attempt_id) and amount == wanted.amount
    return RefundAnswer(
        refund_id=wanted.refund_id,
        state=STATES.get(status, RefundState.UNKNOWN) if ours else RefundState.UNKNOWN,
        status=status,
        reference=text(said, "refund_id") or None,
        amount=amount,
    )


def _unknown(wanted: RefundOrder, status: str) -> RefundAnswer:
    return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=status)
