"""Who signs what: HMAC-SHA256 in hex, each kind of message under a name of its own, so that none stands in for another.

- the link to the page: over `page.` and the parameters before `sign`, encoded as a form;
- every other message: header `sandbox-signature: t=<epoch s>,v1=<signature>`, over `<name>.<t>.` and the raw body. The
  name is `callback`, `ask.<what>` for a question of ours, `answer.<signature of the question>` for its answer.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from keyrail.platform import json_objects
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money

HEADER = "sandbox-signature"
CALLBACK = "callback"
TOLERANCE_S = 300
MAX_LINK_LENGTH = 16 * 1024
MAX_LINK_PARAMETERS = 16

_SIGNATURE = re.compile(r"t=([1-9][0-9]{0,11}),v1=([0-9a-f]{64})")


def asking(what: str) -> str:
    return f"ask.{what}"


def answering(question: str) -> str:
    """`question` is the header that the question came with: its answer is the answer to no other."""
    return f"answer.{question.rpartition('=')[2]}"


def signed_header(secret: str, name: str, at_s: int, raw: bytes) -> str:
    return f"t={at_s},v1={_signature(secret, f'{name}.{at_s}.'.encode() + raw)}"


def verify(header: str, secrets: Iterable[str], name: str, raw: bytes, now_ms: int) -> None:
    """Raises SignatureInvalid, also for what is older or younger than TOLERANCE_S."""
    match = _SIGNATURE.fullmatch(header)
    if match is None or abs(now_ms - int(match[1]) * 1000) > TOLERANCE_S * 1000:
        raise SignatureInvalid
    _check(secrets, f"{name}.{match[1]}.".encode() + raw, match[2])


def signed_link(secret: str, parameters: Mapping[str, object]) -> str:
    """The query of a link to the page."""
    query = urlencode(parameters)
    return f"{query}&sign={_signature(secret, b'page.' + query.encode())}"


def link_parameters(query: str) -> dict[str, str]:
    """What a link says, not yet verified. Raises SignatureInvalid for what two readers could read in two ways."""
    if len(query) > MAX_LINK_LENGTH or not query.isascii():
        raise SignatureInvalid
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise SignatureInvalid from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs) or not 0 < len(pairs) <= MAX_LINK_PARAMETERS or pairs[-1][0] != "sign":
        raise SignatureInvalid
    return parameters


def verify_link(parameters: Mapping[str, str], secrets: Iterable[str]) -> None:
    """Of parameters in the order in which they came. Raises SignatureInvalid."""
    signed = {name: value for name, value in parameters.items() if name != "sign"}
    _check(secrets, b"page." + urlencode(signed).encode(), parameters["sign"])


def _check(secrets: Iterable[str], signed: bytes, signature: str) -> None:
    claimed = signature.encode()
    if not any([hmac.compare_digest(_signature(secret, signed).encode(), claimed) for secret in secrets]):  # noqa: C419 - compare all
        raise SignatureInvalid


def _signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def json_object(raw: bytes) -> dict[str, Any]:
    """Raises SignatureInvalid for anything but an object in UTF-8 that gives each name once."""
    try:
        return json_objects.json_object(raw)
    except ValueError:
        raise SignatureInvalid from None


def is_text(value: object) -> bool:
    return json_objects.is_text(value) and bool(value)


def amount_of(said: Mapping[str, Any]) -> Money | None:
    """None for what is no amount of a currency that we know."""
    return json_objects.money(said.get("amount_minor"), said.get("currency"))
