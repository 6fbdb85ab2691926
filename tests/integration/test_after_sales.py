"""Another key for a bad one: what changes, what is refused, and what its source owes us."""

import secrets
from dataclasses import dataclass, replace

import pytest

from keyrail.fulfilment.model import Complaint
from keyrail.inventory.model.faults import SourceNotFound, charge, retire
from keyrail.inventory.model.figures import no_figures
from keyrail.inventory.model.keys import (
    Fault,
    Key,
    KeyFrozen,
    KeyNotFound,
    KeyRedeemed,
    KeyState,
    LabelTaken,
    NotSold,
    SoldOut,
    secret_id,
)
from keyrail.inventory.model.moves import OfSource, counted, total
from keyrail.inventory.service.batches import NewBatch
from keyrail.inventory.store.sources import SourceStore
from keyrail.ordering.model.orders import MAX_REPLACEMENTS_PER_KEY, Line, Order, OrderStatus, ReplacedTooOften
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.changes import Origin
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import TransactionFailed, transact
from keyrail.platform.money import Money
from tests.files import UploadInMemory
from tests.promises import check_promises, check_stock
from tests.redeeming import ONCE, redeem, reverse
from tests.world import BUYER, OPERATOR, SKU, SYSTEM, World, new_codes

SUPPORT = Origin("operator:sue", "192.0.2.44", "ticket 4711")
BAD = Complaint(fault=Fault.BAD_CODE, charge_back=False)
CHARGED = Complaint(fault=Fault.ALREADY_USED, charge_back=True)
COST = Money(700, "CNY")


@dataclass
class Sale:
    """A delivered order of one unit."""

    world: World
    placed: Placed

    @property
    def order(self) -> Order:
        return self.world.orders.of_operator(self.placed.order.order_id)

    @property
    def keys(self) -> tuple[str, ...]:
        return self.order.units[0].key_ids

    def revealed(self) -> list[tuple[str, str | None]]:
        units = self.world.delivery.reveal(self.order.order_id, self.placed.token, BUYER)
        return [(key.key_id, key.code) for unit in units for key in unit.keys]


def sell(world: World, quantity: int = 1, sku_id: str = SKU) -> Sale:
    placed = world.order(quantity, sku_id=sku_id)
    world.pay(placed.attempt)
    return Sale(world, placed)


def import_at(world: World, source: str, cost: Money | None, keys: int = 1, sku_id: str = SKU) -> str:
    return world.import_codes(new_codes(keys), sku_id, source, cost)[1].batch_id


# what changes


def test_the_bad_key_is_void_another_is_sold_to_the_unit_and_both_name_each_other(world: World) -> None:
    codes = world.stock_up(3)
    sale = sell(world)
    (bad,) = sale.keys
    done = world.after_sales.replace(bad, BAD, SUPPORT)
    assert sale.keys == (done.by.key_id,)
    assert sale.order.units[0].replaced == (bad,)
    assert sale.order.status is OrderStatus.DELIVERED
    assert (done.bad.key_id, done.bad.state, done.bad.fault) == (bad, KeyState.VOID, Fault.BAD_CODE)
    assert (done.bad.replaced_by, done.by.replaces) == (done.by.key_id, bad)
    assert (done.by.state, done.by.order_id, done.by.unit_id) == (
        KeyState.SOLD,
        sale.order.order_id,
        sale.order.units[0].unit_id,
    )
    assert world.claims.stock(SKU).claimable == 1
    check_promises(world, codes)
    check_stock(world, SKU)


def test_the_buyer_sees_the_new_key_with_the_same_token_and_the_bad_one_no_more(world: World) -> None:
    codes = world.stock_up(2)
    sale = sell(world)
    ((bad, bad_code),) = sale.revealed()
    world.after_sales.replace(bad, BAD, SUPPORT)
    ((shown, code),) = sale.revealed()
    assert shown != bad
    assert {code, bad_code} == set(codes)
    assert world.keys.get(shown).revealed_at_ms is not None


