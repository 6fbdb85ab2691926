"""The adapter against `localstripe`, a Stripe that none of us wrote, as far as it goes.

It has payment intents, refunds and signed webhooks. It has no Checkout sessions, no search and no booking times; it
ignores idempotency keys, so that what is made twice there would be made twice. It runs as a process of its own (it is
GPL), as the aiohttp application that its documentation names. Its own command listens on every address of the machine
and keeps its state in /tmp for the next run; this one listens on the loopback and keeps nothing.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import create_connection

import pytest
import stripe as sdk

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers import Callback, Opening
from keyrail.payments.providers.http_client import request
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.clock import system_now_ms
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import Sent, address_of_nobody, serving

START = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda _: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
"""
START_TIMEOUT_S = 30
WEBHOOK_TIMEOUT_S = 15
SECRET = "whsec_of_localstripe"
OPENING = Opening("VIP", "https://api.example/hook", "https://shop.example/done", 1_790_000_000_000)
GOOD_CARD, DECLINED_CARD = "pm_card_visa", "pm_card_chargeCustomerFail"


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url, log = address_of_nobody(), tmp_path_factory.mktemp("localstripe") / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", START, url.rpartition(":")[2]], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"localstripe did not start: {log.read_text()}")


@pytest.fixture
def account(localstripe: str) -> Stripe:
    return Stripe(
        account="main",
        account_id="acct_1",
        secret_key="sk_test_12345",
        webhook_secrets=["whsec_new", SECRET],
        api_base=localstripe,
    )


@pytest.fixture
def buyer(localstripe: str) -> sdk.StripeClient:
    """What Stripe's script does in the buyer's browser, by the official SDK."""
    return sdk.StripeClient("sk_test_12345", base_addresses={"api": localstripe}, max_network_retries=0)


def opened(account: Stripe, number: int = 1, amount_minor: int = 1990) -> PaymentAttempt:
    """Under a number that nobody has used: this Stripe serves all tests of the module."""
    attempt = PaymentAttempt(
        attempt_id=attempt_id(derived_id("ord", "localstripe", str(time.monotonic_ns())), number),
        provider="stripe",
        account="main",
        amount=Money(amount_minor, "CNY"),
        method="payment_intent",
    )
    action = account.open(attempt, OPENING)
    assert action.type == "client_secret"
    intent, _, secret = (action.content or "").partition("_secret_")
    assert secret
    return replace(attempt, reference=intent)


def pay(buyer: sdk.StripeClient, attempt: PaymentAttempt, card: str = GOOD_CARD) -> None:
    intent = attempt.reference or ""
    buyer.v1.payment_intents.update(intent, {"payment_method": card})
    buyer.v1.payment_intents.confirm(intent)


def confirmation_of(attempt: PaymentAttempt) -> Confirmation:
    return Confirmation(
        provider="stripe",
        account="main",
        merchant="acct_1",
        attempt_id=attempt.attempt_id,
        reference=attempt.reference or "",
        amount=attempt.amount,
        paid=True,
        status="succeeded",
    )


def test_where_nothing_can_be_searched_a_paid_intent_is_unknown(account: Stripe, buyer: sdk.StripeClient) -> None:
    attempt = opened(account)
    pay(buyer, attempt)
    assert account.query(attempt) == Inquiry(state=InquiryState.UNKNOWN)


def test_a_sum_that_stripe_does_not_take_is_refused_for_good(account: Stripe) -> None:
    with pytest.raises(PaymentRefused):
        opened(account, amount_minor=0)


def test_a_key_that_it_does_not_know_opens_nothing(account: Stripe) -> None:
    with pytest.raises(ProviderUnavailable):
        opened(replace(account, secret_key="rk_test_1"))


def test_a_refund_is_made_once_although_no_idempotency_key_is_kept(account: Stripe, buyer: sdk.StripeClient) -> None:
    attempt = opened(account)
    pay(buyer, attempt)
    first = RefundOrder(
        refund_id=f"rfd_{attempt.reference}_1", attempt=attempt, amount=Money(990, "CNY"), reason="sold out"
    )
    second = replace(first, refund_id=f"rfd_{attempt.reference}_2", amount=Money(1000, "CNY"))
    assert account.query_refund(first).state is RefundState.UNKNOWN
    answers = [account.refund(wanted) for wanted in (first, first, second, first, second)]
    in_their_words = {
        each.id: each.amount for each in buyer.v1.refunds.list({"payment_intent": attempt.reference or ""}).data
    }
    assert sorted(in_their_words.values()) == [990, 1000]
    for wanted, answer in zip((first, first, second, first, second), answers, strict=True):
        assert answer == account.query_refund(wanted)
        assert answer == RefundAnswer(
            refund_id=wanted.refund_id,
            state=RefundState.SUCCEEDED,
            status="succeeded",
            reference=answer.reference,
            amount=wanted.amount,
        )
        assert in_their_words[answer.reference or ""] == wanted.amount.amount_minor


