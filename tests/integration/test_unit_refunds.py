"""Delivered units are refunded: their keys end in the write that owes their price back, and the money goes once."""

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest

from keyrail.catalog.model import AfterRefund, Product, Sku, Terms
from keyrail.fulfilment.model import Complaint, GivenUp
from keyrail.inventory.model.keys import Fault, KeyRedeemed, KeyState, KeyVoid, NotSold
from keyrail.inventory.model.moves import counted
from keyrail.ordering.model.orders import (
    Line,
    NotRefundable,
    Order,
    OrderStatus,
    RefundWaits,
    SeenSince,
    UnitStatus,
)
from keyrail.ordering.model.refund_requests import RETURNED, WantedRefund, awaiting
from keyrail.ordering.service.checkout import Placed
from keyrail.payments.model.desk import payment_id
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.model.refunds import AlreadyDecided, OwnRequest, RefundNotFound, RefundStatus
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.dynamo import TransactionFailed, transact
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid, KeyrailError
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.racing import at_once, refusals
from tests.redeeming import CARD, ONCE, name, redeem, reverse
from tests.world import BUYER, PRICE, SKU, SYSTEM, World, new_codes

ALICE = Origin("operator:alice", "192.0.2.1", "does not like it")
BOB = Origin("operator:bob", "192.0.2.2", "agreed")
WHOLE = WantedRefund(why="does not like it")
EVEN_IF_USED = WantedRefund(why="our mistake", even_if_used=True)
TILLS = 50


@pytest.fixture
def bank(world: World) -> Bank:
    return at_bank(world, Bank())


def at_bank(world: World, bank: Bank) -> Bank:
    world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    return bank


def bought(world: World, bank: Bank, quantity: int = 1, *, skus: tuple[str, ...] = (SKU,)) -> Placed:
    placed = world.order(lines=tuple(Line(sku, quantity) for sku in skus), provider=PROVIDER)
    world.settlement.settle(bank.paid(placed.attempt, f"ref-{placed.order.order_id}"), SYSTEM)
    return placed


def refund(world: World, placed: Placed, wanted: WantedRefund = WHOLE, by: Origin = ALICE, named: str = "") -> Order:
    return world.unit_refunds.request(placed.order.order_id, wanted, named or secrets.token_hex(12), by)


def limited(world: World, payment_minor: int, day_minor: int = 10**9) -> None:
    world.refund_limits = RefundLimits({"CNY": RefundLimit(payment_minor, day_minor)})


def test_some_keys_of_a_unit_are_refunded_and_the_others_stay(world: World, bank: Bank) -> None:
    world.stock_up(12)
    placed = bought(world, bank, 10)
    (unit,) = placed.order.units
    bad = unit.key_ids[2:5]
    order = refund(world, placed, WantedRefund(key_ids=bad, why="three are bad"))
    kept, apart = order.units
    assert (kept.unit_id, kept.quantity, kept.amount, kept.status) == (
        unit.unit_id,
        7,
        PRICE.times(7),
        UnitStatus.DELIVERED,
    )
    assert (apart.quantity, apart.amount, apart.key_ids, apart.status) == (3, PRICE.times(3), bad, UnitStatus.FAILED)
    assert (order.status, order.refunds[0].amount) == (OrderStatus.PARTIALLY_DELIVERED, PRICE.times(3))
    (shown,) = world.delivery.reveal(order.order_id, placed.token, BUYER)
    assert {key.key_id for key in shown.keys} == set(unit.key_ids) - set(bad)
    assert {world.keys.get(key).unit_id for key in bad} == {apart.unit_id}
    world.refunds.settle(order.order_id, SYSTEM)
    check_promises(world)
    with pytest.raises(NotRefundable):
        refund(world, placed, WantedRefund(key_ids=bad[:1], why="once more"))
    assert refund(world, placed).refunds[1].amount == PRICE.times(7)
    world.refunds.settle(order.order_id, SYSTEM)
    assert world.orders.of_operator(order.order_id).status is OrderStatus.REFUNDED
    check_promises(world)


