"""Alipay's answers: `{"<method>_response":{…},"sign":"…"}`, signed over the response's own JSON as it was sent.

Sources: opendocs.alipay.com/common/02kf5q (signing and verifying), /common/02km9f (codes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from keyrail.payments.providers.rsa import is_signed
from keyrail.platform import json_objects
from keyrail.platform.json_objects import is_text

SUCCEEDED = "10000"
# What the gateway calls a response where it does not get as far as the method.
OF_THE_GATEWAY = "error_response"

_WHITE_SPACE = " \t\r\n"


@dataclass(frozen=True)
class Answer:
    """`code` is the gateway's word, `sub_code` the business's, empty where there is none; `said` is all of it."""

    code: str
    sub_code: str
    said: dict[str, Any] = field(repr=False)

    @property
    def succeeded(self) -> bool:
        return self.code == SUCCEEDED

    @property
    def status(self) -> str:
        """The provider's word for how it went."""
        return self.sub_code or self.code

    def text(self, name: str) -> str:
        return json_objects.text(self.said, name)


def read(raw: bytes, method: str, keys: Sequence[RSAPublicKey]) -> Answer:
    """The answer to `method`, verified.

    What is not signed is no answer, whoever wrote it: the gateway signs nothing for an app it does not know. Some of
    its servers sign before they escape slashes, so a text is believed in the form in which it was signed.
    Raises ValueError.
    """
    members = _members(raw.decode())
    response = members.get(f"{method.replace('.', '_')}_response") or members.get(OF_THE_GATEWAY)
    signature = _json(members.get("sign", ""))
    if response is None or not isinstance(signature, str):
        raise ValueError("not a signed answer")
    for text in (response, response.replace("\\/", "/")):
        if is_signed(keys, text.encode(), signature):
            return _answer(_json(text))
    raise ValueError("not signed by Alipay")


def _answer(said: object) -> Answer:
    if not isinstance(said, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for whatever cannot be read
    code, sub_code = said.get("code"), said.get("sub_code", "")
    if not is_text(code) or not is_text(sub_code):
        raise ValueError("no code")
    return Answer(code, sub_code, said)


def _members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as it was written. Raises ValueError, for a name given twice too."""
    members: dict[str, str] = {}
    at = _past(text, 0)
    closing = "{"
    while text[at : at + 1] == closing:
        at = _past(text, at + 1)
        name, end = _value(text, at)
        at = _past(text, end)
        if not isinstance(name, str) or name in members or text[at : at + 1] != ":":
            raise ValueError("not an object")
        begin = _past(text, at + 1)
        _, end = _value(text, begin)
        members[name] = text[begin:end]
        at, closing = _past(text, end), ","
    if text[at : at + 1] != "}" or _past(text, at + 1) != len(text):
        raise ValueError("not an object")
    return members


def _past(text: str, at: int) -> int:
    """Where the next token begins."""
    while text[at : at + 1] and text[at] in _WHITE_SPACE:
        at += 1
    return at


def _json(text: str) -> object:
    value, end = _value(text, 0)
    if end != len(text):
        raise ValueError("more than one value")
    return value


def _value(text: str, at: int) -> tuple[object, int]:
    """The JSON value that begins there, and where it ends. A number with a fraction stays text. Raises ValueError."""
    try:
        return json_objects.decoder(parse_float=str).raw_decode(text, at)
    except RecursionError:
        raise ValueError("nested too deeply") from None
