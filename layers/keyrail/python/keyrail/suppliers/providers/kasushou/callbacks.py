"""A callback: signed by the house, and brought down to which of our references there is news of.

Source: doc.kasushou.com/api/v2api/50. The cards in it are no part of what is signed, so they are not looked at.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import text
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.providers.kasushou.dialect import UNSIGNED, Dialect
from keyrail.suppliers.providers.reading import number
from keyrail.suppliers.providers.writing import members

MAX_CALLBACK_BYTES = 256 * 1024
MAX_MEMBERS = 256
LASTS_MS = 24 * 60 * 60 * 1000  # they repeat one for 75 minutes, and nobody says whether with a new time
AHEAD_MS = 5 * 60 * 1000


def reference(callback: Callback, dialect: Dialect, key: str, now_ms: int) -> str:
    """Raises SignatureInvalid for anything that is forged, stale or not understood."""
    if callback.method != "POST" or len(callback.raw_body) > MAX_CALLBACK_BYTES:
        raise SignatureInvalid
    try:
        said = _members(callback.raw_body)
        _verify(said, dialect, key, now_ms)
    except ValueError:
        raise SignatureInvalid from None
    ours = number(said, dialect.names.reference)
    if ours is None:
        raise SignatureInvalid
    return str(ours)


def _members(raw: bytes) -> dict[str, Any]:
    """Those of a JSON object or of a form; some houses send the one, some the other. Raises ValueError."""
    if raw.lstrip().startswith(b"{"):
        return members(raw)
    pairs = parse_qsl(
        raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_MEMBERS
    )
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name given twice")
    return {name.partition("[")[0] if name.endswith("]") else name: value for name, value in said.items()}


def _verify(said: Mapping[str, Any], dialect: Dialect, key: str, now_ms: int) -> None:
    """Raises ValueError."""
    time, signature = text(said, "time"), text(said, "sign")
    signing = dialect.callbacks
    if len(time) != signing.time_digits or not (time.isascii() and time.isdigit()):
        raise ValueError("no time of theirs")
    signed = {name: value for name, value in said.items() if name not in {*UNSIGNED, dialect.names.cards}}
    if not signing.is_of(signature, time, signed, key):
        raise ValueError("not signed by them")
    if not now_ms - LASTS_MS <= signing.time_ms(time) <= now_ms + AHEAD_MS:
        raise ValueError("not of today")
