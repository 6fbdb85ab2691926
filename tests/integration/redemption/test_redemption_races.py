"""Many tills on one code: real threads against a real engine (I9)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.batches import Batch, Standing
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import KeyState
from keyrail.platform.dynamo import ConditionFailed
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.redemption.model import Presented, Redeemed
from tests.racing import at_once, refusals
from tests.redeeming import CARD, HOLDER, ONCE, check_account, issue, name, redeem, reverse
from tests.world import SYSTEM, World

TILLS = 100
ROUNDS = 8
FIVE = Terms(uses=5, reversal_ms=600_000)


def made(results: list[Redeemed | KeyrailError]) -> list[Redeemed]:
    return [result for result in results if isinstance(result, Redeemed)]


@pytest.mark.parametrize("uses", [1, 3])
def test_of_100_tills_on_the_last_use_one_succeeds_and_99_are_told_which_came_first(world: World, uses: int) -> None:
    issued = issue(world, replace(FIVE, uses=uses))
    firsts = [redeem(world, issued.code, location="shop-0").redemption_id for _ in range(uses - 1)]
    results = at_once([partial(redeem, world.another_process(), issued.code, name()) for _ in range(TILLS)])
    (winner,) = made(results)
    assert Counter(refusals(results)) == {"already_redeemed": TILLS - 1}
    named = {str(result.facts["redemption_id"]) for result in results if isinstance(result, KeyrailError)}
    assert named == {(*firsts, winner.redemption_id)[0]}
    key = world.keys.get(issued.key_id)
    assert key.state is KeyState.REDEEMED
    check_account(key, key.terms or FIVE)


def test_one_name_100_times_at_once_is_one_use_and_one_answer(world: World) -> None:
    issued = issue(world, FIVE)
    results = at_once([partial(redeem, world.another_process(), issued.code, "till-7-000418") for _ in range(TILLS)])
    assert len(made(results)) == TILLS
    assert len(set(made(results))) == 1
    assert len(world.keys.get(issued.key_id).uses or ()) == 1


def test_a_value_card_at_30_tills_at_once_is_never_overdrawn(world: World) -> None:
    issued = issue(world, CARD)
    part = Money(700, "CNY")
    results = at_once([partial(redeem, world.another_process(), issued.code, name(), amount=part) for _ in range(30)])
    assert len(made(results)) == 14
    assert set(refusals(results)) == {"value_insufficient"}
    key = world.keys.get(issued.key_id)
    assert key.value_left == 200
    check_account(key, CARD)


def test_the_last_of_a_value_is_taken_once(world: World) -> None:
    issued = issue(world, CARD)
    whole = partial(redeem, code=issued.code, amount=CARD.value)
    results = at_once([partial(whole, world.another_process()) for _ in range(20)])
    assert len(made(results)) == 1
    assert set(refusals(results)) <= {"already_redeemed", "value_insufficient"}
    assert world.keys.get(issued.key_id).state is KeyState.REDEEMED


def test_a_reversal_at_20_tills_at_once_gives_one_use_back(world: World) -> None:
    issued = issue(world, ONCE)
    redeem(world, issued.code, "till-7-000418")
    results = at_once([partial(reverse, world.another_process(), issued.code, "till-7-000418") for _ in range(20)])
    assert len(set(made(results))) == 1
    assert len(made(results)) == 20
    key = world.keys.get(issued.key_id)
    assert [use.spent for use in key.uses or ()] == [1, -1]
    check_account(key, ONCE)


def test_redemptions_racing_a_reversal_use_what_comes_back_at_most_once(world: World) -> None:
    for _ in range(ROUNDS):
        issued = issue(world, ONCE)
        redeem(world, issued.code, "till-7-000418")
        processes = [world.another_process() for _ in range(7)]
        back = partial(reverse, processes[0], issued.code, "till-7-000418")
        results = at_once([back, *(partial(redeem, process, issued.code, name()) for process in processes[1:])])
        assert not isinstance(results[0], KeyrailError)
        assert len(made(results[1:])) <= 1
        assert set(refusals(results)) <= {"already_redeemed"}
        key = world.keys.get(issued.key_id)
        check_account(key, ONCE)


def test_a_use_and_its_reversal_at_once_end_in_a_whole_account(world: World) -> None:
    for _ in range(ROUNDS):
        issued = issue(world, FIVE)
        use = partial(redeem, world.another_process(), issued.code, "till-7-000418")
        back = partial(reverse, world.another_process(), issued.code, "till-7-000418")
        others = [partial(redeem, world.another_process(), issued.code, name()) for _ in range(4)]
        assert set(refusals(at_once([use, back, *others]))) <= {"redemption_unknown"}
        check_account(world.keys.get(issued.key_id), FIVE)


def make_follow(process: World, batch: Batch, key_id: str) -> None:
    """The key follows its batch, however often it is changed meanwhile."""
    while True:
        key = process.keys.get(key_id)
        following = replace(follow(batch, key, process.now_ms()), version=key.version + 1)
        try:
            process.keys._table.send(process.keys.next_of_key(following))
        except ConditionFailed:
            continue
        return


@pytest.mark.parametrize("standing", [Standing.FROZEN, Standing.VOID])
def test_a_use_racing_a_stop_of_its_batch_either_came_before_it_or_is_refused(world: World, standing: Standing) -> None:
    for _ in range(ROUNDS):
        issued = issue(world, FIVE)
        stopped = replace(issued.batch, standing=standing, generation=1)

        hands: list[Callable[[], object]] = [partial(make_follow, world.another_process(), stopped, issued.key_id)]
        hands += [partial(redeem, world.another_process(), issued.code, name()) for _ in range(8)]
        results = at_once(hands)
        assert set(refusals(results)) <= {"already_redeemed", "key_frozen", "key_void"}
        key = world.keys.get(issued.key_id)
        used = sum(isinstance(result, Redeemed) for result in results)
        assert used == len(key.uses or ())
        check_account(key, FIVE)
        if used < (FIVE.uses or 0):
            assert key.state in {KeyState.FROZEN, KeyState.VOID}


def test_a_sale_racing_a_use_of_an_unsold_code_leaves_it_to_one_of_both_or_sold_and_used(world: World) -> None:
    for number in range(ROUNDS):
        issued = issue(world, replace(ONCE, activation=Activation.ON_IMPORT), sold=False)
        buyer, till = world.another_process(), world.another_process()
        now_ms = world.now_ms()
        hands: list[Callable[[], object]] = [
            partial(buyer.keys.lease, issued.key_id, f"ord_{number}", now_ms + 60_000, SYSTEM, now_ms),
            partial(redeem, till, issued.code),
        ]
        leased, used = at_once(hands)
        key = world.keys.get(issued.key_id)
        assert (leased is True) == isinstance(used, KeyrailError)
        assert key.state is (KeyState.LEASED if leased is True else KeyState.REDEEMED)


def test_an_activation_by_many_at_once_has_one_end(world: World) -> None:
    issued = issue(world, replace(ONCE, activation=Activation.ON_DEMAND, active_ms=300_000))

    def ask(process: World) -> int | None:
        return process.redemption.activate(Presented(code=issued.code), None, HOLDER).active_until_ms

    ends = at_once([partial(ask, world.another_process()) for _ in range(20)])
    assert len(set(ends)) == 1
