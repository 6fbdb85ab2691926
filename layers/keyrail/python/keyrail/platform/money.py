"""Money as integer minor units with its currency. No float ever touches an amount."""

import re
from dataclasses import dataclass

# ISO 4217 minor-unit exponents of the currencies we sell in; a currency that is not here is refused.
MINOR_DIGITS = {
    "AUD": 2, "CAD": 2, "CHF": 2, "CNY": 2, "EUR": 2, "GBP": 2, "HKD": 2, "IDR": 2, "INR": 2, "JPY": 0, "KRW": 0,
    "MOP": 2, "MYR": 2, "PHP": 2, "SGD": 2, "THB": 2, "TWD": 2, "USD": 2, "VND": 0,
}  # fmt: skip
MAX_AMOUNT_MINOR = 10**12

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]+))?")


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


class UnfitMoney(ValueError):
    """What is no amount of ours: `field` of it is wrong for `reason`, and `allowed` would have done."""

    def __init__(self, field: str, reason: str, allowed: str) -> None:
        super().__init__(f"{field}: {reason}".replace("_", " "))
        self.field, self.reason, self.allowed = field, reason, allowed


@dataclass(frozen=True)
class Money:
    """`amount_minor` in the currency's minor unit (fen, cent); never negative, at most MAX_AMOUNT_MINOR."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError("amount_minor must be an int")
        if not 0 <= self.amount_minor <= MAX_AMOUNT_MINOR:
            raise UnfitMoney("amount_minor", "out_of_range", f"0 to {MAX_AMOUNT_MINOR}")
        if self.currency not in MINOR_DIGITS:
            raise UnfitMoney("currency", "unknown_currency", ", ".join(sorted(MINOR_DIGITS)))

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise CurrencyMismatch
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def times(self, count: int) -> "Money":
        return Money(self.amount_minor * count, self.currency)

    def shared(self, count: int) -> "Money":
        """One of `count` equal shares, to the nearest minor unit, a half upwards."""
        return Money((2 * self.amount_minor + count) // (2 * count), self.currency)

    def plain(self) -> dict[str, int | str]:
        """As events carry it."""
        return {"amount_minor": self.amount_minor, "currency": self.currency}

    def decimal(self) -> str:
        """As providers of this region write it: `19.90`."""
        digits = MINOR_DIGITS[self.currency]
        if not digits:
            return str(self.amount_minor)
        whole, fraction = divmod(self.amount_minor, 10**digits)
        return f"{whole}.{fraction:0{digits}d}"


def parse_decimal(text: str, currency: str) -> Money:
    """`19.9` → 1990 fen. Raises ValueError on anything but plain digits with at most the currency's decimals.

    Trailing zeros beyond the minor unit (`19.900`) are the same amount; any other further digit is refused, never
    rounded.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError("not a plain decimal amount")
    digits = MINOR_DIGITS.get(currency, -1)
    if digits < 0:
        raise ValueError("unknown currency")
    whole, fraction = match[1], match[2] or ""
    if fraction[digits:].strip("0"):
        raise ValueError("finer than the minor unit")
    return Money(int(whole) * 10**digits + int(fraction[:digits].ljust(digits, "0") or "0"), currency)


def total(amounts: "list[Money]") -> Money:
    """Sum of at least one amount; raises CurrencyMismatch when currencies differ."""
    result = amounts[0]
    for amount in amounts[1:]:
        result += amount
    return result
