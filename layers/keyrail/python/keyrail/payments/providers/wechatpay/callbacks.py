"""Notices that WeChat Pay posts: verified as they came, then decrypted."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyrail.payments.providers import Callback
from keyrail.payments.providers.wechatpay.signing import PlatformKeys
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import child, json_object, text

PAYMENT_EVENTS = frozenset({"TRANSACTION.SUCCESS"})
REFUND_EVENTS = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})
ENCRYPTED = "encrypt-resource"
ALGORITHM = "AEAD_AES_256_GCM"
KEY_BYTES = 32
NONCE_BYTES = 12
MAX_NOTICE_BYTES = 128 * 1024


@dataclass(frozen=True)
class Notice:
    event: str
    resource: Mapping[str, Any] = field(repr=False)


def notice(callback: Callback, platform: PlatformKeys, apiv3_keys: Sequence[str], now_ms: int) -> Notice | None:
    """None for a genuine notice of an event that is nothing to us. Raises SignatureInvalid.

    A key with which WeChat encrypted before the last change opens what is delivered late.
    """
    if callback.method != "POST" or len(callback.raw_body) > MAX_NOTICE_BYTES:
        raise SignatureInvalid
    platform.verify(callback.headers, callback.raw_body, now_ms)
    try:
        said = json_object(callback.raw_body)
        event = text(said, "event_type")
        if event not in PAYMENT_EVENTS | REFUND_EVENTS:
            return None
        if text(said, "resource_type") != ENCRYPTED:
            raise SignatureInvalid
        return Notice(event, json_object(_decrypted(child(said, "resource"), apiv3_keys)))
    except ValueError:
        raise SignatureInvalid from None


def _decrypted(resource: Mapping[str, Any], apiv3_keys: Sequence[str]) -> bytes:
    """Raises SignatureInvalid."""
    nonce, associated = text(resource, "nonce").encode(), text(resource, "associated_data").encode()
    if text(resource, "algorithm") != ALGORITHM or len(nonce) != NONCE_BYTES:
        raise SignatureInvalid
    try:
        sealed = base64.b64decode(text(resource, "ciphertext"), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureInvalid from None
    for key in apiv3_keys:
        try:
            return AESGCM(key.encode()).decrypt(nonce, sealed, associated)
        except InvalidTag:
            continue
    raise SignatureInvalid
