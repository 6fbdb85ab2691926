"""How a payment starts: what WeChat Pay is asked for by each method, and what the buyer's browser then does."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.providers import Means, Opening, PaymentAction, qr
from keyrail.payments.providers.wechatpay.signing import MerchantKey
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.json_objects import text

NATIVE, JSAPI, H5 = "native", "jsapi", "h5"
METHODS = frozenset({NATIVE, JSAPI, H5})
CURRENCY = "CNY"
MAX_DESCRIPTION_LENGTH = 127
MAX_PREPAY_ID_LENGTH = 64
MAX_PAYER_ID_LENGTH = 128
BEIJING = timezone(timedelta(hours=8))


def order(attempt: PaymentAttempt, opening: Opening, mchid: str, appid: str) -> dict[str, Any]:
    """What all methods ask for: a function of its arguments alone, clock included.

    WeChat gives the same payment again to the same order, and refuses one that comes back with other contents.
    """
    return {
        "appid": appid,
        "mchid": mchid,
        "description": opening.title[:MAX_DESCRIPTION_LENGTH],
        "out_trade_no": attempt.attempt_id,
        "time_expire": _beijing_time(opening.expires_at_ms),
        "notify_url": opening.notify_url,
        "amount": {"total": attempt.amount.amount_minor, "currency": attempt.amount.currency},
    }


def payer(method: str, means: Means) -> dict[str, Any]:
    """What a method asks for beside that: who pays inside WeChat, and where the browser is outside of it.

    Raises Invalid where nobody says.
    """
    if method == JSAPI:
        if not means.payer_id or len(means.payer_id) > MAX_PAYER_ID_LENGTH:
            raise Invalid(FieldError("payment.payer_id", "required"))
        return {"payer": {"openid": means.payer_id}}
    if method == H5:
        return {"scene_info": {"payer_client_ip": means.payer_address(), "h5_info": {"type": "Wap"}}}
    return {}


def qr_action(said: Mapping[str, Any]) -> PaymentAction:
    """Raises ProviderUnavailable for anything that WeChat's scanner would not open."""
    code_url = text(said, "code_url")
    if not code_url.startswith("weixin://"):
        raise ProviderUnavailable
    return qr.qr_action(code_url)


def h5_action(said: Mapping[str, Any], return_url: str) -> PaymentAction:
    """WeChat's page that calls its app, and that comes back to `return_url`. Raises ProviderUnavailable."""
    page = text(said, "h5_url")
    try:
        parts = urlsplit(page)
    except ValueError:
        raise ProviderUnavailable from None
    if parts.scheme != "https" or not parts.hostname or not parts.query or parts.fragment:
        raise ProviderUnavailable
    back = f"&redirect_url={quote(return_url, safe='')}" if return_url else ""
    return PaymentAction(type="redirect", url=page + back)


def jsapi_action(said: Mapping[str, Any], key: MerchantKey, appid: str, at_s: int, nonce: str) -> PaymentAction:
    """What the page hands to `WeixinJSBridge`'s `getBrandWCPayRequest`, as JSON. Raises ProviderUnavailable."""
    prepay_id = text(said, "prepay_id")
    if not 0 < len(prepay_id) <= MAX_PREPAY_ID_LENGTH:
        raise ProviderUnavailable
    package = f"prepay_id={prepay_id}"
    signature = key.sign(appid.encode(), str(at_s).encode(), nonce.encode(), package.encode())
    call = {
        "appId": appid,
        "timeStamp": str(at_s),
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": signature,
    }
    return PaymentAction(type="client_secret", content=json.dumps(call))


def _beijing_time(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).astimezone(BEIJING).isoformat()
