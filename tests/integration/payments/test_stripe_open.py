"""Opening a Checkout session over real HTTP, against a server on the loopback that answers as it is told."""

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from urllib.parse import parse_qs

import pytest

from keyrail.payments.model import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.providers import Opening, PaymentAction
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES, TOTAL_ATTEMPTS
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

KEY = "sk_test_never_to_be_seen"
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "open"), 1),
    provider="stripe",
    account="main",
    amount=Money(1990, "CNY"),
)
OPENING = Opening("VIP会员 & more", "https://api.example/hook", "https://shop.example/done?o=1", 1_760_000_900_000)
PAGE = "https://checkout.stripe.com/c/pay/cs_test_1"


class Gateway:
    """A loopback server: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.body = self.session()
        self.headers: dict[str, str] = {"content-type": "application/json"}
        self.before_answer: Callable[[BaseHTTPRequestHandler], None] = lambda _: None
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                gateway.requests.append((self.path, headers, raw))
                gateway.before_answer(self)
                self.send_response(gateway.status)
                for name, value in {**gateway.headers, "content-length": str(len(gateway.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(gateway.body)

            def do_GET(self) -> None:
                gateway.requests.append((self.path, {}, b""))
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                """The test's output is the assertion."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A connection that a test breaks is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @staticmethod
    def session(**changes: object) -> bytes:
        session = {"id": "cs_test_1", "url": PAGE, "client_reference_id": ATTEMPT.attempt_id, **changes}
        return json.dumps(session).encode()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    thread = threading.Thread(target=gateway.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


def account(api_base: str) -> Stripe:
    return Stripe(
        account="main",
        account_id="acct_1",
        secret_key=KEY,
        webhook_secret="whsec_x",
        api_base=api_base,
        read_timeout_s=1,
    )


def error_of(kind: str) -> bytes:
    return json.dumps({"error": {"type": kind, "message": "Said to nobody", "param": "success_url"}}).encode()


def refusal_of(api_base: str) -> ProviderUnavailable:
    with pytest.raises(ProviderUnavailable) as refusal:
        account(api_base).open(ATTEMPT, OPENING)
    assert KEY not in "".join(traceback.format_exception(refusal.value))
    return refusal.value


def test_a_session_is_opened_and_the_buyer_sent_to_it(gateway: Gateway) -> None:
    assert account(gateway.url).open(ATTEMPT, OPENING) == PaymentAction(type="redirect", url=PAGE)
    ((path, headers, raw),) = gateway.requests
    assert path == "/v1/checkout/sessions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["idempotency-key"] == ATTEMPT.attempt_id
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert {name: values[0] for name, values in parse_qs(raw.decode(), strict_parsing=True).items()} == {
        "mode": "payment",
        "client_reference_id": ATTEMPT.attempt_id,
        "metadata[attempt]": ATTEMPT.attempt_id,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "cny",
        "line_items[0][price_data][unit_amount]": "1990",
        "line_items[0][price_data][product_data][name]": OPENING.title,
        "success_url": OPENING.return_url,
        "cancel_url": OPENING.return_url,
        "expires_at": "1760002760",
        "adaptive_pricing[enabled]": "false",
    }


def test_the_session_outlives_the_order_by_what_stripe_demands(gateway: Gateway) -> None:
    account(gateway.url).open(ATTEMPT, OPENING)
    expires_at = int(parse_qs(gateway.requests[0][2].decode())["expires_at"][0])
    assert expires_at >= OPENING.expires_at_ms // 1000 + 30 * 60


def test_opening_again_sends_the_same_key_and_the_same_bytes(gateway: Gateway) -> None:
    for _ in range(3):
        account(gateway.url).open(ATTEMPT, OPENING)
    keys = {headers["idempotency-key"] for _, headers, _ in gateway.requests}
    bodies = {raw for _, _, raw in gateway.requests}
    assert (len(gateway.requests), keys, len(bodies)) == (3, {ATTEMPT.attempt_id}, 1)


def test_another_attempt_has_another_key(gateway: Gateway) -> None:
    second = replace(ATTEMPT, attempt_id=attempt_id(derived_id("ord", "open"), 2))
    gateway.body = gateway.session(client_reference_id=second.attempt_id)
    account(gateway.url).open(second, OPENING)
    assert gateway.requests[0][1]["idempotency-key"] == second.attempt_id


def test_a_server_error_is_tried_once_more_with_the_same_bytes(gateway: Gateway) -> None:
    gateway.status, gateway.body = 500, b"{}"
    refusal_of(gateway.url)
    assert len(gateway.requests) == TOTAL_ATTEMPTS == 2
    assert gateway.requests[0] == gateway.requests[1]


def test_a_server_that_recovers_opens_the_session(gateway: Gateway) -> None:
    def recover(_: BaseHTTPRequestHandler) -> None:
        gateway.status = 503 if len(gateway.requests) == 1 else 200

    gateway.before_answer = recover
    assert account(gateway.url).open(ATTEMPT, OPENING).url == PAGE


def test_a_connection_that_breaks_is_tried_once_more(gateway: Gateway) -> None:
    def hang_up(_: BaseHTTPRequestHandler) -> None:
        if len(gateway.requests) == 1:
            raise ConnectionAbortedError

    gateway.before_answer = hang_up
    assert account(gateway.url).open(ATTEMPT, OPENING).url == PAGE
    assert len(gateway.requests) == 2


def test_a_server_that_hangs_costs_the_buyer_one_time_out(gateway: Gateway) -> None:
    release = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    gateway.before_answer = hang
    refusal_of(gateway.url)
    release.set()
    assert len(gateway.requests) == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        refusal_of(f"http://127.0.0.1:{reserved.getsockname()[1]}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(gateway: Gateway, status: int) -> None:
    gateway.status, gateway.headers = status, {"location": f"{gateway.url}/elsewhere"}
    refusal_of(gateway.url)
    assert [path for path, _, _ in gateway.requests] == ["/v1/checkout/sessions"]


@pytest.mark.parametrize("status", [201, 400, 401, 402, 403, 409, 429])
def test_any_status_but_ok_is_no_session(gateway: Gateway, status: int) -> None:
    gateway.status = status
    refusal_of(gateway.url)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (402, "card_error")])
