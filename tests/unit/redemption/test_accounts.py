"""A key's account of uses: what was left after each entry, who came first, and what is given back."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import Terms
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.model.redeeming import (
    Asked,
    entry_of,
    first_use,
    given_back,
    left_after,
    redeemable,
    reversal_of,
    uses_left,
)
from keyrail.inventory.model.uses import USE_ID_CHARACTERS, Use, use_id
from keyrail.platform.money import Money
from keyrail.redemption.model import redeemed, taken_back
from tests.unit.redemption.keys import printed_key, sold_key

THRICE, CARD = Terms(uses=3), Terms(value=Money(1_000, "CNY"))
SOLD, AVAILABLE, REDEEMED = KeyState.SOLD, KeyState.AVAILABLE, KeyState.REDEEMED


def use(name: str, spent: int = 1, by: str = "till") -> Use:
    return Use(name=name, by=by, at_ms=len(name), spent=spent, place="shop-1")


def test_a_fresh_key_knows_what_its_coming_uses_make_of_it() -> None:
    assert redeemable(None) == {}
    assert redeemable(THRICE) == {"terms": THRICE, "after_use": (SOLD, SOLD, REDEEMED)}
    assert redeemable(THRICE, for_print=True)["after_use"] == (AVAILABLE, AVAILABLE, REDEEMED)
    assert redeemable(CARD) == {"terms": CARD, "after_use": (SOLD, REDEEMED), "value_left": 1_000}
    assert redeemable(CARD, for_print=True)["after_use"] == (AVAILABLE, REDEEMED)


def test_what_was_left_after_an_entry_is_told_for_ever() -> None:
    key = sold_key(CARD, uses=(use("a", 300), use("bb", 200), use("a", -300), use("ccc", 800)))
    assert [left_after(key, entry) for entry in range(4)] == [700, 500, 800, 0]
    counted = sold_key(THRICE, uses=(use("a"), use("bb"), use("a", -1)))
    assert [left_after(counted, entry) for entry in range(3)] == [2, 1, 2]


def test_a_use_is_found_by_who_made_it_and_what_they_called_it() -> None:
    key = sold_key(THRICE, uses=(use("a"), use("a", by="other"), use("a", -1)))
    assert (entry_of(key, "till", "a"), entry_of(key, "other", "a"), entry_of(key, "till", "b")) == (0, 1, None)
    assert reversal_of(key, use("a")) == 2
    assert reversal_of(key, use("a", by="other")) is None
    assert entry_of(sold_key(THRICE), "till", "a") is None


def test_the_first_use_is_the_first_that_was_not_taken_back() -> None:
    key = sold_key(THRICE, uses=(use("a"), use("bb"), use("a", -1)))
    first = first_use(key)
    assert first is not None
    assert first.name == "bb"
    assert first_use(sold_key(THRICE)) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (sold_key(THRICE, after_use=(REDEEMED,)), (SOLD, (SOLD, REDEEMED))),
        (sold_key(THRICE, after_use=(), state=REDEEMED), (SOLD, (REDEEMED,))),
        (printed_key(THRICE, after_use=(), state=REDEEMED), (AVAILABLE, (REDEEMED,))),
        (printed_key(THRICE, after_use=(REDEEMED,)), (AVAILABLE, (AVAILABLE, REDEEMED))),
    ],
)
def test_a_use_that_is_given_back_makes_the_key_what_it_was(
    key: Key, expected: tuple[KeyState, tuple[KeyState, ...]]
) -> None:
    back = replace(key, **given_back(key, use("a"), 7))
    assert (back.state, back.after_use) == expected
    assert back.uses == (Use(name="a", by="till", at_ms=7, spent=-1, place="shop-1"),)
    assert uses_left(back) == len(expected[1])


def test_a_value_is_given_back_to_the_minor_unit() -> None:
    key = sold_key(CARD, value_left=0, state=REDEEMED, uses=(use("a", 250),))
    back = replace(key, **given_back(key, use("a", 250), 7))
    assert (back.state, back.value_left, back.after_use) == (SOLD, 250, (SOLD, REDEEMED))


def test_the_answer_to_a_use_stays_what_it_was_and_tells_that_it_was_taken_back() -> None:
    key = sold_key(CARD, uses=(use("a", 300),))
    then = redeemed(key, 0)
    assert (then.amount, then.value_left, then.uses_left) == (Money(300, "CNY"), Money(700, "CNY"), None)
    later = replace(key, uses=(use("a", 300), use("bb", 100), use("a", -300)))
    assert redeemed(later, 0) == replace(then, reversed_at_ms=1)
    assert taken_back(later, 0).value_left == Money(900, "CNY")


def test_what_is_asked_for_becomes_an_entry() -> None:
    once = Asked(name="n", by="b", place="p").entry(9)
    assert once == Use(name="n", by="b", at_ms=9, spent=1, place="p")
    assert Asked(name="n", by="b", amount=Money(250, "CNY")).entry(9).spent == 250


def test_names_of_different_callers_never_meet() -> None:
    assert use_id("a", "bc") != use_id("ab", "c")
    assert use_id("a", "b") == use_id("a", "b")
    assert len(use_id("a", "b")) == USE_ID_CHARACTERS
