"""Orders as buyers meet them: tokens, repeated requests, time, limits."""

import secrets
from dataclasses import replace
from itertools import count

import pytest

from keyrail.catalog.model import FieldFixed, NotOnSale, Shelf, UnknownSku
from keyrail.fulfilment.model import NotDelivered, Outcome
from keyrail.inventory.model.keys import KeyState, SoldOut
from keyrail.inventory.service.batches import NewBatch
from keyrail.ordering.model.orders import ORDER_LIFETIME_MS, Contact, Line, OrderNotFound, OrderStatus, TotalChanged
from keyrail.ordering.service.checkout import LEASE_GRACE_MS, Placed, Wanted, WayToPay
from keyrail.platform.clock import utc_date
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.money import Money
from tests.files import UploadInMemory
from tests.promises import check_promises, check_stock
from tests.world import BUYER, OPERATOR, PRICE, SKU, SYSTEM, World

NAME = "one and the same order"
DAY_MS = 24 * 60 * 60 * 1000


def save_price(world: World, price: Money) -> None:
    world.catalog.save_sku(replace(world.catalog.sku(SKU), price=price), OPERATOR)


def import_dated(world: World, dated: dict[str, str], sku_id: str = SKU) -> None:
    """Codes with their last day of use, as a supplier's table brings them."""
    lines = ["code,expires_on", *(f"{code},{day}" for code, day in dated.items())]
    batch = world.batches.open(NewBatch(sku_id=sku_id, source="supplier"), secrets.token_hex(16), OPERATOR)
    report = world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(lines).encode()), OPERATOR).report
    assert report is not None
    assert report.accepted == len(dated)


def leased(world: World) -> int:
    return sum(key.state is KeyState.LEASED for key in world.stored_keys())


# tokens


def test_a_wrong_token_and_an_unknown_order_are_told_the_same(world: World) -> None:
    world.stock_up(2)
    placed, other = world.order(), world.order()
    world.pay(placed.attempt)
    order_id = placed.order.order_id
    for order, token in ((order_id, other.token), (order_id, ""), ("ord_" + "0" * 26, placed.token), ("", "")):
        with pytest.raises(OrderNotFound):
            world.orders.of_buyer(order, token)
        with pytest.raises(OrderNotFound):
            world.checkout.cancel(order, token, BUYER)
        with pytest.raises(OrderNotFound):
            world.delivery.reveal(order, token, BUYER)
    assert [key.revealed_at_ms for key in world.sold()] == [None]
    assert world.orders.of_buyer(order_id, placed.token).status is OrderStatus.DELIVERED


def test_the_token_of_an_order_is_not_stored(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    assert placed.token not in repr(world.scan("orders"))


# reveal


def test_nothing_is_revealed_before_it_is_delivered(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    with pytest.raises(NotDelivered):
        world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    assert [key.revealed_at_ms for key in world.stored_keys()] == [None]


def test_what_is_revealed_is_what_was_imported_and_every_look_is_on_record(world: World) -> None:
    codes = world.stock_up(3)
    placed = world.order(3)
    world.pay(placed.attempt)
    for look in (1, 2):
        (unit,) = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
        assert {key.code for key in unit.keys} == set(codes)
        assert {key.version for key in world.sold()} == {3 + look}
    assert {key.changed_from for key in world.sold()} == {BUYER.address}
    check_promises(world, codes)


# the same request again


def test_the_same_request_gives_the_same_answer(world: World) -> None:
    world.stock_up(5)
    first, again = world.order(2, NAME), world.another_process().order(2, NAME)
    assert (first.fresh, again.fresh) == (True, False)
    assert (again.order, again.token, again.action) == (first.order, first.token, first.action)
    assert leased(world) == 2


def test_the_same_name_for_another_request_is_refused_and_holds_nothing(world: World) -> None:
    world.stock_up(5)
    world.order(2, NAME)
    with pytest.raises(IdempotencyConflict):
        world.order(3, NAME)
    assert leased(world) == 2


def test_a_repeated_request_is_answered_although_nothing_is_left(world: World) -> None:
    world.stock_up(2)
    first = world.order(2, NAME)
    with pytest.raises(SoldOut):
        world.order(1)
    assert world.another_process().order(2, NAME).order == first.order


def test_a_repeated_request_is_answered_with_the_price_of_the_first(world: World) -> None:
    world.stock_up(4)
    first = world.order(2, NAME)
    save_price(world, Money(1, "CNY"))
    again = world.another_process().order(2, NAME)
    assert (again.order, again.action) == (first.order, first.action)
    assert leased(world) == 2


def test_a_repeated_request_is_answered_although_the_sku_left_the_shelf(world: World) -> None:
    world.stock_up(4)
    first = world.order(2, NAME)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), shelf=Shelf.OFF), OPERATOR)
    assert world.order(2, NAME).order == first.order
    with pytest.raises(NotOnSale):
        world.order(2)


