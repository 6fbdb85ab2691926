"""How much one person gives back alone, as it is configured."""

import pytest

from keyrail.payments.model.refund_limits import NOTHING_ALONE
from keyrail.payments.service.refund_limits import refund_limits
from keyrail.platform.config import ConfigError
from keyrail.platform.money import Money

LIMITS = refund_limits('{"CNY": {"payment_minor": 500, "day_minor": 900}}')


@pytest.mark.parametrize(
    ("minor", "before", "needs"), [(500, 0, False), (501, 0, True), (1, 500, True), (200, 300, False)]
)
def test_what_one_person_gave_back_of_the_payment_before_counts(minor: int, before: int, needs: bool) -> None:
    assert LIMITS.needs_second_person(Money(minor, "CNY"), before) is needs


def test_of_a_currency_that_is_not_named_nobody_gives_back_anything_alone() -> None:
    assert LIMITS.of("JPY") == NOTHING_ALONE
    assert LIMITS.needs_second_person(Money(1, "JPY"), 0)


@pytest.mark.parametrize(
    "configured",
    [
        "",
        "[]",
        '{"CNY": 500}',
        '{"CNY": {"payment_minor": "500", "day_minor": 900}}',
        '{"CNY": {"payment_minor": 5.5, "day_minor": 900}}',
        '{"CNY": {"payment_minor": -1, "day_minor": 900}}',
        '{"XXX": {"payment_minor": 500, "day_minor": 900}}',
    ],
)
def test_limits_that_are_none_stop_the_start(configured: str) -> None:
    with pytest.raises(ConfigError):
        refund_limits(configured)
