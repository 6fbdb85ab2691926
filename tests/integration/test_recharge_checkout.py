"""Recharges at checkout: whom to credit is checked first, then whether anybody could, and no key is held for it."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.meter import Meter
from functions.operator_api.schemas.catalog import SkuIn
from functions.operator_api.schemas.orders import OrderOut as OperatorsOrder
from functions.storefront_api.schemas import OrderOut
from keyrail.catalog.model import FieldFixed, Sku, SkuKind, SkuWithoutKeys
from keyrail.fulfilment.model import NotDelivered, NothingToReveal, Outcome
from keyrail.inventory.model.keys import KeyState, SoldOut, StockLevel
from keyrail.inventory.model.own_codes import NewOwnCodes
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.service.own_codes import OwnCodes
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.ordering.model.orders import (
    AccountCredited,
    Delivery,
    Line,
    Order,
    OrderStatus,
    UnitStatus,
)
from keyrail.ordering.model.refund_requests import WantedRefund
from keyrail.ordering.model.supplying import begin, by_hand, hear
from keyrail.ordering.service.supply import SHELF_CACHE_MS, Offer
from keyrail.payments.model.refunds import RefundStatus
from keyrail.platform.audit import Trace
from keyrail.platform.changes import stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import from_json, to_json
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import Decision
from keyrail.suppliers.model.breaker import new_supplier
from keyrail.suppliers.model.outcomes import Success
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing
from tests.accounts import GAME, GAME_ACCOUNT, PHONE
from tests.promises import check_promises
from tests.world import BUYER, OPERATOR, SKU, SYSTEM, World

RECHARGE = "phone-10"
NUMBER = {"phone": "13800138000"}
OTHER = {"phone": "13900139000"}
PERSON = Source(source_id="us", kind=SourceKind.MANUAL)
POOL = Source(source_id="pool", kind=SourceKind.POOL)
SUPPLIER = Source(source_id="first", kind=SourceKind.RECHARGE, supplier="ksu", item="1001", cost=Money(900, "CNY"))


def save(world: World, kind: SkuKind = SkuKind.RECHARGE, *sources: Source, **fields: Any) -> Sku:
    """A product, and a SKU of that kind that comes from there, or from a person."""
    if world.catalog.store.sku("another-sku") is None:
        world.stock_up(1, "another-sku")
    usual = {"kind": kind, "account_fields": None if kind is SkuKind.KEY else (PHONE,)}
    issuer = None if kind is SkuKind.RECHARGE else "game"
    sku = replace(world.catalog.sku("another-sku"), sku_id=RECHARGE, issuer=issuer, **{**usual, **fields})
    now = stamp(OPERATOR, world.now_ms())
    world.suppliers.put_sourcing(Sourcing(sku_id=RECHARGE, sources=sources or (PERSON,), **now))
    return world.catalog.save_sku(sku, OPERATOR)


def to(account: dict[str, str] | None, sku_id: str = RECHARGE, quantity: int = 1) -> Line:
    return Line(sku_id, quantity, None, account)


def refused(place: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        place()
    return [(error.field, error.reason) for error in refusal.value.fields]


def nothing_moved(world: World) -> bool:
    untouched = all(key.state is KeyState.AVAILABLE and key.version == 1 for key in world.stored_keys())
    return untouched and not world.scan("orders")


def recharged(world: World, order_id: str) -> Order:
    """As a person does it: begun, and told that it is done."""
    order = world.orders.of_operator(order_id)
    for unit in order.units_to_supply():
        decision = Decision(at_ms=world.now_ms(), chosen="us")
        attempt = replace(by_hand(unit, "us", world.now_ms()))
        begun = begin(order, unit.unit_id, attempt, decision, SYSTEM)
        done = hear(begun, attempt.reference, Success(said="done"), SYSTEM, world.now_ms())
        assert world.orders.replace(order, begun)
        assert world.orders.replace(begun, done)
        order = done
    return order


# the operator's side


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (SkuKind.RECHARGE, {"account_fields": None}, [("account_fields", "missing")]),
        (SkuKind.EITHER, {"account_fields": ()}, [("account_fields", "missing")]),
        (SkuKind.CHOICE, {"account_fields": None}, [("account_fields", "missing")]),
        (SkuKind.KEY, {"account_fields": (PHONE,)}, [("account_fields", "not_of_this_kind")]),
        (SkuKind.KEY, {"issuer": None, "account_fields": None}, [("issuer", "missing")]),
        (SkuKind.CHOICE, {"issuer": None}, [("issuer", "missing")]),
        (SkuKind.EITHER, {"pick_fee": Money(1, "CNY")}, [("pick_fee", "not_of_this_kind")]),
        (
            SkuKind.RECHARGE,
            {"account_fields": (replace(PHONE, pattern="(?=1)"),)},
            [("account_fields.0.pattern", "not_a_pattern_of_re2")],
        ),
    ],
)
def test_a_sku_has_what_its_kind_needs_or_is_not_saved(
    world: World, kind: SkuKind, fields: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    world.stock_up(1)
    sku = replace(world.catalog.sku(SKU), sku_id=RECHARGE, **{"kind": kind, "account_fields": (PHONE,), **fields})
    assert refused(lambda: world.catalog.save_sku(sku, OPERATOR)) == wrong
    assert world.catalog.store.sku(RECHARGE) is None


def test_a_sku_that_is_recharged_gets_its_issuer_when_it_has_keys_and_keeps_it(world: World) -> None:
    recharge = save(world, account_fields=GAME)
    assert world.catalog.sku(RECHARGE) == recharge
    assert (recharge.issuer, recharge.account_fields) == (None, GAME)
    with pytest.raises(SkuWithoutKeys):
        world.batches.open(NewBatch(sku_id=RECHARGE, source="s"), secrets.token_hex(16), OPERATOR)
    own_codes = OwnCodes(world.keys, OwnCodeStore(world.dynamodb, world.names["keys"]), world.catalog, world.now_ms)
    with pytest.raises(SkuWithoutKeys):
        own_codes.open(NewOwnCodes(sku_id=RECHARGE, source="keyrail", wanted=1), secrets.token_hex(16), OPERATOR)
    world.catalog.save_sku(replace(recharge, kind=SkuKind.CHOICE, issuer="game"), OPERATOR)
    world.import_codes(["ABCD-0001"], RECHARGE)
    for issuer in (None, "another"):
        with pytest.raises(FieldFixed) as refusal:
            world.catalog.save_sku(replace(recharge, issuer=issuer), OPERATOR)
        assert refusal.value.fields == (FieldError("issuer", "fixed"),)


def test_what_an_operator_writes_is_what_is_kept() -> None:
    field = {"name": "phone", "label": "Mobile number", "label_zh": "手机号码", "kind": "phone"}
    body = {
        "product_id": "game",
        "name": "10",
        "kind": "recharge",
        "price": {"amount_minor": 990, "currency": "CNY"},
        "account_fields": [field],
        "reason": "r",
    }
    wanted = from_json(SkuIn, to_json(body))
    assert [each.field() for each in wanted.account_fields or ()] == [PHONE]


# before anything moves


@pytest.mark.parametrize(
    ("account", "wrong"),
    [
        (None, [("qq", "missing"), ("region", "missing")]),
        ({**GAME_ACCOUNT, "qq": "12a45"}, [("qq", "not_digits")]),
        ({**GAME_ACCOUNT, "region": "moon"}, [("region", "not_a_choice")]),
        ({**GAME_ACCOUNT, "region": "ios"}, [("server", "not_of_this_region")]),
        ({**GAME_ACCOUNT, "phone": "13800138000"}, [("phone", "unknown")]),
    ],
)
def test_a_wrong_account_is_refused_by_its_fields_and_nothing_moves(
    world: World, account: dict[str, str] | None, wrong: list[tuple[str, str]]
) -> None:
    save(world, account_fields=GAME)
    lines = (to(None, "another-sku"), to(account))
    assert refused(lambda: world.order(lines=lines)) == [
        (f"items.1.recharge_account.{field}", reason) for field, reason in wrong
    ]
    assert nothing_moved(world)


def test_a_key_takes_no_account(world: World) -> None:
    world.stock_up(1)
    assert refused(lambda: world.order(lines=(to(NUMBER, SKU),))) == [("items.0.recharge_account", "not_of_this_sku")]
    assert nothing_moved(world)


def test_limits_are_of_a_sku_and_not_of_an_account(world: World) -> None:
    save(world, max_quantity=3)
    lines = (to(NUMBER, quantity=2), to(OTHER, quantity=2))
    assert refused(lambda: world.order(lines=lines)) == [("items.1.quantity", "over_limit_3")]
    assert nothing_moved(world)


@pytest.mark.parametrize(
    "sources",
    [
        (replace(PERSON, enabled=False),),
        (POOL,),  # has keys, and no recharge
        (SUPPLIER,),  # of nobody that we know
        (replace(SUPPLIER, cost=Money(900, "USD")), replace(PERSON, quota=1)),
    ],
)
def test_what_could_come_from_nowhere_is_sold_out_and_nothing_moves(world: World, sources: tuple[Source, ...]) -> None:
    sku = save(world, SkuKind.RECHARGE, *sources)
    with pytest.raises(SoldOut):
        world.order(lines=(to(None, "another-sku"), to(NUMBER, quantity=2)))
    assert nothing_moved(world)
    if sources[-1].quota is None:
        assert world.supply.offer(sku) == Offer(StockLevel.SOLD_OUT)


def test_what_nobody_has_said_a_source_of_is_done_by_hand(world: World) -> None:
    world.stock_up(1)
    sku = replace(world.catalog.sku(SKU), sku_id=RECHARGE, kind=SkuKind.RECHARGE, account_fields=(PHONE,))
    world.catalog.save_sku(sku, OPERATOR)
    assert world.supply.offer(sku) == Offer(StockLevel.IN_STOCK, by_hand=True)
    assert world.order(lines=(to(NUMBER),)).fresh


# the shelf


def test_the_shelf_says_whether_it_could_be_had_and_by_whom(world: World) -> None:
    world.suppliers.add(new_supplier("ksu", OPERATOR, world.now_ms()))
    key = save(world, SkuKind.EITHER, SUPPLIER, PERSON)
    assert world.supply.offer(key) == Offer(StockLevel.IN_STOCK)
    now = stamp(OPERATOR, world.now_ms(), 2)
    assert world.suppliers.put_sourcing(Sourcing(sku_id=RECHARGE, sources=(PERSON,), **now))
    assert world.supply.offer(key) == Offer(StockLevel.IN_STOCK), "remembered"
    world.ahead_ms += SHELF_CACHE_MS
    assert world.supply.offer(key) == Offer(StockLevel.IN_STOCK, by_hand=True)


def test_where_the_buyer_may_choose_the_shelf_says_when_there_is_no_key_to_choose(world: World) -> None:
    sku = save(world, SkuKind.CHOICE, PERSON)
    assert world.supply.offer(sku) == Offer(StockLevel.IN_STOCK, by_hand=True, keys=False)
    with pytest.raises(SoldOut):
        world.order(lines=(to(None),))
    world.import_codes(["ABCD-0002"], RECHARGE)
    assert world.another_process().supply.offer(sku) == Offer(StockLevel.LOW)


def test_either_of_a_pool_alone_is_there_while_the_pool_has_keys(world: World) -> None:
    sku = save(world, SkuKind.EITHER, POOL)
    assert world.supply.offer(sku) == Offer(StockLevel.SOLD_OUT)
    with pytest.raises(SoldOut):
        world.another_process().order(lines=(to(NUMBER),))
    world.import_codes(["ABCD-0001"], RECHARGE)
    later = world.another_process()
    assert later.supply.offer(sku) == Offer(StockLevel.LOW)
    (unit,) = later.order(lines=(to(NUMBER),)).order.units
    assert (unit.delivery, unit.key_ids) == (Delivery.EITHER, ())


# the order


def test_a_recharge_holds_no_key_and_waits_for_its_supplier_once_it_is_paid(world: World) -> None:
    world.stock_up(1)
    save(world)
    written = {"phone": " +86 138-0013-8000 "}
    placed = world.order(lines=(to(None, SKU), to(written), to(OTHER)))
    key, first, second = placed.order.units
    assert (key.delivery, key.account, len(key.key_ids)) == (None, None, 1)
    assert (first.delivery, first.account, first.account_mask, first.key_ids) == (
        Delivery.RECHARGE,
        NUMBER,
        {"phone": "138****8000"},
        (),
    )
    assert second.account == OTHER
    assert world.pay(placed.attempt).outcome is Outcome.APPLIED
    order = world.orders.of_buyer(placed.order.order_id, placed.token)
    assert [unit.status for unit in order.units] == [UnitStatus.DELIVERED, UnitStatus.QUEUED, UnitStatus.QUEUED]
    assert order.status is OrderStatus.FULFILLING
    assert world.issuance.issue(order.order_id, SYSTEM) == order
    check_promises(world)


def test_where_the_buyer_may_choose_an_account_is_the_choice(world: World) -> None:
    save(world, SkuKind.CHOICE)
    world.import_codes(["ABCD-0001"], RECHARGE)
    key, recharge = world.order(lines=(to(None), to(NUMBER))).order.units
    assert (key.delivery, len(key.key_ids)) == (None, 1)
    assert (recharge.delivery, recharge.key_ids) == (Delivery.RECHARGE, ())


def test_the_same_name_for_another_account_is_another_request(world: World) -> None:
    save(world)
    name = "one and the same order"
    first = world.order(lines=(to(NUMBER),), idempotency_key=name)
    assert world.another_process().order(lines=(to(dict(NUMBER)),), idempotency_key=name).order == first.order
    with pytest.raises(IdempotencyConflict):
        world.order(lines=(to(OTHER),), idempotency_key=name)


def test_a_key_order_asks_nobody_where_it_could_come_from(world: World) -> None:
    world.stock_up(2)
    meter = Meter()
    world.dynamodb = meter.watch(world.dynamodb)
    cold = world.another_process()
    with meter.tally() as keys_alone:
        cold.order()
        alone = keys_alone.requests["GetItem"]
    save(world)
    cold = world.another_process()
    with meter.tally() as with_recharge:
        cold.order(lines=(to(None, SKU), to(NUMBER)))
        both = with_recharge.requests["GetItem"]
    assert alone == 2  # its SKU and its product
    assert both == alone + 2  # another SKU, and where that comes from


# what is told of it


def test_a_buyer_follows_a_recharge_and_its_account_is_shown_masked(world: World) -> None:
    save(world)
    placed = world.order(lines=(to(NUMBER),))
    world.pay(placed.attempt)
    recharged(world, placed.order.order_id)
    order = world.another_process().orders.of_buyer(placed.order.order_id, placed.token)
    (unit,) = OrderOut.of(order, system_now_ms()).units
    assert [step.status for step in unit.history] == [UnitStatus.QUEUED, UnitStatus.RECHARGING, UnitStatus.DELIVERED]
    untraced = Trace(records=(), complete=False)
    shown_inside = OperatorsOrder.of(order, system_now_ms(), untraced, with_contact=True)
    (operators,) = shown_inside.units
    assert (operators.account, [attempt.state for attempt in operators.attempts]) == (unit.account, ["succeeded"])
    assert [decision.chosen for decision in operators.decisions] == ["us"]
    for shown in (OrderOut.of(order, system_now_ms()), shown_inside):
        assert NUMBER["phone"] not in to_json(shown).decode()
        assert "138****8000" in to_json(shown).decode()


def test_a_recharge_has_nothing_to_reveal_and_keys_beside_it_are_shown(world: World) -> None:
    codes = world.stock_up(1)
    save(world)
    mixed, alone = world.order(lines=(to(NUMBER), to(None, SKU))), world.order(lines=(to(NUMBER),))
    for placed in (mixed, alone):
        world.pay(placed.attempt)
    with pytest.raises(NotDelivered):
        world.delivery.reveal(alone.order.order_id, alone.token, BUYER)
    for placed in (mixed, alone):
        recharged(world, placed.order.order_id)
    (unit,) = world.delivery.reveal(mixed.order.order_id, mixed.token, BUYER)
    assert [key.code for key in unit.keys] == codes
    with pytest.raises(NothingToReveal):
        world.delivery.reveal(alone.order.order_id, alone.token, BUYER)


# afterwards


def test_what_was_credited_is_given_back_knowingly_and_its_keys_are_traced(world: World) -> None:
    world.stock_up(1)
    save(world)
    placed = world.order(lines=(to(NUMBER), to(None, SKU)))
    world.pay(placed.attempt)
    order = recharged(world, placed.order.order_id)
    assert len(world.tracing.of_order(order.order_id)) == 1
    wanted = WantedRefund(unit_ids=(order.units[0].unit_id,), why="it never came")
    with pytest.raises(AccountCredited):
        world.unit_refunds.request(order.order_id, wanted, "one", OPERATOR)
    assert world.orders.of_operator(order.order_id) == order
    asked = world.unit_refunds.request(order.order_id, replace(wanted, even_if_used=True), "one", OPERATOR)
    assert [refund.status for refund in asked.refunds] == [RefundStatus.DUE]
    assert [unit.status for unit in asked.units] == [UnitStatus.FAILED, UnitStatus.DELIVERED]
    assert asked.units[0].history is not None
    assert asked.units[0].history[-1].status is UnitStatus.FAILED


def test_an_order_of_nothing_but_recharges_is_cancelled(world: World) -> None:
    save(world)
    placed = world.order(lines=(to(NUMBER),))
    cancelled = world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    assert cancelled.status is OrderStatus.CANCELLED
