"""Alipay's side of a test: its keys, and what it signs, with the merchants' own SDK (python-alipay-sdk) as the signer.

Key pairs are made once a run, when a test first asks.
"""

import base64
import io
import json
import zipfile
from functools import cache
from typing import Any
from urllib.parse import urlencode

from alipay import AliPay  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.refunds import RefundOrder
from keyrail.payments.providers import Callback
from keyrail.payments.providers.alipay.account import Alipay
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"
ATTEMPT_ID = attempt_id(derived_id("ord", "alipay"), 1)
REFUND_ID = derived_id("ref", "alipay")
TRADE_NO = "2026112322001400001000000001"
NOW_MS = 1_795_000_000_000
NOW_IN_BEIJING = "2026-11-18 19:06:40"

PAID = {
    "notify_time": "2026-11-23 12:00:05",
    "notify_type": "trade_status_sync",
    "notify_id": "2026112301222120000100000000000001",
    "charset": "utf-8",
    "version": "1.0",
    "app_id": APP_ID,
    "auth_app_id": APP_ID,
    "seller_id": SELLER_ID,
    "buyer_id": "2088000000000002",
    "trade_no": TRADE_NO,
    "out_trade_no": ATTEMPT_ID,
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "19.90",
    "receipt_amount": "19.90",
    "subject": "VIP会员 30 天",
    "gmt_payment": "2026-11-23 12:00:04",
    "fund_bill_list": '[{"amount":"19.90","fundChannel":"ALIPAYACCOUNT"}]',
}
REFUNDED = {
    **PAID,
    "refund_fee": "5.00",
    "out_biz_no": REFUND_ID,
    "gmt_refund": "2026-11-23 13:00:00.123",
}


@cache
def key(of: str) -> RSAPrivateKey:
    """The private key of `of`; the same for the whole run."""
    return generate_private_key(65537, 2048)


def private_text(of: str) -> str:
    """As Alipay's key tool writes it: PKCS#8 in one line of Base64."""
    der = key(of).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(der).decode()


def public_text(of: str) -> str:
    der = key(of).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def pem(text: str, label: str) -> str:
    lines = [text[begin : begin + 64] for begin in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


@cache
def sdk(signer: str, counterpart: str) -> Any:
    """The SDK with the private key of one and the public key of the other."""
    return AliPay(
        appid=APP_ID,
        app_private_key_string=pem(private_text(signer), "PRIVATE KEY"),
        alipay_public_key_string=pem(public_text(counterpart), "PUBLIC KEY"),
        sign_type="RSA2",
    )


def account(**settings: Any) -> Alipay:
    needed = {
        "account": "main",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "private_key": private_text("app"),
        "alipay_public_keys": [public_text("alipay")],
        "return_url": "https://shop.example/thanks",
        "now_ms": lambda: NOW_MS,
    }
    return Alipay(**{**needed, **settings})


def attempt(method: str | None = None, amount: Money | None = None) -> PaymentAttempt:
    return PaymentAttempt(
        attempt_id=ATTEMPT_ID, provider="alipay", account="main", amount=amount or Money(1990, "CNY"), method=method
    )


def refund_order(amount_minor: int = 500) -> RefundOrder:
    return RefundOrder(
        refund_id=REFUND_ID, attempt=attempt(), amount=Money(amount_minor, "CNY"), reason="key did not work"
    )


def signature(text: str, by: str = "alipay") -> str:
    """The SDK's, of a text."""
    signed: str = sdk(by, by)._sign(text)
    return signed


def form(parameters: dict[str, str], by: str = "alipay") -> bytes:
    """A notification as Alipay posts it."""
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return urlencode({**parameters, "sign": signature(text, by), "sign_type": "RSA2"}).encode()


def callback(body: bytes, method: str = "POST") -> Callback:
    return Callback(method, "", body, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"})


def answer(method: str, by: str = "alipay", raw: str | None = None, **said: Any) -> bytes:
    """A signed answer; `raw` is the response's text where its very letters matter."""
    text = raw if raw is not None else json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    name = method.replace(".", "_") + "_response"
    return f'{{"{name}":{text},"sign":"{signature(text, by)}"}}'.encode()


HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
END = "#-----------------------------------------业务明细列表结束------------------------------------"


def bill_row(
    kind: str, amount: str, fee: str, *, order: str = ATTEMPT_ID, request: str = "", name: str = "Order 1"
) -> str:
    """A line as the bill has it, 25 cells, long numbers held together by a tab."""
    done = "2026-11-23 12:00:04"
    cells = [f"{TRADE_NO}\t", f"{order}\t", kind, name, "2026-11-23 11:59:58", done, "\t", "\t", "\t", "\t"]
    cells += ["**明(158******89)\t", amount, amount, "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00"]
    return ",".join([*cells, f"{request}\t", fee, "0.00", ""])


def bill_text(*lines: str, end: str = END, header: str = HEADER) -> str:
    head = [
        "#支付宝业务明细查询",
        f"#账号：[{SELLER_ID}0156]",
        "#起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        header,
    ]
    foot = [end, "#交易合计：1笔，商家实收共19.90元，商家优惠共0.00元", "#导出时间：[2026年11月24日 06:27:10]"]
    return "\r\n".join([*head, *lines, *foot, ""])


def bill_zip(details: bytes, *others: tuple[str, bytes]) -> bytes:
    """As Alipay packs it: the details and their summary, names in GBK without the flag that says UTF-8."""
    packed = io.BytesIO()
    files = [
        (f"{SELLER_ID}0156_20261123_业务明细.csv", details),
        (f"{SELLER_ID}0156_20261123_业务明细(汇总).csv", "#支付宝业务汇总查询\r\n".encode("gbk")),
        *others,
    ]
    # zipfile writes a name either in ASCII or in UTF-8; so a stand-in of the same length goes in, and then GBK over it.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(files):
            archive.writestr(f"{number}".ljust(len(name.encode("gbk")), "_"), content)
    raw = packed.getvalue()
    for number, (name, _) in enumerate(files):
        encoded = name.encode("gbk")
        raw = raw.replace(f"{number}".ljust(len(encoded), "_").encode(), encoded)
    return raw
