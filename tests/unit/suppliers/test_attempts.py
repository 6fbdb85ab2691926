"""A try at a supplier: stored before it is made, decided once, and found by its reference."""

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState, heard, reference, unit_of
from keyrail.suppliers.model.outcomes import (
    MAX_SAID_LENGTH,
    Card,
    DefiniteFailure,
    Outcome,
    Processing,
    Refusal,
    Success,
    Unknown,
    word,
)

UNIT = "unt_" + "7" * 26 + "03"
ATTEMPT = SupplyAttempt(
    reference=reference(UNIT, 1),
    source_id="first",
    supplier="main",
    item="1001",
    quantity=1,
    limit=Money(990, "CNY"),
    asked_at_ms=1_000,
    until_ms=9_000,
)
DONE = Success(said="4", their_reference="S-1", cost=Money(950, "CNY"))
REFUSED = DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)
ANSWERS = [DONE, REFUSED, Processing(said="3"), Unknown(said="no_answer")]


def test_a_reference_is_the_units_own_and_short_enough_for_every_supplier() -> None:
    assert reference(UNIT, 12) == "7" * 26 + "0312"
    assert len(reference(UNIT, 1)) <= 32
    assert unit_of(reference(UNIT, 12)) == UNIT


@pytest.mark.parametrize(
    "strange", ["", "7" * 30 + "1", "7" * 29, "u" * 26 + "0312", "7" * 26 + "03x2", "7" * 26 + "0３12"]
)
def test_what_is_no_reference_of_ours_is_of_no_unit(strange: str) -> None:
    assert unit_of(strange) is None


@pytest.mark.parametrize(
    ("outcome", "state", "is_open"),
    [
        (DONE, SupplyState.SUCCEEDED, False),
        (REFUSED, SupplyState.FAILED, False),
        (Processing(said="3"), SupplyState.PROCESSING, True),
        (Unknown(said="no_answer"), SupplyState.UNKNOWN, True),
    ],
)
def test_each_answer_leaves_its_state(outcome: Outcome, state: SupplyState, is_open: bool) -> None:
    known = heard(ATTEMPT, outcome, 2_000)
    assert (known.state, known.is_open, known.said) == (state, is_open, outcome.said)
    assert known.decided_at_ms == (None if is_open else 2_000)


@pytest.mark.parametrize("first", [DONE, REFUSED])
@pytest.mark.parametrize("later", ANSWERS)
def test_an_outcome_is_final(first: Outcome, later: Outcome) -> None:
    known = heard(ATTEMPT, first, 2_000)
    assert heard(known, later, 3_000) is known


def test_their_number_is_kept_though_a_later_answer_leaves_it_out() -> None:
    accepted = heard(ATTEMPT, Processing(said="1", their_reference="S-1"), 2_000)
    assert heard(accepted, Unknown(said="no_answer"), 3_000).their_reference == "S-1"


def test_a_page_of_html_is_not_kept() -> None:
    assert word("<html>\n" + "x" * 10_000) == "<html>" + "x" * (MAX_SAID_LENGTH - 6)


def test_a_bought_key_prints_as_nothing() -> None:
    sold = Success(said="4", cards=(Card(code="ABCD-1234", password="77"),))
    assert not {"ABCD-1234", "77"} & set(repr(sold.cards).split("'"))
    assert "ABCD" not in repr(sold)