def test_only_the_bad_one_of_several_keys_is_replaced_and_it_keeps_its_place(world: World) -> None:
    world.stock_up(5)
    sale = sell(world, 3)
    first, bad, last = sale.keys
    done = world.after_sales.replace(bad, BAD, SUPPORT)
    assert sale.keys == (first, done.by.key_id, last)
    check_promises(world)


def test_every_change_says_who_made_it_from_where_and_why(world: World) -> None:
    world.stock_up(2)
    sale = sell(world)
    done = world.after_sales.replace(sale.keys[0], CHARGED, SUPPORT)
    batch = world.batches.batch(done.bad.batch_id)
    source = world.sources.of(batch.source).source
    for item in (done.bad, done.by, sale.order, batch, source):
        said = (item.changed_by, item.changed_from, item.changed_reason)
        assert said == (SUPPORT.by, SUPPORT.address, SUPPORT.reason)


def test_a_key_that_stands_in_may_be_bad_as_well(world: World) -> None:
    codes = world.stock_up(3)
    sale = sell(world)
    (first,) = sale.keys
    second = world.after_sales.replace(first, BAD, SUPPORT).by.key_id
    third = world.after_sales.replace(second, BAD, SUPPORT).by.key_id
    assert sale.keys == (third,)
    assert sale.order.units[0].replaced == (first, second)
    check_promises(world, codes)


# once


def test_asking_again_gives_the_same_replacement_and_takes_no_other_key(world: World) -> None:
    world.stock_up(4)
    sale = sell(world)
    (bad,) = sale.keys
    first = world.after_sales.replace(bad, BAD, SUPPORT)
    again = world.another_process().after_sales.replace(bad, Complaint(fault=Fault.OTHER, charge_back=False), SUPPORT)
    assert again == first
    assert len(world.sold()) == 1
    assert world.claims.stock(SKU).claimable == 2


def test_asking_again_gives_what_stood_in_first_even_if_that_was_bad_too(world: World) -> None:
    world.stock_up(3)
    (bad,) = sell(world).keys
    first = world.after_sales.replace(bad, BAD, SUPPORT).by.key_id
    world.after_sales.replace(first, BAD, SUPPORT)
    assert world.after_sales.replace(bad, BAD, SUPPORT).by.key_id == first


def test_a_key_that_changed_since_it_was_read_is_not_ended(world: World) -> None:
    world.stock_up(2)
    sale = sell(world)
    as_read = world.keys.get(sale.keys[0])
    sale.revealed()
    ended = retire(as_read, "key_other", Fault.OTHER, SUPPORT, world.now_ms(), charge_back=False)
    with pytest.raises(TransactionFailed):
        transact(world.dynamodb, [world.keys.next_of_key(ended)])
    assert world.keys.get(as_read.key_id).state is KeyState.SOLD


def test_a_source_that_changed_since_it_was_read_is_not_charged(world: World) -> None:
    world.stock_up(1)
    store, source = SourceStore(world.keys), world.sources.of("supplier").source
    transact(world.dynamodb, [store.next(charge(source, COST, SUPPORT, world.now_ms()))])
    with pytest.raises(TransactionFailed):
        transact(world.dynamodb, [store.next(charge(source, COST, SUPPORT, world.now_ms()))])
    assert world.sources.of("supplier").source.charged_back == 1


# refused, with nothing changed


def refused(world: World, key_id: str, error: type[Exception]) -> None:
    before = {kind: world.scan(kind) for kind in ("orders", "keys")}
    with pytest.raises(error):
        world.another_process().after_sales.replace(key_id, CHARGED, SUPPORT)
    after = {kind: world.scan(kind) for kind in ("orders", "keys")}
    assert _sorted(after) == _sorted(before)


def _sorted(tables: dict[str, list[dict[str, object]]]) -> dict[str, list[str]]:
    return {kind: sorted(repr(sorted(item.items())) for item in items) for kind, items in tables.items()}


