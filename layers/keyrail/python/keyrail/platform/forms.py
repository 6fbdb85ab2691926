"""The parameters of a signed callback; anything that two readers could read in two ways is refused.

Several providers sign the decoded values, joined by `&` and `=`: so a value that holds `&name=` could be read as two
parameters under the same signature.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from keyrail.platform.errors import SignatureInvalid

_NAME = re.compile(r"[A-Za-z0-9_]+")
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
_HOLDS_A_PARAMETER = re.compile(r"&[^&=]*=")


@dataclass(frozen=True)
class FormLimits:
    """`length` counts the characters as they came, `value_bytes` those of a decoded value."""

    length: int
    parameters: int
    value_bytes: int


def read_form(encoded: str, limits: FormLimits) -> dict[str, str]:
    """Of a query or of a body. Raises SignatureInvalid."""
    pairs = encoded.split("&")
    if len(encoded) > limits.length or len(pairs) > limits.parameters:
        raise SignatureInvalid
    parameters: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in parameters or not _NAME.fullmatch(name):
            raise SignatureInvalid
        parameters[name] = _decoded(value, limits.value_bytes)
    return parameters


def _decoded(encoded: str, max_bytes: int) -> str:
    if not _ENCODED.fullmatch(encoded):
        raise SignatureInvalid
    try:
        raw = unquote_to_bytes(encoded.replace("+", " "))
        text = raw.decode()
    except UnicodeError:
        raise SignatureInvalid from None
    if len(raw) > max_bytes or _HOLDS_A_PARAMETER.search(text):
        raise SignatureInvalid
    return text
