"""Bugs in how keys are bought for a paid unit."""

from tests.faults.planted_bugs.bug import PlantedBug

SERVICE = "fulfilment/service/keys_for_units.py"
MODEL = "ordering/model/supplying.py"
UNIT = "tests/unit/ordering/test_bought_keys.py"
TESTS = "tests/integration/test_keys_for_units.py"

BUGS = (
    PlantedBug(
        "delivers a unit once its supplier says so, whether its keys are there or not",
        MODEL,
        "if attempt.state is not SupplyState.SUCCEEDED or not _in_keys(unit, attempt):",
        "if True:",
        f"{UNIT}::test_keys_that_are_not_sold_to_it_yet_wait_with_it",
    ),
    PlantedBug(
        "takes fewer good keys than were bought for a failure",
        MODEL,
        "known = heard(attempt, Unknown(said=said.said, their_reference=said.their_reference), now_ms)",
        'known = heard(attempt, DefiniteFailure(said=said.said, refusal="refused"), now_ms)',
        f"{UNIT}::test_fewer_keys_than_were_bought_are_a_persons_and_nobody_else_is_asked",
    ),
    PlantedBug(
        "books what keys cost with their batch and with their unit",
        "ordering/model/books.py",
        "attempt.reference in before or attempt.of_keys",
        "attempt.reference in before",
        f"{UNIT}::test_what_keys_cost_is_booked_with_their_batch_and_not_once_more_with_the_unit",
    ),
    PlantedBug(
        "lets anybody have the keys that were bought for a buyer",
        SERVICE,
        "leased=Leased(order_id=order.order_id, until_ms=until_ms),",
        "leased=Leased(order_id=order.order_id, until_ms=0),",
        f"{TESTS}::test_fewer_good_keys_than_were_bought_are_a_persons_and_wait_with_the_unit",
    ),
    PlantedBug(
        "leaves keys that nobody could be told of out of the pool for good",
        "inventory/service/card_intake.py",
        "if batch is not None and batch.parts:",
        "if batch is None:",
        f"{TESTS}::test_what_came_for_a_unit_that_is_given_up_is_stock",
    ),
    PlantedBug(
        "buys again what a person says was bought",
        "fulfilment/service/recharging.py",
        "        if is_said_to_be_in_stock(unit):\n            now_ms",
        "        if False:\n            now_ms",
        f"{TESTS}::test_what_is_said_to_be_done_and_is_not_in_stock_comes_back_to_a_person_and_is_not_bought_again",
    ),
    PlantedBug(
        "sells keys for money that a bank may take back",
        SERVICE,
        "not refused and not is_frozen(order)",
        "not refused",
        f"{TESTS}::test_keys_that_come_while_a_bank_may_take_the_money_back_wait_for_its_word",
    ),
)
