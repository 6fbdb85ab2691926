"""One bounded request to a payment provider: no redirects, TLS verified, and nothing of the request in an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from keyrail.payments.model import ProviderUnavailable

if TYPE_CHECKING:
    import urllib3

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 8
TOTAL_ATTEMPTS = 2
MAX_REPLY_BYTES = 256 * 1024
MAX_CONNECTIONS = 8
SERVER_ERROR = 500


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status; at most MAX_REPLY_BYTES of body."""

    status: int
    body: bytes


@cache
def _pool() -> "urllib3.PoolManager":
    """urllib3 comes with botocore. Built on first use, so that importing a provider costs nothing."""
    import urllib3

    return urllib3.PoolManager(maxsize=MAX_CONNECTIONS, cert_reqs="CERT_REQUIRED")


def post_form(
    url: str, fields: Mapping[str, str], headers: Mapping[str, str], read_timeout_s: int = READ_TIMEOUT_S
) -> Reply:
    """POST `fields` as a form. Only for requests that carry an idempotency key: a failed one is sent once more.

    A connection that fails and a 5xx are tried again with the same bytes. A reply that does not come in time is not:
    the buyer waits for one time-out, not for two. Raises ProviderUnavailable when no reply was had, or one too long.
    """
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    body = urlencode(fields).encode()
    sent = {**headers, "content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    for attempts_left in range(TOTAL_ATTEMPTS - 1, -1, -1):
        try:
            reply = _send(url, body, sent, read_timeout_s)
        except ReadTimeoutError as error:
            raise ProviderUnavailable from error
        except HTTPError as error:
            if not attempts_left:
                raise ProviderUnavailable from error
        else:
            if reply.status < SERVER_ERROR or not attempts_left:
                return reply
    raise ProviderUnavailable


def _send(url: str, body: bytes, headers: Mapping[str, str], read_timeout_s: int) -> Reply:
    """Raises urllib3's HTTPError, whose text names hosts and never headers; ProviderUnavailable for a long reply."""
    import urllib3

    response = _pool().request(
        "POST",
        url,
        body=body,
        headers=headers,
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    raw = response.read(MAX_REPLY_BYTES + 1)
    if len(raw) > MAX_REPLY_BYTES:
        response.close()
        raise ProviderUnavailable
    response.release_conn()
    return Reply(response.status, raw)
