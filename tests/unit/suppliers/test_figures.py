"""What one call says of a supplier is counted once, and as its failure where it is that."""

import pytest

from keyrail.suppliers.model.figures import Tally, tally_of
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown


def refused(refusal: Refusal = Refusal.REFUSED) -> DefiniteFailure:
    return DefiniteFailure(said="no", refusal=refusal)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Success(said="4"), Tally(calls=1, taken=1, latency_ms=7)),
        (Processing(said="3"), Tally(calls=1, taken=1, latency_ms=7)),
        (refused(), Tally(calls=1, refused=1, failed=1, latency_ms=7)),
        (refused(Refusal.SOLD_OUT), Tally(calls=1, refused=1, failed=1, latency_ms=7)),
        (refused(Refusal.PRICE_CHANGED), Tally(calls=1, refused=1, failed=1, latency_ms=7)),
        (refused(Refusal.BAD_ACCOUNT), Tally(calls=1, refused=1, latency_ms=7)),
        (refused(Refusal.BALANCE_SHORT), Tally(calls=1, refused=1, latency_ms=7)),
        (refused(Refusal.NOT_ORDERABLE), Tally(calls=1, refused=1, latency_ms=7)),
        (refused(Refusal.NOT_SENT), Tally(calls=1, unanswered=1)),
        (Unknown(said="<html>"), Tally(calls=1, unanswered=1)),
    ],
)
def test_a_call_counts_once_and_as_a_failure_where_that_is_the_suppliers(outcome: Outcome, expected: Tally) -> None:
    assert tally_of(outcome, 7) == expected


def test_silence_says_nothing_of_how_long_an_answer_takes() -> None:
    assert (tally_of(Unknown(said=""), 30_000) + tally_of(Success(said="4"), 200)).mean_latency_ms == 200
    assert tally_of(Unknown(said=""), 30_000).mean_latency_ms is None