@pytest.mark.parametrize("later", ["paid", "cancelled", "expired"])
def test_a_repeated_request_tells_what_became_of_the_order_and_asks_for_no_money(world: World, later: str) -> None:
    world.stock_up(3)
    first = world.order(1, NAME)
    if later == "paid":
        world.pay(first.attempt)
    elif later == "cancelled":
        world.checkout.cancel(first.order.order_id, first.token, BUYER)
    else:
        world.ahead_ms += ORDER_LIFETIME_MS
    again = world.order(1, NAME)
    assert again.order.order_id == first.order.order_id
    assert again.action.type == "none"
    assert len(world.stored_orders()) == 1


# time


def test_an_unpaid_order_expires_by_time_alone(world: World) -> None:
    world.stock_up(1)
    order = world.order().order
    assert order.status_at(order.expires_at_ms - 1) is OrderStatus.PENDING_PAYMENT
    assert order.status_at(order.expires_at_ms) is OrderStatus.EXPIRED
    assert world.orders.of_operator(order.order_id) == order


def test_a_lapsed_lease_is_sold_to_the_next_buyer_without_a_sweeper(world: World) -> None:
    world.stock_up(1)
    first = world.order()
    with pytest.raises(SoldOut):
        world.order()
    world.ahead_ms += ORDER_LIFETIME_MS + LEASE_GRACE_MS + 1_000
    second = world.order()
    assert second.order.units[0].key_ids == first.order.units[0].key_ids
    assert world.pay(second.attempt).outcome is Outcome.APPLIED
    check_promises(world)


def test_a_lease_outlives_its_order_so_that_a_payment_in_the_last_second_finds_its_key(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    world.ahead_ms += ORDER_LIFETIME_MS + LEASE_GRACE_MS // 2
    with pytest.raises(SoldOut):
        world.another_process().order()
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    check_promises(world)


def test_cancelling_gives_the_keys_to_the_next_buyer_at_once(world: World) -> None:
    world.stock_up(2)
    placed = world.order(2)
    for _ in range(2):
        cancelled = world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
        assert cancelled.status is OrderStatus.CANCELLED
    assert cancelled.version == 2
    assert len(world.order(2).order.units[0].key_ids) == 2


def test_cancelling_again_leaves_keys_alone_that_went_to_another_order(world: World) -> None:
    world.stock_up(1)
    placed = world.order()
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    other = world.order()
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    (key,) = world.stored_keys()
    assert (key.state, key.order_id) == (KeyState.LEASED, other.order.order_id)


# expiry of keys


def test_an_expired_key_is_never_sold(world: World) -> None:
    world.stock_up(0)
    today = world.now_ms()
    import_dated(world, {"USE-BY-TODAY": utc_date(today), "USE-BY-FAR": utc_date(today + 30 * DAY_MS)})
    world.ahead_ms += DAY_MS
    placed = world.order()
    world.pay(placed.attempt)
    (unit,) = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    assert [key.code for key in unit.keys] == ["USE-BY-FAR"]
    with pytest.raises(SoldOut):
        world.order()


def test_a_pool_of_which_only_expired_keys_are_left_is_sold_out(world: World) -> None:
    world.stock_up(0)
    today = world.now_ms()
    dated = {f"USE-BY-TODAY-{number:02d}": utc_date(today) for number in range(30)}
    import_dated(world, {**dated, "USE-BY-FAR": utc_date(today + 30 * DAY_MS)})
    world.ahead_ms += DAY_MS
    world.pay(world.order().attempt)
    with pytest.raises(SoldOut):
        world.order()
    check_promises(world)


def test_a_lease_on_a_key_that_expires_meanwhile_is_replaced_by_a_good_key(world: World) -> None:
    world.stock_up(0)
    today = world.now_ms()
    import_dated(world, {"USE-BY-TODAY": utc_date(today)})
    late = world.order()
    import_dated(world, {"USE-BY-FAR": utc_date(today + 30 * DAY_MS)})
    world.ahead_ms += DAY_MS
    assert world.pay(late.attempt).outcome is Outcome.APPLIED
    (unit,) = world.delivery.reveal(late.order.order_id, late.token, BUYER)
    assert [key.code for key in unit.keys] == ["USE-BY-FAR"]
    check_promises(world)


# what cannot be ordered


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ((), Invalid),
        ((Line(SKU, 0),), Invalid),
        ((Line(SKU, -1),), Invalid),
        ((Line(SKU, 10_000),), Invalid),
        ((Line(SKU, 1), Line(SKU, 1)), Invalid),
        ((Line("unknown", 1),), UnknownSku),
        ((Line(SKU, 1), Line("unknown", 1)), UnknownSku),
        ((Line(SKU, 4),), SoldOut),
    ],
)
def test_what_cannot_be_ordered_is_refused_and_holds_nothing(
    world: World, lines: tuple[Line, ...], refusal: type[Exception]
) -> None:
    world.stock_up(3)
    with pytest.raises(refusal):
        place(world, lines)
    assert leased(world) == 0
    assert world.stored_orders() == []


