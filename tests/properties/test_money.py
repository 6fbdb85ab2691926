"""Money: exact, of one currency, never negative."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.money import MAX_AMOUNT_MINOR, MINOR_DIGITS, CurrencyMismatch, Money, parse_decimal, total

CURRENCIES = st.sampled_from(sorted(MINOR_DIGITS))
AMOUNTS = st.integers(0, MAX_AMOUNT_MINOR // 100)


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_as_a_decimal_is_read_as_the_same_amount(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert parse_decimal(money.decimal(), currency) == money
    assert "." in money.decimal() or MINOR_DIGITS[currency] == 0


@given(st.lists(AMOUNTS, min_size=1, max_size=20), CURRENCIES)
def test_a_total_does_not_depend_on_the_order(amounts: list[int], currency: str) -> None:
    moneys = [Money(amount, currency) for amount in amounts]
    assert total(moneys) == total(moneys[::-1]) == Money(sum(amounts), currency)


@given(AMOUNTS, st.integers(1, 90), CURRENCIES)
def test_so_many_times_is_so_many_added(amount: int, count: int, currency: str) -> None:
    assert Money(amount, currency).times(count) == total([Money(amount, currency)] * count)


@given(AMOUNTS, AMOUNTS, CURRENCIES, CURRENCIES)
def test_two_currencies_never_add_up(one: int, other: int, currency: str, second: str) -> None:
    if currency != second:
        with pytest.raises(CurrencyMismatch):
            Money(one, currency) + Money(other, second)


@given(st.text(max_size=12), CURRENCIES)
def test_a_text_is_an_amount_or_refused_and_nothing_else(text: str, currency: str) -> None:
    try:
        money = parse_decimal(text, currency)
    except ValueError:
        return
    assert text.isascii()
    assert not set(text) - set("0123456789.")
    written, parsed = (part.partition(".") for part in (text, money.decimal()))
    assert int(written[0]) == int(parsed[0])
    assert written[2].rstrip("0") == parsed[2].rstrip("0")


@given(st.one_of(st.integers(max_value=-1), st.integers(MAX_AMOUNT_MINOR + 1), st.floats(), st.booleans()))
def test_no_other_number_is_an_amount(amount: int) -> None:
    with pytest.raises((ValueError, TypeError)):
        Money(amount, "CNY")
