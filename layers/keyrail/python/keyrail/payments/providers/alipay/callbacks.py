"""Alipay's notifications: a form that it posts, signed over every parameter but `sign` and `sign_type`.

Source: opendocs.alipay.com/open/270/105902 (asynchronous notifications of page payments; precreate and WAP have the
same). A notification is posted again for 25 hours until it is answered with `success` and nothing else.
"""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers import Callback
from keyrail.payments.providers.alipay import CURRENCY, PROVIDER
from keyrail.payments.providers.alipay.signing import SIGN_TYPE, joined
from keyrail.payments.providers.rsa import is_signed
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.forms import FormLimits, read_form
from keyrail.platform.money import Money, parse_decimal

PAID_STATUSES = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
TRADE_NOTIFICATION = "trade_status_sync"
REQUIRED = ("app_id", "out_trade_no", "trade_no", "trade_status", "total_amount")
# Each of them comes with the notification of a refund, and none with that of a payment.
OF_A_REFUND = frozenset({"refund_fee", "out_biz_no", "gmt_refund"})
UNSIGNED = frozenset({"sign", "sign_type"})
CHARSET = "utf-8"
MAX_BODY_BYTES = 32 * 1024
MAX_PARAMETERS = 64
MAX_VALUE_BYTES = 8 * 1024


def merchant_of(app_id: str, seller_id: str) -> str:
    """One name for both: the payment of another app, or to another seller, is another merchant's."""
    return f"{app_id}/{seller_id}"


def amount_of(text: object) -> Money | None:
    """`19.90` yuan, as Alipay writes sums; None for anything else, a JSON number without decimals included."""
    if not isinstance(text, str):
        return None
    try:
        return parse_decimal(text, CURRENCY)
    except ValueError:
        return None


def verified(callback: Callback, keys: Sequence[RSAPublicKey]) -> dict[str, str]:
    """The parameters of a notification that one of `keys` signed. Raises SignatureInvalid."""
    if callback.method != "POST":
        raise SignatureInvalid
    said = _parameters(callback.raw_body)
    if said.get("sign_type", SIGN_TYPE) != SIGN_TYPE or said.get("charset", CHARSET).lower() != CHARSET:
        raise SignatureInvalid
    signed = {name: value for name, value in said.items() if name not in UNSIGNED}
    if not is_signed(keys, joined(signed).encode(), said.get("sign", "")):
        raise SignatureInvalid
    return signed


def meaning(said: Mapping[str, str], account: str, merchant: str) -> Confirmation | RefundNotice | None:
    """What a verified notification is about; None where that is no trade, or a refund of another app or seller.

    A refund is told by its own parameters, for the trade's status stays TRADE_SUCCESS after a part was refunded. One
    that was asked for without a number has the trade's (alipay.trade.fastpay.refund.query, `out_request_no`); its
    `refund_fee` is all that was ever given back of the trade. Alipay
    need not name the seller; a payment without one is no seller's of ours, and the binding refuses it.
    Raises SignatureInvalid where a trade's notification lacks a required parameter.
    """
    if said.get("notify_type", TRADE_NOTIFICATION) != TRADE_NOTIFICATION:
        return None
    if not all(name in said for name in REQUIRED):
        raise SignatureInvalid
    to = merchant_of(said["app_id"], said.get("seller_id", ""))
    if OF_A_REFUND & said.keys():
        if to != merchant:
            return None
        return RefundNotice(
            provider=PROVIDER,
            account=account,
            attempt_id=said["out_trade_no"],
            refund_id=said.get("out_biz_no", said["out_trade_no"]),
            payment_reference=said["trade_no"],
            amount=amount_of(said.get("refund_fee")),
            status=said["trade_status"],
            moved=True,
        )
    return Confirmation(
        provider=PROVIDER,
        account=account,
        merchant=to,
        attempt_id=said["out_trade_no"],
        reference=said["trade_no"],
        amount=amount_of(said["total_amount"]),
        paid=said["trade_status"] in PAID_STATUSES,
        status=said["trade_status"],
    )


def _parameters(raw_body: bytes) -> dict[str, str]:
    """An empty value is left out of what is signed by some readers and not by others. Raises SignatureInvalid."""
    if not raw_body.isascii():
        raise SignatureInvalid
    parameters = read_form(raw_body.decode(), FormLimits(MAX_BODY_BYTES, MAX_PARAMETERS, MAX_VALUE_BYTES))
    if not all(value.strip() for value in parameters.values()):
        raise SignatureInvalid
    return parameters
