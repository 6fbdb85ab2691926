"""Credentials are changed while buyers pay: what was started under the old ones is paid, delivered and given back."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from keyrail.fulfilment.model import Outcome
from keyrail.ordering.model.orders import OrderStatus
from keyrail.ordering.service.checkout import WayToPay
from keyrail.payments.model.attempts import AccountGone, PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Mismatch
from keyrail.payments.model.refunds import STUCK_MS, RefundStatus
from keyrail.payments.providers import Callback
from keyrail.payments.service.accounts import LOOK_AGAIN_MS, SECRET_LASTS_MS, watched_accounts
from keyrail.platform.errors import SignatureInvalid
from tests.epay_gateway import KEY, EpayGateway
from tests.promises import check_promises
from tests.provider_server import serving
from tests.world import BUYER, PROVIDER, SYSTEM, World

OLD, NEW = KEY, "n3w-key-of-the-test"


@pytest.fixture
def gateway() -> Iterator[EpayGateway]:
    with serving() as provider:
        yield EpayGateway(provider, 0)


class Merchant:
    """A merchant's stack and their account at the gateway; `secret` is what lies in Secrets Manager."""

    def __init__(self, world: World, gateway: EpayGateway) -> None:
        self.world, self.gateway = world, gateway
        self.use("2026-10", **{"2026-10": OLD})
        world.accounts = watched_accounts(lambda: self.secret, world.now_ms)

    def use(self, current: str, pid: str = "1001", **keys: str) -> None:
        """Put the secret, and wait until every process knows it."""
        common = {"pid": pid, "gateway_url": self.gateway.provider.url, "refunds": "v1"}
        versions = {name: {**common, "key": key} for name, key in keys.items()}
        self.secret = json.dumps({"epay": {"main": {"current": current, "versions": versions}}})
        self.world.ahead_ms += SECRET_LASTS_MS

    def take(self, callback: Callback) -> Outcome:
        said = self.world.accounts.confirm("epay", "main", callback, self.world.now_ms())
        assert isinstance(said, Confirmation)
        return self.world.settlement.settle(said, PROVIDER).outcome

    def signed(self, key: str, attempt: PaymentAttempt, reference: str, **changed: str) -> Callback:
        self.world.epay_key = key
        self.gateway.paid(attempt.attempt_id, attempt.amount.decimal(), trade_no=reference)
        return self.world.callback(attempt, reference, **changed)

    def refund(self, order_id: str) -> set[str]:
        """The keys that the gateway saw while it was asked to give money back."""
        begun = len(self.gateway.provider.requests)
        assert self.world.refunds.settle(order_id, SYSTEM)
        assert [r.status for r in self.world.orders.of_operator(order_id).refunds] == [RefundStatus.SUCCEEDED]
        sent = self.gateway.provider.requests[begun:]
        return {dict(parse_qsl(f"{urlsplit(r.path).query}&{r.body.decode()}"))["key"] for r in sent}


@pytest.fixture
def merchant(world: World, gateway: EpayGateway) -> Merchant:
    return Merchant(world, gateway)


def test_what_was_started_under_old_credentials_goes_on_under_them_while_they_are_there(
    world: World, gateway: EpayGateway, merchant: Merchant
) -> None:
    world.stock_up(2)
    early = world.order()
    first = merchant.signed(OLD, early.attempt, "first")
    merchant.use("2026-11", **{"2026-10": OLD, "2026-11": NEW})
    gateway.keys = frozenset({OLD, NEW})
    late = world.order()
    assert [placed.attempt.credential for placed in (early, late)] == ["2026-10", "2026-11"]
    assert merchant.take(first) is Outcome.APPLIED
    assert merchant.take(merchant.signed(NEW, late.attempt, "other")) is Outcome.APPLIED
    for placed, key in ((early, OLD), (late, NEW)):
        assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED
        assert merchant.take(merchant.signed(key, placed.attempt, "twice")) is Outcome.GIVEN_BACK
        assert merchant.refund(placed.order.order_id) == {key}
    check_promises(world)


def test_the_same_way_to_pay_is_the_same_attempt_under_its_old_credentials(world: World, merchant: Merchant) -> None:
    world.stock_up(1)
    placed = world.order()
    merchant.use("2026-11", **{"2026-10": OLD, "2026-11": NEW})
    way = WayToPay(provider="epay", method="alipay", return_url="https://shop.example/thanks")
    again = world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
    assert (again.attempt, again.action) == (placed.attempt, placed.action)


def test_once_the_old_credentials_are_gone_attempts_go_on_under_the_new_ones_and_old_callbacks_are_refused(
    world: World, gateway: EpayGateway, merchant: Merchant
) -> None:
    world.stock_up(2)
    paid, unpaid = world.order(), world.order()
    assert merchant.take(merchant.signed(OLD, paid.attempt, "first")) is Outcome.APPLIED
    assert merchant.take(merchant.signed(OLD, paid.attempt, "twice")) is Outcome.GIVEN_BACK
    merchant.use("2026-11", **{"2026-11": NEW})
    gateway.keys = frozenset({NEW})
    assert merchant.refund(paid.order.order_id) == {NEW}
    with pytest.raises(SignatureInvalid):
        merchant.take(merchant.signed(OLD, unpaid.attempt, "late"))
    found = world.accounts.of(unpaid.attempt).query(unpaid.attempt)
    assert found.said is not None
    assert world.settlement.settle(found.said, SYSTEM).outcome is Outcome.APPLIED
    check_promises(world)


def test_money_that_is_owed_waits_for_an_account_that_is_gone(
    world: World, gateway: EpayGateway, merchant: Merchant
) -> None:
    world.stock_up(1)
    placed = world.order()
    assert merchant.take(merchant.signed(OLD, placed.attempt, "first")) is Outcome.APPLIED
    assert merchant.take(merchant.signed(OLD, placed.attempt, "twice")) is Outcome.GIVEN_BACK
    merchant.use("2026-10", pid="1002", **{"2026-10": NEW})
    requests = len(gateway.provider.requests)
    for wait_ms in (0, STUCK_MS):
        world.ahead_ms += wait_ms
        with pytest.raises(AccountGone):
            world.refunds.settle(placed.order.order_id, SYSTEM)
    assert len(gateway.provider.requests) == requests
    assert [refund.status for refund in world.orders.of_operator(placed.order.order_id).refunds] == [RefundStatus.DUE]
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.merchant) == (Mismatch.REFUND_STUCK, "1001")
    for pid in ("1001", "1002"):
        assert merchant.take(merchant.signed(NEW, placed.attempt, "stray", pid=pid)) is Outcome.UNMATCHED
    merchant.use("2026-10", **{"2026-10": OLD})
    assert merchant.refund(placed.order.order_id) == {OLD}


def test_a_process_that_has_not_heard_of_new_credentials_yet_takes_their_callback(
    world: World, merchant: Merchant
) -> None:
    world.stock_up(1)
    placed = world.order()
    world.ahead_ms += LOOK_AGAIN_MS
    merchant.secret = merchant.secret.replace(OLD, NEW)
    assert merchant.take(merchant.signed(NEW, placed.attempt, "first")) is Outcome.APPLIED
