"""Amounts are whole minor units of a known currency, or they are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.money import MAX_AMOUNT_MINOR, MINOR_DIGITS, CurrencyMismatch, Money, parse_decimal, total

amounts = st.builds(Money, st.integers(0, MAX_AMOUNT_MINOR), st.sampled_from(sorted(MINOR_DIGITS)))


@given(amounts)
def test_what_is_written_reads_back_as_the_same_amount(amount: Money) -> None:
    assert parse_decimal(amount.decimal(), amount.currency) == amount


@pytest.mark.parametrize(("minor", "share"), [(0, 0), (999, 333), (1000, 333), (1001, 334), (1, 0), (2, 1)])
def test_a_share_of_an_amount_is_to_the_nearest_minor_unit(minor: int, share: int) -> None:
    assert Money(minor, "CNY").shared(3) == Money(share, "CNY")


@given(st.text())
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    try:
        amount = parse_decimal(text, "CNY")
    except ValueError:
        return
    whole, _, fraction = text.partition(".")
    assert amount.decimal() == f"{whole}.{fraction[:2].ljust(2, '0')}"


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("19.9", "CNY", 1990),
        ("19.90", "CNY", 1990),
        ("19.900", "CNY", 1990),
        ("19", "CNY", 1900),
        ("0", "CNY", 0),
        ("0.01", "CNY", 1),
        ("100", "JPY", 100),
        ("100.00", "JPY", 100),
    ],
)
def test_plain_decimals_are_read_exactly(text: str, currency: str, amount_minor: int) -> None:
    assert parse_decimal(text, currency) == Money(amount_minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", ".5", "5.", "-1", "+1", "-0", "00", "01.00", "1,000", "1 000", "1_000", " 1", "1\n",
        "1e3", "0x10", "NaN", "Infinity", "19.999", "19.901", "1.2.3", "10000000000.01", "9" * 30,
        "¥1", "１９.９０", "19.9０", "1．00", "١٩", "二十",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract, the text is not
        parse_decimal(text, "CNY")


def test_a_fraction_of_a_currency_without_minor_units_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        parse_decimal("100.5", "JPY")


@pytest.mark.parametrize("currency", ["", "cny", "XAU", "CNY ", "人民币"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="unknown currency"):
        parse_decimal("1", currency)
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, currency)


@pytest.mark.parametrize("amount_minor", [-1, MAX_AMOUNT_MINOR + 1])
def test_an_amount_out_of_range_is_refused(amount_minor: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Money(amount_minor, "CNY")


@pytest.mark.parametrize("amount_minor", [True, "1", None, b"1"])
def test_an_amount_that_is_no_integer_is_refused(amount_minor: object) -> None:
    with pytest.raises(TypeError):
        Money(amount_minor, "CNY")  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_sum_is_exact(minors: list[int]) -> None:
    assert total([Money(minor, "CNY") for minor in minors]) == Money(sum(minors), "CNY")


@given(st.integers(0, 10**6), st.integers(0, 1000))
def test_a_price_times_a_quantity_is_exact(minor: int, count: int) -> None:
    assert Money(minor, "CNY").times(count) == Money(minor * count, "CNY")


def test_two_currencies_never_meet_in_one_sum() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(CurrencyMismatch):
        total([Money(1, "CNY"), Money(1, "USD")])


def test_a_sum_beyond_the_largest_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        Money(MAX_AMOUNT_MINOR, "CNY") + Money(1, "CNY")
