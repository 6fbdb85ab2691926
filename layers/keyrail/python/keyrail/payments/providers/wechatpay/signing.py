"""Signatures of both sides: RSA with SHA-256 (PKCS #1 v1.5) over lines that each end with a line feed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from keyrail.payments.providers.rsa import is_signed, sign
from keyrail.platform.errors import SignatureInvalid

SCHEME = "WECHATPAY2-SHA256-RSA2048"
TOLERANCE_S = 300
MIN_KEY_BITS = 2048
PUBLIC_KEY_ID = re.compile(r"PUB_KEY_ID_[0-9]{1,64}")
CERTIFICATE_SERIAL = re.compile(r"[0-9A-F]{8,64}")

_SIGNED_AT = re.compile(r"[1-9][0-9]{0,11}")
# A line feed in it would let the end of one line pass for the begin of the next.
_NONCE = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True)
class MerchantKey:
    """Our key, and the serial number of the certificate by which WeChat knows it."""

    mchid: str
    serial: str
    key: RSAPrivateKey = field(repr=False)

    def sign(self, *lines: bytes) -> str:
        return sign(self.key, b"".join(line + b"\n" for line in lines))

    def authorization(self, method: str, target: str, body: bytes, at_s: int, nonce: str) -> str:
        """The header of a request for `target`, the path with its query as sent."""
        signature = self.sign(method.encode(), target.encode(), str(at_s).encode(), nonce.encode(), body)
        return (
            f'{SCHEME} mchid="{self.mchid}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{at_s}",serial_no="{self.serial}"'
        )


@dataclass(frozen=True)
class PlatformKeys:
    """WeChat's keys by the name that `Wechatpay-Serial` gives; the first is the one we ask it to sign with.

    A name that is not here is an unknown sender: nothing is fetched for it.
    """

    keys: Mapping[str, RSAPublicKey] = field(repr=False)

    @property
    def preferred(self) -> str:
        return next(iter(self.keys))

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> None:
        """Of a callback or an answer, with its headers' names in lower case. Raises SignatureInvalid.

        WeChat sends wrong signatures on purpose (they begin with `WECHATPAY/SIGNTEST/`) to see whether anybody looks:
        they are refused as any other.
        """
        key = self.keys.get(headers.get("wechatpay-serial", ""))
        signed_at, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        if key is None or headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
            raise SignatureInvalid
        if not _SIGNED_AT.fullmatch(signed_at) or not _NONCE.fullmatch(nonce):
            raise SignatureInvalid
        if abs(now_ms - int(signed_at) * 1000) > TOLERANCE_S * 1000:
            raise SignatureInvalid
        signed = b"%s\n%s\n%s\n" % (signed_at.encode(), nonce.encode(), body)
        if not is_signed([key], signed, headers.get("wechatpay-signature", "")):
            raise SignatureInvalid


def merchant_key(pem: str) -> RSAPrivateKey:
    """Raises ValueError for anything but an RSA key of at least MIN_KEY_BITS without a pass phrase."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm):  # the former is cryptography's word for a pass phrase that it wants
        raise ValueError("not a key to sign with") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError("no RSA key of this length")
    return key


def platform_key(name: str, pem: str) -> RSAPublicKey:
    """The public key that WeChat gives with an id, or that of a platform certificate, whose name is its serial number.

    Raises ValueError, also where the certificate is another than the name says.
    """
    try:
        key = _named_key(name, pem)
    except UnsupportedAlgorithm:
        raise ValueError("not a key to verify with") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError("no RSA key of this length")
    return key


def _named_key(name: str, pem: str) -> object:
    if PUBLIC_KEY_ID.fullmatch(name):
        return load_pem_public_key(pem.encode())
    if not CERTIFICATE_SERIAL.fullmatch(name):
        raise ValueError("neither a key's id nor a certificate's serial number")
    certificate = load_pem_x509_certificate(pem.encode())
    if certificate.serial_number != int(name, 16):
        raise ValueError("another certificate")
    return certificate.public_key()
