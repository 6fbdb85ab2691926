"""What suppliers offer, as it is looked at and stored, and what follows from their prices; on the engine."""

import json
import secrets
from dataclasses import replace
from functools import partial

import pytest

from functions.supply import handler as supply
from keyrail.platform.changes import stamp
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import LET_DOWN, LET_DOWN_LIMIT, new_supplier, switched
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.guarding import GuardMode, PriceGuard, WrongCurrency
from keyrail.suppliers.model.offers import KnownOffer
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing
from keyrail.suppliers.providers import Offer
from keyrail.suppliers.service import syncing
from keyrail.suppliers.service.syncing import BETWEEN_STEPS_MS, LOOKS_FOR_MS
from tests.card_house import BOSS, CLOCK, COST, HOUSE, ITEM, Buying, CardHouse, Plan
from tests.engines import Engine
from tests.racing import at_once
from tests.world import PRICE, SYSTEM, World

RACERS = 8


@pytest.fixture
def buying(world: World) -> Buying:
    return Buying(world, CardHouse())


def offers(buying: Buying) -> list[KnownOffer]:
    """Page by page, two at a time."""
    found, behind = buying.desk.offers(HOUSE, 2, None)
    while behind is not None:
        more, behind = buying.desk.offers(HOUSE, 2, behind)
        found += more
    return found


def sell(buying: Buying) -> str:
    """A SKU that comes from the house."""
    sku = f"sku-{secrets.token_hex(4)}"
    buying.world.stock_up(1, sku)
    source = Source(source_id="house", kind=SourceKind.KEYS, supplier=HOUSE, item=ITEM, cost=COST)
    now = stamp(SYSTEM, buying.world.now_ms())
    assert buying.world.suppliers.put_sourcing(Sourcing(sku_id=sku, sources=(source,), **now))
    return sku


def guard(buying: Buying, sku_id: str, **rule: object) -> None:
    now = stamp(BOSS, buying.world.now_ms())
    buying.desk.save_guard(PriceGuard(sku_id=sku_id, **rule, **now), BOSS)  # type: ignore[arg-type]


def asks(buying: Buying, price: Money) -> None:
    buying.house.offers = [replace(buying.house.offers[0], price=price)]
    buying.sync()


def withheld(buying: Buying, sku_id: str) -> str | None:
    sourcing = buying.world.suppliers.sourcing(sku_id)
    assert sourcing is not None
    return sourcing.sources[0].withheld


def test_a_first_look_makes_the_supplier_known_with_all_that_it_offers(buying: Buying) -> None:
    buying.house.offers += [Offer(item=f"more-{n}", name="more", price=COST, on_sale=True, stock=n) for n in range(3)]
    synced = buying.sync()
    assert (synced.reached, synced.offers, synced.changed) == (True, 4, 4)
    health, watch = buying.world.suppliers.health(HOUSE), buying.store.watch(HOUSE)
    assert health is not None
    assert watch is not None
    assert (health.disabled, watch.offers) == (False, 4)
    assert [each.stock for each in offers(buying)] == [None, 0, 1, 2]


def test_a_later_look_writes_what_changed_and_nothing_else(buying: Buying) -> None:
    buying.house.offers += [Offer(item="other", name="other", price=COST, on_sale=True)]
    buying.sync()
    before = {each.item: each for each in offers(buying)}
    buying.world.ahead_ms += 1
    buying.house.offers[1] = replace(buying.house.offers[1], price=Money(1, "CNY"))
    assert buying.sync().changed == 1
    after = {each.item: each for each in offers(buying)}
    assert (after[ITEM], after["other"].price) == (before[ITEM], Money(1, "CNY"))
    assert buying.sync().changed == 0


def test_a_balance_below_the_threshold_is_told_once(buying: Buying) -> None:
    buying.sync()
    buying.desk.set_threshold(HOUSE, COST.times(2), BOSS)
    versions = []
    for minor in (COST.amount_minor, COST.amount_minor, 9 * COST.amount_minor):
        buying.world.suppliers.put_balance(HOUSE, Money(minor, "CNY"), buying.world.now_ms())
        buying.sync()
        watch = buying.store.watch(HOUSE)
        assert watch is not None
        versions.append((watch.low, watch.version))
    assert versions == [(True, 2), (True, 2), (False, 3)]


