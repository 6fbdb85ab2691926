"""Opening a payment over real HTTP, against a server on the loopback that answers as it is told."""

import json
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.providers import Opening, PaymentAction
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES, TOTAL_ATTEMPTS, Reply
from keyrail.payments.providers.stripe import Stripe
from keyrail.payments.providers.stripe.api import StripeApi
from keyrail.payments.providers.stripe.opening import page_of
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving

KEY = "sk_test_never_to_be_seen"
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "open"), 1),
    provider="stripe",
    account="main",
    amount=Money(1990, "CNY"),
)
OPENING = Opening("VIP会员 & more", "https://api.example/hook", "https://shop.example/done?o=1", 1_760_000_900_000)
PAGE = "https://checkout.stripe.com/c/pay/cs_test_1"


SESSION = {"id": "cs_test_1", "url": PAGE, "client_reference_id": ATTEMPT.attempt_id}
INTENT_ATTEMPT = replace(ATTEMPT, method="payment_intent")
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "client_secret": "pi_1_secret_never_to_be_seen",
    "metadata": {"attempt": ATTEMPT.attempt_id},
    "status": "requires_payment_method",
}


def session(**changes: object) -> bytes:
    return json.dumps({**SESSION, **changes}).encode()


def intent(**changes: object) -> bytes:
    return json.dumps({**INTENT, **changes}).encode()


@pytest.fixture
def stripe() -> Iterator[ProviderServer]:
    with serving() as provider:
        provider.always(body=session())
        yield provider


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


def test_a_session_is_opened_and_the_buyer_sent_to_it(stripe: ProviderServer) -> None:
    assert account(stripe.url).open(ATTEMPT, OPENING) == PaymentAction(type="redirect", url=PAGE)
    (sent,) = stripe.requests
    assert (sent.method, sent.path) == ("POST", "/v1/checkout/sessions")
    headers, raw = sent.headers, sent.body
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["idempotency-key"] == ATTEMPT.attempt_id
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert {name: values[0] for name, values in parse_qs(raw.decode(), strict_parsing=True).items()} == {
        "mode": "payment",
        "client_reference_id": ATTEMPT.attempt_id,
        "metadata[attempt]": ATTEMPT.attempt_id,
        "payment_intent_data[metadata][checkout_attempt]": ATTEMPT.attempt_id,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "cny",
        "line_items[0][price_data][unit_amount]": "1990",
        "line_items[0][price_data][product_data][name]": OPENING.title,
        "success_url": OPENING.return_url,
        "cancel_url": OPENING.return_url,
        "expires_at": "1760002760",
        "adaptive_pricing[enabled]": "false",
    }


def test_the_session_outlives_the_order_by_what_stripe_demands(stripe: ProviderServer) -> None:
    account(stripe.url).open(ATTEMPT, OPENING)
    expires_at = int(parse_qs(stripe.requests[0].body.decode())["expires_at"][0])
    assert expires_at >= OPENING.expires_at_ms // 1000 + 30 * 60


def test_opening_again_sends_the_same_key_and_the_same_bytes(stripe: ProviderServer) -> None:
    for _ in range(3):
        account(stripe.url).open(ATTEMPT, OPENING)
    keys = {sent.headers["idempotency-key"] for sent in stripe.requests}
    bodies = {sent.body for sent in stripe.requests}
    assert (len(stripe.requests), keys, len(bodies)) == (3, {ATTEMPT.attempt_id}, 1)


def test_another_attempt_has_another_key(stripe: ProviderServer) -> None:
    second = replace(ATTEMPT, attempt_id=attempt_id(derived_id("ord", "open"), 2))
    stripe.always(body=session(client_reference_id=second.attempt_id))
    account(stripe.url).open(second, OPENING)
    assert stripe.requests[0].headers["idempotency-key"] == second.attempt_id


def test_a_server_error_is_tried_once_more_with_the_same_bytes(stripe: ProviderServer) -> None:
    stripe.always(500, b"{}")
    refusal_of(stripe.url)
    assert len(stripe.requests) == TOTAL_ATTEMPTS == 2
    assert stripe.requests[0] == stripe.requests[1]


def test_a_server_that_recovers_opens_the_session(stripe: ProviderServer) -> None:
    stripe.in_turn(Answer(503), Answer(200, session()))
    assert account(stripe.url).open(ATTEMPT, OPENING).url == PAGE


def test_a_connection_that_breaks_is_tried_once_more(stripe: ProviderServer) -> None:
    stripe.answer = lambda _, __: None if len(stripe.requests) == 1 else Answer(200, session())
    assert account(stripe.url).open(ATTEMPT, OPENING).url == PAGE
    assert len(stripe.requests) == 2


def test_a_server_that_hangs_costs_the_buyer_one_time_out(stripe: ProviderServer) -> None:
    release = threading.Event()

    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    stripe.answer = hang
    refusal_of(stripe.url)
    release.set()
    assert len(stripe.requests) == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    refusal_of(address_of_nobody())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(stripe: ProviderServer, status: int) -> None:
    stripe.always(status, b"", location=f"{stripe.url}/elsewhere")
    refusal_of(stripe.url)
    assert [sent.path for sent in stripe.requests] == ["/v1/checkout/sessions"]


