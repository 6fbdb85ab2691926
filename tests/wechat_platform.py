"""WeChat Pay's side: its keys, its signatures and notices, and a look at ours as it would take one."""

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from keyrail.payments.providers import Callback
from keyrail.payments.providers.wechatpay import WechatPay

MCHID, APPID = "1900000109", "wxd678efh567hg6787"
APIV3_KEY = "an apiv3 key has 32 characters.."
FORMER_APIV3_KEY = "the apiv3 key before had 32 too."
MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092024101100397200000006"
CERTIFICATE_SERIAL = "4534ACDA663850A04AD37B52BD48E1D84D841E86"
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000

_AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="([^"]+)",nonce_str="([^"]+)",signature="([^"]+)",'
    r'timestamp="([^"]+)",serial_no="([^"]+)"'
)


@cache
def key(name: str) -> RSAPrivateKey:
    """`merchant` is ours, `public` WeChat's in public-key mode, `certificate` that of its platform certificate."""
    assert name
    return generate_private_key(65537, 2048)


@cache
def private_pem(name: str) -> str:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def public_pem(name: str) -> str:
    return key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def certificate_pem(name: str = "certificate", serial: str = CERTIFICATE_SERIAL) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign")])
    begin = datetime.fromtimestamp(NOW_S, UTC) - timedelta(days=30)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(name).public_key())
        .serial_number(int(serial, 16))
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=5 * 365))
        .sign(key(name), SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def account(**settings: Any) -> WechatPay:
    """With a key of each mode, as while a merchant goes over from one to the other."""
    given = {
        "account": "main",
        "mchid": MCHID,
        "appid": APPID,
        "serial": MERCHANT_SERIAL,
        "private_key": private_pem("merchant"),
        "platform_keys": {PUBLIC_KEY_ID: public_pem("public"), CERTIFICATE_SERIAL: certificate_pem()},
        "apiv3_keys": [APIV3_KEY],
        "methods": ["native", "jsapi", "h5"],
        "now_ms": lambda: NOW_MS,
        "nonce": lambda: "593BEC0C930BF1AFEB40B4A08C8FB242",
        **settings,
    }
    return WechatPay(**given)


@dataclass(frozen=True)
class Signer:
    """Who signs, and under which name."""

    name: str = PUBLIC_KEY_ID
    key_name: str = "public"
    at_s: int = NOW_S

    def headers(self, body: bytes, nonce: str = "d824f2e086d3c1df967785d13fcd22ef") -> dict[str, str]:
        signed = b"%d\n%s\n%s\n" % (self.at_s, nonce.encode(), body)
        signature = base64.b64encode(key(self.key_name).sign(signed, PKCS1v15(), SHA256())).decode()
        return {
            "wechatpay-serial": self.name,
            "wechatpay-timestamp": str(self.at_s),
            "wechatpay-nonce": nonce,
            "wechatpay-signature": signature,
            "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        }


PUBLIC_KEY_MODE = Signer()
CERTIFICATE_MODE = Signer(CERTIFICATE_SERIAL, "certificate")


def transaction(attempt_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": attempt_id,
        "transaction_id": "4200001234202609220000000001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": "2026-09-22T01:33:20+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": 1990, "payer_total": 1990, "currency": "CNY", "payer_currency": "CNY"},
        **changes,
    }


def refund_said(refund_id: str, attempt_id: str, **changes: Any) -> dict[str, Any]:
    """As a request for it and an inquiry about it are answered."""
    return {
        "refund_id": "50300807172026092206006664916",
        "out_refund_no": refund_id,
        "transaction_id": "4200001234202609220000000001",
        "out_trade_no": attempt_id,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": "2026-09-22T02:00:00+08:00",
        "status": "PROCESSING",
        "funds_account": "AVAILABLE",
        "amount": {"total": 1990, "refund": 1990, "payer_total": 1990, "payer_refund": 1990, "currency": "CNY"},
        **changes,
    }


def sealed(resource: bytes, apiv3_key: str = APIV3_KEY, associated: str = "transaction") -> dict[str, str]:
    nonce = "fdasflkja484"
    ciphertext = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), resource, associated.encode())
    return {
        "original_type": associated,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(ciphertext).decode(),
        "associated_data": associated,
        "nonce": nonce,
    }


def notice_body(event: str, contents: dict[str, Any] | bytes, apiv3_key: str = APIV3_KEY, /, **changes: Any) -> bytes:
    """A notice with `contents` sealed in it; `changes` are of what stands around them."""
    plain = contents if isinstance(contents, bytes) else json.dumps(contents).encode()
    associated = "refund" if event.startswith("REFUND") else "transaction"
    whole = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-09-22T01:33:20+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": sealed(plain, apiv3_key, associated),
        **changes,
    }
    return json.dumps(whole).encode()


def posted(body: bytes, signer: Signer = PUBLIC_KEY_MODE, **headers: str) -> Callback:
    return Callback("POST", "", body, signer.headers(body) | {n.replace("_", "-"): v for n, v in headers.items()})


@dataclass(frozen=True)
class Authorized:
    """What the header of a request claims, after WeChat verified it."""

    mchid: str
    nonce: str
    timestamp: str
    serial: str
    signature: str = field(repr=False)


def authorized(header: str, method: str, target: str, body: bytes) -> Authorized | None:
    """None where WeChat would answer SIGN_ERROR."""
    match = _AUTHORIZATION.fullmatch(header)
    if match is None:
        return None
    mchid, nonce, signature, timestamp, serial = match.groups()
    signed = b"".join(part + b"\n" for part in (method.encode(), target.encode(), timestamp.encode(), nonce.encode()))
    try:
        key("merchant").public_key().verify(base64.b64decode(signature), signed + body + b"\n", PKCS1v15(), SHA256())
    except InvalidSignature:
        return None
    return Authorized(mchid, nonce, timestamp, serial, signature)