@pytest.mark.parametrize("trouble", ["silent", "breaks_off", "slow"])
def test_a_supplier_that_cannot_be_looked_at_is_counted_and_leaves_what_was_known(buying: Buying, trouble: str) -> None:
    buying.house.offers += [Offer(item="other", name="other", price=COST, on_sale=True)]
    buying.sync()
    before, known = buying.store.watch(HOUSE), offers(buying)
    buying.house.silent = trouble == "silent"
    buying.house.breaks_after = 1 if trouble == "breaks_off" else None
    if trouble == "slow":
        buying.house.between = lambda: setattr(buying.world, "ahead_ms", buying.world.ahead_ms + LOOKS_FOR_MS)
    synced = buying.sync()
    watch = buying.store.watch(HOUSE)
    assert before is not None
    assert watch is not None
    assert (synced.reached, watch.unreached, watch.synced_at_ms) == (False, 1, before.synced_at_ms)
    assert offers(buying) == known


def test_a_supplier_that_units_are_sent_to_without_an_account_is_looked_at_in_vain_until_it_is_disabled(
    buying: Buying,
) -> None:
    name = "kasusou"
    mistyped = new_supplier(name, BOSS, buying.world.now_ms())
    assert buying.world.suppliers.add(mistyped)
    assert buying.syncing.names() == [HOUSE, name]
    assert not buying.syncing.sync(name, BOSS).reached
    watch = buying.store.watch(name)
    assert watch is not None
    assert watch.unreached == 1
    assert buying.world.suppliers.move(switched(mistyped, disabled=True, origin=BOSS, now_ms=0)) is None
    assert buying.syncing.names() == [HOUSE]
    with pytest.raises(UnknownSupplier):
        buying.syncing.sync("nobody", BOSS)


def test_the_same_item_twice_and_names_that_are_none_are_no_offers(buying: Buying) -> None:
    first = buying.house.offers[0]
    buying.house.offers += [
        replace(first, price=Money(1, "CNY")),
        replace(first, item=""),
        replace(first, item="x" * 999),
    ]
    assert buying.sync().offers == 1
    assert [each.price for each in offers(buying)] == [COST]
    buying.house.offers += [replace(first, price=dear) for dear in (COST + COST, COST, Money(9999, "USD"))]
    assert (buying.sync().offers, [each.price for each in offers(buying)]) == (1, [COST + COST])


def test_a_source_pauses_while_it_is_too_dear_and_comes_back_by_itself(buying: Buying) -> None:
    sku = sell(buying)
    guard(buying, sku, mode=GuardMode.PAUSE, max_cost=COST)
    asks(buying, COST + Money(1, "CNY"))
    assert buying.guarding.guard(sku, CLOCK)
    assert (withheld(buying, sku), buying.guarding.guard(sku, CLOCK)) == ("too_dear", False)
    rule = buying.store.guard(sku)
    assert rule is not None
    assert rule.withheld == {"house": "too_dear"}
    asks(buying, COST)
    assert buying.guarding.guard(sku, CLOCK)
    assert (withheld(buying, sku), buying.world.catalog.sku(sku).price) == (None, PRICE)


def test_a_rule_that_is_switched_off_lets_its_sources_back(buying: Buying) -> None:
    sku = sell(buying)
    guard(buying, sku, mode=GuardMode.PAUSE, max_cost=Money(1, "CNY"))
    asks(buying, COST)
    buying.guarding.guard(sku, CLOCK)
    assert withheld(buying, sku) == "too_dear"
    guard(buying, sku, mode=GuardMode.PAUSE, enabled=False)
    assert buying.guarding.guard(sku, CLOCK)
    rule = buying.store.guard(sku)
    assert (withheld(buying, sku), rule and rule.withheld, buying.guarding.guard(sku, CLOCK)) == (None, None, False)


