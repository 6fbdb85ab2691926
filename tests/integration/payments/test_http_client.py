"""One bounded request to a provider, over real HTTP: what comes back, what is sent again, and what is given up."""

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES, Reply, post_form, request
from tests.provider_server import (
    Answer,
    ProviderServer,
    Sent,
    address_of_nobody,
    own_certificate,
    port_that_never_answers,
    serving,
)

SECRET = "Bearer never-to-be-seen"


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with serving() as provider:
        yield provider


@pytest.fixture
def tls_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderServer]:
    """Its certificate is trusted for the time of the test only."""
    trusted, context = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(context) as provider:
        yield provider


def ask(provider: ProviderServer | str, *, repeatable: bool = True, max_reply_bytes: int = MAX_REPLY_BYTES) -> Reply:
    url = provider if isinstance(provider, str) else provider.url
    return request(
        "POST",
        f"{url}/v1/pay?a=1",
        body=b'{"amount": 1}',
        headers={"authorization": SECRET, "content-type": "application/json"},
        read_timeout_s=1,
        max_reply_bytes=max_reply_bytes,
        repeatable=repeatable,
    )


def given_up(provider: ProviderServer | str, *, repeatable: bool = True) -> None:
    with pytest.raises(ProviderUnavailable) as refusal:
        ask(provider, repeatable=repeatable)
    assert "never-to-be-seen" not in "".join(traceback.format_exception(refusal.value))


def test_what_is_given_is_sent_and_what_comes_back_is_given(provider: ProviderServer) -> None:
    provider.answer = lambda _, __: Answer(201, "好".encode(), {"Wechatpay-Nonce": "n", "X-Two": "b"})
    reply = ask(provider)
    (sent,) = provider.requests
    assert (sent.method, sent.path, sent.body) == ("POST", "/v1/pay?a=1", b'{"amount": 1}')
    assert (sent.headers["authorization"], sent.headers["content-type"]) == (SECRET, "application/json")
    assert (reply.status, reply.body.decode()) == (201, "好")
    assert (reply.headers["wechatpay-nonce"], reply.headers["x-two"]) == ("n", "b")


def test_a_request_without_a_body_sends_none(provider: ProviderServer) -> None:
    request("GET", f"{provider.url}/v3/bill", headers={"accept": "application/json"}, repeatable=True)
    (sent,) = provider.requests
    assert (sent.method, sent.path, sent.body) == ("GET", "/v3/bill", b"")
    assert "content-type" not in sent.headers