def test_a_key_that_nobody_bought_is_not_replaced(world: World) -> None:
    world.stock_up(2)
    (one, two) = (key.key_id for key in world.stored_keys())
    refused(world, one, NotSold)
    world.keys.lease(two, "ord_a", world.now_ms() + 60_000, BUYER, world.now_ms())
    refused(world, two, NotSold)
    refused(world, f"key_01{'0' * 26}", KeyNotFound)
    refused(world, world.stored_keys()[0].batch_id, KeyNotFound)


def test_with_nothing_to_replace_it_with_nothing_changes(world: World) -> None:
    world.stock_up(1)
    sale = sell(world)
    refused(world, sale.keys[0], SoldOut)
    assert len(sale.revealed()) == 1


def test_a_key_on_hold_is_not_replaced(world: World) -> None:
    world.stock_up(2)
    (bad,) = sell(world).keys
    batch_id = world.keys.get(bad).batch_id
    world.commands.freeze(batch_id, OPERATOR)
    refused(world, bad, KeyFrozen)
    world.follow(batch_id)
    assert world.keys.get(bad).state is KeyState.FROZEN
    refused(world, bad, KeyFrozen)
    world.commands.unfreeze(batch_id, OPERATOR)
    world.follow(batch_id)
    world.another_process().after_sales.replace(bad, BAD, SUPPORT)
    check_promises(world)


def test_a_key_that_we_redeemed_was_good_and_is_replaced_only_once_that_was_taken_back(world: World) -> None:
    world.stock_up(0)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), terms=replace(ONCE, uses=2)), OPERATOR)
    world.import_codes(new_codes(2))
    sale = sell(world)
    ((bad, code),) = sale.revealed()
    for redemption_id in ("till-1", "till-2"):
        redeem(world, str(code), redemption_id, issuer="game")
        refused(world, bad, KeyRedeemed)
    reverse(world, str(code), "till-1", issuer="game")
    refused(world, bad, KeyRedeemed)
    reverse(world, str(code), "till-2", issuer="game")
    done = world.after_sales.replace(bad, BAD, SUPPORT)
    assert sale.keys == (done.by.key_id,)
    assert [use.spent for use in done.bad.uses or ()] == [1, 1, -1, -1]
    check_promises(world)


@pytest.mark.parametrize("followed", [True, False])
def test_a_key_that_died_with_its_batch_is_replaced_from_another_batch(world: World, followed: bool) -> None:
    world.stock_up(1)
    sale = sell(world)
    (bad,) = sale.keys
    batch_id = world.keys.get(bad).batch_id
    world.commands.void(batch_id, OPERATOR)
    if followed:
        world.follow(batch_id)
    import_at(world, "another", None)
    done = world.another_process().after_sales.replace(bad, CHARGED, SUPPORT)
    assert sale.keys == (done.by.key_id,)
    world.follow(batch_id)
    assert world.keys.get(bad).replaced_by == done.by.key_id
    check_promises(world)


def test_a_unit_has_its_keys_replaced_so_often_and_no_oftener(world: World) -> None:
    world.stock_up(MAX_REPLACEMENTS_PER_KEY + 3)
    sale = sell(world)
    for _ in range(MAX_REPLACEMENTS_PER_KEY):
        world.after_sales.replace(sale.keys[0], BAD, SUPPORT)
    refused(world, sale.keys[0], ReplacedTooOften)
    check_promises(world)


# chosen numbers, and codes that are sold more than once


def import_table(world: World, rows: list[str], sales_per_key: int = 1) -> None:
    wanted = NewBatch(sku_id=SKU, source="supplier", sales_per_key=sales_per_key)
    batch = world.batches.open(wanted, secrets.token_hex(16), OPERATOR)
    world.importing.import_file(batch.batch_id, UploadInMemory("\n".join(rows).encode()), SYSTEM)


