"""An order's life: what was asked, what it costs, who paid, what went out. Pure: an order in, the next order out."""

import hashlib
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.payments.model import AttemptStatus, PaymentAttempt
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.ids import body_of, derived_id
from keyrail.platform.money import Money

ORDER_LIFETIME_MS = 15 * 60 * 1000
MAX_LINES = 20
MAX_REPLACEMENTS_PER_KEY = 10
MAX_KEYS_PER_ORDER = 90  # all keys and the order fit into one transaction of 100 writes


class Channel(StrEnum):
    STOREFRONT = "storefront"


class UnitStatus(StrEnum):
    RESERVED = "reserved"
    DELIVERED = "delivered"
    FAILED = "failed"


class OrderStatus(StrEnum):
    """`expired` is never stored: it is what `pending_payment` is called once its time is over."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    FULFILLING = "fulfilling"
    DELIVERED = "delivered"
    PARTIALLY_DELIVERED = "partially_delivered"
    REFUNDING = "refunding"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    DUE = "due"


class OrderNotFound(NotFound):
    """Also the answer to a wrong token, so that nobody learns which orders exist."""

    code = "order_not_found"
    title = "There is no such order, or the access token is wrong."
    title_zh = "订单不存在或访问令牌错误。"


class TotalChanged(Conflict):
    code = "total_changed"
    title = "The total differs from what was expected; look at the prices again."
    title_zh = "订单金额已变动，请重新确认。"


class NotCancellable(Conflict):
    code = "not_cancellable"
    title = "Only an unpaid order can be cancelled."
    title_zh = "只有未支付的订单可以取消。"


class ReplacedTooOften(Conflict):
    """A supplier this bad, or a buyer this unlucky, is a case for a refund."""

    code = "replaced_too_often"
    title = "The keys of this unit were replaced as often as they may be; refund it instead."
    title_zh = "该商品的卡密更换次数已达上限，请改为退款。"


class OrderTooLarge(Invalid):
    code = "order_too_large"
    title = "The order has more lines or keys than one order may have."
    title_zh = "订单数量超过上限。"


@dataclass(frozen=True)
class Line:
    """What a buyer asks for: `quantity` pieces of one SKU, or the one with the public `label` that they chose."""

    sku_id: str
    quantity: int
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One line of an order, delivered whole or not at all (promise I2).

    `key_ids` are the keys leased for it, and once `delivered` the keys sold to it: exactly `quantity`. `replaced` were
    sold to it before them and turned out bad, oldest first. A key that was chosen by its `label` is that one or none.
    """

    unit_id: str
    sku_id: str
    quantity: int
    amount: Money
    key_ids: tuple[str, ...]
    status: UnitStatus = UnitStatus.RESERVED
    replaced: tuple[str, ...] = ()
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money that is owed back: recorded in the same write that found the unit undeliverable."""

    refund_id: str
    attempt_id: str
    unit_id: str
    amount: Money
    reason: str
    status: RefundStatus = RefundStatus.DUE


@dataclass(frozen=True, kw_only=True)
class Contact:
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order(Versioned):
    """One order with its units, payment attempts and refunds; the unit of every decision about it.

    `request_hash` recognises a repeated request; `token_hash` is SHA-256 of the access token.
    """

    order_id: str
    store_id: str
    channel: Channel
    status: OrderStatus
    units: tuple[Unit, ...]
    total: Money
    attempts: tuple[PaymentAttempt, ...]
    refunds: tuple[Refund, ...] = ()
    contact: Contact = Contact()
    request_hash: bytes
    token_hash: bytes
    created_at_ms: int
    expires_at_ms: int

    def status_at(self, now_ms: int) -> OrderStatus:
        lapsed = self.status is OrderStatus.PENDING_PAYMENT and now_ms >= self.expires_at_ms
        return OrderStatus.EXPIRED if lapsed else self.status

    def attempt(self, attempt_id: str) -> PaymentAttempt | None:
        return next((a for a in self.attempts if a.attempt_id == attempt_id), None)

    def paid_attempt(self) -> PaymentAttempt | None:
        return next((a for a in self.attempts if a.status is AttemptStatus.PAID), None)

    def open_units(self) -> tuple[Unit, ...]:
        return tuple(u for u in self.units if u.status is UnitStatus.RESERVED)


def order_id(store_id: str, channel: Channel, idempotency_key: str) -> str:
    """Derived from who asks and the name they gave: the put on "does not exist" is the idempotency."""
    return derived_id("ord", store_id, channel, idempotency_key)


def unit_id(order: str, number: int) -> str:
    return f"unt_{body_of(order, 'ord')}{number:02d}"


def email_key(email: str) -> str:
    """By which a buyer's orders are found: however they typed their address."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def phone_key(phone: str) -> str:
    """Digits and a leading plus. With and without the country's code are two numbers: nobody knows which country."""
    folded = unicodedata.normalize("NFKC", phone).strip()
    return ("+" if folded.startswith("+") else "") + "".join(c for c in folded if c in string.digits)


