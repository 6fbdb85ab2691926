"""One bounded request to somebody else: no redirects, TLS verified, and nothing of the request in an error."""

import io
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    import urllib3
    from _typeshed import WriteableBuffer

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 8
SPARE_S = 1
TOTAL_ATTEMPTS = 2
MIN_REPEAT_S = 2
MAX_REPLY_BYTES = 256 * 1024
MAX_CONNECTIONS = 8
SERVER_ERROR = 500
_CHUNK_BYTES = 64 * 1024
_LEAST_S = 0.001  # of a time-out: none at all would make the socket a non-blocking one
# These quote the target of a request, which may hold a key or name a buyer: at DEBUG that of each, and at WARNING that
# of one whose reply has headers which are none.
_TALKATIVE = ("urllib3.connection", "urllib3.connectionpool")


class Silence(StrEnum):
    """Why there is no reply. `unconnected`: no connection came about, not even an encrypted one."""

    UNCONNECTED = "unconnected"
    TIMED_OUT = "timed_out"
    BROKEN = "broken"
    TOO_LONG = "too_long"


class NoReply(Exception):
    """There is no reply, or none that is read. Who asks turns it into an error, or an outcome, of their own.

    `nothing_sent` is proven: no try had a connection, so no byte of a request has left. Else it may have taken effect.
    """

    def __init__(self, why: Silence, *, nothing_sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.nothing_sent = nothing_sent


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status. Header names are in lower case; of one that came twice, all its values."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@cache
def _pool(*, fresh: bool) -> "urllib3.PoolManager":
    """urllib3 comes with botocore. Built on first use, so that importing a client costs nothing. A `fresh` one is of
    connections that are used once.

    A time-out of urllib3 is one of a socket: each address of a host and each byte of a reply would start it anew. Here
    that of a connection holds for all the addresses together, and that of a reply for the whole of it.

    NewConnectionError is what a connection raises that does not come about. A request is written after `connect` has
    returned, and over TLS that is after the handshake: we send no early data, and no certificate of our own that a
    server could refuse later.
    """
    from http.client import HTTPResponse

    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.exceptions import NewConnectionError, SSLError
    from urllib3.util.ssl_match_hostname import CertificateError

    class BoundedResponse(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp = io.BufferedReader(_UntilTimeout(self.fp.detach(), sock))

    def connected(connection: HTTPConnection) -> socket.socket:
        try:
            return _connected(connection.host, connection.port, connection.timeout or 0)
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(connection, "no address of the host could be reached") from error

    class PlainConnection(HTTPConnection):
        response_class = BoundedResponse
        _new_conn = connected

    class TlsConnection(HTTPSConnection):
        response_class = BoundedResponse
        _new_conn = connected

        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, SSLError, CertificateError) as error:
                raise NewConnectionError(self, "no TLS with the host") from error

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    def keeps_none(_: urllib3.HTTPConnectionPool, conn: Any) -> None:
        if conn:
            conn.close()

    class FreshPlainPool(PlainPool):
        _put_conn = keeps_none

    class FreshTlsPool(TlsPool):
        _put_conn = keeps_none

    pools = urllib3.PoolManager(maxsize=MAX_CONNECTIONS, cert_reqs="CERT_REQUIRED")
    pools.pool_classes_by_scheme = (
        {"http": FreshPlainPool, "https": FreshTlsPool} if fresh else {"http": PlainPool, "https": TlsPool}
    )
    return pools


def _connected(host: str, port: int, within_s: float) -> socket.socket:
    """The first address that answers; the time-out of its socket is then that of the TLS handshake.

    Raises OSError when none answers `within_s`. Looking the name up counts, and only the resolver can end it.
    """
    from urllib3.util.connection import create_connection

    until_s = time.monotonic() + within_s
    failure: OSError = TimeoutError()
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        left_s = _left_s(until_s)
        if left_s <= 0:
            break
        try:
            sock = create_connection(
                (str(address[0]), port),
                min(CONNECT_TIMEOUT_S, left_s),
                socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            )
        except OSError as error:
            failure = error
        else:
            sock.settimeout(min(CONNECT_TIMEOUT_S, max(_left_s(until_s), _LEAST_S)))
            return sock
    raise failure


class _UntilTimeout(io.RawIOBase):
    """What comes in on a socket, until the time-out that the socket has now is over, however many reads that takes."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._until_s = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left_s = _left_s(self._until_s)
        if left_s <= 0:
            raise TimeoutError
        self._socket.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def post_form(
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    read_timeout_s: int = READ_TIMEOUT_S,
    *,
    repeatable: bool,
) -> Reply:
    """POST `fields` as a form and accept JSON. Raises NoReply as `request` does."""
    sent = {**headers, "content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return request(
        "POST", url, body=urlencode(fields).encode(), headers=sent, read_timeout_s=read_timeout_s, repeatable=repeatable
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
    fresh: bool = False,
) -> Reply:
    """Send one request; where it is `repeatable`, a connection that fails and a 5xx are tried once more.

    What is sent again is the same to the byte. `read_timeout_s` bounds the wait for a whole reply, head and body; one
    that does not come in time is not tried again. All tries together, with their connections, have CONNECT_TIMEOUT_S
    + `read_timeout_s` + SPARE_S, and there is no further one with less than MIN_REPEAT_S of that left.
    A `fresh` request has a connection of its own. One that was kept may be gone, as they are when a function has slept,
    and what is written to it may have been sent for all that we know.
    Whatever a process logs, nothing of the target is in it.
    Raises NoReply when no reply was had, or one too long or too slow.
    """
    from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

    _check_printable(headers)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    attempts = TOTAL_ATTEMPTS if repeatable else 1
    until_s = time.monotonic() + CONNECT_TIMEOUT_S + read_timeout_s + SPARE_S
    nothing_sent = True
    while True:
        attempts -= 1
        try:
            reply = _send(method, url, body, headers, read_timeout_s, until_s, max_reply_bytes, fresh=fresh)
        except ReadTimeoutError as error:
            raise NoReply(Silence.TIMED_OUT, nothing_sent=False) from error
        except HTTPError as error:
            unconnected = isinstance(error, NewConnectionError)
            nothing_sent = nothing_sent and unconnected
            if not attempts or _left_s(until_s) < MIN_REPEAT_S:
                why = Silence.UNCONNECTED if unconnected else Silence.BROKEN
                raise NoReply(why, nothing_sent=nothing_sent) from error
        else:
            nothing_sent = False
            if reply.status < SERVER_ERROR or not attempts or _left_s(until_s) < MIN_REPEAT_S:
                return reply


def _left_s(until_s: float) -> float:
    return until_s - time.monotonic()


def _send(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    read_timeout_s: int,
    until_s: float,
    max_reply_bytes: int,
    *,
    fresh: bool,
) -> Reply:
    """Raises urllib3's HTTPError, whose text names hosts and never headers; NoReply as `_read` does."""
    import urllib3

    response = _pool(fresh=fresh).request(
        method,
        url,
        body=body or None,
        headers=headers,
        timeout=urllib3.Timeout(read=read_timeout_s, total=_left_s(until_s)),
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        raw = _read(response, max_reply_bytes)
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return Reply(response.status, raw, {name.lower(): value for name, value in response.headers.itermerged()})


def _read(response: "urllib3.BaseHTTPResponse", max_bytes: int) -> bytes:
    """The whole body. Raises NoReply when it is longer than `max_bytes`."""
    raw = bytearray()
    while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
        raw += chunk
        if len(raw) > max_bytes:
            raise NoReply(Silence.TOO_LONG, nothing_sent=False)
    return bytes(raw)


def _check_printable(headers: Mapping[str, str]) -> None:
    """The HTTP library would quote a value that it cannot send, and some are secrets. Raises ValueError."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"header {name}")
