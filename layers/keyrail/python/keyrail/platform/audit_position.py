"""Where the next part of a verification begins, vouched for, since a chain is judged from there on.

A position says which version and MAC were reached. Whoever could make one up would have a chain whose beginning is gone
begin in the middle, and look whole.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from keyrail.platform.audit_chain import Reached
from keyrail.platform.documents import Attributes
from keyrail.platform.errors import FieldError, Invalid

_PURPOSE = b"keyrail audit position 1\n"


@dataclass(frozen=True)
class Position:
    """Behind a key of a table; `table` counts: 0 is the trail itself, from 1 on the tables of the items.

    With `reached` within a subject of the trail, which `key` names.
    """

    table: int = 0
    key: Mapping[str, str] | None = None
    reached: Reached | None = None

    @property
    def start(self) -> Attributes | None:
        return {name: {"S": value} for name, value in self.key.items()} if self.key else None

    @property
    def subject(self) -> str | None:
        return self.key.get("subject") if self.key else None


def signed(position: Position, secret: str, asked: str | None) -> str:
    """For the question that was `asked`, about one subject or about all (None), and for no other."""
    reached = position.reached
    told = [reached.at_id, reached.version, reached.mac.hex() if reached.mac else None] if reached else None
    text = json.dumps([position.table, position.key, told], ensure_ascii=False, separators=(",", ":"))
    return f"{_mac(text, secret, asked)}{text}"


def position_of(cursor: str | None, secret: str, asked: str | None) -> Position | None:
    """Raises Invalid for one that was never given out, or as the answer to another question."""
    if cursor is None:
        return None
    mac, text = cursor[:_MAC_LENGTH], cursor[_MAC_LENGTH:]
    if not hmac.compare_digest(mac.encode(), _mac(text, secret, asked).encode()):
        raise Invalid(FieldError("cursor", "unknown"))
    table, key, told = json.loads(text)
    if told is None:
        return Position(table, key)
    at_id, version, last_mac = told
    return Position(table, key, Reached(at_id, version, bytes.fromhex(last_mac) if last_mac else None))


def _mac(text: str, secret: str, asked: str | None) -> str:
    said = json.dumps([asked, text]).encode()
    return hmac.digest(secret.encode(), _PURPOSE + said, "sha256").hex()


_MAC_LENGTH = 64  # SHA-256 in hex