def test_a_chosen_number_is_replaced_by_the_same_number_or_not_at_all(world: World) -> None:
    world.stock_up(0)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), pick_fee=Money(100, "CNY")), OPERATOR)
    import_table(
        world, ["code,label", *(f"{code},{code[:4]}" for code in ("8888-AAAA-1111-0001", "6666-AAAA-1111-0002"))]
    )
    placed = world.order(lines=(Line(SKU, 1, label="8888"),))
    world.pay(placed.attempt)
    sale = Sale(world, placed)
    (bad,) = sale.keys
    refused(world, bad, LabelTaken)
    import_table(world, ["code,label", "8888-AAAA-1111-0003,8888"])
    done = world.another_process().after_sales.replace(bad, BAD, SUPPORT)
    assert (done.by.label, sale.keys) == ("8888", (done.by.key_id,))
    check_promises(world)


def test_another_sale_of_the_same_bad_code_does_not_stand_in_for_it(world: World) -> None:
    world.stock_up(0)
    import_table(world, new_codes(1), sales_per_key=5)
    sale = sell(world)
    refused(world, sale.keys[0], SoldOut)
    import_table(world, new_codes(1), sales_per_key=5)
    done = world.another_process().after_sales.replace(sale.keys[0], BAD, SUPPORT)
    assert secret_id(done.by.key_id) != secret_id(done.bad.key_id)
    check_promises(world)


# charged back


def charges(world: World, source: str) -> tuple[int, tuple[Money, ...]]:
    known = world.sources.of(source).source
    return known.charged_back, known.charged_money


def test_a_charge_is_counted_for_the_batch_and_the_source_with_what_the_key_had_cost(world: World) -> None:
    world.stock_up(0)
    cheap, dear = import_at(world, "ACME", COST), import_at(world, "ACME", Money(900, "CNY"))
    import_at(world, "Spare", None, 5)
    for _ in range(2):
        bad = _sold_of(world, {cheap, dear})
        assert world.after_sales.replace(bad.key_id, CHARGED, SUPPORT).bad.charged_back_at_ms is not None
    assert charges(world, "ACME") == (2, (Money(1600, "CNY"),))
    assert [world.batches.batch(batch).charged_back for batch in (cheap, dear)] == [1, 1]
    check_promises(world)


def _sold_of(world: World, batches: set[str]) -> Key:
    """Sells until a key of one of these batches, not complained about yet, is sold."""
    for _ in range(10):
        sold = [key for key in world.sold() if key.batch_id in batches]
        if sold:
            return sold[0]
        sell(world)
    raise AssertionError("none was sold")


def test_money_of_each_currency_is_a_sum_of_its_own_and_an_unknown_cost_adds_none(world: World) -> None:
    for sku, cost in (("one", COST), ("two", Money(3, "EUR")), ("three", None), ("four", Money(5, "EUR"))):
        world.stock_up(0, sku)
        import_at(world, "ACME", cost, 2, sku)
        world.after_sales.replace(sell(world, sku_id=sku).keys[0], CHARGED, SUPPORT)
    assert charges(world, "ACME") == (4, (COST, Money(8, "EUR")))


def test_without_a_charge_the_source_owes_nothing(world: World) -> None:
    world.stock_up(0)
    import_at(world, "ACME", COST, 2)
    (bad,) = sell(world).keys
    done = world.after_sales.replace(bad, BAD, SUPPORT)
    assert done.bad.charged_back_at_ms is None
    assert charges(world, "ACME") == (0, ())
    check_promises(world)


def test_a_charge_that_is_asked_for_later_is_made_then_and_once(world: World) -> None:
    world.stock_up(0)
    batch = import_at(world, "ACME", COST, 3)
    (bad,) = sell(world).keys
    by = world.after_sales.replace(bad, BAD, SUPPORT).by.key_id
    for _ in range(3):
        done = world.another_process().after_sales.replace(bad, CHARGED, SUPPORT)
        assert (done.by.key_id, done.bad.fault) == (by, Fault.BAD_CODE)
    assert charges(world, "ACME") == (1, (COST,))
    assert world.batches.batch(batch).charged_back == 1
    check_promises(world)


