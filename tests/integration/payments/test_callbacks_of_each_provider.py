"""Every provider's callbacks through the function that takes them: a true one works once, a false one never.

What is posted here is genuine as far as its signature goes. It was made for another account, attempt or amount, tells
of no payment, or can be read in two ways.
"""

import base64
import copy
import json
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from functions.payment_webhook import handler as function
from keyrail.ordering.model.orders import Order, OrderStatus
from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.payments.providers import Callback
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform import aws
from tests.bank import Bank
from tests.local_cloud import LocalCloud
from tests.payers import IGNORED, PAYERS, REFUSED, Lie, Payer, accounts_secret
from tests.promises import check_promises
from tests.racing import at_once
from tests.world import PRICE, World

COPIES = 100
MOST = 1_000

Answer = dict[str, Any]


@dataclass(frozen=True)
class Post:
    """The function, and an order with a dearer one beside it at each provider."""

    world: World
    orders: dict[str, tuple[Order, Order]]
    known: set[str] = field(default_factory=set)

    def attempts(self, payer: Payer) -> tuple[PaymentAttempt, PaymentAttempt]:
        cheap, dear = self.orders[payer.name]
        return cheap.attempts[0], dear.attempts[0]

    def brings(self, callback: Callback, provider: str, account: str) -> Answer:
        answer: Answer = function.handler(event(callback, provider, account), None)
        return answer

    def ends(self, callback: Callback, provider: str, account: str) -> str:
        """Where it ended: refused, ignored, or on the desk for a reason."""
        answer = self.brings(callback, provider, account)
        news = [waiting for waiting in self.waiting() if waiting.payment_id not in self.known]
        self.known.update(waiting.payment_id for waiting in news)
        assert len(news) <= 1
        assert answer["statusCode"] in ({200} if news else {200, 401})
        return news[0].reason if news else IGNORED if answer["statusCode"] == 200 else REFUSED

    def waiting(self) -> list[UnmatchedPayment]:
        return list(self.world.desk.waiting(MOST))

    def nothing_is_delivered(self, payer: Payer) -> bool:
        return all(self.world.orders.of_operator(order.order_id) == order for order in self.orders[payer.name])


