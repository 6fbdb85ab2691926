"""A buyer who changes their mind about how to pay: every attempt stays valid, and the order is paid once."""

import secrets

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.ordering.model.orders import (
    MAX_ATTEMPTS_PER_ORDER,
    Contact,
    Line,
    NotPayable,
    OrderNotFound,
    OrderStatus,
    TooManyAttempts,
)
from keyrail.ordering.model.steps import start_payment
from keyrail.ordering.service.checkout import Placed, Wanted, WayToPay
from keyrail.payments.model.attempts import AttemptStatus, Route, UnknownProvider
from keyrail.payments.providers.epay import Epay
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.platform.errors import Invalid
from tests.promises import check_promises
from tests.wechat_platform import account as wechat_account
from tests.world import BUYER, SKU, SYSTEM, World

ROUTE = Route(provider="epay", account="main")
BY_WECHAT = WayToPay(provider="epay", method="wxpay", return_url="https://shop.example/thanks")


def otherwise(world: World, placed: Placed, way: WayToPay = BY_WECHAT, token: str | None = None) -> Placed:
    return world.checkout.start_payment(placed.order.order_id, token or placed.token, way, BUYER)


def test_another_way_is_another_attempt_and_the_same_way_again_is_the_same(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    other, again = otherwise(world, placed), otherwise(world, placed)
    assert (other.fresh, again.fresh) == (True, False)
    assert other.attempt == again.attempt
    assert other.attempt.attempt_id != placed.attempt.attempt_id
    assert (other.action, other.attempt.amount) == (again.action, placed.order.total)
    assert len(world.orders.of_operator(placed.order.order_id).attempts) == 2


@pytest.mark.parametrize("first", [0, 1])
def test_whichever_is_paid_first_buys_the_goods_and_the_other_is_owed_back(world: World, first: int) -> None:
    world.stock_up(1)
    placed = world.order()
    attempts = [placed.attempt, otherwise(world, placed).attempt]
    paid, late = attempts[first], attempts[1 - first]
    assert [world.pay(paid).outcome, world.pay(late).outcome] == [Outcome.APPLIED, Outcome.GIVEN_BACK]
    assert [world.pay(paid).outcome, world.pay(late).outcome] == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    order = world.orders.of_operator(placed.order.order_id)
    assert order.status is OrderStatus.DELIVERED
    assert [a.attempt_id for a in order.attempts if a.status is AttemptStatus.PAID] == [paid.attempt_id]
    assert [refund.attempt_id for refund in order.refunds] == [late.attempt_id]
    check_promises(world)


def test_what_was_cancelled_paid_or_not_ones_own_is_not_paid_in_another_way(world: World) -> None:
    world.stock_up(2)
    cancelled, paid = world.order(), world.order()
    world.checkout.cancel(cancelled.order.order_id, cancelled.token, BUYER)
    world.pay(paid.attempt)
    for over in (cancelled, paid):
        with pytest.raises(NotPayable):
            otherwise(world, over)
    with pytest.raises(OrderNotFound):
        otherwise(world, paid, token="tok_" + secrets.token_hex(20))


@pytest.mark.parametrize(
    ("way", "origin", "wrong"),
    [
        (WayToPay(provider="wechatpay", method="jsapi"), BUYER, "payment.payer_id"),
        (WayToPay(provider="wechatpay", method="h5"), Origin("buyer", ""), "payment.method"),
        (WayToPay(provider="epay", method="alipay", return_url="https://shop.example"), SYSTEM, "payment.method"),
        (WayToPay(provider="epay", method="alipay"), BUYER, "payment.return_url"),
    ],
)
def test_a_way_that_lacks_what_the_provider_needs_is_refused_before_any_key_is_held(
    world: World, way: WayToPay, origin: Origin, wrong: str
) -> None:
    epay = Epay(account="main", pid="1001", key=world.epay_key, gateway_url="https://pay.example", opening="api")
    world.accounts = PaymentAccounts(
        {("epay", "main"): epay, ("wechatpay", "main"): wechat_account()},
        {("epay", "main"): (), ("wechatpay", "main"): ()},
    )
    world.stock_up(1)
    before = world.scan("keys")
    wanted = Wanted(store_id="main", lines=(Line(SKU, 1),), contact=Contact(email="buyer@example.com"), way=way)
    with pytest.raises(Invalid) as refused:
        world.checkout.place(wanted, "of-the-buyer", origin)
    assert [field.field for field in refused.value.fields] == [wrong]
    assert (world.scan("keys"), world.scan("orders")) == (before, [])


def test_a_way_that_is_not_offered_starts_nothing(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    with pytest.raises(UnknownProvider):
        otherwise(world, placed, WayToPay(provider="paypal"))
    with pytest.raises(Invalid):
        otherwise(world, placed, WayToPay(provider="epay", method="cash", return_url="https://shop.example"))
    assert world.orders.of_operator(placed.order.order_id).attempts == placed.order.attempts


def test_an_order_has_so_many_attempts_and_no_more(world: World) -> None:
    world.stock_up(1)
    order = world.order().order
    for number in range(1, MAX_ATTEMPTS_PER_ORDER):
        order, _ = start_payment(order, ROUTE, f"way-{number}", BUYER, world.now_ms())
    with pytest.raises(TooManyAttempts):
        start_payment(order, ROUTE, "one-more", BUYER, world.now_ms())