def test_a_charge_is_not_taken_back_by_asking_without_one(world: World) -> None:
    world.stock_up(0)
    import_at(world, "ACME", COST, 2)
    (bad,) = sell(world).keys
    world.after_sales.replace(bad, CHARGED, SUPPORT)
    world.after_sales.replace(bad, BAD, SUPPORT)
    assert charges(world, "ACME") == (1, (COST,))


def test_sources_are_listed_by_name_page_by_page(world: World) -> None:
    world.stock_up(0)
    names = [f"source {letter}" for letter in "ebdac"]
    for name in names * 2:
        import_at(world, name, None)
    seen: list[str] = []
    cursor: str | None = None
    while cursor or not seen:
        page, cursor = world.sources.page(2, cursor)
        seen += [report.source.name for report in page]
    assert seen == sorted([*names, "supplier"])
    with pytest.raises(SourceNotFound):
        world.sources.of("somebody else")


def test_a_source_is_known_with_all_that_it_supplies(world: World) -> None:
    for sku in ("one", "two"):
        world.stock_up(0, sku)
        for _ in range(2):
            import_at(world, "ACME", None, sku_id=sku)
    assert world.sources.of("ACME").source.sku_ids == ("one", "two")


def test_a_source_says_how_much_it_supplied_and_which_share_of_the_sold_was_bad(world: World) -> None:
    for sku, count in (("one", 5), ("two", 3)):
        world.stock_up(0, sku)
        import_at(world, "ACME", COST, count, sku)
    import_at(world, "Spare", None, 2, "one")
    for sku in ("one", "two", "two"):
        sell(world, sku_id=sku)
    bad = next(key for key in world.sold() if key.sku_id == "two")
    world.after_sales.replace(bad.key_id, CHARGED, SUPPORT)
    count_all(world)
    sold = sum(key.sold_at_ms is not None for key in world.stored_keys() if _source(world, key) == "ACME")
    report = world.sources.of("ACME")
    assert report.supplied == OfSource(imported=8, issued=sold)
    assert report.charged_share == round(1 / sold, 4)
    assert world.sources.of("Spare").charged_share in {None, 0.0}


def count_all(world: World) -> None:
    """As the stream brings all changes of all keys to the figures."""
    for sku_id in {key.sku_id for key in world.stored_keys()}:
        moves = [counted(key, _source(world, key)) for key in world.stored_keys() if key.sku_id == sku_id]
        assert world.figures.replace(no_figures(sku_id, world.now_ms()).after(total(moves), world.now_ms()))


def _source(world: World, key: Key) -> str:
    return world.batches.batch(key.batch_id).source


# a crash between the lease and the transaction


def test_a_lease_that_came_to_nothing_lapses_by_itself(world: World) -> None:
    world.stock_up(2)
    sale = sell(world)
    order = sale.order
    (spare,) = (key.key_id for key in world.stored_keys() if key.state is KeyState.AVAILABLE)
    assert world.keys.lease(spare, order.order_id, world.now_ms() + 60_000, SUPPORT, world.now_ms())
    refused(world, sale.keys[0], SoldOut)
    world.ahead_ms += 61_000
    assert world.another_process().after_sales.replace(sale.keys[0], BAD, SUPPORT).by.key_id == spare
    check_promises(world)


def test_all_that_a_key_holds_survives_its_end(world: World) -> None:
    world.stock_up(2)
    sale = sell(world)
    sale.revealed()
    before = _stored(world, sale.keys[0])
    after = _stored(world, world.after_sales.replace(sale.keys[0], BAD, SUPPORT).bad.key_id)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    stamps = {"version", "changed_by", "changed_from", "changed_at_ms", "changed_reason"}
    assert changed == {"state", "fault", "replaced_by", *stamps}
    assert from_attributes(Key, after).revealed_at_ms is not None


def _stored(world: World, key_id: str) -> dict[str, object]:
    (item,) = (item for item in world.scan("keys") if item["key_id"]["S"] == key_id)
    return item
