"""The codes that we make ourselves, as people type them: `prefix body check symbol` in groups of four.

The alphabet is Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U, and whoever types I, L or
O means 1, 1 or 0. The check symbol is the value of prefix and body modulo 37. 37 is prime, and neither 32 nor 31 nor
any difference of two symbols is a multiple of it, so every mistyped symbol and every swap of two neighbours shows.
Groups are always full, so a lost or doubled symbol shows by the length.

Pure: a code is refused here without a look at any table.
"""

import secrets
import unicodedata

from keyrail.platform.errors import Invalid
from keyrail.platform.ids import CROCKFORD

OWN_ISSUER = "keyrail"
"""The issuer of every code that we make; its fingerprints are taken over the folded spelling."""

GROUP = 4
MIN_BODY = 21  # symbols of 5 bits; leaving out 5 of 37 check symbols costs 0.21 bit of them
MIN_LENGTH = 24  # without prefix: 23 symbols of chance
MAX_LENGTH = 32
CHECK_SYMBOLS = CROCKFORD + "*~$=U"

_MODULUS = len(CHECK_SYMBOLS)
_BITS = 5
_VALUE = {symbol: value for value, symbol in enumerate(CHECK_SYMBOLS)}
_MEANT = str.maketrans("ILO", "110")
_SEPARATORS = {"Pd", "Zs", "Cc", "Cf"}  # dashes, blanks, line ends, and what nobody sees
_MINUS = "\u2212"


class MistypedCode(Invalid):
    """Not one of our codes: a symbol is wrong, missing or too many. Known without any look into stock."""

    code = "mistyped_code"
    title = "This code is mistyped. Please compare it with the original."
    title_zh = "兑换码输入有误，请核对后重试。"


def new_code(prefix: str = "") -> str:
    """A fresh code in its canonical spelling, with at least 100 bits of chance.

    Drawn anew until its check symbol is an ordinary one, which every keyboard and printer has.
    """
    while (code := _drawn(prefix))[-1] not in CROCKFORD:
        pass
    return code


def _drawn(prefix: str) -> str:
    length = body_length(prefix)
    chance = secrets.randbits(_BITS * length)
    body = "".join(CROCKFORD[(chance >> shift) & 31] for shift in range(0, _BITS * length, _BITS))
    return f"{prefix}{body}{check_symbol(prefix + body)}"


def body_length(prefix: str) -> int:
    """Symbols of chance: at least MIN_BODY, and as many as make the last group full."""
    return MIN_BODY + -(len(prefix) + MIN_BODY + 1) % GROUP


def check_symbol(symbols: str) -> str:
    """Of prefix and body, which are of the alphabet."""
    value = 0
    for symbol in symbols:
        value = (value * len(CROCKFORD) + _VALUE[symbol]) % _MODULUS
    return CHECK_SYMBOLS[value]


def grouped(code: str) -> str:
    """As it is printed and shown."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def folded(code: str) -> str:
    """One spelling for all that mean the same: width, case, dashes, blanks, and letters that are taken for digits."""
    plain = unicodedata.normalize("NFKC", code).upper()
    return "".join(c for c in plain if c != _MINUS and unicodedata.category(c) not in _SEPARATORS).translate(_MEANT)


def canonical(code: str) -> str:
    """The one spelling of a code that somebody typed. Raises MistypedCode."""
    typed = folded(code)
    if len(typed) % GROUP or not MIN_LENGTH <= len(typed) <= MAX_LENGTH:
        raise MistypedCode
    symbols = typed[:-1]
    if not set(symbols) <= set(CROCKFORD) or check_symbol(symbols) != typed[-1]:
        raise MistypedCode
    return typed


def check(code: str) -> bool:
    """Whether it can be one of our codes; of mistakes in one symbol and of swapped neighbours none passes."""
    try:
        canonical(code)
    except MistypedCode:
        return False
    return True
