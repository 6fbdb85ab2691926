"""Why a key cannot be used: each reason alone, and in which order they are told."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.model.redeeming import Asked, Obstacle, is_lapsed, obstacle, why_inactive
from keyrail.inventory.model.uses import MAX_ENTRIES, Moment, Use
from keyrail.platform.money import Money
from tests.unit.redemption.keys import MONDAY_NOON, NOW_MS, printed_key, sold_key, unsold_key

ONCE = Terms(uses=1)
CARD = Terms(value=Money(1_000, "CNY"))
ASKED = Asked(name="till-7-000418", by="kc_till7")
LATER, EARLIER = NOW_MS + 1, NOW_MS - 1


def of(activation: Activation, **changes: Any) -> Terms:
    return Terms(activation=activation, uses=1, **changes)


def why(key: Key, at: Moment = MONDAY_NOON, still: tuple[str, ...] = (), **asked: Any) -> Obstacle | None:
    return obstacle(key, replace(ASKED, **asked), at, still)


CASES: list[tuple[Key, Obstacle | None]] = [
    (sold_key(None), Obstacle.NOT_REDEEMED_HERE),
    (sold_key(ONCE), None),
    (sold_key(ONCE, state=KeyState.VOID), Obstacle.VOID),
    (sold_key(ONCE, state=KeyState.FROZEN), Obstacle.FROZEN),
    (sold_key(ONCE, state=KeyState.REDEEMED, after_use=()), Obstacle.USED_UP),
    # on_import: whoever has it may use it, unless an order holds it
    (unsold_key(of(Activation.ON_IMPORT)), None),
    (sold_key(of(Activation.ON_IMPORT)), None),
    (printed_key(of(Activation.ON_IMPORT)), None),
    (unsold_key(of(Activation.ON_IMPORT), state=KeyState.LEASED), Obstacle.NOT_SOLD),
    (unsold_key(of(Activation.ON_IMPORT), state=KeyState.EXPIRED), Obstacle.NO_LONGER_VALID),
    # on_sale
    (unsold_key(ONCE), Obstacle.NOT_SOLD),
    (unsold_key(ONCE, state=KeyState.LEASED), Obstacle.NOT_SOLD),
    (unsold_key(ONCE, state=KeyState.FROZEN), Obstacle.NOT_SOLD),
    (printed_key(ONCE), Obstacle.NOT_ACTIVE),
    (printed_key(ONCE, active_until_ms=NOW_MS), None),
    (printed_key(ONCE, active_until_ms=EARLIER), Obstacle.NOT_ACTIVE),
    # on_reveal
    (sold_key(of(Activation.ON_REVEAL)), Obstacle.NOT_ACTIVE),
    (sold_key(of(Activation.ON_REVEAL), revealed_at_ms=1), None),
    (sold_key(of(Activation.ON_REVEAL), active_until_ms=LATER), Obstacle.NOT_ACTIVE),
    # on_demand
    (sold_key(of(Activation.ON_DEMAND), revealed_at_ms=1), Obstacle.NOT_ACTIVE),
    (sold_key(of(Activation.ON_DEMAND), active_until_ms=NOW_MS), None),
    (sold_key(of(Activation.ON_DEMAND), active_until_ms=EARLIER), Obstacle.NOT_ACTIVE),
    (unsold_key(of(Activation.ON_DEMAND), active_until_ms=LATER), Obstacle.NOT_SOLD),
    # time
    (sold_key(Terms(uses=1, valid_from_ms=NOW_MS)), None),
    (sold_key(Terms(uses=1, valid_from_ms=LATER)), Obstacle.NOT_YET_VALID),
    (sold_key(Terms(uses=1, valid_to_ms=LATER)), None),
    (sold_key(Terms(uses=1, valid_to_ms=NOW_MS)), Obstacle.NO_LONGER_VALID),
    (sold_key(ONCE, expires_on="2026-01-05"), None),
    (sold_key(ONCE, expires_on="2026-01-04"), Obstacle.NO_LONGER_VALID),
    # days
    (sold_key(Terms(uses=1, weekdays=(1,))), None),
    (sold_key(Terms(uses=1, weekdays=(2, 3, 4, 5, 6, 7))), Obstacle.WRONG_DAY),
    # places
    (sold_key(Terms(uses=1, places=("a",))), Obstacle.WRONG_PLACE),
    # accounts
    (sold_key(ONCE, uses=(Use(name="x", by="y", at_ms=1, spent=1),) * (MAX_ENTRIES - 1)), None),
    (sold_key(ONCE, uses=(Use(name="x", by="y", at_ms=1, spent=1),) * MAX_ENTRIES), Obstacle.USED_TOO_OFTEN),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_each_state_and_each_term_stands_in_the_way_or_does_not(number: int) -> None:
    key, expected = CASES[number]
    assert why(key) is expected


def test_a_batch_that_stands_still_stands_in_the_way() -> None:
    assert why(sold_key(ONCE), still=("bat_b", "bat_a")) is Obstacle.FROZEN
    assert why(sold_key(ONCE), still=("bat_b",)) is None


def test_what_is_used_up_is_told_before_that_it_stands_still() -> None:
    assert why(sold_key(ONCE, state=KeyState.REDEEMED), still=("bat_a",)) is Obstacle.USED_UP


@pytest.mark.parametrize(
    ("opens", "closes", "minute", "expected"),
    [
        (600, 1_200, 599, Obstacle.WRONG_HOUR),
        (600, 1_200, 600, None),
        (600, 1_200, 1_199, None),
        (600, 1_200, 1_200, Obstacle.WRONG_HOUR),
        (0, 1_440, 0, None),
        (0, 1_440, 1_439, None),
        (1_320, 120, 1_319, Obstacle.WRONG_HOUR),
        (1_320, 120, 1_320, None),
        (1_320, 120, 1_439, None),
        (1_320, 120, 0, None),
        (1_320, 120, 119, None),
        (1_320, 120, 120, Obstacle.WRONG_HOUR),
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(
    opens: int, closes: int, minute: int, expected: Obstacle | None
) -> None:
    key = sold_key(Terms(uses=1, opens=opens, closes=closes))
    assert why(key, replace(MONDAY_NOON, minute=minute)) is expected


@pytest.mark.parametrize(
    ("weekday", "minute", "expected"),
    [
        (5, 1_400, None),  # Friday late
        (6, 60, None),  # still Friday's evening
        (6, 1_400, Obstacle.WRONG_DAY),  # Saturday's own
        (5, 60, Obstacle.WRONG_DAY),  # still Thursday's
    ],
)
def test_an_evening_that_ends_after_midnight_belongs_to_the_day_on_which_it_began(
    weekday: int, minute: int, expected: Obstacle | None
) -> None:
    key = sold_key(Terms(uses=1, weekdays=(5,), opens=1_320, closes=120))
    at = replace(MONDAY_NOON, weekday=weekday, weekday_before=weekday - 1, minute=minute)
    assert why(key, at) is expected


def test_a_code_of_some_places_is_taken_in_these() -> None:
    key = sold_key(Terms(uses=1, places=("shop-1", "shop-2")))
    assert why(key, place="shop-2") is None
    assert why(key, place="shop-22") is Obstacle.WRONG_PLACE
    assert why(sold_key(ONCE), place="anywhere") is None


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, Obstacle.AMOUNT_MISSING),
        (Money(1, "USD"), Obstacle.WRONG_CURRENCY),
        (Money(1_000, "CNY"), None),
        (Money(1_001, "CNY"), Obstacle.VALUE_INSUFFICIENT),
    ],
)
def test_a_value_card_is_used_for_an_amount_that_is_left(amount: Money | None, expected: Obstacle | None) -> None:
    assert why(sold_key(CARD), amount=amount) is expected


def test_what_counts_uses_takes_no_amount() -> None:
    assert why(sold_key(ONCE), amount=Money(1, "CNY")) is Obstacle.AMOUNT_NOT_TAKEN


def test_whoever_only_asks_is_told_what_is_the_same_for_everybody() -> None:
    terms = Terms(uses=None, value=Money(5, "CNY"), places=("a",))
    assert obstacle(sold_key(terms), None, MONDAY_NOON, ()) is None
    assert why_inactive(sold_key(replace(ONCE, weekdays=(2,))), MONDAY_NOON, ()) is None
    assert why_inactive(sold_key(of(Activation.ON_DEMAND)), MONDAY_NOON, ()) is Obstacle.NOT_ACTIVE
    assert why_inactive(sold_key(None), MONDAY_NOON, ()) is Obstacle.NOT_REDEEMED_HERE


def test_a_lease_has_lapsed_once_anybody_may_take_it_over() -> None:
    second = NOW_MS // 1_000
    leased = unsold_key(ONCE, state=KeyState.LEASED, claim_order=f"{second:010d}#AB")
    assert is_lapsed(leased, NOW_MS)
    assert not is_lapsed(leased, NOW_MS - 1)
    assert not is_lapsed(unsold_key(ONCE), NOW_MS)
