"""Public labels: a key that is worth choosing, like a lucky number, stands in the claim's own index under its label.

The label takes the place of chance in a key's `claim_order`. So the index names the free ones, and there is no second
list that could say something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keyrail.inventory.model.keys import (
    AVAILABLE_FROM_S,
    KeyState,
    LabelTaken,
    claimable_until,
    label_of,
    labelled,
)
from keyrail.inventory.service.claims import Candidate, Claims, partitions
from keyrail.platform.changes import Origin
from keyrail.platform.errors import FieldError, Invalid

MAX_LOOKS = 8  # at the index, for one page
KEYS_A_LOOK = 100
MAX_LEASED = 1_000  # leases looked at in one partition of the index

_FIRST = f"{AVAILABLE_FROM_S:010d}#"
_FIRST_LEASED = f"{AVAILABLE_FROM_S + 1:010d}#"
_APART = "@"


@dataclass(frozen=True)
class Labels:
    claims: Claims

    def free(self, sku_id: str, limit: int, after: str | None) -> tuple[list[str], str | None]:
        """A page of labels that can be had, at most `limit`, and where the next begins. Keys without one stand between
        them, so a page may be short, or empty, and not the last. Raises Invalid for a position that is none.
        """
        names = list(self._partitions(sku_id))
        number, start = _position(after)
        border = claimable_until(self.claims.now_ms())
        found: list[str] = []
        for _ in range(MAX_LOOKS):
            if number >= len(names):
                return found, None
            seen = [order for _, order in self.claims.store.candidates(names[number], start, KEYS_A_LOOK)]
            free = [order for order in seen if order <= border]
            for order in free:
                if label := label_of(order):
                    found.append(label)
                if len(found) == limit:
                    return found, f"{number}{_APART}{_behind(order)}"
            number, start = (number, _behind(free[-1])) if len(free) == KEYS_A_LOOK else (number + 1, _FIRST)
        return found, f"{number}{_APART}{start}"

    def lease(self, sku_id: str, label: str, order_id: str, until_ms: int, origin: Origin) -> str:
        """Hold exactly that key for the order; one that the order holds already, from a request that broke off, is it.

        Raises LabelTaken, StoreUnavailable.
        """
        for candidate in (*self._available(sku_id, label), *self._leased(sku_id, label)):
            if self.claims.lease_one(candidate, order_id, until_ms, origin):
                return candidate.key_id
            key = self.claims.store.get(candidate.key_id)
            if key.state is KeyState.LEASED and key.order_id == order_id:
                return key.key_id
        raise LabelTaken

    def _available(self, sku_id: str, label: str) -> Iterator[Candidate]:
        start = labelled(AVAILABLE_FROM_S, label)
        for partition in self._partitions(sku_id):
            for key_id, order in self.claims.store.candidates(partition, start, limit=1):
                if order.startswith(start):
                    yield Candidate(key_id, order)

    def _leased(self, sku_id: str, label: str) -> Iterator[Candidate]:
        """Sorted by the lease's end, lapsed or running, and not by their labels."""
        for partition in self._partitions(sku_id):
            for key_id, order in self.claims.store.candidates(partition, _FIRST_LEASED, MAX_LEASED):
                if label_of(order) == label:
                    yield Candidate(key_id, order)

    def _partitions(self, sku_id: str) -> Iterator[str]:
        return (name for part in self.claims.parts(sku_id) for name in partitions(sku_id, part))


def _behind(order: str) -> str:
    """The first sort key that follows this one."""
    return order + " "


def _position(after: str | None) -> tuple[int, str]:
    if after is None:
        return 0, _FIRST
    number, apart, start = after.partition(_APART)
    if not apart or not number.isdecimal() or not number.isascii():
        raise Invalid(FieldError("cursor", "unknown"))
    return int(number), start