@pytest.mark.parametrize("status", [201, 400, 401, 402, 403, 409, 429])
def test_any_status_but_ok_is_no_session(stripe: ProviderServer, status: int) -> None:
    stripe.always(status, session())
    refusal_of(stripe.url)
    assert len(stripe.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (402, "card_error")])
def test_what_stripe_will_never_open_is_refused_for_good(stripe: ProviderServer, status: int, kind: str) -> None:
    stripe.always(status, error_of(kind))
    with pytest.raises(PaymentRefused) as refusal:
        account(stripe.url).open(ATTEMPT, OPENING)
    assert not refusal.value.retryable
    assert len(stripe.requests) == 1
    printed = "".join(traceback.format_exception(refusal.value))
    assert KEY not in printed
    assert "Said to nobody" not in printed


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500, 503])
def test_a_refusal_that_is_not_about_the_payment_may_pass(stripe: ProviderServer, status: int) -> None:
    stripe.always(status, error_of("invalid_request_error"))
    refusal_of(stripe.url)


def test_an_attempt_that_was_opened_otherwise_before_is_not_refused_for_its_session_can_be_paid(
    stripe: ProviderServer,
) -> None:
    stripe.always(400, error_of("idempotency_error"))
    refusal_of(stripe.url)


@pytest.mark.parametrize("body", [b"<html>400 Bad Request</html>", b"{}", b'{"error": "no"}', b'{"error": {}}'])
def test_a_refusal_in_nobody_s_words_is_not_stripe_s(stripe: ProviderServer, body: bytes) -> None:
    stripe.always(400, body)
    refusal_of(stripe.url)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        session(url=None),
        session(url="http://checkout.stripe.com/c"),
        session(url="javascript:alert(1)"),
        session(url="https://"),
        session(client_reference_id=None),
        session(client_reference_id="pay_of_somebody_else"),
        session() + b" " * MAX_REPLY_BYTES,
    ],
)
def test_a_reply_that_is_not_the_session_asked_for_is_refused(stripe: ProviderServer, body: bytes) -> None:
    stripe.always(body=body)
    refusal_of(stripe.url)


def test_a_page_on_the_loopback_is_allowed_only_beside_an_interface_there(stripe: ProviderServer) -> None:
    stripe.always(body=session(url=f"{stripe.url}/pay"))
    assert account(stripe.url).open(ATTEMPT, OPENING).url == f"{stripe.url}/pay"


def test_a_currency_without_minor_units_is_asked_for_in_whole_ones(stripe: ProviderServer) -> None:
    yen = Money(500, "JPY")
    account(stripe.url).open(replace(ATTEMPT, amount=yen), OPENING)
    stripe.always(body=intent())
    account(stripe.url).open(replace(INTENT_ATTEMPT, amount=yen), OPENING)
    page, own = (parse_qs(sent.body.decode()) for sent in stripe.requests)
    assert page["line_items[0][price_data][unit_amount]"] == own["amount"] == ["500"]
    assert page["line_items[0][price_data][currency]"] == own["currency"] == ["jpy"]


def test_an_intent_is_opened_for_a_page_of_ours(stripe: ProviderServer) -> None:
    stripe.always(body=intent())
    action = account(stripe.url).open(INTENT_ATTEMPT, OPENING)
    assert action == PaymentAction(type="client_secret", content="pi_1_secret_never_to_be_seen")
    assert "never_to_be_seen" not in repr(action)
    (sent,) = stripe.requests
    keyed = replace(account(stripe.url), publishable_key="pk_test_1")
    assert keyed.open(INTENT_ATTEMPT, OPENING) == replace(action, publishable_key="pk_test_1")
    assert (sent.method, sent.path) == ("POST", "/v1/payment_intents")
    assert sent.headers["idempotency-key"] == ATTEMPT.attempt_id
    assert parse_qs(sent.body.decode(), strict_parsing=True) == {
        "amount": ["1990"],
        "currency": ["cny"],
        "metadata[attempt]": [ATTEMPT.attempt_id],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"<html>maintenance</html>",
        intent(id=None),
        intent(client_secret=None),
        intent(client_secret="pi_2_secret_of_another"),
        intent(metadata=None),
        intent(metadata={"attempt": "pay_of_somebody_else"}),
        intent(metadata={"checkout_attempt": ATTEMPT.attempt_id}),
    ],
)
def test_a_reply_that_is_not_the_intent_asked_for_is_refused(stripe: ProviderServer, body: bytes) -> None:
    stripe.always(body=body)
    with pytest.raises(ProviderUnavailable):
        account(stripe.url).open(INTENT_ATTEMPT, OPENING)


def test_an_intent_that_stripe_will_never_open_is_refused_for_good(stripe: ProviderServer) -> None:
    stripe.always(400, error_of("invalid_request_error"))
    with pytest.raises(PaymentRefused):
        account(stripe.url).open(INTENT_ATTEMPT, OPENING)


def test_a_page_in_the_clear_is_believed_of_no_interface_but_one_on_the_loopback(stripe: ProviderServer) -> None:
    reply = Reply(200, session(url="http://127.0.0.1/c"))
    here, there = StripeApi(stripe.url, KEY), StripeApi("https://api.stripe.com", KEY)
    assert page_of(here, reply, ATTEMPT).url == "http://127.0.0.1/c"
    with pytest.raises(ProviderUnavailable):
        page_of(there, reply, ATTEMPT)