def test_what_stands_behind_the_items_that_are_looked_at_is_not_taken_for_gone(
    buying: Buying, monkeypatch: pytest.MonkeyPatch
) -> None:
    buying.house.offers += [replace(buying.house.offers[0], item=f"more-{number}") for number in range(2)]
    buying.sync()
    known = offers(buying)
    monkeypatch.setattr(syncing, "MAX_OFFERS", 2)
    synced = buying.sync()
    assert (synced.reached, synced.offers, synced.changed, synced.whole) == (True, 2, 0, False)
    assert offers(buying) == known


def test_a_price_follows_its_supplier_step_by_step(buying: Buying) -> None:
    sku = sell(buying)
    guard(
        buying,
        sku,
        mode=GuardMode.FOLLOW,
        margin=Money(100, "CNY"),
        max_step=Money(50, "CNY"),
        ceiling=Money(2000, "CNY"),
    )
    asks(buying, Money(970, "CNY"))
    seen = []
    for _ in range(3):
        for _ in range(2):  # looked at once more, for what another supplier changed
            buying.guarding.guard(sku, CLOCK)
        seen.append((buying.world.catalog.sku(sku).price.amount_minor, withheld(buying, sku)))
        buying.world.ahead_ms += BETWEEN_STEPS_MS
    assert seen == [(1040, "too_dear"), (1070, None), (1070, None)]
    assert buying.world.catalog.sku(sku).changed_by == CLOCK.by


def test_a_higher_price_is_in_before_the_source_that_it_lets_through(buying: Buying) -> None:
    sku = sell(buying)
    guard(
        buying,
        sku,
        mode=GuardMode.FOLLOW,
        margin=Money(100, "CNY"),
        max_step=Money(500, "CNY"),
        ceiling=Money(2000, "CNY"),
    )
    asks(buying, Money(970, "CNY"))
    order: list[str] = []

    def note(params: dict[str, bytes], **_: object) -> None:
        order.append(json.loads(params["body"])["TableName"].rpartition("-")[2])

    buying.world.dynamodb.meta.events.register("before-call.dynamodb.PutItem", note)
    buying.guarding.guard(sku, CLOCK)
    higher, order[:] = order[:], []
    buying.world.ahead_ms += BETWEEN_STEPS_MS
    buying.house.offers = [replace(buying.house.offers[0], price=Money(700, "CNY"))]
    buying.sync()
    order.clear()
    buying.guarding.guard(sku, CLOCK)
    assert (higher, order) == (["catalog", "suppliers"], ["suppliers", "catalog"])


def test_all_who_look_at_a_price_at_once_move_it_by_one_step(buying: Buying) -> None:
    sku = sell(buying)
    amounts = {"margin": Money(100, "CNY"), "max_step": Money(50, "CNY"), "ceiling": Money(2000, "CNY")}
    guard(buying, sku, mode=GuardMode.FOLLOW, **amounts)
    asks(buying, Money(1500, "CNY"))
    processes = [Buying(buying.world.another_process(), buying.house) for _ in range(RACERS)]
    at_once([partial(process.guarding.guard, sku, CLOCK) for process in processes])
    assert (buying.world.catalog.sku(sku).price, withheld(buying, sku)) == (PRICE + Money(50, "CNY"), "too_dear")


def test_what_an_operator_says_of_the_sources_meanwhile_stands_and_the_rule_is_kept(
    buying: Buying, engine: Engine
) -> None:
    sku = sell(buying)
    guard(buying, sku, mode=GuardMode.PAUSE, max_cost=Money(1, "CNY"))
    asks(buying, COST)
    standing = buying.world.suppliers.sourcing(sku)
    assert standing is not None
    theirs = replace(standing, sources=(replace(standing.sources[0], priority=7),), version=standing.version + 1)
    process = Buying(buying.world.another_process(engine.dynamodb()), buying.house)

    def somebody_is_faster(**_: object) -> None:
        buying.world.suppliers.put_sourcing(theirs)

    process.world.dynamodb.meta.events.register("before-send.dynamodb.PutItem", somebody_is_faster)
    assert process.guarding.guard(sku, CLOCK)
    kept = buying.world.suppliers.sourcing(sku)
    assert kept is not None
    assert (kept.sources[0].priority, kept.sources[0].withheld) == (7, "too_dear")