@pytest.fixture
def webhooks(localstripe: str) -> Iterator[list[Sent]]:
    """What localstripe sends to the callback's address."""
    with serving() as endpoint:
        register(localstripe, {"url": endpoint.url, "secret": SECRET})
        yield endpoint.requests


def register(localstripe: str, hook: dict[str, str]) -> None:
    headers = {"content-type": "application/json"}
    address = f"{localstripe}/_config/webhooks/ours"
    reply = request("POST", address, body=json.dumps(hook).encode(), headers=headers, repeatable=False)
    assert reply.status == 200


def event_about(attempt: PaymentAttempt, kind: str, webhooks: list[Sent]) -> Sent:
    end = time.monotonic() + WEBHOOK_TIMEOUT_S
    while time.monotonic() < end:
        for sent in webhooks:
            event = json.loads(sent.body)
            if (event["type"], event["data"]["object"].get("id")) == (kind, attempt.reference):
                return sent
        time.sleep(0.05)
    raise AssertionError(f"no {kind} for {attempt.reference}")


def test_its_webhook_is_a_payment_to_us_and_genuine_to_the_official_sdk(
    account: Stripe, buyer: sdk.StripeClient, webhooks: list[Sent]
) -> None:
    attempt = opened(account)
    pay(buyer, attempt)
    sent = event_about(attempt, "payment_intent.succeeded", webhooks)
    header = sent.headers["stripe-signature"]
    assert sdk.WebhookSignature.verify_header(sent.body, header, SECRET, tolerance=300)
    callback = Callback("POST", "", sent.body, sent.headers)
    now_ms = system_now_ms()
    assert account.confirm(callback, now_ms) == confirmation_of(attempt)
    for place in range(len(sent.body)):
        changed = bytearray(sent.body)
        changed[place] ^= 0x01
        with pytest.raises(SignatureInvalid):
            account.confirm(replace(callback, raw_body=bytes(changed)), now_ms)
    with pytest.raises(SignatureInvalid):
        replace(account, webhook_secrets=["whsec_new"]).confirm(callback, now_ms)


def test_its_webhook_of_a_declined_card_is_no_payment(
    account: Stripe, buyer: sdk.StripeClient, webhooks: list[Sent]
) -> None:
    attempt = opened(account)
    with pytest.raises(sdk.CardError):
        pay(buyer, attempt, DECLINED_CARD)
    sent = event_about(attempt, "payment_intent.payment_failed", webhooks)
    assert account.confirm(Callback("POST", "", sent.body, sent.headers), system_now_ms()) is None


def test_a_customer_of_stripes_pays_with_a_stored_card_and_gets_it_back(
    account: Stripe, buyer: sdk.StripeClient, webhooks: list[Sent]
) -> None:
    """As where the merchant's own page has its buyers stored there: the payment is one like any other."""
    customer = buyer.v1.customers.create({"name": "王小明", "email": "buyer@example.com"})
    buyer.v1.payment_methods.attach(GOOD_CARD, {"customer": customer.id})
    attempt = opened(account)
    buyer.v1.payment_intents.update(attempt.reference or "", {"customer": customer.id})
    pay(buyer, attempt)
    sent = event_about(attempt, "payment_intent.succeeded", webhooks)
    assert json.loads(sent.body)["data"]["object"]["customer"] == customer.id
    callback = Callback("POST", "", sent.body, sent.headers)
    assert account.confirm(callback, system_now_ms()) == confirmation_of(attempt)
    wanted = RefundOrder(
        refund_id=derived_id("ref", attempt.attempt_id), attempt=attempt, amount=attempt.amount, reason="test"
    )
    given = account.refund(wanted)
    assert (given.state, given.amount) == (RefundState.SUCCEEDED, attempt.amount)
