"""The trade bill of a day, fetched: a signed answer says where it lies and what its digest is."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers.wechatpay.bills import statement_lines
from keyrail.payments.providers.wechatpay.exchange import Exchange
from keyrail.payments.providers.wechatpay.reading import text

# The second one is said too of a day on which nothing moved.
MISSING = frozenset({"STATEMENT_CREATING", "NO_STATEMENT_EXIST"})
DOWNLOADS = "/v3/billdownload/file"
DIGEST = "SHA1"


def statement(exchange: Exchange, day: date, mchid: str, appid: str) -> Iterator[StatementLine]:
    """Raises StatementMissing, ProviderUnavailable; the latter also while it is read, at what cannot be understood."""
    answer = exchange.get(f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL")
    if answer.refusal in MISSING:
        raise StatementMissing
    if answer.refusal is not None or text(answer.said, "hash_type") != DIGEST:
        raise ProviderUnavailable
    raw = exchange.download(_target(text(answer.said, "download_url")))
    digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(digest.encode(), text(answer.said, "hash_value").lower().encode()):
        raise ProviderUnavailable
    return _understood(statement_lines(raw, mchid, appid))


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
