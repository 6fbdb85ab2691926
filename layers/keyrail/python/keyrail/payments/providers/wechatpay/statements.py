"""The trade bill of a day, fetched: a signed answer says where it lies and what its digest is, unpacked."""

import hashlib
import hmac
import zlib
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers.wechatpay.bills import statement_lines
from keyrail.payments.providers.wechatpay.exchange import Exchange
from keyrail.platform.json_objects import text

# The second one is said too of a day on which nothing moved.
MISSING = frozenset({"STATEMENT_CREATING", "NO_STATEMENT_EXIST"})
DOWNLOADS = "/v3/billdownload/file"
DIGEST = "SHA1"
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def statement(exchange: Exchange, day: date, mchid: str, appid: str) -> Iterator[StatementLine]:
    """Raises StatementMissing, ProviderUnavailable; the latter also while it is read, at what cannot be understood."""
    answer = exchange.get(f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP")
    if answer.refusal in MISSING:
        raise StatementMissing
    if answer.refusal is not None or text(answer.said, "hash_type") != DIGEST:
        raise ProviderUnavailable
    raw = _unpacked(exchange.download(_target(text(answer.said, "download_url"))))
    digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(digest.encode(), text(answer.said, "hash_value").lower().encode()):
        raise ProviderUnavailable
    return _understood(statement_lines(raw, mchid, appid))


def _unpacked(file: bytes) -> bytes:
    """Nothing vouches for the packed file, so that it is unpacked to no more than a bound.

    Raises ProviderUnavailable. One that came unpacked is as it is.
    """
    if not file.startswith(_GZIP):
        return file
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        raw = unpacking.decompress(file, MAX_UNPACKED_BYTES)
    except zlib.error:
        raise ProviderUnavailable from None
    if not unpacking.eof or unpacking.unused_data:
        raise ProviderUnavailable
    return raw


def _target(download_url: str) -> str:
    """Its path and query: where we connect is our own setting, and no answer's."""
    try:
        parts = urlsplit(download_url)
    except ValueError:
        raise ProviderUnavailable from None
    if parts.path != DOWNLOADS or not parts.query or not download_url.isascii():
        raise ProviderUnavailable
    return f"{parts.path}?{parts.query}"


def _understood(lines: Iterator[StatementLine]) -> Iterator[StatementLine]:
    try:
        yield from lines
    except ValueError:
        raise ProviderUnavailable from None