def test_what_stripe_will_never_open_is_refused_for_good(gateway: Gateway, status: int, kind: str) -> None:
    gateway.status, gateway.body = status, error_of(kind)
    with pytest.raises(PaymentRefused) as refusal:
        account(gateway.url).open(ATTEMPT, OPENING)
    assert not refusal.value.retryable
    assert len(gateway.requests) == 1
    printed = "".join(traceback.format_exception(refusal.value))
    assert KEY not in printed
    assert "Said to nobody" not in printed


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500, 503])
def test_a_refusal_that_is_not_about_the_payment_may_pass(gateway: Gateway, status: int) -> None:
    gateway.status, gateway.body = status, error_of("invalid_request_error")
    refusal_of(gateway.url)


def test_an_attempt_that_was_opened_otherwise_before_is_not_refused_for_its_session_can_be_paid(
    gateway: Gateway,
) -> None:
    gateway.status, gateway.body = 400, error_of("idempotency_error")
    refusal_of(gateway.url)


@pytest.mark.parametrize("body", [b"<html>400 Bad Request</html>", b"{}", b'{"error": "no"}', b'{"error": {}}'])
def test_a_refusal_in_nobody_s_words_is_not_stripe_s(gateway: Gateway, body: bytes) -> None:
    gateway.status, gateway.body = 400, body
    refusal_of(gateway.url)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        Gateway.session(url=None),
        Gateway.session(url="http://checkout.stripe.com/c"),
        Gateway.session(url="javascript:alert(1)"),
        Gateway.session(url="https://"),
        Gateway.session(client_reference_id=None),
        Gateway.session(client_reference_id="pay_of_somebody_else"),
        Gateway.session() + b" " * MAX_REPLY_BYTES,
    ],
)
def test_a_reply_that_is_not_the_session_asked_for_is_refused(gateway: Gateway, body: bytes) -> None:
    gateway.body = body
    refusal_of(gateway.url)


def test_a_page_on_the_loopback_is_allowed_only_beside_an_interface_there(gateway: Gateway) -> None:
    gateway.body = gateway.session(url=f"{gateway.url}/pay")
    assert account(gateway.url).open(ATTEMPT, OPENING).url == f"{gateway.url}/pay"
