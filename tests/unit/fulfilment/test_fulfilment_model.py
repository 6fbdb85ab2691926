"""What leaves the house, and what must not leave it by the way."""

import pytest

from keyrail.fulfilment.model import NotDelivered, RevealedKey, RevealedUnit, SettlementContended, ends_like
from keyrail.platform.errors import Charged, Kind
from keyrail.vault.model import Secret, mask

CODE, PASSWORD = "AAAA-BBBB-CCCC", "1234-5678"


def test_a_revealed_key_prints_without_its_secrets() -> None:
    key = RevealedKey(key_id="key_1", code=CODE, password=PASSWORD)
    unit = RevealedUnit(unit_id="unt_1", sku_id="a", keys=(key,))
    for printed in (repr(key), str(key), repr(unit), f"{unit}", repr(Secret(CODE, PASSWORD))):
        assert CODE not in printed
        assert PASSWORD not in printed


def test_a_contended_payment_is_sent_again_and_an_early_look_is_not() -> None:
    assert SettlementContended().retryable
    assert SettlementContended().kind is Kind.UNAVAILABLE
    assert not NotDelivered().retryable
    assert NotDelivered().charged is Charged.NO


@pytest.mark.parametrize(
    "said", ["WXYZ", "wxyz", " W-X Y-Z ", "•••• WXYZ", "****-WXYZ", "...wxyz", "YZ", "ＷＸＹＺ", "AB12-CD34-EF56-WXYZ"]
)
def test_a_key_is_known_by_its_end_however_a_buyer_reads_it(said: str) -> None:
    assert ends_like(mask("AB12-CD34-EF56-WXYZ"), said)


@pytest.mark.parametrize("said", ["WXY", "XXYZ", "WXYZ1", "", " ", "••••", "AB12-CD34-EF56-WXYA"])
def test_another_end_is_another_key(said: str) -> None:
    assert not ends_like(mask("AB12-CD34-EF56-WXYZ"), said)


def test_a_code_too_short_to_show_any_of_it_may_be_any_code() -> None:
    assert mask("ABC") == "••••"
    assert ends_like(mask("ABC"), "ABC")
    assert ends_like(mask("ABC"), "1234")


@pytest.mark.parametrize("said", ["O1XY", "o1xy", "0IXY", "0lxy", "…OLXY"])
def test_letters_that_look_like_digits_rule_nothing_out(said: str) -> None:
    assert ends_like(mask("AB12-CD34-EF56-01XY"), said)
    assert not ends_like(mask("AB12-CD34-EF56-02XY"), said)