def test_keys_that_wait_for_approval_stay_with_their_unit_until_then(world: World, bank: Bank) -> None:
    world.stock_up(5)
    limited(world, 0)
    placed = bought(world, bank, 3)
    order_id, (unit,) = placed.order.order_id, placed.order.units
    (waiting,) = refund(world, placed, WantedRefund(key_ids=unit.key_ids[:1], why="bad")).refunds
    assert (waiting.unit_ids, waiting.amount) == ((unit.unit_id,), PRICE)
    assert len(world.orders.of_operator(order_id).units) == 1
    with pytest.raises(RefundWaits):
        refund(world, placed, WantedRefund(key_ids=unit.key_ids[1:2], why="bad, too"))
    complaint = Complaint(fault=Fault.BAD_CODE, charge_back=False)
    stand_in = world.after_sales.replace(unit.key_ids[0], complaint, ALICE).by.key_id
    with pytest.raises(NotRefundable):
        world.unit_refunds.approve(order_id, waiting.refund_id, BOB)
    world.unit_refunds.reject(order_id, waiting.refund_id, BOB)
    (_, anew) = refund(world, placed, WantedRefund(key_ids=(stand_in,), why="bad as well")).refunds
    approved = world.unit_refunds.approve(order_id, anew.refund_id, BOB)
    assert [each.key_ids for each in approved.units] == [unit.key_ids[1:], (stand_in,)]
    assert approved.refunds[1].unit_ids == (approved.units[1].unit_id,)
    check_promises(world)


def test_a_delivered_order_is_refunded_whole_its_keys_are_void_and_the_money_goes_back_once(
    world: World, bank: Bank
) -> None:
    codes = world.stock_up(3)
    placed = bought(world, bank, 3)
    order = refund(world, placed)
    (owed,) = order.refunds
    assert (order.status, order.units[0].status) == (OrderStatus.REFUNDING, UnitStatus.FAILED)
    assert (owed.status, owed.amount, owed.reason) == (RefundStatus.DUE, PRICE.times(3), RETURNED)
    assert {world.keys.get(key).state for key in order.units[0].key_ids} == {KeyState.VOID}
    with pytest.raises(GivenUp):
        world.delivery.reveal(order.order_id, placed.token, BUYER)
    assert world.refunds.settle(order.order_id, SYSTEM)
    order = world.orders.of_operator(order.order_id)
    assert (order.status, order.units[0].status) == (OrderStatus.REFUNDED, UnitStatus.REFUNDED)
    assert bank.given_back == {owed.refund_id: PRICE.times(3)}
    check_promises(world, codes)


def test_one_unit_is_refunded_the_other_stays_and_goes_later(world: World, bank: Bank) -> None:
    world.stock_up(2)
    world.stock_up(2, "other", Money(500, "CNY"))
    placed = bought(world, bank, 2, skus=(SKU, "other"))
    first, second = placed.order.units
    order = refund(world, placed, WantedRefund(unit_ids=(second.unit_id,), why="one too many"))
    assert (order.status, order.refunds[0].amount) == (OrderStatus.PARTIALLY_DELIVERED, Money(1000, "CNY"))
    assert [u.unit_id for u in world.delivery.reveal(order.order_id, placed.token, BUYER)] == [first.unit_id]
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert world.orders.of_operator(order.order_id).status is OrderStatus.PARTIALLY_DELIVERED
    check_promises(world)
    assert refund(world, placed).status is OrderStatus.REFUNDING
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert world.orders.of_operator(order.order_id).status is OrderStatus.REFUNDED
    assert sorted(money.amount_minor for money in bank.given_back.values()) == [1000, 1980]
    check_promises(world)