def test_of_a_header_that_comes_twice_no_value_is_lost(provider: ProviderServer) -> None:
    def twice(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(200)
        connection.send_header("Set-Cookie", "first")
        connection.send_header("set-cookie", "second")
        connection.send_header("content-length", "0")
        connection.end_headers()

    provider.answer = twice
    assert ask(provider).headers["set-cookie"] == "first, second"


def test_a_form_says_that_it_is_one(provider: ProviderServer) -> None:
    post_form(provider.url, {"title": "会员 & more", "empty": ""}, {}, repeatable=True)
    (sent,) = provider.requests
    assert sent.body == b"title=%E4%BC%9A%E5%91%98+%26+more&empty="
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent.headers["accept"] == "application/json"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_tried_once_more_with_the_same_bytes(provider: ProviderServer, status: int) -> None:
    provider.always(status, b"<html>maintenance</html>")
    assert ask(provider).status == status
    first, second = provider.requests
    assert first == second


def test_a_server_that_recovers_is_believed(provider: ProviderServer) -> None:
    provider.in_turn(Answer(503), Answer(200, b"ok"))
    assert ask(provider).body == b"ok"
    assert len(provider.requests) == 2


def test_what_is_not_repeatable_is_sent_once(provider: ProviderServer) -> None:
    provider.always(500, b"no")
    assert ask(provider, repeatable=False) == Reply(500, b"no", ask(provider, repeatable=False).headers)
    assert len(provider.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(provider: ProviderServer, status: int) -> None:
    provider.always(status, b"", location=f"{provider.url}/elsewhere")
    assert ask(provider).status == status
    assert len(provider.requests) == 1


@pytest.mark.parametrize(("repeatable", "times"), [(True, 2), (False, 1)])
def test_a_connection_that_breaks_is_tried_again_only_where_that_is_harmless(
    provider: ProviderServer, repeatable: bool, times: int
) -> None:
    provider.answer = lambda _, __: None
    given_up(provider, repeatable=repeatable)
    assert len(provider.requests) == times


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_server_that_hangs_costs_one_time_out(provider: ProviderServer, repeatable: bool) -> None:
    release = threading.Event()

    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    provider.answer = hang
    begun = time.monotonic()
    given_up(provider, repeatable=repeatable)
    assert time.monotonic() - begun < 5
    release.set()
    assert len(provider.requests) == 1


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(provider: ProviderServer) -> None:
    release = threading.Event()

    def drip(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(200)
        connection.end_headers()
        while not release.wait(0.1):
            connection.wfile.write(b" ")

    provider.answer = drip
    begun = time.monotonic()
    given_up(provider)
    assert time.monotonic() - begun < 5
    release.set()
    assert len(provider.requests) == 1


def drip_the_head(release: threading.Event) -> Callable[[Sent, BaseHTTPRequestHandler], None]:
    """A complete reply in the end, had one waited for it; no byte of it comes later than a time-out after the last."""

    def drip(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        for _byte in range(80):
            if release.wait(0.1):
                break
            connection.wfile.write(b"a")
        connection.wfile.write(b"\r\ncontent-length: 0\r\n\r\n")

    return drip


@pytest.mark.parametrize("scheme", ["provider", "tls_provider"])
def test_a_head_that_comes_a_byte_now_and_then_is_given_up(scheme: str, request: pytest.FixtureRequest) -> None:
    provider: ProviderServer = request.getfixturevalue(scheme)
    release = threading.Event()
    provider.answer = drip_the_head(release)
    begun = time.monotonic()
    given_up(provider)
    assert time.monotonic() - begun < 5
    release.set()
    assert len(provider.requests) == 1


def test_head_and_body_share_one_time_out(provider: ProviderServer) -> None:
    def late(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        time.sleep(0.7)
        connection.send_response(500)
        connection.send_header("content-length", "2")
        connection.end_headers()
        time.sleep(0.7)
        connection.wfile.write(b"no")

    provider.answer = late
    given_up(provider)
    assert len(provider.requests) == 1


def test_a_server_error_is_not_tried_again_when_little_time_is_left(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyrail.platform.http_client.MIN_REPEAT_S", 60)
    provider.always(503, b"no")
    assert ask(provider).status == 503
    provider.answer = lambda _, __: None
    given_up(provider)
    assert len(provider.requests) == 2


def test_a_second_try_has_only_what_the_first_left(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call has 5 seconds, each reply 4: the second would come within its time-out, and too late for the call."""
    monkeypatch.setattr("keyrail.platform.http_client.SPARE_S", -1)
    monkeypatch.setattr("keyrail.platform.http_client.MIN_REPEAT_S", 0)

    def slow(_: Sent, __: BaseHTTPRequestHandler) -> Answer:
        time.sleep(3)
        return Answer(500)

    provider.answer = slow
    with pytest.raises(ProviderUnavailable):
        request("GET", provider.url, headers={}, read_timeout_s=4, repeatable=True)
    assert len(provider.requests) == 2


def test_many_addresses_that_do_not_answer_cost_no_more_than_the_call_may(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def ten_times(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return look_up("127.0.0.1", *args, **kwargs) * 10 if host == "provider.test" else look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", ten_times)
    with port_that_never_answers() as port:
        begun = time.monotonic()
        given_up(f"http://provider.test:{port}")
        assert time.monotonic() - begun < 12


def test_the_next_address_is_tried_when_one_refuses(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def two(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "provider.test":
            return look_up(host, *args, **kwargs)
        return look_up("127.0.0.2", *args, **kwargs) + look_up("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    assert ask(provider.url.replace("127.0.0.1", "provider.test"), repeatable=False).status == 200


def test_over_tls_a_reply_is_read_and_an_unknown_certificate_is_refused(
    tls_provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls_provider.always(200, b"x" * 100_000, connection="close")
    assert len(ask(tls_provider).body) == 100_000
    monkeypatch.delenv("SSL_CERT_FILE")
    given_up(tls_provider)
    assert len(tls_provider.requests) == 1


def test_a_reply_that_stops_before_its_end_is_no_reply(provider: ProviderServer) -> None:
    provider.always(200, b"half", content_length="8")
    given_up(provider)


def test_a_reply_is_read_up_to_its_bound(provider: ProviderServer) -> None:
    provider.always(200, b"x" * 1000)
    assert len(ask(provider, max_reply_bytes=1000).body) == 1000
    with pytest.raises(ProviderUnavailable):
        ask(provider, max_reply_bytes=999)


def test_a_reply_without_an_end_is_given_up_at_the_bound(provider: ProviderServer) -> None:
    def pour(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(200)
        connection.end_headers()
        while True:
            connection.wfile.write(b" " * 65536)

    provider.answer = pour
    given_up(provider)


def test_a_packed_reply_is_not_unpacked(provider: ProviderServer) -> None:
    provider.always(200, b"\x1f\x8b", content_encoding="gzip")
    assert ask(provider).body == b"\x1f\x8b"


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_server_that_is_not_there_is_unavailable(repeatable: bool) -> None:
    given_up(address_of_nobody(), repeatable=repeatable)


@pytest.mark.parametrize("value", ["never-to-be-seen\r\nX-Injected: 1", "never-to-be-seen\x00", "never-to-be-seen密"])
def test_a_header_that_cannot_be_sent_is_named_and_not_quoted(provider: ProviderServer, value: str) -> None:
    with pytest.raises(ValueError, match=r"^header authorization$") as refusal:
        request("GET", provider.url, headers={"authorization": value}, repeatable=True)
    assert "never-to-be-seen" not in "".join(traceback.format_exception(refusal.value))
    assert provider.requests == []
