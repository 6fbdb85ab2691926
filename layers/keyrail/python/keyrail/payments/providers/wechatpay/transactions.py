"""A payment as WeChat Pay tells it, in a notice and in the answer to an inquiry alike."""

from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.platform import json_objects
from keyrail.platform.json_objects import Document, child, text
from keyrail.platform.money import Money

PROVIDER = "wechatpay"
PAID_STATES = frozenset({"SUCCESS"})
# `REFUND` is on no list: money came, and some or all of it went back again without us. The other states that WeChat
# documents are of payments by a code that the till scans, which are not opened here.
INQUIRY_STATES = {"NOTPAY": InquiryState.OPEN, "CLOSED": InquiryState.CLOSED}


def merchant_name(mchid: str, appid: str) -> str:
    """A payment is ours only under both: one merchant number may serve several apps, one app several merchants."""
    return f"{mchid}/{appid}"


def money(holder: Document, name: str) -> Money | None:
    """`amount.<name>` in `amount.currency`, whole minor units; None for what is no amount of a currency we know."""
    amount = child(holder, "amount")
    return json_objects.money(amount.get(name), amount.get("currency"))


def confirmation(said: Document, account: str) -> Confirmation | None:
    """None where it names neither what was paid nor the payment."""
    state, number, reference = text(said, "trade_state"), text(said, "out_trade_no"), text(said, "transaction_id")
    if not number or not reference:
        return None
    return Confirmation(
        provider=PROVIDER,
        account=account,
        merchant=merchant_name(text(said, "mchid"), text(said, "appid")),
        attempt_id=number,
        reference=reference,
        amount=money(said, "total"),
        paid=state in PAID_STATES,
        status=state,
    )


def inquiry(said: Document, account: str, attempt_id: str) -> Inquiry:
    """An answer about another payment than the one asked for says nothing."""
    state = text(said, "trade_state")
    if text(said, "out_trade_no") != attempt_id:
        return Inquiry(state=InquiryState.UNKNOWN)
    if state not in PAID_STATES:
        return Inquiry(state=INQUIRY_STATES.get(state, InquiryState.UNKNOWN))
    confirmed = confirmation(said, account)
    if confirmed is None:
        return Inquiry(state=InquiryState.UNKNOWN)
    return Inquiry(state=InquiryState.PAID, said=confirmed)
