"""A callback that never comes: what was paid is found by asking, and settled as a callback would have settled it."""

import secrets
from dataclasses import replace

import pytest

from keyrail.ordering.model.orders import Order, OrderNotFound, OrderStatus
from keyrail.ordering.model.questions import AGES_MS, EVERY_MS
from keyrail.ordering.service.checkout import Placed, WayToPay
from keyrail.ordering.service.questions import BATCH_LENGTH, Found, Look
from keyrail.payments.model.attempts import attempt_id
from keyrail.payments.model.confirmations import Mismatch
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.money import Money
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.promises import check_promises
from tests.racing import at_once, refusals
from tests.world import BUYER, PRICE, SYSTEM, World
from tests.world import PROVIDER as CALLBACK

ORDER_IS_OVER_MS = 60 * 60 * 1000
OTHER = "other"
MINUTE_MS = 60_000


@pytest.fixture
def bank(world: World) -> Bank:
    bank = Bank()
    at_banks(world, **{PROVIDER: bank})
    return bank


def at_banks(world: World, **banks: Bank) -> World:
    world.accounts = PaymentAccounts(
        {(name, ACCOUNT): bank for name, bank in banks.items()}, {(name, ACCOUNT): () for name in banks}
    )
    return world


def ordered(world: World) -> Placed:
    return world.order(provider=PROVIDER)


def asked(world: World, placed: Placed) -> Order:
    world.inquiries.ask(placed.order.order_id, SYSTEM)
    return world.orders.of_operator(placed.order.order_id)


def test_a_payment_whose_callback_was_lost_is_found_while_the_order_is_open(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = ordered(world)
    bank.collect(placed.attempt, "t-1")
    order = asked(world, placed)
    assert (order.status, order.changed_by) == (OrderStatus.DELIVERED, SYSTEM.by)
    assert [attempt.reference for attempt in order.attempts] == ["t-1"]
    check_promises(world)
    asked(world, placed)
    assert bank.questions == [placed.attempt.attempt_id], "what is known to be paid is not asked about"


def test_one_that_is_found_after_the_order_is_over_is_delivered_while_there_are_keys(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = ordered(world)
    world.ahead_ms += ORDER_IS_OVER_MS
    bank.collect(placed.attempt, "t-1")
    assert asked(world, placed).status is OrderStatus.DELIVERED
    check_promises(world)


@pytest.mark.parametrize("cancelled", [False, True])
def test_one_that_is_found_when_nothing_is_left_is_owed_back_once(world: World, bank: Bank, cancelled: bool) -> None:
    world.stock_up(1)
    placed = ordered(world)
    if cancelled:
        world.checkout.cancel(placed.order.order_id, placed.token, BUYER)
    world.ahead_ms += ORDER_IS_OVER_MS
    rival = ordered(world)
    bank.collect(rival.attempt, "t-1")
    assert asked(world, rival).status is OrderStatus.DELIVERED
    bank.collect(placed.attempt, "t-2")
    for _ in range(2):
        order = asked(world, placed)
        assert order.status is OrderStatus.REFUNDING
        assert [refund.amount for refund in order.refunds] == [PRICE]
    check_promises(world)


@pytest.mark.parametrize("silent", [True, False])
def test_a_provider_that_is_silent_or_knows_of_no_money_changes_nothing(world: World, bank: Bank, silent: bool) -> None:
    world.stock_up(1)
    placed = ordered(world)
    bank.silent = silent
    assert asked(world, placed) == placed.order
    assert bank.questions == [placed.attempt.attempt_id]
    assert world.desk.waiting(10) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"amount": Money(PRICE.amount_minor - 1, "CNY")}, Mismatch.UNDER_PAID),
        ({"amount": Money(PRICE.amount_minor, "USD")}, Mismatch.WRONG_CURRENCY),
        ({"amount": None}, Mismatch.WRONG_CURRENCY),
        ({"merchant": "bank-2"}, Mismatch.WRONG_MERCHANT),
        ({"account": "second"}, Mismatch.WRONG_ACCOUNT),
        ({"paid": False, "status": "waiting"}, Mismatch.NOT_PAID),
    ],
)
def test_an_answer_is_bound_as_a_callback_is(
    world: World, bank: Bank, said: dict[str, object], reason: Mismatch
) -> None:
    world.stock_up(1)
    placed = ordered(world)
    answer = bank.collect(placed.attempt, "t-1")
    bank.collected[placed.attempt.attempt_id] = replace(answer, **said)  # type: ignore[arg-type]
    for _ in range(2):
        assert asked(world, placed) == placed.order
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [reason]


