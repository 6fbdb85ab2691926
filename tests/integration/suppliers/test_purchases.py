"""Keys bought for the pool, on the engine: asked for once, in stock sealed, and never more spent than may be."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from keyrail.inventory.model.batches import Filling
from keyrail.inventory.model.figures import no_figures
from keyrail.platform.changes import Origin
from keyrail.platform.dynamo import TransactionFailed
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import switched
from keyrail.suppliers.model.outcomes import Card
from keyrail.suppliers.model.purchases import (
    MAX_PIECES,
    BudgetSpent,
    NoBudget,
    NotBuyable,
    NotOffered,
    OwnPurchase,
    Purchase,
    PurchaseDecided,
    PurchaseStatus,
    PurchaseUnderWay,
    Resolution,
)
from keyrail.suppliers.service.purchases import COUNTED_AFTER_MS
from keyrail.vault.model import Place
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.card_house import BOSS, BUYER, CLOCK, COST, HOUSE, SETTLEMENT_MS, Buying, CardHouse, Plan
from tests.own_codes import Workshop
from tests.racing import at_once, refusals
from tests.world import World

PIECES = 5
RACERS = 32
DAY_MS = 24 * 60 * 60_000


@pytest.fixture
def buying(world: World) -> Buying:
    buying = Buying(world, CardHouse())
    buying.sync()
    buying.spend()
    return buying


def new_sku(buying: Buying) -> str:
    sku = f"sku-{secrets.token_hex(4)}"
    buying.world.stock_up(1, sku)
    return sku


def bought(buying: Buying, *plans: Plan, pieces: int = PIECES) -> Purchase:
    buying.house.plans = list(plans)
    return buying.go_on(buying.request(new_sku(buying), pieces))


def run_low(buying: Buying, sku_id: str) -> None:
    """As the stream would count it; nothing is counted by itself in these worlds."""
    figures = buying.world.figures.get(sku_id) or no_figures(sku_id, buying.world.now_ms())
    assert buying.world.figures.replace(replace(figures, low=True, revision=figures.revision + 1))


def opened(world: World, purchase: Purchase) -> set[tuple[str, str | None]]:
    """Codes and passwords of a purchase's keys, as delivery would show them."""
    opener = Opener(KmsKeyWrapper(world.kms, world.vault_key), world.now_ms)
    batch = world.keys.get_batch(purchase.batch_id or "")
    keys = [key for key in world.stored_keys() if key.batch_id == batch.batch_id]
    places = ((key, Place(key.key_id, key.batch_id, key.sku_id)) for key in keys)
    found = [opener.open(batch.data_keys[key.data_key], place, key.sealed) for key, place in places]
    return {(each.code, each.password) for each in found}


def spent(buying: Buying, purchase: Purchase) -> int:
    return buying.store.spent("CNY", purchase.day)


# what is bought comes into the pool


def test_bought_keys_come_sealed_into_the_pool_as_a_batch_of_their_supplier(buying: Buying) -> None:
    purchase = bought(buying)
    world, cards = buying.world, buying.house.sold[purchase.reference]
    assert (purchase.status, purchase.told, purchase.accepted) == (PurchaseStatus.STOCKED, PIECES, PIECES)
    assert (purchase.cost, spent(buying, purchase)) == (COST.times(PIECES), COST.times(PIECES).amount_minor)
    batch = world.keys.get_batch(purchase.batch_id or "")
    assert (batch.source, batch.filling, batch.unit_cost, batch.key_count) == (HOUSE, Filling.PURCHASE, COST, PIECES)
    assert opened(world, purchase) == {(card.code, card.password) for card in cards}
    assert world.claims.stock(purchase.sku_id).claimable == PIECES + 1
    assert [each.reference for each in buying.house.orders] == [purchase.reference]
    assert (buying.purchases.open(), buying.purchases.of_sku(purchase.sku_id)) == ([], [purchase])


def test_no_card_is_anywhere_in_the_clear(buying: Buying) -> None:
    purchase = bought(buying, Plan.LOST)
    buying.go_on(purchase)
    stored = repr([buying.world.scan(kind) for kind in ("keys", "suppliers")])
    for card in buying.house.sold[purchase.reference]:
        assert card.code not in stored
        assert card.code not in repr(card)


