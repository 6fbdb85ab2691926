"""The buyer's side of 易支付 (epay, protocol version 1): the gateway that takes the money and tells the shop.

Written from the protocol alone, so that it would notice if the product misread it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from infra.local.demo_client import Answer, send

_UNSIGNED = ("sign", "sign_type")


class PaymentRefused(Exception):
    """The gateway does not accept what the shop sent the buyer with."""


@dataclass(frozen=True)
class Payment:
    """A buyer's payment at the gateway. `number` is the gateway's own; `attempt_id` is the shop's."""

    number: str
    attempt_id: str
    money: str
    method: str
    title: str
    notify_url: str


@dataclass(frozen=True)
class EpayGateway:
    pid: str
    key: str

    def take(self, page: str) -> Payment:
        """The buyer follows the shop's link and pays. Raises PaymentRefused unless the link is what the shop signed."""
        said = dict(parse_qsl(urlsplit(page).query))
        if said.get("pid") != self.pid or said.get("sign") != epay_signature(said, self.key):
            raise PaymentRefused("the link to the payment page is not signed as the gateway wants it")
        return Payment(
            number=f"{secrets.randbelow(10**20):020d}",
            attempt_id=said["out_trade_no"],
            money=said["money"],
            method=said.get("type", "alipay"),
            title=said["name"],
            notify_url=said["notify_url"],
        )

    def notify(self, payment: Payment, **changed: str) -> Answer:
        """Tell the shop; `changed` replaces parameters before they are signed."""
        values = {
            "pid": self.pid,
            "trade_no": payment.number,
            "out_trade_no": payment.attempt_id,
            "type": payment.method,
            "name": payment.title,
            "money": payment.money,
            "trade_status": "TRADE_SUCCESS",
            **changed,
        }
        signed = {**values, "sign": epay_signature(values, self.key), "sign_type": "MD5"}
        return send("GET", f"{payment.notify_url}?{urlencode(signed)}")


def epay_signature(values: dict[str, str], key: str) -> str:
    """MD5 over the non-empty values, sorted by name, with the key behind them: the protocol's choice, not ours."""
    signed = "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name] and name not in _UNSIGNED)
    return hashlib.md5((signed + key).encode(), usedforsecurity=False).hexdigest()