def test_a_payment_that_lies_on_the_desk_is_left_to_whoever_decides_about_it(world: World, bank: Bank) -> None:
    """It was told of while the account's settings were wrong, say, and may be on its way back by now."""
    world.stock_up(1)
    placed = ordered(world)
    world.desk.put(bank.collect(placed.attempt, "t-1"), Mismatch.WRONG_ACCOUNT, SYSTEM)
    assert asked(world, placed) == placed.order
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [Mismatch.WRONG_ACCOUNT]


def test_what_nobody_can_place_from_the_desk_is_settled_once_the_settings_are_right(world: World, bank: Bank) -> None:
    """It was told of while the account had another merchant's number: on the desk it is nobody's money."""
    world.stock_up(1)
    placed = ordered(world)
    said = bank.collect(placed.attempt, "t-1")
    bank.merchant = "bank-2"
    assert world.settlement.settle(said, CALLBACK).reason is Mismatch.WRONG_MERCHANT
    bank.merchant = said.merchant
    assert asked(world, placed).status is OrderStatus.DELIVERED
    check_promises(world)


def test_an_answer_about_another_order_than_was_asked_about_pays_neither(world: World, bank: Bank) -> None:
    world.stock_up(2)
    placed, other = ordered(world), ordered(world)
    bank.collected[placed.attempt.attempt_id] = bank.paid(other.attempt, "t-1")
    assert asked(world, placed) == placed.order
    assert world.orders.of_operator(other.order.order_id) == other.order
    (waiting,) = world.desk.waiting(10)
    assert (waiting.reason, waiting.order_id) == (Mismatch.UNKNOWN_ATTEMPT, other.order.order_id)


def test_one_provider_that_fails_keeps_no_other_from_being_asked(world: World) -> None:
    world.stock_up(1)
    banks = {name: Bank() for name in ("silent", "broken", PROVIDER)}
    at_banks(world, **banks)
    placed = world.order(provider="silent")
    for name in ("broken", PROVIDER):
        way = WayToPay(provider=name, return_url="https://shop.example")
        last = world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
    banks["silent"].silent = True
    banks["broken"].collected = None  # type: ignore[assignment]  # so that asking it fails in a way nobody foresaw
    banks[PROVIDER].collect(last.attempt, "t-1")
    with pytest.raises(AttributeError):
        world.inquiries.ask(placed.order.order_id, SYSTEM)
    assert world.orders.of_operator(placed.order.order_id).status is OrderStatus.DELIVERED


def test_an_account_that_is_gone_keeps_no_other_from_being_asked(world: World) -> None:
    world.stock_up(1)
    gone, bank = Bank(), Bank()
    at_banks(world, gone=gone, **{PROVIDER: bank})
    placed = world.order(provider="gone")
    way = WayToPay(provider=PROVIDER, return_url="https://shop.example")
    other = world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
    bank.collect(other.attempt, "t-1")
    later = at_banks(world.another_process(), **{PROVIDER: bank})
    assert asked(later, placed).status is OrderStatus.DELIVERED


def test_a_second_attempt_that_was_paid_as_well_is_owed_back_once(world: World) -> None:
    world.stock_up(1)
    bank, other = Bank(), Bank()
    at_banks(world, **{PROVIDER: bank, OTHER: other})
    placed = ordered(world)
    way = WayToPay(provider=OTHER, return_url="https://shop.example")
    second = world.checkout.start_payment(placed.order.order_id, placed.token, way, BUYER)
    world.settlement.settle(bank.paid(placed.attempt, "t-1"), CALLBACK)
    said = other.collect(second.attempt, "t-2")
    other.collected[second.attempt.attempt_id] = replace(said, provider=OTHER)
    for _ in range(2):
        order = asked(world, placed)
        assert order.status is OrderStatus.DELIVERED
        assert [(r.attempt_id, r.payment_reference) for r in order.refunds] == [(second.attempt.attempt_id, "t-2")]
    check_promises(world)


def test_questions_and_callbacks_at_once_have_one_effect(world: World, bank: Bank) -> None:
    world.stock_up(3)
    placed = ordered(world)
    said = bank.collect(placed.attempt, "t-1")
    processes = [at_banks(world.another_process(), **{PROVIDER: bank}) for _ in range(100)]
    questions = [lambda process=process: process.inquiries.ask(placed.order.order_id, SYSTEM) for process in processes]
    results = at_once([*questions, *[lambda: world.settlement.settle(said, CALLBACK)] * 3])
    assert refusals(results) == []
    order = world.orders.of_operator(placed.order.order_id)
    assert (order.status, order.refunds, len(world.sold())) == (OrderStatus.DELIVERED, (), 1)
    assert world.desk.waiting(10) == []
    check_promises(world)


