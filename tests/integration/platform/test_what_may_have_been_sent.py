"""No reply: whether anything can have been sent is proven by where it broke, and where nothing proves it, it may."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from keyrail.platform.http_client import NoReply, Silence, request
from tests.provider_server import Sent, address_of_nobody, own_certificate, port_that_never_answers, serving

PATIENCE_S = 10


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyrail.platform.http_client.CONNECT_TIMEOUT_S", 0.3)


def silence(
    url: str, *, body: bytes = b"one recharge", repeatable: bool = False, read_timeout_s: int = 8, fresh: bool = False
) -> tuple[Silence, bool]:
    with pytest.raises(NoReply) as refusal:
        request(
            "POST",
            url,
            body=body,
            headers={},
            read_timeout_s=read_timeout_s,
            repeatable=repeatable,
            fresh=fresh,
        )
    return refusal.value.why, refusal.value.nothing_sent


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hear_out(connection: socket.socket) -> None:
    """The whole request: closing with a part of it unread resets the connection, which may overtake the answer."""
    with connection.makefile("rb") as stream:
        length = parse_headers(stream).get("content-length", "0") if stream.readline() else "0"
        stream.read(int(length))


@contextmanager
def listening(serve: Callable[[socket.socket, socket.socket], None]) -> Iterator[str]:
    """A port whose first connection `serve` gets, with the socket that listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def first() -> None:
            with server.accept()[0] as connection:
                serve(connection, server)

        thread = threading.Thread(target=first, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(PATIENCE_S)


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_name_that_does_not_resolve_had_nothing_sent(repeatable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert silence("https://supplier.test", repeatable=repeatable) == (Silence.UNCONNECTED, True)


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection_had_nothing_sent(scheme: str, repeatable: bool) -> None:
    url = address_of_nobody().replace("http", scheme)
    assert silence(url, repeatable=repeatable) == (Silence.UNCONNECTED, True)


@pytest.mark.usefixtures("_hurried")
def test_a_connection_that_is_not_answered_had_nothing_sent() -> None:
    with port_that_never_answers() as port:
        assert silence(f"http://127.0.0.1:{port}") == (Silence.UNCONNECTED, True)


def test_a_certificate_that_we_do_not_trust_had_nothing_sent(tmp_path: Path) -> None:
    with serving(own_certificate(tmp_path)[1]) as server:
        assert silence(server.url) == (Silence.UNCONNECTED, True)
        assert server.requests == []


def test_a_certificate_of_somebody_else_had_nothing_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(context) as server:
        assert silence(server.url.replace("127.0.0.1", "localhost")) == (Silence.UNCONNECTED, True)
        assert server.requests == []


def hang(connection: socket.socket, _: socket.socket) -> None:
    while connection.recv(4096):
        """Until the other side gives up."""


def close(connection: socket.socket, _: socket.socket) -> None:
    connection.recv(1)


def break_off(connection: socket.socket, _: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def answer_in_clear(connection: socket.socket, _: socket.socket) -> None:
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("serve", [hang, close, break_off, answer_in_clear])
def test_a_handshake_that_comes_to_nothing_had_nothing_sent(
    serve: Callable[[socket.socket, socket.socket], None],
) -> None:
    """The server has accepted, and what it got is the beginning of a handshake: none of the request."""
    with listening(serve) as place:
        assert silence(f"https://{place}") == (Silence.UNCONNECTED, True)


def test_a_certificate_that_is_asked_of_us_is_asked_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In TLS 1.3 a server refuses a client when the client's handshake is over: the request may be with it."""
    trusted, context = own_certificate(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    def refuse(connection: socket.socket, _: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with listening(refuse) as place:
        assert silence(f"https://{place}") == (Silence.BROKEN, False)


@pytest.mark.parametrize("tls", [False, True])
def test_what_breaks_after_the_connection_may_have_been_sent(
    tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    release = threading.Event()

    def wait(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(PATIENCE_S)

    with serving(context if tls else None) as server:
        server.answer = lambda _, __: None
        assert silence(server.url) == (Silence.BROKEN, False)
        server.always(200, b"x" * (256 * 1024 + 1))
        assert silence(server.url) == (Silence.TOO_LONG, False)
        server.answer = wait
        assert silence(server.url, read_timeout_s=1) == (Silence.TIMED_OUT, False)
        release.set()
        assert len(server.requests) == 3


@pytest.mark.parametrize("heard", [1, 65536])
def test_a_server_that_breaks_off_in_the_middle_of_a_request_may_have_what_it_heard(heard: int) -> None:
    def part(connection: socket.socket, _: socket.socket) -> None:
        connection.recv(heard)
        reset(connection)

    with listening(part) as place:
        assert silence(f"http://{place}", body=b"x" * 4_000_000) == (Silence.BROKEN, False)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (HEAD + b"content-length: 1073741824\r\n\r\n" + b"x" * 300_000, Silence.TOO_LONG),
        (HEAD + b"content-length: " + b"9" * 5_000 + b"\r\n\r\n{}", None),
        (HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}", Silence.BROKEN),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n", Silence.BROKEN),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}", Silence.BROKEN),
        (HEAD + b"x: " + b"y" * 70_000 + b"\r\n\r\n{}", Silence.BROKEN),
        (HEAD + b"x: y\r\n" * 200 + b"\r\n{}", Silence.BROKEN),
        (b"HTTP/1.1 abc OK\r\n\r\n{}", Silence.BROKEN),
        (b"{}", Silence.BROKEN),
        (b"", Silence.BROKEN),
    ],
    ids=range(10),
)
def test_an_answer_that_is_none_is_one_of_the_silences(said: bytes, why: Silence | None) -> None:
    def answer(connection: socket.socket, _: socket.socket) -> None:
        hear_out(connection)
        with suppress(ConnectionError):
            connection.sendall(said)

    with listening(answer) as place:
        if why is None:
            assert request("POST", f"http://{place}", headers={}, repeatable=False).body == b"{}"
            return
        assert silence(f"http://{place}") == (why, False)


def test_a_connection_that_is_kept_and_then_breaks_may_have_been_sent_on() -> None:
    """The second request goes out on the connection of the first, with no connecting that could fail."""

    def once(connection: socket.socket, _: socket.socket) -> None:
        hear_out(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        connection.recv(1)
        reset(connection)

    with listening(once) as place:
        assert request("POST", f"http://{place}", headers={}, repeatable=False).status == 200
        assert silence(f"http://{place}") == (Silence.BROKEN, False)


def test_a_request_with_a_connection_of_its_own_does_not_go_over_one_that_was_kept() -> None:
    """The server keeps the first connection and takes no other: the request is refused, and surely not sent."""
    gone = threading.Event()

    def keep(connection: socket.socket, server: socket.socket) -> None:
        hear_out(connection)
        server.close()
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        gone.wait(PATIENCE_S)

    with listening(keep) as place:
        assert request("POST", f"http://{place}", headers={}, repeatable=False).status == 200
        assert silence(f"http://{place}", fresh=True) == (Silence.UNCONNECTED, True)
        gone.set()


def test_a_connection_of_its_own_is_closed_and_serves_no_other() -> None:
    closed = threading.Event()

    def once(connection: socket.socket, server: socket.socket) -> None:
        hear_out(connection)
        server.close()
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        assert connection.recv(1) == b""
        closed.set()

    with listening(once) as place:
        assert request("POST", f"http://{place}", headers={}, repeatable=False, fresh=True).status == 200
        assert closed.wait(PATIENCE_S)
        assert silence(f"http://{place}", fresh=True) == (Silence.UNCONNECTED, True)


def test_of_two_tries_the_one_that_may_have_been_sent_decides() -> None:
    """The first breaks with the request in it, and then the port is closed: the second is refused."""

    def once(connection: socket.socket, server: socket.socket) -> None:
        hear_out(connection)
        server.close()
        reset(connection)

    with listening(once) as place:
        assert silence(f"http://{place}", repeatable=True) == (Silence.UNCONNECTED, False)
