"""Cards as the open platform hands them out: AES-256 in ECB mode, in base64, the app secret as the key.

They are padded as PKCS #7 says; some are with zeros instead.
"""

import base64
from collections.abc import Sequence

from keyrail.platform.json_objects import Document, text
from keyrail.suppliers.model.outcomes import Card
from keyrail.suppliers.providers.reading import last_day

KEY_BYTES = 32
MAX_CARD_LENGTH = 512  # characters; a card may be a link
KINDS = frozenset({"", "0", "1", "2"})  # of a card: text, what a QR code says, a short link
PADDINGS = ("pkcs7", "zeros")
_BLOCK_BITS = 128


def read(
    holders: Sequence[Document], quantity: int, secret: str, padding: str = PADDINGS[0]
) -> tuple[Card, ...] | None:
    """None for anything but exactly `quantity` different cards that are understood whole."""
    if len(holders) != quantity:
        return None
    try:
        cards = tuple(_card(holder, secret, padding) for holder in holders)
    except ValueError:
        return None
    return cards if len({(card.code, card.password) for card in cards}) == quantity else None


def _card(holder: Document, secret: str, padding: str) -> Card:
    """Raises ValueError, which never quotes it."""
    if text(holder, "card_type") not in KINDS:
        raise ValueError("a card of another kind")
    number, password = (_opened(holder, name, secret, padding) for name in ("card_number", "card_pwd"))
    if not number and not password:
        raise ValueError("a card with nothing on it")
    expires_on = last_day(holder, "card_deadline")
    return Card(code=number or password, password=password if number and password else None, expires_on=expires_on)


def _opened(holder: Document, name: str, secret: str, padding: str) -> str:
    """Empty where there is none. Raises ValueError."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    if holder.get(name) in (None, ""):
        return ""
    sealed = base64.b64decode(text(holder, name), validate=True)
    opener = Cipher(algorithms.AES(secret.encode()), modes.ECB()).decryptor()  # noqa: S305 - theirs, not our choice
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        padded = opener.update(sealed) + opener.finalize()
        raw = padded.rstrip(b"\0") if padding == "zeros" else unpadder.update(padded) + unpadder.finalize()
        card = raw.decode().strip()
    except ValueError:
        raise ValueError("a card that does not open") from None
    if not card or not card.isprintable() or len(card) > MAX_CARD_LENGTH:
        raise ValueError("no card")
    return card