def test_a_line_that_is_sold_out_frees_the_lines_before_it(world: World) -> None:
    world.stock_up(3, "there")
    world.stock_up(1, "scarce")
    with pytest.raises(SoldOut):
        place(world, (Line("there", 3), Line("scarce", 2)))
    assert leased(world) == 0
    check_stock(world, "there")


def test_a_total_that_is_not_the_expected_one_is_refused(world: World) -> None:
    world.stock_up(3)
    with pytest.raises(TotalChanged):
        place(world, (Line(SKU, 2),), expected=PRICE)
    assert leased(world) == 0
    assert place(world, (Line(SKU, 2),), expected=PRICE.times(2)).order.total == PRICE.times(2)


def test_another_stores_sku_is_unknown(world: World) -> None:
    world.stock_up(1)
    with pytest.raises(UnknownSku):
        place(world, (Line(SKU, 1),), store_id="elsewhere")


def place(world: World, lines: tuple[Line, ...], expected: Money | None = None, store_id: str = "main") -> Placed:
    wanted = Wanted(
        store_id=store_id,
        lines=lines,
        contact=Contact(),
        way=WayToPay(provider="epay", return_url="https://shop.example/thanks"),
        expected_total=expected,
    )
    return world.checkout.place(wanted, secrets.token_hex(16), BUYER)


# stop-sale


def test_a_product_off_the_shelf_is_not_sold_and_neither_is_one_of_another_store(world: World) -> None:
    world.stock_up(1)
    product = world.catalog.product("game")
    world.catalog.save_product(replace(product, shelf=Shelf.OFF), OPERATOR)
    with pytest.raises(NotOnSale):
        world.another_process().order()
    with pytest.raises(FieldFixed) as refused:
        world.catalog.save_product(replace(product, store_id="elsewhere"), OPERATOR)
    assert [f.field for f in refused.value.fields] == ["store_id"]
    with pytest.raises(FieldFixed):
        world.catalog.save_sku(replace(world.catalog.sku(SKU), issuer="somebody-else"), OPERATOR)


def test_a_late_copy_of_a_checkout_holds_no_key_for_a_cancelled_order(world: World) -> None:
    world.stock_up(1)
    placed = world.order(idempotency_key=NAME)
    world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    again = world.another_process().order(idempotency_key=NAME)
    assert (again.fresh, again.order.status) == (False, OrderStatus.CANCELLED)
    assert leased(world) == 0


def test_a_sum_beyond_all_money_is_a_wrong_request_and_leases_nothing(world: World) -> None:
    world.stock_up(3)
    save_price(world, Money(10**12, "CNY"))
    with pytest.raises(Invalid):
        world.order(2)
    assert leased(world) == 0


# two runs of one piece of work


class Dies(BaseException):
    """The process is gone."""


def test_a_second_run_sells_the_last_key_that_the_first_has_leased(world: World) -> None:
    """The first run dies between leasing a replacement and selling it; nothing else is in the pool."""
    world.stock_up(2)
    late = world.order()
    world.ahead_ms += ORDER_LIFETIME_MS + LEASE_GRACE_MS + 1_000
    other = world.order()
    while other.order.units[0].key_ids != late.order.units[0].key_ids:
        world.checkout.cancel(other.order.order_id, other.token, BUYER)
        other = world.order()
    calls = count(1)

    def dies_at_the_third(**_: object) -> None:
        if next(calls) == 3:
            raise Dies

    event = "before-send.dynamodb.TransactWriteItems"
    world.dynamodb.meta.events.register_first(event, dies_at_the_third)
    try:
        with pytest.raises(Dies):
            world.pay(late.attempt)
    finally:
        world.dynamodb.meta.events.unregister(event, dies_at_the_third)
    delivered = world.another_process().issuance.issue(late.order.order_id, SYSTEM)
    assert (delivered.status, delivered.refunds) == (OrderStatus.DELIVERED, ())
