"""One exchange with a supplier, and what it comes to where no answer can be understood.

What is ordered is sent once. Only where it is proven that nothing was sent has it failed; whatever else goes wrong, it
may have happened (promise I7).
"""

from collections.abc import Mapping
from typing import Any

from keyrail.platform.http_client import MAX_REPLY_BYTES, SERVER_ERROR, NoReply, Reply, Silence, request
from keyrail.platform.json_objects import text
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Refusal, Unknown
from keyrail.suppliers.providers.reading import json_object

OK = 200
REFUSED = 400
NOT_SENT = "not_sent"
_SAID = {
    Silence.UNCONNECTED: "not_connected",
    Silence.TIMED_OUT: "too_slow",
    Silence.BROKEN: "no_answer",
    Silence.TOO_LONG: "too_long",
}


def order(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    read_timeout_s: int,
    repeated_in: str | None = None,
) -> dict[str, Any] | DefiniteFailure | Unknown:
    """Send what has an effect, once and over a connection of its own, so that what did not get one was not sent.

    The answer as `understood` gives it, or what it comes to that there is none.
    """
    try:
        reply = _request(method, url, body, headers, read_timeout_s, MAX_REPLY_BYTES, once=True)
    except NoReply as error:
        if error.nothing_sent:
            return DefiniteFailure(said=NOT_SENT, refusal=Refusal.NOT_SENT)
        return _unheard(_SAID[error.why])
    return understood(reply, repeated_in)


def ask(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    read_timeout_s: int,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    repeated_in: str | None = None,
) -> dict[str, Any] | Unknown:
    """Send a question, by itself a second time if need be. That it does not arrive says nothing about what it asks."""
    try:
        reply = _request(method, url, body, headers, read_timeout_s, max_reply_bytes, once=False)
    except NoReply as error:
        return _unheard(_SAID[error.why])
    return understood(reply, repeated_in)


def understood(reply: Reply, repeated_in: str | None = None) -> dict[str, Any] | Unknown:
    """The JSON object of a reply with status 200: a page of a server or of a proxy is nobody's answer.

    Some suppliers refuse with a status from 400 to 499 that is their own code, `repeated_in` that member of it.
    """
    is_refused = repeated_in is not None and REFUSED <= reply.status < SERVER_ERROR
    if reply.status != OK and not is_refused:
        return _unheard(f"http_{reply.status}")
    try:
        answer = json_object(reply.body)
    except ValueError:
        return _unheard("html" if reply.body.lstrip().startswith(b"<") else "not_json")
    if is_refused and text(answer, str(repeated_in)) != str(reply.status):
        return _unheard(f"http_{reply.status}")
    return answer


def _unheard(said: str) -> Unknown:
    return Unknown(said=said, answered=False)


def had(answer: dict[str, Any] | Unknown) -> dict[str, Any]:
    """The answer to what must be known at once: a balance, a catalogue. Raises SupplierUnavailable."""
    if isinstance(answer, Unknown):
        raise SupplierUnavailable
    return answer


def _request(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    read_timeout_s: int,
    max_reply_bytes: int,
    *,
    once: bool,
) -> Reply:
    """Raises NoReply."""
    return request(
        method,
        url,
        body=body,
        headers=headers,
        read_timeout_s=read_timeout_s,
        max_reply_bytes=max_reply_bytes,
        repeatable=not once,
        fresh=once,
    )