def test_the_same_request_again_is_once_and_another_one_of_its_name_is_refused(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    first = refund(world, placed, named="refund-of-tuesday")
    assert refund(world, placed, named="refund-of-tuesday") == first
    with pytest.raises(IdempotencyConflict):
        refund(world, placed, replace(WHOLE, why="another reason"), named="refund-of-tuesday")
    with pytest.raises(NotRefundable):
        refund(world, placed, named="refund-of-wednesday")


def test_what_cannot_be_refunded_is_refused_and_changes_nothing(world: World, bank: Bank) -> None:
    world.stock_up(2)
    unpaid, placed = world.order(provider=PROVIDER), bought(world, bank)
    wrong: list[tuple[Placed, WantedRefund, type[KeyrailError]]] = [
        (unpaid, WHOLE, NotRefundable),
        (placed, WantedRefund(unit_ids=("unt_none",), why="x"), Invalid),
        (placed, WantedRefund(unit_ids=(placed.order.units[0].unit_id,) * 2, why="x"), Invalid),
        (placed, WantedRefund(unit_ids=(), why="x"), NotRefundable),
        (placed, WantedRefund(key_ids=(), why="x"), Invalid),
        (placed, WantedRefund(key_ids=("key_none",), why="x"), NotRefundable),
        (placed, WantedRefund(key_ids=placed.order.units[0].key_ids * 2, why="x"), Invalid),
        (placed, WantedRefund(key_ids=("key",), unit_ids=(placed.order.units[0].unit_id,), why="x"), Invalid),
    ]
    before = [world.orders.of_operator(each.order.order_id) for each in (unpaid, placed)]
    for of, wanted, error in wrong:
        with pytest.raises(error):
            refund(world, of, wanted)
    assert [world.orders.of_operator(each.order.order_id) for each in (unpaid, placed)] == before
    with pytest.raises(Invalid) as refused:
        refund(world, placed, wrong[1][1])
    assert refused.value.fields == (FieldError("unit_ids.0", "unknown"),)


@pytest.mark.parametrize(
    ("own", "policy", "seen", "flagged"),
    [
        (False, None, False, False),
        (False, None, True, True),
        (True, None, True, False),
        (False, AfterRefund.VOID, True, False),
        (True, AfterRefund.FLAG, True, True),
    ],
)
def test_a_key_that_its_buyer_has_seen_is_flagged_where_the_sku_says_so_and_void_in_any_case(
    world: World, bank: Bank, own: bool, policy: AfterRefund | None, seen: bool, flagged: bool
) -> None:
    world.stock_up(1)
    sku = replace(world.catalog.sku(SKU), after_refund=policy, terms=Terms(uses=1) if own else None)
    world.catalog.save_sku(sku, ALICE)
    placed = bought(world, bank)
    if seen:
        world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    order = refund(world, placed)
    key = world.keys.get(order.units[0].key_ids[0])
    assert (key.state, key.refund_id, key.flagged_at_ms is not None) == (
        KeyState.VOID,
        order.refunds[0].refund_id,
        flagged,
    )
    moves = counted(key, "supplier")
    assert (moves.tally.void, moves.tally.sold, moves.sources["supplier"].flagged) == (1, 0, int(flagged))
    check_promises(world)


def redeemable(world: World, bank: Bank, terms: Terms = ONCE, quantity: int = 1) -> tuple[Placed, list[str]]:
    """An order of codes that we redeem ourselves, and the codes in the clear."""
    now = stamp(ALICE, world.now_ms())
    world.catalog.save_product(Product(product_id="game", store_id="main", name="Game", **now), ALICE)
    sku = Sku(sku_id="own", product_id="game", store_id="main", name="Own", price=PRICE, issuer="g", terms=terms, **now)
    world.catalog.save_sku(sku, ALICE)
    codes, _ = world.import_codes(new_codes(quantity), "own")
    placed = bought(world, bank, quantity, skus=("own",))
    return placed, codes


def test_what_was_redeemed_is_not_refunded_unless_it_is_said_so(world: World, bank: Bank) -> None:
    placed, (code,) = redeemable(world, bank)
    used = name()
    redeem(world, code, used, issuer="g")
    before = world.stored_keys()
    with pytest.raises(KeyRedeemed):
        refund(world, placed)
    assert world.stored_keys() == before
    order = refund(world, placed, EVEN_IF_USED)
    assert order.refunds[0].request is not None
    assert order.refunds[0].request.keys_used == 1
    with pytest.raises(KeyVoid):
        reverse(world, code, used, issuer="g")
    check_promises(world)


def test_a_redemption_that_was_taken_back_does_not_stand_in_the_way(world: World, bank: Bank) -> None:
    placed, (code,) = redeemable(world, bank)
    redeem(world, code, "till-7-000001", issuer="g")
    reverse(world, code, "till-7-000001", issuer="g")
    assert refund(world, placed).status is OrderStatus.REFUNDING
    with pytest.raises(KeyVoid):
        redeem(world, code, issuer="g")
    check_promises(world)


def test_a_key_that_was_seen_or_used_since_it_was_read_is_not_taken_back(world: World, bank: Bank) -> None:
    placed, codes = redeemable(world, bank, CARD, 2)
    stale = world.unit_refunds.withdrawals.keys(placed.order.units[0].key_ids)
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    seen = world.unit_refunds.withdrawals.keys(placed.order.units[0].key_ids)
    redeem(world, codes[0], issuer="g", amount=Money(100, "CNY"))
    used = {key.key_id: key for key in world.stored_keys()}
    for read in (stale, seen):
        for key in read:
            (write,) = world.unit_refunds.withdrawals.writes([key], "ref_1", ALICE, even_if_used=False)
            if read is seen and not used[key.key_id].uses:
                transact(world.dynamodb, [write])
                continue
            with pytest.raises(TransactionFailed):
                transact(world.dynamodb, [write])


def test_a_refund_and_fifty_tills_end_with_goods_or_money_back(world: World, bank: Bank) -> None:
    placed, (code,) = redeemable(world, bank)

    def till(number: int) -> Callable[[], object]:
        process = world.another_process()
        return lambda: redeem(process, code, f"till-{number:02d}-000001", issuer="g")

    results = at_once([lambda: refund(world, placed), *(till(number) for number in range(TILLS))])
    order, redeemed = world.orders.of_operator(placed.order.order_id), len(results) - len(refusals(results))
    if order.refunds:
        assert set(refusals(results)) == {KeyVoid.code}
        assert redeemed == 1, "the refund alone"
    else:
        assert (redeemed, refusals(results[:1])) == (1, [KeyRedeemed.code])
    check_promises(world)


def test_a_refund_and_a_buyer_who_looks_end_with_goods_or_money_back(world: World, bank: Bank) -> None:
    world.stock_up(3)
    placed = bought(world, bank, 3)
    buyers = [world.another_process() for _ in range(4)]
    looks: list[Callable[[], object]] = [
        lambda process=process: process.delivery.reveal(placed.order.order_id, placed.token, BUYER)  # type: ignore[misc]
        for process in buyers
    ]
    shown = at_once([lambda: refund(world, placed), *looks])
    assert world.orders.of_operator(placed.order.order_id).refunds
    assert set(refusals(shown)) <= {GivenUp.code, KeyVoid.code}
    keys = world.stored_keys()
    for units in (each for each in shown[1:] if isinstance(each, tuple)):
        assert all(key.code for unit in units for key in unit.keys), "half of what was bought"
        assert all(key.flagged_at_ms for key in keys), "shown, refunded, and nobody knows"
    check_promises(world)


def test_two_operators_at_once_refund_it_once(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = bought(world, bank, 2)
    people = [(world.another_process(), by, f"{number:016d}") for number in range(4) for by in (ALICE, BOB)]
    results = at_once([lambda p=p, by=by, n=n: refund(p, placed, WHOLE, by, n) for p, by, n in people])  # type: ignore[misc]
    (owed,) = world.orders.of_operator(placed.order.order_id).refunds
    assert set(refusals(results)) <= {NotRefundable.code, "idempotency_conflict"}
    world.refunds.settle(placed.order.order_id, SYSTEM)
    assert bank.given_back == {owed.refund_id: PRICE.times(2)}
    check_promises(world)


def test_a_key_is_replaced_or_refunded(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed = bought(world, bank)
    (key,) = placed.order.units[0].key_ids
    other, complaint = world.another_process(), Complaint(fault=Fault.BAD_CODE, charge_back=False)
    at_once([lambda: refund(world, placed), lambda: other.after_sales.replace(key, complaint, BOB)])
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.REFUNDING
    with pytest.raises(NotSold):
        world.after_sales.replace(world.orders.of_operator(placed.order.order_id).units[0].key_ids[0], complaint, BOB)
    check_promises(world)


def test_ninety_keys_and_their_order_are_refunded_in_one_transaction(world: World, bank: Bank) -> None:
    world.stock_up(90)
    placed = bought(world, bank, 90)
    limited(world, 10**9)
    assert refund(world, placed).status is OrderStatus.REFUNDING
    check_promises(world)


@pytest.mark.parametrize("stop", ["freeze", "void"])
def test_keys_of_a_batch_that_stands_still_or_is_void_can_be_refunded(world: World, bank: Bank, stop: str) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    batch_id = world.keys.get(placed.order.units[0].key_ids[0]).batch_id
    getattr(world.commands, stop)(batch_id, ALICE)
    world.follow(batch_id)
    assert refund(world, placed).status is OrderStatus.REFUNDING
    check_promises(world)


def test_what_the_provider_refuses_stays_owed_without_goods_and_is_given_by_hand(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = bought(world, bank)
    (owed,) = refund(world, placed).refunds
    bank.troubles = ["refuse"]
    assert world.refunds.settle(placed.order.order_id, SYSTEM)
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, order.units[0].status) == (OrderStatus.REFUNDING, UnitStatus.FAILED)
    assert [waiting.reference for waiting in world.desk.waiting(10)] == [owed.refund_id]
    world.refund_desk.give_by_hand(order.order_id, owed.refund_id, "T-77", BOB)
    assert world.orders.of_operator(order.order_id).status is OrderStatus.REFUNDED
    check_promises(world)


# above a limit


def test_above_the_limit_nothing_moves_before_a_second_person_has_agreed(world: World, bank: Bank) -> None:
    world.stock_up(2)
    limited(world, PRICE.amount_minor)
    placed = bought(world, bank, 2)
    order = refund(world, placed)
    (waiting,) = awaiting(order)
    assert (order.status, waiting.amount) == (OrderStatus.DELIVERED, PRICE.times(2))
    assert world.orders.with_refunds_awaiting_approval(10) == [order]
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert bank.given_back == {}
    with pytest.raises(RefundWaits):
        refund(world, placed)
    with pytest.raises(OwnRequest):
        world.unit_refunds.approve(order.order_id, waiting.refund_id, ALICE)
    check_promises(world)
    approved = world.unit_refunds.approve(order.order_id, waiting.refund_id, BOB)
    assert world.unit_refunds.approve(order.order_id, waiting.refund_id, BOB) == approved
    assert world.orders.with_refunds_awaiting_approval(10) == []
    for late in (world.unit_refunds.approve, world.unit_refunds.reject):
        with pytest.raises(AlreadyDecided):
            late(order.order_id, waiting.refund_id, replace(BOB, by="operator:carol"))
    assert world.refunds.settle(order.order_id, SYSTEM)
    assert bank.given_back == {waiting.refund_id: PRICE.times(2)}
    check_promises(world)


def test_what_is_turned_down_stays_delivered_and_may_be_asked_for_anew(world: World, bank: Bank) -> None:
    world.stock_up(1)
    limited(world, 0)
    placed = bought(world, bank)
    (waiting,) = refund(world, placed).refunds
    rejected = world.unit_refunds.reject(placed.order.order_id, waiting.refund_id, BOB)
    assert world.unit_refunds.reject(placed.order.order_id, waiting.refund_id, BOB) == rejected
    assert (rejected.status, rejected.refunds[0].status) == (OrderStatus.DELIVERED, RefundStatus.REJECTED)
    with pytest.raises(AlreadyDecided):
        world.unit_refunds.approve(placed.order.order_id, waiting.refund_id, BOB)
    with pytest.raises(RefundNotFound):
        world.unit_refunds.approve(placed.order.order_id, "ref_none", BOB)
    assert len(awaiting(refund(world, placed))) == 1
    assert len(world.delivery.reveal(placed.order.order_id, placed.token, BUYER)) == 1
    check_promises(world)


def test_nobody_gets_past_the_limit_in_small_parts(world: World, bank: Bank) -> None:
    skus = ("a", "b", "c")
    for sku in skus:
        world.stock_up(1, sku)
    limited(world, 2 * PRICE.amount_minor)
    placed = bought(world, bank, skus=skus)
    orders = [refund(world, placed, WantedRefund(unit_ids=(unit.unit_id,), why="part")) for unit in placed.order.units]
    assert [each.refunds[-1].status for each in orders] == [
        RefundStatus.DUE,
        RefundStatus.DUE,
        RefundStatus.AWAITING_APPROVAL,
    ]
    check_promises(world)


def test_nobody_gives_back_more_on_a_day_than_the_limit_of_the_day_also_not_at_once(world: World, bank: Bank) -> None:
    world.stock_up(8)
    limited(world, 10**6, day_minor=3 * PRICE.amount_minor)
    orders = [bought(world, bank) for _ in range(8)]
    processes = [world.another_process() for _ in orders[:6]]
    at_once([lambda p=p, o=o: refund(p, o) for p, o in zip(processes, orders, strict=False)])  # type: ignore[misc]
    statuses = [world.orders.of_operator(each.order.order_id).refunds[0].status for each in orders[:6]]
    assert sorted(statuses) == [RefundStatus.AWAITING_APPROVAL] * 3 + [RefundStatus.DUE] * 3
    (by_another,) = refund(world, orders[-1], by=BOB).refunds
    assert by_another.status is RefundStatus.DUE
    world.ahead_ms += 24 * 60 * 60 * 1000
    assert refund(world, orders[-2]).refunds[0].status is RefundStatus.DUE


def test_what_was_seen_since_it_was_asked_for_is_not_given_back_on_an_old_word(world: World, bank: Bank) -> None:
    world.stock_up(1)
    limited(world, 0)
    placed = bought(world, bank)
    (waiting,) = refund(world, placed).refunds
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    with pytest.raises(SeenSince):
        world.unit_refunds.approve(placed.order.order_id, waiting.refund_id, BOB)
    world.unit_refunds.reject(placed.order.order_id, waiting.refund_id, ALICE)
    (_, anew) = refund(world, placed).refunds
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    assert world.unit_refunds.approve(placed.order.order_id, anew.refund_id, BOB).status is OrderStatus.REFUNDING
    check_promises(world)


def test_a_key_that_was_seen_in_the_place_of_another_is_not_given_back_on_an_old_word(world: World, bank: Bank) -> None:
    world.stock_up(2)
    limited(world, 0)
    placed = bought(world, bank)
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    (waiting,) = refund(world, placed).refunds
    complaint = Complaint(fault=Fault.BAD_CODE, charge_back=False)
    world.after_sales.replace(placed.order.units[0].key_ids[0], complaint, ALICE)
    world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    with pytest.raises(SeenSince):
        world.unit_refunds.approve(placed.order.order_id, waiting.refund_id, BOB)
    check_promises(world)


def test_what_was_paid_too_much_goes_back_with_whatever_unit_is_approved_last(world: World, bank: Bank) -> None:
    limited(world, 0)
    world.stock_up(1)
    world.stock_up(1, "other")
    placed = world.order(lines=(Line(SKU, 1), Line("other", 1)), provider=PROVIDER)
    too_much = replace(bank.paid(placed.attempt, "odd"), amount=Money(2_500, "CNY"))
    world.settlement.settle(too_much, SYSTEM)
    world.payment_desk.accept(payment_id(too_much), ALICE)
    for unit in placed.order.units:
        refund(world, placed, WantedRefund(unit_ids=(unit.unit_id,), why="x"))
    for waiting in world.orders.of_operator(placed.order.order_id).refunds:
        world.unit_refunds.approve(placed.order.order_id, waiting.refund_id, BOB)
    assert world.refunds.settle(placed.order.order_id, SYSTEM)
    assert sorted(money.amount_minor for money in bank.given_back.values()) == [990, 1_510]
    check_promises(world)


def test_many_approvals_and_rejections_at_once_come_to_one_decision(world: World, bank: Bank) -> None:
    world.stock_up(1)
    limited(world, 0)
    placed = bought(world, bank)
    (waiting,) = refund(world, placed).refunds
    people = [replace(BOB, by=f"operator:{number}") for number in range(8)]

    def decide(number: int, by: Origin) -> Callable[[], Order]:
        desk = world.another_process().unit_refunds
        how = desk.approve if number % 2 else desk.reject
        return lambda: how(placed.order.order_id, waiting.refund_id, by)

    results = at_once([decide(number, by) for number, by in enumerate(people)])
    assert set(refusals(results)) == {AlreadyDecided.code}
    assert len(refusals(results)) == len(people) - 1
    check_promises(world)