def event(callback: Callback, provider: str, account: str) -> dict[str, Any]:
    """As API Gateway hands a callback on."""
    path, route = f"/webhooks/payments/{provider}/{account}", "/webhooks/payments/{provider}/{account}"
    return {
        "version": "2.0",
        "routeKey": f"{callback.method} {route}",
        "rawPath": path,
        "rawQueryString": callback.raw_query,
        "headers": dict(callback.headers),
        "requestContext": {
            "http": {"method": callback.method, "path": path, "sourceIp": "203.0.113.9", "protocol": "HTTP/1.1"},
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
        },
        "body": base64.b64encode(callback.raw_body).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture(scope="module")
def post(local_cloud: LocalCloud) -> Iterator[Post]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    named = f"accounts-{time.time_ns()}"
    secret = local_cloud.client("secretsmanager").create_secret(Name=named, SecretString=accounts_secret())
    settings = {
        **local_cloud.environment,
        **{f"{kind.upper()}_TABLE": name for kind, name in world.names.items()},
        "PAYMENT_ACCOUNTS_SECRET_ARN": secret["ARN"],
        "PUBLIC_API_URL": "https://api.example",
        "KEYRAIL_STAGE": "local",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        forget()
        world.stock_up(4 * len(PAYERS))
        yield Post(world, {payer.name: (ordered(world, payer, 1), ordered(world, payer, 2)) for payer in PAYERS})
        forget()


def ordered(world: World, payer: Payer, quantity: int) -> Order:
    """As if the provider had been asked to open the payment: only what it says afterwards is looked at here."""
    where = payer.provider, payer.account
    theirs = Bank()
    theirs.merchant = function.accounts().at(*where).merchant
    world.checkout = replace(world.checkout, accounts=PaymentAccounts({where: theirs}, {where: ()}))
    return world.orders.of_operator(world.order(quantity, provider=payer.provider).order.order_id)


def forget() -> None:
    modules = [aws, *(module for name, module in sys.modules.items() if name.startswith("functions.payment_webhook"))]
    for remembered in (value for module in modules for value in vars(module).values()):
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


def of_each_payer() -> list[Any]:
    return [pytest.param(payer, id=payer.name) for payer in PAYERS]


def each_lie() -> list[Any]:
    return [pytest.param(payer, lie, id=f"{payer.name} {lie.name}") for payer in PAYERS for lie in payer.lies]


@pytest.mark.parametrize(("payer", "lie"), each_lie())
def test_what_is_signed_and_is_no_payment_of_the_attempt_delivers_nothing(post: Post, payer: Payer, lie: Lie) -> None:
    attempt, _ = post.attempts(payer)
    callback = payer.pay(attempt, secrets.token_hex(14), **lie.changes)
    assert post.ends(callback, payer.provider, payer.account) == lie.verdict
    assert post.nothing_is_delivered(payer)


@pytest.mark.parametrize("payer", of_each_payer())
def test_the_payment_of_one_order_delivers_no_other(post: Post, payer: Payer) -> None:
    cheap, dear = post.attempts(payer)
    for paid, named, verdict in ((cheap, dear, Mismatch.UNDER_PAID), (dear, cheap, Mismatch.OVER_PAID)):
        callback = payer.pay(replace(named, amount=paid.amount), secrets.token_hex(14))
        assert post.ends(callback, payer.provider, payer.account) == verdict
    for stranger in (cheap.attempt_id[:-2] + "07", "pay_" + "0" * 28, cheap.attempt_id.lower(), "*"):
        callback = payer.pay(replace(cheap, attempt_id=stranger), secrets.token_hex(14))
        assert post.ends(callback, payer.provider, payer.account) == Mismatch.UNKNOWN_ATTEMPT
    assert post.nothing_is_delivered(payer)


@pytest.mark.parametrize("payer", of_each_payer())
def test_the_payment_to_one_account_delivers_nothing_at_another(post: Post, payer: Payer) -> None:
    """At the second account of the same secrets it is on the desk; whoever has other secrets refuses it."""
    attempt, _ = post.attempts(payer)
    callback = payer.pay(attempt, secrets.token_hex(14))
    elsewhere = post.ends(callback, payer.provider, payer.other_account)
    assert elsewhere in {Mismatch.WRONG_ACCOUNT, Mismatch.WRONG_MERCHANT}
    strangers = [other for other in PAYERS if other.accounts.keys().isdisjoint(payer.accounts)]
    for other in (other for other in strangers if other.provider != payer.provider):
        assert post.ends(callback, other.provider, other.account) == REFUSED
    assert post.nothing_is_delivered(payer)


@pytest.mark.parametrize("payer", of_each_payer())
def test_what_says_a_thing_twice_or_nothing_at_all_is_refused(post: Post, payer: Payer) -> None:
    attempt, _ = post.attempts(payer)
    true = payer.pay(attempt, secrets.token_hex(14))
    for said in (
        payer.doubled(true),
        replace(true, raw_body=b"", raw_query=""),
        replace(true, method="GET" if true.method == "POST" else "POST"),
    ):
        assert post.ends(said, payer.provider, payer.account) == REFUSED
    assert post.nothing_is_delivered(payer)


@pytest.mark.parametrize("payer", of_each_payer())
def test_a_hundred_copies_of_a_callback_at_once_are_one_sale_and_a_hundred_acknowledgements(
    local_cloud: LocalCloud, post: Post, payer: Payer
) -> None:
    order = ordered(post.world, payer, 1)
    true = event(payer.pay(order.attempts[0], secrets.token_hex(14)), payer.provider, payer.account)
    waiting = post.waiting()
    answers = at_once([lambda: function.handler(copy.deepcopy(true), None)] * COPIES)
    body, content_type = payer.answer
    assert {json.dumps(said(answer)) for answer in answers} == {json.dumps([200, body, content_type])}
    delivered = post.world.orders.of_operator(order.order_id)
    assert (delivered.status, delivered.refunds) == (OrderStatus.DELIVERED, ())
    assert delivered.version == order.version + len(("paid", "delivered"))
    assert [key.key_id for key in post.world.sold() if key.order_id == order.order_id] == list(
        delivered.units[0].key_ids
    )
    assert post.waiting() == waiting
    assert post.nothing_is_delivered(payer)


def said(answer: Any) -> list[Any]:
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return [answer["statusCode"], answer.get("body") or "", headers["content-type"]]


def test_every_promise_holds_after_all_that(post: Post) -> None:
    later = post.world.another_process()
    paid = [order for order in later.stored_orders() if order.paid_attempt()]
    assert {order.total for order in paid} <= {PRICE}
    check_promises(later)