def test_an_order_that_is_not_there_cannot_be_asked_about(world: World) -> None:
    with pytest.raises(OrderNotFound):
        world.inquiries.ask("ord_none", SYSTEM)


# which are due


def looked(world: World, look: Look | None = None) -> tuple[list[str], Found]:
    ids: list[str] = []

    def ask(some: object) -> None:
        assert isinstance(some, list)
        assert 0 < len(some) <= BATCH_LENGTH
        ids.extend(some)

    look = look or world.due_questions.next_look()
    found = world.due_questions.find(look, ask)
    world.due_questions.done(look)
    assert found.orders == len(ids)
    return sorted(ids), found


def test_each_look_finds_the_orders_that_came_of_an_age_since_the_last_and_no_others(world: World, bank: Bank) -> None:
    world.stock_up(3)
    looked(world)
    placed, paid, cancelled = ordered(world), ordered(world), ordered(world)
    world.settlement.settle(bank.paid(paid.attempt, "t-1"), CALLBACK)
    world.checkout.cancel(cancelled.order.order_id, cancelled.token, BUYER)
    due = sorted([placed.order.order_id, cancelled.order.order_id])
    assert looked(world)[0] == []
    last_ms = 0
    for age_ms in (AGES_MS[0], AGES_MS[1], AGES_MS[-1]):
        if age_ms - last_ms > EVERY_MS:
            world.ahead_ms += age_ms - last_ms - EVERY_MS
            looked(world)
            last_ms = age_ms - EVERY_MS
        world.ahead_ms += age_ms - last_ms + MINUTE_MS
        last_ms = age_ms + MINUTE_MS
        assert looked(world) == (due, Found(2, None))
        assert looked(world)[0] == []


def test_a_look_that_failed_is_made_up_for_by_the_next(world: World, bank: Bank) -> None:
    world.stock_up(1)
    looked(world)
    placed = ordered(world)
    world.ahead_ms += AGES_MS[0] + MINUTE_MS

    def fail(_: object) -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        world.due_questions.find(world.due_questions.next_look(), fail)
    assert looked(world.another_process())[0] == [placed.order.order_id]


def test_after_an_outage_each_order_that_became_due_is_asked_about_once(world: World, bank: Bank) -> None:
    world.stock_up(2)
    looked(world)
    first = ordered(world)
    world.ahead_ms += 5 * ORDER_IS_OVER_MS
    second = ordered(world)
    world.ahead_ms += AGES_MS[1] + MINUTE_MS
    assert looked(world)[0] == sorted([first.order.order_id, second.order.order_id])


def test_where_nobody_ever_looked_the_orders_of_the_last_days_are_found(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = ordered(world)
    world.ahead_ms += 24 * ORDER_IS_OVER_MS
    assert looked(world)[0] == [placed.order.order_id]


def test_a_look_that_comes_late_does_not_lead_the_next_one_back(world: World, bank: Bank) -> None:
    slow = world.due_questions.next_look()
    world.ahead_ms += 10 * MINUTE_MS
    looked(world)
    reached = world.due_questions.next_look().since_ms
    world.due_questions.done(slow)
    assert world.due_questions.next_look().since_ms == reached


def test_what_one_part_of_a_look_does_not_come_to_is_found_by_the_others(
    world: World, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stock_up(12)
    placed = [ordered(world) for _ in range(12)]
    world.ahead_ms += AGES_MS[0] + MINUTE_MS
    monkeypatch.setattr("keyrail.ordering.service.questions.MAX_QUERIES", 3)
    monkeypatch.setattr("keyrail.ordering.service.questions.PAGE_LENGTH", 1)
    ids, found = looked(world)
    while found.rest:
        more, found = looked(world, found.rest)
        ids += more
    assert sorted(ids) == sorted(one.order.order_id for one in placed)


def test_somebody_elses_number_is_no_attempt_of_ours(world: World, bank: Bank) -> None:
    world.stock_up(1)
    placed = ordered(world)
    other = attempt_id(placed.order.order_id, 2)
    bank.collected[placed.attempt.attempt_id] = replace(
        bank.paid(placed.attempt, secrets.token_hex(4)), attempt_id=other
    )
    assert asked(world, placed) == placed.order
    assert [waiting.reason for waiting in world.desk.waiting(10)] == [Mismatch.UNKNOWN_ATTEMPT]
