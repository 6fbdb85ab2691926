"""What an exchange with any supplier comes to when its answer cannot be had or read: it failed only where that is
proven.
"""

from __future__ import annotations

import gzip
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from keyrail.platform.http_client import Reply
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Refusal, Unknown
from keyrail.suppliers.providers import exchange
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving

ACCOUNT = "13800138000"
Trouble = Callable[[Sent, BaseHTTPRequestHandler], Answer | None]


@pytest.fixture
def supplier() -> Iterator[ProviderServer]:
    with serving() as server:
        yield server


def order(url: str, read_timeout_s: int = 8) -> object:
    return exchange.order("POST", f"{url}/buy?mobile={ACCOUNT}", body=b"{}", headers={}, read_timeout_s=read_timeout_s)


def ask(url: str) -> dict[str, object] | Unknown:
    return exchange.ask("POST", f"{url}/info?mobile={ACCOUNT}", headers={}, read_timeout_s=8)


def saying(body: bytes, status: int = 200, **headers: str) -> Trouble:
    return lambda _, __: Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


TROUBLES = {
    "html": saying(b"\r\n<!DOCTYPE html><h1>maintenance</h1>"),
    "http_500": saying(b'{"code": 0, "msg": "ok"}', 500),
    "http_302": saying(b"{}", 302, location="/elsewhere"),
    "http_204": saying(b"", 204),
    "http_404": saying(b'{"code": 1005}', 404),
    "not_json": saying(b'{"code": 0, "da'),
    "no_answer": saying(b'{"code": 0}', content_length="90"),
    "too_long": saying(b'{"a": "' + b"x" * 300_000 + b'"}'),
}
UNREADABLE = [
    b"",
    b"[]",
    b"null",
    b'"ok"',
    b"[" * 200_000,
    b'{"code": 0, "code": 1005}',
    b'{"code": NaN}',
    b'{"code": Infinity}',
    b'{"msg": "\xb3\xc9\xb9\xa6"}',
    gzip.compress(b'{"code": 0}'),
]


@pytest.mark.parametrize("said", TROUBLES)
def test_an_answer_that_is_none_leaves_it_unknown(supplier: ProviderServer, said: str) -> None:
    supplier.answer = TROUBLES[said]
    assert order(supplier.url) == Unknown(said=said)
    assert len(supplier.requests) == 1
    assert ask(supplier.url) == Unknown(said=said)


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_an_answer_that_could_be_read_in_two_ways_is_not_read(supplier: ProviderServer, body: bytes) -> None:
    supplier.always(200, body)
    assert order(supplier.url) == Unknown(said="not_json")


@pytest.mark.parametrize(
    ("status", "body", "understood"),
    [
        (400, b'{"code": 400, "msg": "no"}', {"code": "400", "msg": "no"}),
        (400, b'{"code": "400"}', {"code": "400"}),
        (200, b'{"code": 200}', {"code": "200"}),
        (400, b'{"code": 200}', Unknown(said="http_400")),
        (400, b"{}", Unknown(said="http_400")),
        (400, b"<html>", Unknown(said="html")),
        (404, b'{"code": 400}', Unknown(said="http_404")),
        (500, b'{"code": 500}', Unknown(said="http_500")),
        (302, b'{"code": 302}', Unknown(said="http_302")),
    ],
)
def test_a_refusal_may_come_with_its_code_as_the_status_and_with_no_other(
    status: int, body: bytes, understood: object
) -> None:
    assert exchange.understood(Reply(status, body), "code") == understood
    assert status == 200 or exchange.understood(Reply(status, body)) == Unknown(said=f"http_{status}")


def test_an_order_whose_answer_does_not_come_is_unknown_and_is_not_sent_again(supplier: ProviderServer) -> None:
    release = threading.Event()

    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    supplier.answer = hang
    assert order(supplier.url, read_timeout_s=1) == Unknown(said="too_slow")
    release.set()
    supplier.answer = lambda _, __: None
    assert order(supplier.url) == Unknown(said="no_answer")
    assert len(supplier.requests) == 2


def test_an_order_does_not_go_over_a_connection_that_was_kept() -> None:
    """A question's connection is kept; then the supplier is gone. Written to that one, an order might be with them."""
    release = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer_one() -> None:
            with listening.accept()[0] as connection:
                connection.recv(4096)
                listening.close()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                release.wait(10)

        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=answer_one, daemon=True)
        thread.start()
        assert ask(url) == {}
        assert order(url) == DefiniteFailure(said="not_sent", refusal=Refusal.NOT_SENT)
        release.set()
        thread.join()


def test_an_order_that_was_surely_not_sent_has_failed() -> None:
    nowhere = address_of_nobody()
    assert order(nowhere) == DefiniteFailure(said="not_sent", refusal=Refusal.NOT_SENT)


def test_a_question_that_was_surely_not_sent_tells_nothing() -> None:
    assert ask(address_of_nobody()) == Unknown(said="not_connected")


def test_a_question_is_asked_a_second_time(supplier: ProviderServer) -> None:
    supplier.in_turn(
        Answer(502, b"<html>"), Answer(200, b'\xef\xbb\xbf{"code": 0, "money": 1e2, "n": 12345678901234567}')
    )
    assert ask(supplier.url) == {"code": "0", "money": "1e2", "n": "12345678901234567"}


def test_what_has_to_be_known_at_once_is_unavailable(supplier: ProviderServer) -> None:
    with pytest.raises(SupplierUnavailable):
        exchange.had(ask(address_of_nobody()))
    assert exchange.had(ask(supplier.url)) == {}


def test_no_address_of_a_request_is_logged(supplier: ProviderServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        order(supplier.url)
        supplier.answer = lambda _, __: Answer(headers={"header without": "a name"})
        ask(supplier.url)
    assert len(supplier.requests) == 2
    assert ACCOUNT not in caplog.text
