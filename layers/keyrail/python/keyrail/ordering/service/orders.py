"""Orders as they stand: for their buyer by token, for an operator by any number, for fulfilment as writes."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from keyrail.inventory.service.holds import Holds
from keyrail.ordering.model.orders import (
    ORDER_LIFETIME_MS,
    Contact,
    Order,
    OrderNotFound,
    OrderStatus,
    email_key,
    phone_key,
    token_hash,
)
from keyrail.ordering.model.questions import Window
from keyrail.ordering.model.refund_requests import awaiting
from keyrail.ordering.store import OrderStore, Place
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.dynamo import Write
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.ids import body_of

MAX_TIME_DIGITS = 15  # of epoch milliseconds


@dataclass(frozen=True)
class Orders:
    store: OrderStore

    def find(self, order_id: str) -> Order | None:
        return self.store.get(order_id)

    def of_buyer(self, order_id: str, token: str) -> Order:
        """Raises OrderNotFound for an unknown order and for a wrong token alike."""
        return opened(self.store.get(order_id), token)

    def find_with(self, holds: Holds, order_id: str) -> Order | None:
        """The order; the batches that stand still are read in the same request."""
        (found,) = holds.read_with(self.store.reading(order_id))
        return self.store.order(found)

    def of_operator(self, order_id: str) -> Order:
        """Raises OrderNotFound."""
        order = self.store.get(order_id)
        if order is None:
            raise OrderNotFound
        return order

    def with_status(self, status: OrderStatus, limit: int, now_ms: int) -> list[Order]:
        """At most `limit`, newest first. `expired` is never stored: it is what waits for payment since too long."""
        expired = status is OrderStatus.EXPIRED
        stored = OrderStatus.PENDING_PAYMENT if expired else status
        found = self.store.by_status(stored, limit, until_ms=now_ms - ORDER_LIFETIME_MS if expired else now_ms)
        return [order for order in found if order.status_at(now_ms) is status]

    def with_refunds_awaiting_approval(self, limit: int) -> list[Order]:
        """At most `limit`; those first that wait longest. One is listed for a moment longer than it waits."""
        return [order for order in self.store.awaiting_approval(limit) if awaiting(order)]

    def with_work(self, limit: int, cursor: str | None) -> tuple[list[Order], str | None]:
        """A page of the orders of which a person is to see to a unit, first what is due first; and the next one's
        cursor. One is listed for a moment longer than it waits. Raises Invalid for a cursor of no page of ours.
        """
        place = decode_cursor(cursor)
        _place(place)
        orders, behind = self.store.with_work(limit, place)
        return orders, encode_cursor(behind)

    def count_overdue(self, now_ms: int) -> int:
        """Orders with a job of a person's that is past due; of very many some are left out."""
        return self.store.count_overdue(now_ms)

    def changed_between(
        self, status: OrderStatus, shard: int, window: Window, limit: int, behind: str | None
    ) -> tuple[list[str], str | None]:
        """A page of ids, and where the next one begins; of each of STATUS_SHARDS by itself."""
        return self.store.changed_between(status, shard, window.from_ms, window.before_ms, limit, behind)

    def paid_by(self, provider: str, account: str, reference: str) -> list[Order]:
        return self.store.by_paid_reference(provider, account, reference)

    def some(self, order_ids: Sequence[str]) -> list[Order]:
        """Those of them that there are, many in one request."""
        return self.store.some(order_ids)

    def of_contact(self, wanted: Contact, limit: int, cursor: str | None) -> tuple[list[Order], str | None]:
        """A page of the orders of whoever gave this address or this number, newest first, and the next one's cursor.

        Raises Invalid unless it is exactly one of the two, and for a cursor of no page of ours.
        """
        email, phone = email_key(wanted.email or ""), phone_key(wanted.phone or "")
        if bool(email) == bool(phone):
            raise Invalid(FieldError("contact", "email_or_phone"))
        start = _place(decode_cursor(cursor))
        if email:
            orders, behind = self.store.by_email(email, limit, start)
        else:
            orders, behind = self.store.by_phone(phone, limit, start)
        return orders, encode_cursor(f"{behind[0]}#{behind[1]}" if behind else None)

    def add(self, order: Order) -> Order | None:
        """None if the order is in now, else the one that stands under its id."""
        return self.store.add(order)

    def replacement(self, standing: Order, order: Order) -> Write:
        """For the caller's transaction: holds only while `standing` is what stands there."""
        return self.store.replacement(standing, order)

    def replace(self, standing: Order, order: Order) -> bool:
        """False if somebody was faster: read again and decide anew."""
        return self.store.replace(standing, order)


def opened(order: Order | None, token: str) -> Order:
    """Raises OrderNotFound for an unknown order and for a wrong token alike."""
    if order is None or not hmac.compare_digest(order.token_hash, token_hash(token)):
        raise OrderNotFound
    return order


def _place(position: str | None) -> Place | None:
    """Raises Invalid for what no page ended with."""
    if position is None:
        return None
    at, _, order_id = position.partition("#")
    if not (at.isascii() and at.isdigit() and len(at) <= MAX_TIME_DIGITS and body_of(order_id, "ord")):
        raise Invalid(FieldError("cursor", "unknown"))
    return int(at), order_id
