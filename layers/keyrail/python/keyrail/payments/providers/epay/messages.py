"""What a gateway says: the form of a callback and the JSON of a reply, read in one way or not at all."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers import Callback
from keyrail.payments.providers.forms import FormLimits, read_form
from keyrail.payments.providers.http_client import Reply
from keyrail.platform.errors import SignatureInvalid

PAID_STATUSES = frozenset({"TRADE_SUCCESS"})
LIMITS = FormLimits(length=4096, parameters=32, value_bytes=512)
MAX_WORD_LENGTH = 100
OK = 200


def callback_parameters(callback: Callback) -> dict[str, str]:
    """Those of a GET stand in its query, those of a POST in its body; one with both is refused.

    Raises SignatureInvalid.
    """
    if callback.method == "GET" and not callback.raw_body:
        return read_form(callback.raw_query, LIMITS)
    if callback.method != "POST" or callback.raw_query or len(callback.raw_body) > LIMITS.length:
        raise SignatureInvalid
    try:
        return read_form(callback.raw_body.decode(), LIMITS)
    except UnicodeError:
        raise SignatureInvalid from None


def reply_fields(reply: Reply) -> dict[str, str]:
    """The plain members of a reply, as text: what is signed of it. Lists and objects are left out, as gateways do.

    Gateways give a number now as a number, now as text, and mean the same. Raises ProviderUnavailable for anything
    but a JSON object.
    """
    try:
        parsed = json.loads(
            reply.body.decode(),
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse,
            object_pairs_hook=_no_name_twice,
        )
    except (ValueError, RecursionError):
        raise ProviderUnavailable from None
    if reply.status != OK or not isinstance(parsed, dict):
        raise ProviderUnavailable
    fields = {name: value for name, value in parsed.items() if isinstance(value, str)}
    if any("\ud800" <= letter <= "\udfff" for name, value in fields.items() for letter in name + value):
        raise ProviderUnavailable  # JSON can spell half a character, which cannot have been signed
    return fields


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def word_of(fields: Mapping[str, str]) -> str:
    """What a reply says of itself, for an operator to read: its code and a bounded part of its message."""
    message = "".join(character for character in fields.get("msg", "") if character.isprintable())
    return f"{fields.get('code', '')} {message}".strip()[:MAX_WORD_LENGTH]