def test_a_purchase_whose_supplier_is_no_longer_there_waits_for_a_person(buying: Buying) -> None:
    purchase = bought(buying, Plan.STUCK)
    buying.purchasing.accounts.suppliers = {}
    unknown = buying.go_on(purchase)
    assert (unknown.status, unknown.said) == (PurchaseStatus.UNKNOWN, "no_such_supplier")
    buying.world.ahead_ms += SETTLEMENT_MS
    assert buying.go_on(purchase).status is PurchaseStatus.UNDECIDED
    assert spent(buying, purchase) == COST.times(PIECES).amount_minor


def test_a_purchase_from_a_supplier_that_is_no_longer_there_was_surely_not_asked_for(buying: Buying) -> None:
    approved = buying.request(new_sku(buying), PIECES)
    buying.purchasing.accounts.suppliers = {}
    failed = buying.go_on(approved)
    assert (failed.status, failed.said) == (PurchaseStatus.FAILED, "no_such_supplier")
    assert (buying.house.orders, spent(buying, approved)) == ([], 0)


def test_a_purchase_about_which_an_adapter_breaks_waits_for_a_person(
    buying: Buying, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ArithmeticError

    purchase = bought(buying, Plan.STUCK)
    monkeypatch.setattr(buying.house, "query", breaks)
    assert (buying.go_on(purchase).status, buying.go_on(purchase).said) == (PurchaseStatus.UNKNOWN, "broken")
    buying.world.ahead_ms += SETTLEMENT_MS
    assert buying.go_on(purchase).status is PurchaseStatus.UNDECIDED


@pytest.mark.parametrize("plan", [Plan.LOST, Plan.SLOW])
def test_what_was_not_told_at_once_is_told_when_it_is_asked_about_and_is_never_ordered_again(
    buying: Buying, plan: Plan
) -> None:
    purchase = bought(buying, plan)
    assert purchase.status is {Plan.LOST: PurchaseStatus.UNKNOWN, Plan.SLOW: PurchaseStatus.PROCESSING}[plan]
    purchase = buying.go_on(purchase)
    assert (purchase.status, len(buying.house.orders)) == (PurchaseStatus.STOCKED, 1)
    assert buying.go_on(purchase) == purchase


def test_a_purchase_waits_while_its_supplier_is_kept_out_by_hand(buying: Buying) -> None:
    purchase, world = buying.request(new_sku(buying)), buying.world
    for disabled in (True, False):
        health = world.suppliers.health(HOUSE)
        assert health is not None
        world.suppliers.move(switched(health, disabled=disabled, origin=BOSS, now_ms=world.now_ms()))
        status = buying.go_on(purchase).status
        assert (status, len(buying.house.orders)) == (
            (PurchaseStatus.APPROVED, 0) if disabled else (PurchaseStatus.STOCKED, 1)
        )


def test_a_refused_purchase_gives_its_budget_back_and_another_may_follow(buying: Buying) -> None:
    purchase = bought(buying, Plan.REFUSED)
    assert (purchase.status, purchase.refusal, spent(buying, purchase)) == (PurchaseStatus.FAILED, "sold_out", 0)
    again = buying.go_on(buying.request(purchase.sku_id))
    assert (again.status, again.number, again.reference == purchase.reference) == (PurchaseStatus.STOCKED, 2, False)


def test_while_nobody_knows_it_is_only_asked_about_until_a_person_has_to_find_out(buying: Buying) -> None:
    purchase = bought(buying, Plan.UNHEARD)
    for _ in range(3):
        purchase = buying.go_on(purchase)
    assert (purchase.status, len(buying.house.orders)) == (PurchaseStatus.UNKNOWN, 1)
    with pytest.raises(PurchaseUnderWay):
        buying.request(purchase.sku_id)
    buying.world.ahead_ms += SETTLEMENT_MS
    purchase = buying.go_on(purchase)
    questions = len(buying.house.questions)
    assert (purchase.status, buying.go_on(purchase)) == (PurchaseStatus.UNDECIDED, purchase)
    assert (len(buying.house.questions), spent(buying, purchase)) == (questions, purchase.reserved.amount_minor)
    with pytest.raises(PurchaseUnderWay):
        buying.request(purchase.sku_id)


def test_a_person_who_found_out_that_it_was_not_done_makes_room_for_the_next(buying: Buying) -> None:
    purchase = _undecided(buying, Plan.UNHEARD)
    over = buying.purchases.resolve(purchase.purchase_id, Resolution.NOT_DONE, BOSS)
    assert (over.status, spent(buying, over)) == (PurchaseStatus.FAILED, 0)
    assert buying.go_on(buying.request(purchase.sku_id)).status is PurchaseStatus.STOCKED


def test_a_person_may_have_the_supplier_asked_for_longer(buying: Buying) -> None:
    purchase = _undecided(buying, Plan.STUCK)
    buying.purchases.resolve(purchase.purchase_id, Resolution.ASK_AGAIN, BOSS)
    assert buying.go_on(purchase).status is PurchaseStatus.PROCESSING
    with pytest.raises(PurchaseDecided):
        buying.purchases.resolve(purchase.purchase_id, Resolution.NOT_DONE, BOSS)


def _undecided(buying: Buying, plan: Plan) -> Purchase:
    purchase = bought(buying, plan)
    buying.world.ahead_ms += SETTLEMENT_MS
    purchase = buying.go_on(purchase)
    assert purchase.status is PurchaseStatus.UNDECIDED
    return purchase


# what came is not what was ordered


@pytest.mark.parametrize(
    ("odd", "told", "accepted", "duplicate", "rejected"),
    [
        (lambda cards: cards[1:], PIECES - 1, PIECES - 1, 0, 0),
        (lambda cards: (*cards, Card(code="ONE-TOO-MANY", password="1")), PIECES + 1, PIECES + 1, 0, 0),
        (lambda cards: (cards[0], *cards[:-1]), PIECES, PIECES - 1, 1, 0),
        (lambda cards: (Card(code="\u200bhidden", password="1"), *cards[1:]), PIECES, PIECES - 1, 0, 1),
        (lambda cards: (Card(code="PAST", password="1", expires_on="2020-01-01"), *cards[1:]), PIECES, 4, 0, 1),
    ],
)
def test_cards_that_are_not_as_ordered_are_counted_and_wait_for_a_person(
    buying: Buying,
    odd: Callable[[tuple[Card, ...]], tuple[Card, ...]],
    told: int,
    accepted: int,
    duplicate: int,
    rejected: int,
) -> None:
    buying.house.odd = odd
    purchase = bought(buying)
    counts = (purchase.told, purchase.accepted, purchase.duplicate, purchase.rejected)
    assert (purchase.status, *counts) == (PurchaseStatus.DIFFERS, told, accepted, duplicate, rejected)
    assert buying.world.claims.stock(purchase.sku_id).claimable == accepted + 1
    with pytest.raises(PurchaseUnderWay):
        buying.request(purchase.sku_id)
    assert buying.purchases.resolve(purchase.purchase_id, Resolution.SEEN, BOSS).status is PurchaseStatus.SETTLED
    assert spent(buying, purchase) == COST.times(PIECES).amount_minor


def test_a_supplier_that_takes_more_than_was_offered_is_for_a_person(buying: Buying) -> None:
    buying.house.takes = COST.times(PIECES) + Money(1, "CNY")
    purchase = bought(buying)
    assert (purchase.status, purchase.accepted) == (PurchaseStatus.DIFFERS, PIECES)
    assert spent(buying, purchase) == buying.house.takes.amount_minor


def test_a_card_that_was_sold_to_us_before_is_a_duplicate_and_is_not_in_stock_twice(buying: Buying) -> None:
    first = bought(buying)
    cards = buying.house.sold[first.reference]
    buying.house.odd = lambda _: cards
    again = bought(buying)
    assert (again.status, again.duplicate, again.accepted) == (PurchaseStatus.DIFFERS, PIECES, 0)
    assert len([key for key in buying.world.stored_keys() if key.batch_id == again.batch_id]) == 0


def test_cards_told_in_another_order_are_the_same_cards(buying: Buying) -> None:
    purchase = bought(buying, Plan.LOST)
    told = list(buying.house.sold[purchase.reference])
    process = Buying(buying.world.another_process(), buying.house)
    process.world.intake.take_in = _killed(process.world.intake.take_in)  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        process.go_on(purchase)
    buying.house.odd = lambda _: tuple(reversed(told))
    assert buying.go_on(purchase).status is PurchaseStatus.STOCKED
    assert buying.world.claims.stock(purchase.sku_id).claimable == PIECES + 1


class Killed(Exception):
    pass


def _killed(take_in: Callable[..., object]) -> Callable[..., object]:
    """Everything is in, and nobody was told."""

    def killed(*args: object) -> object:
        take_in(*args)
        raise Killed

    return killed


# who may, and for how much


def test_above_the_limit_a_second_person_decides_and_nobody_is_asked_before(buying: Buying) -> None:
    buying.spend(alone_minor=COST.times(PIECES).amount_minor - 1)
    waiting = buying.request(new_sku(buying))
    assert (waiting.status, buying.go_on(waiting)) == (PurchaseStatus.AWAITING_APPROVAL, waiting)
    with pytest.raises(OwnPurchase):
        buying.purchases.approve(waiting.purchase_id, BUYER)
    approved = buying.purchases.approve(waiting.purchase_id, BOSS)
    assert buying.purchases.approve(waiting.purchase_id, BOSS) == approved
    assert buying.house.orders == []
    assert buying.go_on(approved).status is PurchaseStatus.STOCKED
    with pytest.raises(PurchaseDecided):
        buying.purchases.reject(waiting.purchase_id, BOSS)


def test_who_set_the_rule_cannot_approve_what_it_wants(buying: Buying) -> None:
    buying.spend(alone_minor=1)
    sku = new_sku(buying)
    buying.rule(sku)
    run_low(buying, sku)
    waiting = buying.purchasing.restock(sku, CLOCK)
    assert waiting is not None
    with pytest.raises(OwnPurchase):
        buying.purchases.approve(waiting.purchase_id, BOSS)
    assert buying.purchases.approve(waiting.purchase_id, BUYER).status is PurchaseStatus.APPROVED


def test_what_is_rejected_costs_nothing_and_is_never_asked_for(buying: Buying) -> None:
    buying.spend(alone_minor=1)
    waiting = buying.request(new_sku(buying))
    over = buying.purchases.reject(waiting.purchase_id, BUYER)
    assert (over.status, spent(buying, over), buying.go_on(over)) == (PurchaseStatus.REJECTED, 0, over)
    assert (buying.house.orders, buying.purchases.open()) == ([], [])


def test_the_same_request_is_the_same_purchase_and_another_under_its_key_a_conflict(buying: Buying) -> None:
    sku = new_sku(buying)
    first = buying.request(sku, key="monday")
    assert buying.request(sku, key="monday") == first
    done = buying.go_on(first)
    assert (buying.request(sku, key="monday"), len(buying.house.orders)) == (done, 1)
    with pytest.raises(IdempotencyConflict):
        buying.request(sku, pieces=PIECES + 1, key="monday")


def test_a_day_has_so_much_to_spend_and_the_next_day_again(buying: Buying) -> None:
    buying.spend(a_day_minor=COST.times(PIECES).amount_minor)
    bought(buying)
    with pytest.raises(BudgetSpent):
        buying.request(new_sku(buying), 1)
    buying.world.ahead_ms += DAY_MS
    buying.sync()
    assert bought(buying).status is PurchaseStatus.STOCKED


def test_without_a_budget_or_an_offer_nothing_is_bought(world: World) -> None:
    buying = Buying(world, CardHouse())
    sku = new_sku(buying)
    with pytest.raises(NoBudget):
        buying.request(sku)
    buying.spend()
    with pytest.raises(NotOffered):
        buying.request(sku)
    buying.sync()
    with pytest.raises(NotOffered):
        buying.purchases.request(buying.want(sku, max_price=Money(COST.amount_minor - 1, "CNY")), "k", BUYER)
    buying.house.offers = [replace(buying.house.offers[0], stock=0)]
    buying.sync()
    with pytest.raises(NotOffered):
        buying.request(sku)
    buying.house.offers = [replace(buying.house.offers[0], stock=None)]
    buying.sync()
    health = world.suppliers.health(HOUSE)
    assert health is not None
    world.suppliers.move(switched(health, disabled=True, origin=BOSS, now_ms=world.now_ms()))
    with pytest.raises(NotOffered):
        buying.request(sku)


# what is bought by itself


def test_stock_that_is_low_is_filled_up_by_its_rule_and_no_further(buying: Buying) -> None:
    sku = new_sku(buying)
    buying.rule(sku, pieces=MAX_PIECES, up_to=3)
    assert buying.purchasing.restock(sku, CLOCK) is None
    run_low(buying, sku)
    purchase = buying.purchasing.restock(sku, CLOCK)
    assert purchase is not None
    assert (purchase.pieces, purchase.status, purchase.rule_by) == (3, PurchaseStatus.APPROVED, BOSS.by)
    buying.go_on(purchase)
    # The stream may not have counted the keys yet.
    assert buying.purchasing.restock(sku, CLOCK) is None
    buying.world.ahead_ms += COUNTED_AFTER_MS
    assert buying.purchasing.restock(sku, CLOCK) is not None


def test_the_first_keys_of_a_sku_are_bought_by_its_rule_and_none_while_others_are_on_their_way(buying: Buying) -> None:
    filled = new_sku(buying)
    bare = f"sku-{secrets.token_hex(4)}"
    buying.world.catalog.save_sku(replace(buying.world.catalog.sku(filled), sku_id=bare), BOSS)
    for sku in (filled, bare):
        buying.rule(sku, up_to=3)
    # The stream has counted neither; a pool that has keys is not bare.
    assert buying.purchasing.restock(filled, CLOCK) is None
    coming = replace(no_figures(bare, buying.world.now_ms()), moving=("bat_1",), revision=1)
    assert buying.world.figures.replace(coming)
    assert buying.purchasing.restock(bare, CLOCK) is None
    assert buying.world.figures.replace(replace(coming, moving=(), revision=2))
    purchase = buying.purchasing.restock(bare, CLOCK)
    assert purchase is not None
    assert (purchase.pieces, buying.go_on(purchase).status) == (3, PurchaseStatus.STOCKED)
    buying.world.ahead_ms += COUNTED_AFTER_MS
    assert buying.purchasing.restock(bare, CLOCK) is None


def test_a_rule_is_for_keys_that_others_issue(buying: Buying) -> None:
    sku = Workshop(buying.world).sku()
    buying.rule(sku)
    run_low(buying, sku)
    with pytest.raises(NotBuyable):
        buying.purchasing.restock(sku, CLOCK)


# many at once


def test_a_purchase_that_slept_through_another_one_of_its_sku_is_not_begun(buying: Buying) -> None:
    open_one = buying.request(new_sku(buying))
    late = replace(open_one, purchase_id="pur_late")
    with pytest.raises(TransactionFailed) as refused:
        buying.store.add_purchase(late, 10_000_000)
    assert 1 in refused.value.failed
    assert buying.purchases.of_sku(open_one.sku_id) == [open_one]


def test_of_two_who_decide_at_once_one_does_and_a_rejected_purchase_is_never_asked_for(buying: Buying) -> None:
    buying.spend(alone_minor=1)
    waiting = buying.request(new_sku(buying))
    name, people = waiting.purchase_id, [Origin(f"operator:{number}", "192.0.2.9", "test") for number in range(8)]
    processes = [Buying(buying.world.another_process(), buying.house) for _ in people]
    steps: list[Callable[[], Purchase]] = []
    for number, (process, person) in enumerate(zip(processes, people, strict=True)):
        decide = process.purchases.reject if number % 2 else process.purchases.approve
        steps += [partial(decide, name, person), partial(process.purchasing.go_on, name, CLOCK)]
    at_once(steps)
    over = buying.purchasing.go_on(name, CLOCK)
    assert over.status in {PurchaseStatus.REJECTED, PurchaseStatus.STOCKED}
    assert len(buying.house.orders) == (1 if over.status is PurchaseStatus.STOCKED else 0)


def test_stock_that_is_told_to_be_low_many_times_at_once_is_bought_for_once(buying: Buying) -> None:
    sku = new_sku(buying)
    buying.rule(sku)
    run_low(buying, sku)
    processes = [Buying(buying.world.another_process(), buying.house) for _ in range(RACERS)]
    results = at_once([partial(process.purchasing.restock, sku, CLOCK) for process in processes])
    assert set(refusals(results)) <= {PurchaseUnderWay.code}
    (purchase,) = buying.purchases.open()
    assert [each for each in results if isinstance(each, Purchase)] == [purchase]
    at_once([partial(process.purchasing.go_on, purchase.purchase_id, CLOCK) for process in processes])
    assert (len(buying.house.orders), buying.go_on(purchase).status) == (1, PurchaseStatus.STOCKED)
    assert buying.world.claims.stock(sku).claimable == PIECES + 1


def test_a_budget_is_not_overdrawn_by_many_at_once(buying: Buying) -> None:
    affordable = 7
    cost = COST.times(PIECES).amount_minor
    buying.spend(a_day_minor=affordable * cost + cost - 1)
    skus = [f"sku-{number}" for number in range(RACERS)]
    processes = [Buying(buying.world.another_process(), buying.house) for _ in skus]
    results = at_once([partial(each.request, sku) for each, sku in zip(processes, skus, strict=True)])
    made = [each for each in results if isinstance(each, Purchase)]
    assert set(refusals(results)) == {BudgetSpent.code}
    assert (len(made), spent(buying, made[0])) == (affordable, affordable * cost)
    assert {each.purchase_id for each in buying.purchases.open()} == {each.purchase_id for each in made}
