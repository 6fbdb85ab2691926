"""A face value as suppliers write it: 100, 100.00, 1,000, ¥100, 100元, 100 CNY."""

import re

from keyrail.platform.money import MINOR_DIGITS, Money, parse_decimal

# A sign that several currencies use says nothing against any of them.
_SIGNS = {
    "CNY": ("¥", "￥", "元", "圆", "块", "RMB", "人民币"), "JPY": ("¥", "￥", "円", "日元"),
    "USD": ("$", "US$", "美元", "刀"), "HKD": ("$", "HK$", "港元", "港币"), "TWD": ("$", "NT$", "新台币", "台币", "元"),
    "SGD": ("$", "S$", "新币"), "AUD": ("$", "A$", "澳元"), "CAD": ("$", "C$", "加元"), "MOP": ("MOP$", "澳门元"),
    "EUR": ("€", "欧元"), "GBP": ("£", "英镑"), "KRW": ("₩", "韩元"), "INR": ("₹", "卢比"), "VND": ("₫", "越南盾"),
    "THB": ("฿", "泰铢"), "MYR": ("RM", "林吉特"), "PHP": ("₱",), "IDR": ("Rp", "印尼盾"), "CHF": ("Fr", "瑞士法郎"),
}  # fmt: skip
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_IN_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_AMOUNT = re.compile(r"(?P<before>[^0-9.,]*)(?P<number>[0-9][0-9.,]*)(?P<behind>[^0-9.,]*)")


class NotAnAmount(ValueError):
    """It would have to be guessed how much that is, or of what."""


def face_value(text: str, currency: str) -> Money:
    """What `text` says, where amounts are of `currency` unless they say otherwise. Raises NotAnAmount."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise NotAnAmount
    signs = [sign.strip().casefold() for sign in (found["before"], found["behind"]) if sign.strip()]
    for sign in signs:
        currency = _currency(sign, currency)
    number = found["number"]
    if _IN_THOUSANDS.fullmatch(number):
        number = number.replace(",", "")
    if not _NUMBER.fullmatch(number):
        raise NotAnAmount
    whole, point, fraction = number.partition(".")
    try:
        return parse_decimal((whole.lstrip("0") or "0") + point + fraction, currency)
    except ValueError:
        raise NotAnAmount from None


def _currency(sign: str, expected: str) -> str:
    """The one that the sign stands for: the expected one, if it may be that."""
    named = [code for code in MINOR_DIGITS if sign in {code.casefold(), *map(str.casefold, _SIGNS.get(code, ()))}]
    if expected in named:
        return expected
    if len(named) == 1:
        return named[0]
    raise NotAnAmount
