"""What leaves the house, and what must not leave it by the way."""

from keyrail.fulfilment.model import NotDelivered, RevealedKey, RevealedUnit, SettlementContended
from keyrail.platform.errors import Charged, Kind
from keyrail.vault.model import Secret

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
