"""Every provider that we ask, when it hangs, drips, breaks, errs or sends a page: it says so in time, and only that."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable, attempt_id
from keyrail.payments.providers import Opening, PaymentProvider
from keyrail.payments.providers.epay import Epay
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES
from keyrail.payments.providers.settings import MAX_READ_TIMEOUT_S
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Charged
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests import alipay_gateway, epay_gateway, wechat_platform
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving
from tests.racing import at_once

READ_TIMEOUT_S = 1
PATIENCE_S = 30  # of whoever hangs, far more than anybody may wait for it
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "failing"), 1), provider="any", account="main", amount=Money(1990, "CNY")
)
OPENING = Opening(
    "VIP",
    "https://api.example/hook",
    "https://shop.example/done",
    1_800_000_000_000,
    payer_ip="203.0.113.7",
    payer_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
)
Trouble = Callable[[Sent, BaseHTTPRequestHandler], Answer | None]


def stripe(url: str, **settings: Any) -> Stripe:
    keys: dict[str, Any] = {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    return Stripe(account="main", api_base=url, **keys, **settings)


def wechatpay(url: str, **settings: Any) -> PaymentProvider:
    return wechat_platform.account(api_base=url, **settings)


def alipay(url: str, **settings: Any) -> PaymentProvider:
    return alipay_gateway.account(gateway_url=f"{url}/gateway.do", **settings)


def epay_one(url: str, **settings: Any) -> Epay:
    return Epay(account="main", pid="1001", gateway_url=url, key=epay_gateway.KEY, opening="api", **settings)


def epay_two(url: str, **settings: Any) -> Epay:
    keys: dict[str, Any] = {
        "merchant_private_key": epay_gateway.private_pem("merchant"),
        "platform_public_keys": [epay_gateway.public_pem("platform")],
    }
    return Epay(account="main", pid="1001", gateway_url=url, version=2, opening="api", **keys, **settings)


ADAPTERS: dict[str, Callable[..., PaymentProvider]] = {
    "stripe": stripe,
    "wechatpay": wechatpay,
    "alipay": alipay,
    "epay 1": epay_one,
    "epay 2": epay_two,
}
# The methods of each that ask it for something. Alipay's and epay's pages are addresses, made without a request.
METHODS: dict[str, tuple[str | None, ...]] = {
    "stripe": (None, "payment_intent"),
    "wechatpay": ("native", "jsapi", "h5"),
    "alipay": ("qr",),
    "epay 1": ("wxpay",),
    "epay 2": ("wxpay",),
}


def questions(url: str) -> list[Callable[[], object]]:
    """All that a checkout and an inquiry ask of any provider."""
    asked: list[Callable[[], object]] = []
    for name, adapter in ADAPTERS.items():
        account = adapter(url, read_timeout_s=READ_TIMEOUT_S)
        for method in METHODS[name]:
            attempt = replace(ATTEMPT, method=method)
            asked.append(lambda account=account, attempt=attempt: account.open(attempt, OPENING))  # type: ignore[misc]
        asked.append(lambda account=account: account.query(ATTEMPT))  # type: ignore[misc]
    return asked


def check_unavailable(url: str) -> None:
    for refusal in at_once(questions(url)):
        assert isinstance(refusal, ProviderUnavailable), refusal
        assert (refusal.charged, refusal.retryable) == (Charged.NO, True)


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with serving() as server:
        yield server


def hanging(release: threading.Event) -> Trouble:
    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(PATIENCE_S)

    return hang


def dripping(release: threading.Event) -> Trouble:
    def drip(_: Sent, connection: BaseHTTPRequestHandler) -> None:
        connection.send_response(200)
        connection.end_headers()
        while not release.wait(0.1):
            connection.wfile.write(b" ")

    return drip


@pytest.mark.parametrize("slow", [hanging, dripping])
def test_one_that_is_slow_is_given_up_long_before_it_has_done(
    provider: ProviderServer, slow: Callable[[threading.Event], Trouble]
) -> None:
    release = threading.Event()
    provider.answer = slow(release)
    begun = time.monotonic()
    check_unavailable(provider.url)
    assert time.monotonic() - begun < PATIENCE_S / 2
    release.set()
    assert len(provider.requests) == len(questions(provider.url)), "who was too slow once is not waited for again"


ANSWERS = {
    "an error": Answer(500, b"{}"),
    "a page for an error": Answer(503, b"<html>maintenance</html>", {"content-type": "text/html"}),
    "a page": Answer(200, "<html>维护中</html>".encode(), {"content-type": "text/html"}),
    "nothing": Answer(200, b""),
    "a list": Answer(200, b"[]"),
    "half an answer": Answer(200, b'{"code": 1', {"content-length": "4000"}),
    "a redirect": Answer(302, b"", {"location": "https://elsewhere.example/"}),
    "too much": Answer(200, b" " * (MAX_REPLY_BYTES + 1)),
    "too little time": Answer(429, b"{}"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_one_that_errs_or_sends_something_else_is_unavailable(provider: ProviderServer, answer: Answer) -> None:
    provider.answer = lambda _, __: answer
    check_unavailable(provider.url)


def test_one_that_breaks_off_or_is_not_there_is_unavailable(provider: ProviderServer) -> None:
    provider.answer = lambda _, __: None
    check_unavailable(provider.url)
    check_unavailable(address_of_nobody())


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
@pytest.mark.parametrize("seconds", [0, -1, MAX_READ_TIMEOUT_S + 1, 60, True, "8", 1.5, None])
def test_no_account_waits_longer_than_a_checkout_can(adapter: Callable[..., PaymentProvider], seconds: object) -> None:
    adapter("http://127.0.0.1:1", read_timeout_s=MAX_READ_TIMEOUT_S)
    with pytest.raises(ConfigError, match="read_timeout_s"):
        adapter("http://127.0.0.1:1", read_timeout_s=seconds)


def test_it_takes_no_request_to_send_a_buyer_to_a_page(provider: ProviderServer) -> None:
    pages = (alipay(provider.url), replace(epay_one(provider.url), opening="page"))
    for account in pages:
        assert account.open(ATTEMPT, OPENING).type == "redirect"
    assert provider.requests == []
