"""What a gateway says: the form of a callback and the JSON of a reply, read in one way or not at all."""

from collections.abc import Mapping

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers import Callback
from keyrail.payments.providers.http_client import Reply
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.forms import FormLimits, read_form
from keyrail.platform.json_objects import is_text, json_object

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
        said = json_object(reply.body, parse_int=str, parse_float=str)
    except ValueError:
        raise ProviderUnavailable from None
    if reply.status != OK:
        raise ProviderUnavailable
    fields = {name: value for name, value in said.items() if isinstance(value, str)}
    if not all(is_text(name) and is_text(value) for name, value in fields.items()):
        raise ProviderUnavailable  # JSON can spell half a character, which cannot have been signed
    return fields


def word_of(fields: Mapping[str, str]) -> str:
    """What a reply says of itself, for an operator to read: its code and a bounded part of its message."""
    message = "".join(character for character in fields.get("msg", "") if character.isprintable())
    return f"{fields.get('code', '')} {message}".strip()[:MAX_WORD_LENGTH]
