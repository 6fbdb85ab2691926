"""A provider that does not answer at checkout: the buyer hears so, keeps the order, and pays it in another way."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.platform.errors import Charged
from tests.integration import test_triggers
from tests.integration.test_triggers import EPAY_KEY, forget, sample, secret, stage
from tests.promises import check_promises
from tests.provider_server import ProviderServer, Sent, serving

__all__ = ["stage"]

HANGS_S = 60
BY_STRIPE = {"provider": "stripe", "return_url": "https://shop.example/thanks"}
BY_EPAY = {"provider": "epay", "method": "alipay", "return_url": "https://shop.example/thanks"}


@pytest.fixture
def down(stage: test_triggers.Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderServer]:
    """Stripe, which shows a page for each request; epay is up."""
    with serving() as provider:
        stripe = {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
        epay = {"pid": "1001", "key": EPAY_KEY, "gateway_url": "https://pay.example"}
        settings = {
            "stripe": {"main": {**stripe, "api_base": provider.url, "read_timeout_s": 1}},
            "epay": {"main": epay},
        }
        monkeypatch.setenv("PAYMENT_ACCOUNTS_SECRET_ARN", secret(stage.cloud, json.dumps(settings)))
        forget()
        provider.always(503, b"<html>maintenance</html>", content_type="text/html")
        yield provider


def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
    time.sleep(HANGS_S)


def checked_out(stage: test_triggers.Stage, payment: dict[str, str]) -> tuple[int, dict[str, Any]]:
    trigger = sample("storefront_api")
    body = json.loads(trigger["body"])
    trigger["body"] = json.dumps({**body, "payment": payment})
    return answered(stage, trigger)


def paid_otherwise(
    stage: test_triggers.Stage, order: dict[str, Any], payment: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    trigger = sample("storefront_api")
    path = f"/v1/orders/{order['order_id']}/payments"
    trigger["rawPath"] = trigger["requestContext"]["http"]["path"] = path
    trigger["headers"]["authorization"] = f"Bearer {order['access_token']}"
    trigger["body"] = json.dumps(payment)
    return answered(stage, trigger)


def answered(stage: test_triggers.Stage, trigger: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = stage.call("storefront_api", trigger)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("hangs", [False, True])
def test_a_buyer_whose_provider_is_down_was_not_charged_and_pays_the_same_order_in_another_way(
    stage: test_triggers.Stage, down: ProviderServer, capsys: pytest.CaptureFixture[str], hangs: bool
) -> None:
    down.answer = hang if hangs else down.answer
    begun = time.monotonic()
    status, problem = checked_out(stage, BY_STRIPE)
    assert time.monotonic() - begun < HANGS_S / 2
    assert (status, problem["code"]) == (503, ProviderUnavailable.code)
    assert (problem["charged"], problem["retryable"]) == (Charged.NO, True)
    order = problem["facts"]
    (standing,) = stage.world.stored_orders()
    assert (order["order_id"], standing.status) == (standing.order_id, OrderStatus.PENDING_PAYMENT)
    assert order["access_token"] not in capsys.readouterr().out

    status, started = paid_otherwise(stage, order, BY_EPAY)
    assert (status, started["provider"], started["action"]["type"]) == (201, "epay", "redirect")
    attempt = stage.world.orders.of_operator(standing.order_id).attempts[-1]
    assert attempt.attempt_id == started["attempt_id"]
    stage.world.pay(attempt)
    assert stage.world.orders.of_operator(standing.order_id).status is OrderStatus.DELIVERED
    assert len(stage.world.stored_orders()) == 1
    check_promises(stage.world)


def test_asking_again_is_the_same_order_and_is_answered_once_the_provider_is_back(
    stage: test_triggers.Stage, down: ProviderServer
) -> None:
    answers = [checked_out(stage, BY_STRIPE) for _ in range(2)]
    assert [status for status, _ in answers] == [503, 503]
    assert answers[0][1]["facts"] == answers[1][1]["facts"]
    (standing,) = stage.world.stored_orders()
    session = {"client_reference_id": standing.attempts[0].attempt_id, "url": "https://checkout.stripe.example/c/1"}
    down.always(200, json.dumps(session).encode())
    status, placed = checked_out(stage, BY_STRIPE)
    assert (status, placed["order_id"], placed["payment"]["action"]["url"]) == (
        200,
        standing.order_id,
        session["url"],
    )


def test_another_way_that_is_down_leaves_the_first_one_as_it_was(
    stage: test_triggers.Stage, down: ProviderServer
) -> None:
    _, placed = checked_out(stage, BY_EPAY)
    status, problem = paid_otherwise(stage, placed, BY_STRIPE)
    assert (status, problem["charged"]) == (503, Charged.NO)
    order = stage.world.orders.of_operator(placed["order_id"])
    assert order.status is OrderStatus.PENDING_PAYMENT
    stage.world.pay(order.attempts[0])
    assert stage.world.orders.of_operator(placed["order_id"]).status is OrderStatus.DELIVERED
