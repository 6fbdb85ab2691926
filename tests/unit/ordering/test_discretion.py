"""Whatever is said of a unit, those who see its account masked do not read it there."""

import pytest

from keyrail.ordering.model.discretion import names_account, without_account
from tests.jobs import PHONE, unpaid

(UNIT,) = unpaid().units


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{PHONE}充值失败", "138****8000充值失败"),
        (f"{PHONE} {PHONE}", "138****8000 138****8000"),
        ("138 0013 8000: no such number", "****"),
        ("138-0013-8000", "****"),
        ("１３８００１３８０００", "****"),
        ("north-1 is closed", "north-1 is closed"),
        ("no such number", "no such number"),
        ("", ""),
    ],
)
def test_a_suppliers_word_is_shown_with_the_mask_in_the_place_of_the_account(said: str, shown: str) -> None:
    assert without_account(UNIT, said) == shown
    assert names_account(UNIT, said) == (said != shown)