def check_lines(lines: Sequence[Line]) -> None:
    """Raises Invalid for an empty order, a repeated SKU or label, a quantity below one or of a chosen key above it;
    OrderTooLarge over the limits.
    """
    if not lines:
        raise Invalid(FieldError("items", "empty"))
    if len({(line.sku_id, line.label) for line in lines}) != len(lines):
        raise Invalid(FieldError("items", "sku_repeated"))
    wrong = [FieldError(f"items.{i}.quantity", "below_one") for i, line in enumerate(lines) if line.quantity < 1]
    wrong += [FieldError(f"items.{i}.quantity", "not_one") for i, o in enumerate(lines) if o.label and o.quantity > 1]
    if wrong:
        raise Invalid(*wrong)
    if len(lines) > MAX_LINES or sum(line.quantity for line in lines) > MAX_KEYS_PER_ORDER:
        raise OrderTooLarge


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def pay(order: Order, attempt_id: str, reference: str, origin: Origin, now_ms: int) -> Order:
    """The attempt is paid. An expired or cancelled order takes its money too: goods or a refund follow."""
    attempts = tuple(
        replace(a, status=AttemptStatus.PAID, reference=reference, paid_at_ms=now_ms)
        if a.attempt_id == attempt_id
        else a
        for a in order.attempts
    )
    return replace(order, status=OrderStatus.PAID, attempts=attempts, **stamp(origin, now_ms, order.version + 1))


def deliver(order: Order, keys_of_unit: dict[str, tuple[str, ...]], origin: Origin, now_ms: int) -> Order:
    """The named units are delivered with these keys. A unit that would not get its quantity is a bug, not a state."""

    def delivered(unit: Unit) -> Unit:
        keys = keys_of_unit.get(unit.unit_id)
        if keys is None:
            return unit
        whole = len(keys) == len(set(keys)) == unit.quantity
        if not whole or unit.status is not UnitStatus.RESERVED:
            raise ValueError("a unit is delivered whole and once")
        return replace(unit, key_ids=keys, status=UnitStatus.DELIVERED)

    return _settled(order, tuple(delivered(u) for u in order.units), order.refunds, origin, now_ms)


def reserve(order: Order, unit_id: str, key_ids: tuple[str, ...], origin: Origin, now_ms: int) -> Order:
    """The open unit counts on these keys now, so that whoever goes on with the order sells them and no others."""
    units = tuple(replace(u, key_ids=key_ids) if u.unit_id == unit_id else u for u in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))


def replace_key(order: Order, unit_id: str, bad: str, by: str, origin: Origin, now_ms: int) -> Order:
    """The delivered unit has `by` in the place of the `bad` key. Raises ReplacedTooOften."""
    unit = next(u for u in order.units if u.unit_id == unit_id)
    if unit.status is not UnitStatus.DELIVERED or bad not in unit.key_ids or by in (*unit.key_ids, *unit.replaced):
        raise ValueError("one of a delivered unit's keys is replaced by another key")
    check_replacements(unit)
    keys = tuple(by if key == bad else key for key in unit.key_ids)
    changed = replace(unit, key_ids=keys, replaced=(*unit.replaced, bad))
    units = tuple(changed if u is unit else u for u in order.units)
    return replace(order, units=units, **stamp(origin, now_ms, order.version + 1))


def check_replacements(unit: Unit) -> None:
    """Raises ReplacedTooOften unless one more of its keys may be replaced."""
    if len(unit.replaced) >= MAX_REPLACEMENTS_PER_KEY * unit.quantity:
        raise ReplacedTooOften


