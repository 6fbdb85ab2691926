"""Who signs what, each kind of message under a name of its own, so that none stands in for another.

- the link to the page: over `page.` and the parameters before `sign`, encoded as a form;
- every other message: header `sandbox-signature`, as `platform.signed_messages` says. The name is `callback`,
  `ask.<what>` for a question of ours, `answer.<signature of the question>` for its answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from keyrail.platform import json_objects
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import check, signature

HEADER = "sandbox-signature"
CALLBACK = "callback"
MAX_LINK_LENGTH = 16 * 1024
MAX_LINK_PARAMETERS = 16


def asking(what: str) -> str:
    return f"ask.{what}"


def answering(question: str) -> str:
    """`question` is the header that the question came with: its answer is the answer to no other."""
    return f"answer.{question.rpartition('=')[2]}"


def signed_link(secret: str, parameters: Mapping[str, object]) -> str:
    """The query of a link to the page."""
    query = urlencode(parameters)
    return f"{query}&sign={signature(secret, b'page.' + query.encode())}"


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
    check(secrets, b"page." + urlencode(signed).encode(), parameters["sign"])


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
