"""One bounded request to a payment provider: no redirects, TLS verified, and nothing of the request in an error."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from keyrail.payments.model import ProviderUnavailable

if TYPE_CHECKING:
    import urllib3

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 8
STATEMENT_READ_TIMEOUT_S = 60
TOTAL_ATTEMPTS = 2
MAX_REPLY_BYTES = 256 * 1024
MAX_STATEMENT_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 8
SERVER_ERROR = 500
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status. Header names are in lower case; of one that came twice, all its values."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@cache
def _pool() -> "urllib3.PoolManager":
    """urllib3 comes with botocore. Built on first use, so that importing a provider costs nothing."""
    import urllib3

    return urllib3.PoolManager(maxsize=MAX_CONNECTIONS, cert_reqs="CERT_REQUIRED")


def post_form(
    url: str, fields: Mapping[str, str], headers: Mapping[str, str], read_timeout_s: int = READ_TIMEOUT_S
) -> Reply:
    """POST `fields` as a form and accept JSON. Only for what may be sent twice: it carries an idempotency key, say.

    Raises ProviderUnavailable as `request` does.
    """
    sent = {**headers, "content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return request(
        "POST", url, body=urlencode(fields).encode(), headers=sent, read_timeout_s=read_timeout_s, repeatable=True
    )


def request(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    read_timeout_s: int = READ_TIMEOUT_S,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    repeatable: bool,
) -> Reply:
    """Send one request; where it is `repeatable`, a connection that fails and a 5xx are tried once more.

    What is sent again is the same to the byte. A reply that does not come in time is not tried again: the caller waits
    for one time-out, not for two. `read_timeout_s` bounds the wait for the reply's head and then the whole of its body.
    Raises ProviderUnavailable when no reply was had, or one too long or too slow: a request that is not repeatable may
    have taken effect all the same.
    """
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    _check_printable(headers)
    attempts = TOTAL_ATTEMPTS if repeatable else 1
    for attempts_left in range(attempts - 1, -1, -1):
        try:
            reply = _send(method, url, body, headers, read_timeout_s, max_reply_bytes)
        except ReadTimeoutError as error:
            raise ProviderUnavailable from error
        except HTTPError as error:
            if not attempts_left:
                raise ProviderUnavailable from error
        else:
            if reply.status < SERVER_ERROR or not attempts_left:
                return reply
    raise ProviderUnavailable


def _send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], read_timeout_s: int, max_reply_bytes: int
) -> Reply:
    """Raises urllib3's HTTPError, whose text names hosts and never headers; ProviderUnavailable as `_read` does."""
    import urllib3

    response = _pool().request(
        method,
        url,
        body=body or None,
        headers=headers,
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        raw = _read(response, max_reply_bytes, time.monotonic() + read_timeout_s)
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return Reply(response.status, raw, {name.lower(): value for name, value in response.headers.itermerged()})


def _read(response: "urllib3.BaseHTTPResponse", max_bytes: int, until_s: float) -> bytes:
    """The whole body. A server that sends a byte now and then never runs into a socket's time-out, only into this one.

    Raises ProviderUnavailable when it is longer than `max_bytes`, or not there by `until_s`.
    """
    raw = bytearray()
    while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
        raw += chunk
        if len(raw) > max_bytes or time.monotonic() > until_s:
            raise ProviderUnavailable
    return bytes(raw)


def _check_printable(headers: Mapping[str, str]) -> None:
    """The HTTP library would quote a value that it cannot send, and some are secrets. Raises ValueError."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"header {name}")