def fail_unit(order: Order, unit_id: str, reason: str, origin: Origin, now_ms: int) -> Order:
    """The unit cannot be delivered: its money is due back to the attempt that paid (promise I5)."""
    paid = order.paid_attempt()
    if paid is None:
        raise ValueError("an unpaid order owes nothing")
    unit = next(u for u in order.units if u.unit_id == unit_id and u.status is UnitStatus.RESERVED)
    refund = Refund(
        refund_id=derived_id("ref", order.order_id, unit_id),
        attempt_id=paid.attempt_id,
        unit_id=unit_id,
        amount=unit.amount,
        reason=reason,
    )
    units = tuple(replace(u, key_ids=(), status=UnitStatus.FAILED) if u.unit_id == unit_id else u for u in order.units)
    return _settled(order, units, (*order.refunds, refund), origin, now_ms)


def _settled(order: Order, units: tuple[Unit, ...], refunds: tuple[Refund, ...], origin: Origin, now_ms: int) -> Order:
    states = {unit.status for unit in units}
    if UnitStatus.RESERVED in states:
        status = OrderStatus.FULFILLING
    elif states == {UnitStatus.DELIVERED}:
        status = OrderStatus.DELIVERED
    else:
        status = OrderStatus.PARTIALLY_DELIVERED if UnitStatus.DELIVERED in states else OrderStatus.REFUNDING
    return replace(order, status=status, units=units, refunds=refunds, **stamp(origin, now_ms, order.version + 1))


def cancel(order: Order, origin: Origin, now_ms: int) -> Order:
    """Raises NotCancellable unless the order is unpaid; an expired one may be cancelled as well."""
    if order.status is not OrderStatus.PENDING_PAYMENT:
        raise NotCancellable
    return replace(order, status=OrderStatus.CANCELLED, **stamp(origin, now_ms, order.version + 1))


def events_between(old: Order | None, new: Order | None) -> list[Event]:
    """What happened to an order; one change may be several events (paid and delivered in one write)."""
    if new is None:
        return []
    happened = [
        *_placed(old, new),
        *_paid(old, new),
        *_refunds_due(old, new),
        *_keys_replaced(old, new),
        *_announced(old, new),
    ]
    return [
        Event(f"order.{name}", f"order:{new.order_id}", {"store_id": new.store_id, **data})
        for name, data in happened or [("changed", {"status": new.status})]
    ]


_Happened = Iterator[tuple[str, dict[str, object]]]


def _placed(old: Order | None, new: Order) -> _Happened:
    if old is None:
        yield "placed", {"total": new.total.plain(), "sku_ids": [u.sku_id for u in new.units]}


def _paid(old: Order | None, new: Order) -> _Happened:
    paid = new.paid_attempt()
    if paid and (old is None or old.paid_attempt() is None):
        yield (
            "paid",
            {
                "attempt_id": paid.attempt_id,
                "provider": paid.provider,
                "total": new.total.plain(),
                "open": len(new.open_units()),
            },
        )


def _refunds_due(old: Order | None, new: Order) -> _Happened:
    known = {r.refund_id for r in old.refunds} if old else set()
    for refund in new.refunds:
        if refund.refund_id not in known:
            yield (
                "refund_due",
                {"refund_id": refund.refund_id, "amount": refund.amount.plain(), "reason": refund.reason},
            )


def _keys_replaced(old: Order | None, new: Order) -> _Happened:
    for before, unit in zip(old.units if old else (), new.units, strict=False):
        for bad in unit.replaced[len(before.replaced) :]:
            by = unit.key_ids[before.key_ids.index(bad)]
            yield "key_replaced", {"unit_id": unit.unit_id, "key_id": by, "replaces": bad}


def _announced(old: Order | None, new: Order) -> _Happened:
    if old is not None and new.status is not old.status and new.status in _ANNOUNCED:
        yield new.status, {"unit_ids": [u.unit_id for u in new.units if u.status is UnitStatus.DELIVERED]}


_ANNOUNCED = {OrderStatus.DELIVERED, OrderStatus.PARTIALLY_DELIVERED, OrderStatus.CANCELLED}
