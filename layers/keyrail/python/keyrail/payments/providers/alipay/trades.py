"""What Alipay's answers about payments and refunds mean. Every code and status that counts stands on a list here.

Sources: opendocs.alipay.com/open/028woa (alipay.trade.query), /028sm9 (alipay.trade.refund), /028sma
(alipay.trade.fastpay.refund.query), /02ekfg (alipay.trade.precreate); their tables of business error codes.
"""

from dataclasses import replace

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers.alipay import CURRENCY, PROVIDER
from keyrail.payments.providers.alipay.answers import Answer
from keyrail.payments.providers.alipay.callbacks import PAID_STATUSES, amount_of

QUERY = "alipay.trade.query"
REFUND = "alipay.trade.refund"
REFUND_QUERY = "alipay.trade.fastpay.refund.query"

# The caller's own fault in Alipay's scheme of codes; `isp.` is Alipay's, and passes.
CALLERS_FAULT = "isv."
NOT_THERE = "ACQ.TRADE_NOT_EXIST"
OPEN_STATUSES = frozenset({"WAIT_BUYER_PAY"})
CLOSED_STATUSES = frozenset({"TRADE_CLOSED"})
# Not ACQ.TRADE_HAS_SUCCESS, of a payment that was made: to the buyer a refusal says that nothing was charged.
REFUSALS = frozenset(
    {
        "ACQ.ACCESS_FORBIDDEN",
        "ACQ.BUYER_SELLER_EQUAL",
        "ACQ.CONTEXT_INCONSISTENT",
        "ACQ.EXIST_FORBIDDEN_WORD",
        "ACQ.INVALID_PARAMETER",
        "ACQ.PARTNER_ERROR",
        "ACQ.TOTAL_FEE_EXCEED",
    }
)
# Of these no money moved, and none will for the same request. Not ACQ.DISCORDANT_REPEAT_REQUEST: the number was used
# with another sum. Not ACQ.TRADE_STATUS_ERROR: a trade that was refunded in full is closed too.
FAILURES = frozenset(
    {
        "ACQ.INVALID_PARAMETER",
        "ACQ.REASON_TRADE_BEEN_FREEZEN",
        "ACQ.REASON_TRADE_REFUND_FEE_ERR",
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
        "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        "ACQ.TRADE_HAS_FINISHED",
        "ACQ.TRADE_NOT_ALLOW_REFUND",
        NOT_THERE,
    }
)
REFUNDED = "REFUND_SUCCESS"
NO_ANSWER = "no_answer"


def check_opened(answer: Answer, attempt: PaymentAttempt) -> None:
    """Raises PaymentRefused, and ProviderUnavailable for whatever else is not the payment that was asked for."""
    if answer.sub_code in REFUSALS or answer.sub_code.startswith(CALLERS_FAULT):
        raise PaymentRefused
    if not answer.succeeded or answer.text("out_trade_no") != attempt.attempt_id:
        raise ProviderUnavailable


def inquiry_of(answer: Answer, attempt: PaymentAttempt, merchant: str) -> Inquiry:
    """Where an attempt stands.

    Alipay makes the trade when the buyer opens the page or scans the code, so one that is not there is open.
    TRADE_CLOSED is a trade that ran out of time, or whose money went back in full: nothing of it is held. An answer
    names neither app nor seller: it came to a request that only our app can sign, so the payment is our account's.
    """
    if answer.sub_code == NOT_THERE:
        return Inquiry(state=InquiryState.OPEN)
    status, reference = answer.text("trade_status"), answer.text("trade_no")
    if not answer.succeeded or answer.text("out_trade_no") != attempt.attempt_id or not reference:
        return Inquiry(state=InquiryState.UNKNOWN)
    if status in OPEN_STATUSES:
        return Inquiry(state=InquiryState.OPEN)
    if status in CLOSED_STATUSES:
        return Inquiry(state=InquiryState.CLOSED)
    if status not in PAID_STATUSES:
        return Inquiry(state=InquiryState.UNKNOWN)
    in_yuan = answer.said.get("trans_currency", CURRENCY) == CURRENCY  # named for merchants abroad alone
    said = Confirmation(
        provider=PROVIDER,
        account=attempt.account,
        merchant=merchant,
        attempt_id=attempt.attempt_id,
        reference=reference,
        amount=amount_of(answer.said.get("total_amount")) if in_yuan else None,
        paid=True,
        status=status,
    )
    return Inquiry(state=InquiryState.PAID, said=said)


def refund_request(wanted: RefundOrder, reason: str) -> dict[str, str]:
    """`out_request_no` is what makes a repeat the same refund; Alipay adds nothing to these by itself."""
    return {
        "out_trade_no": wanted.attempt.attempt_id,
        "out_request_no": wanted.refund_id,
        "refund_amount": wanted.amount.decimal(),
        "refund_reason": reason,
    }


def refund_query(wanted: RefundOrder) -> dict[str, str]:
    return {"out_trade_no": wanted.attempt.attempt_id, "out_request_no": wanted.refund_id}


def refund_of(answer: Answer, wanted: RefundOrder) -> RefundAnswer:
    """What came of asking for a refund. The answer's `refund_fee` is all that was ever refunded, so no amount is said.

    Only `fund_change` Y says that this request moved money. N is what a repeat gets, and a refund that Alipay still
    works on: accepted, and to be asked about.
    """
    if answer.sub_code in FAILURES or answer.sub_code.startswith(CALLERS_FAULT):
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.FAILED, status=answer.status)
    if not answer.succeeded or answer.text("out_trade_no") != wanted.attempt.attempt_id:
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=answer.status)
    changed = answer.text("fund_change")
    state = RefundState.SUCCEEDED if changed == "Y" else RefundState.PROCESSING
    return RefundAnswer(refund_id=wanted.refund_id, state=state, status=f"fund_change={changed[:1]}")


def refund_queried(answer: Answer, wanted: RefundOrder) -> RefundAnswer:
    """Where a refund stands. Alipay has one word for it, that it succeeded; without that nothing is known.

    A refund that is unknown is asked for again: with the same number and sum that moves no money twice.
    """
    ours = (answer.text("out_trade_no"), answer.text("out_request_no")) == (wanted.attempt.attempt_id, wanted.refund_id)
    status = answer.text("refund_status")
    if not answer.succeeded or not ours or status != REFUNDED:
        return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=status or answer.status)
    amount = amount_of(answer.said.get("refund_amount"))
    return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.SUCCEEDED, status=status, amount=amount)


def refund_refused(refusal: RefundAnswer, standing: Answer, wanted: RefundOrder) -> RefundAnswer:
    """What has become of a refund whose repetition was refused, by what Alipay says of it when it is asked.

    Only a successful answer without a status says that no request for it was taken (alipay.trade.fastpay.refund.query,
    `refund_status`); whatever else it says, the first one may have moved the money.
    """
    queried = refund_queried(standing, wanted)
    if queried.state is RefundState.UNKNOWN and standing.succeeded and "refund_status" not in standing.said:
        return refusal
    return replace(queried, status=queried.status or refusal.status)