def test_a_rule_is_in_the_currency_of_its_price(buying: Buying) -> None:
    sku = sell(buying)
    with pytest.raises(WrongCurrency):
        guard(buying, sku, mode=GuardMode.PAUSE, max_cost=Money(1, "USD"))


# the function


@pytest.fixture
def sent(buying: Buying, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What the function sends itself, whose use cases are those of the test's world."""
    messages: list[dict[str, str]] = []
    monkeypatch.setattr(supply, "send", messages.extend)
    monkeypatch.setattr(
        supply, "send_rest", lambda _, message, delay_s: messages.append({**message, "in": str(delay_s)})
    )
    monkeypatch.setattr(supply, "settings", lambda: type("Settings", (), {"supply_queue_url": "queue"}))
    for name in ("syncing", "guarding", "purchases", "purchasing"):
        monkeypatch.setattr(supply, name, lambda name=name: getattr(buying, name))
    return messages


def receive(**message: str) -> list[object]:
    failed = supply.handler({"Records": [{"messageId": "m", "body": json.dumps(message)}]}, None)["batchItemFailures"]
    assert isinstance(failed, list)
    return failed


def test_a_round_asks_for_each_supplier_rule_and_purchase_and_a_purchase_is_asked_about_soon(
    buying: Buying, sent: list[dict[str, str]]
) -> None:
    sku = sell(buying)
    buying.spend()
    guard(buying, sku, mode=GuardMode.PAUSE, max_cost=COST)
    buying.rule(sku)
    assert receive(supplier=HOUSE) == []
    assert sent == [{"guard": sku}, {"sku_id": sku}]
    buying.house.plans = [Plan.SLOW]
    purchase = buying.request(sku)
    sent.clear()
    assert receive(job="go_round") == []
    assert sent == [{"supplier": HOUSE}, {"guard": sku}, {"sku_id": sku}, {"purchase_id": purchase.purchase_id}]
    sent.clear()
    assert receive(purchase_id=purchase.purchase_id) == []
    assert sent == [{"purchase_id": purchase.purchase_id, "in": "60"}]
    assert receive(purchase_id=purchase.purchase_id) == []
    assert (len(sent), buying.purchases.open()) == (1, [])


@pytest.mark.parametrize("disabled", [False, True])
def test_a_supplier_that_does_poorly_rings_with_each_round_while_units_are_sent_there(
    buying: Buying, sent: list[dict[str, str]], capsys: pytest.CaptureFixture[str], disabled: bool
) -> None:
    assert receive(supplier=HOUSE) == []
    assert "SupplierDoesPoorly" not in capsys.readouterr().out
    suppliers, now_ms = buying.world.suppliers, buying.world.now_ms()
    health = suppliers.health(HOUSE)
    assert health
    for _ in range(LET_DOWN_LIMIT // LET_DOWN):
        suppliers.count_let_down(health, now_ms)
    health = suppliers.health(HOUSE)
    assert health
    if disabled:
        assert suppliers.move(switched(health, disabled=True, origin=BOSS, now_ms=now_ms)) is None
    assert receive(supplier=HOUSE) == []
    assert ("SupplierDoesPoorly" in capsys.readouterr().out) is not disabled
    assert sent == []


def test_a_catalogue_that_changed_is_followed_also_where_it_is_not_known_how_its_supplier_does(
    buying: Buying, sent: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = sell(buying)
    buying.rule(sku)

    def unavailable(name: str) -> bool:
        assert name == HOUSE
        raise StoreUnavailable

    monkeypatch.setattr(buying.syncing, "does_poorly", unavailable)
    assert receive(supplier=HOUSE) == [{"itemIdentifier": "m"}]
    assert sent == [{"sku_id": sku}]


def test_what_stands_in_the_way_of_a_purchase_is_counted_and_is_no_failure(
    buying: Buying, sent: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    sku = sell(buying)
    buying.rule(sku)
    figures = buying.world.stock_figures.of(sku)
    buying.world.figures.replace(replace(figures, low=True, revision=1))
    assert receive(sku_id=sku) == []
    assert "PurchaseHeldBack" in capsys.readouterr().out
    assert sent == []
    assert receive(nonsense=sku) == [{"itemIdentifier": "m"}]
