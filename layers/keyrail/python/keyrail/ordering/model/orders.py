"""An order's life: what was asked, what it costs, who paid, what went out. Pure: an order in, the next order out."""

import hashlib
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.ordering.model.work import Verdict, Work
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.disputes import Dispute
from keyrail.payments.model.refunds import Refund
from keyrail.platform.changes import Versioned
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.ids import body_of, derived_id
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt

ORDER_LIFETIME_MS = 15 * 60 * 1000
MAX_LINES = 20
MAX_ATTEMPTS_PER_ORDER = 10
MAX_REPLACEMENTS_PER_KEY = 10
MAX_REFUND_REQUESTS = 40  # at about 2 KB with their reasons; an item holds 400
MAX_SECOND_PAYMENTS = 100  # that go back of one order by themselves, at about 0.3 KB each
MAX_KEYS_PER_ORDER = 90  # all keys and the order fit into one transaction of 100 writes


class Channel(StrEnum):
    STOREFRONT = "storefront"


class Delivery(StrEnum):
    """What a buyer gets for a unit: keys, an account that is credited, or whichever of the two comes to hand."""

    KEY = "key"
    RECHARGE = "recharge"
    EITHER = "either"


class UnitStatus(StrEnum):
    """`queued`: paid, and nobody is asked right now. `recharging`: a supplier or a person is at work on it. `unknown`:
    it may be done, and nobody has said so yet.
    """

    RESERVED = "reserved"
    QUEUED = "queued"
    RECHARGING = "recharging"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUNDED = "refunded"


OPEN_UNITS = frozenset({UnitStatus.RESERVED, UnitStatus.QUEUED, UnitStatus.RECHARGING, UnitStatus.UNKNOWN})


class OrderStatus(StrEnum):
    """`expired` is never stored: it is what `pending_payment` is called once its time is over."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    FULFILLING = "fulfilling"
    DELIVERED = "delivered"
    PARTIALLY_DELIVERED = "partially_delivered"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


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


class NotPayable(Conflict):
    code = "not_payable"
    title = "Only an open order can be paid."
    title_zh = "只有待支付的订单可以支付。"


class TooManyAttempts(Conflict):
    code = "too_many_payment_attempts"
    title = "The payment of this order was started in as many ways as it may be."
    title_zh = "该订单发起支付的次数已达上限。"


class NotRefundable(Conflict):
    code = "not_refundable"
    title = "Only what was paid for and delivered, and was not refunded before, can be refunded."
    title_zh = "只有已付款、已发货且未退款的商品可以退款。"


class AccountCredited(Conflict):
    """A recharge cannot be taken back: whoever gives its price back gives it away."""

    code = "account_credited"
    title = "This was credited to the buyer's account; say `even_if_used` to give its price back all the same."
    title_zh = "该商品已充值到账，无法收回；如仍需退款，请确认 even_if_used。"


class RefundWaits(Conflict):
    code = "refund_awaits_approval"
    title = "A refund of this waits for a second person already."
    title_zh = "该商品已有退款申请待审批。"


class OrderDisputed(Conflict):
    """Given back by us and by the bank would be twice."""

    code = "order_disputed"
    title = "The buyer's bank is taking this money back itself; refund nothing before it has decided."
    title_zh = "该订单的付款正处于争议中，争议结束前不能退款。"


class SeenSince(Conflict):
    """Who asked for the refund did not know it, so nobody may approve it for them."""

    code = "seen_since_requested"
    title = "Keys were looked at or used since the refund was requested; reject it and ask anew."
    title_zh = "申请退款后卡密已被查看或使用，请驳回后重新申请。"


class TooManyRefunds(Conflict):
    code = "too_many_refund_requests"
    title = "Refunds of this order were requested as often as they may be."
    title_zh = "该订单申请退款的次数已达上限。"


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
    """What a buyer asks for: `quantity` pieces of one SKU, or the one with the public `label` that they chose.

    `recharge_account` is whom to credit, by the names of the SKU's account fields.
    """

    sku_id: str
    quantity: int
    label: str | None = None
    recharge_account: dict[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class UnitStep:
    """When a unit came into a status."""

    at_ms: int
    status: UnitStatus


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One line of an order, delivered whole or not at all (promise I2).

    `key_ids` are the keys leased for it, and once `delivered` the keys sold to it: exactly `quantity`. A unit that was
    delivered and is refunded still names those that it gave up; one that never was has none. `replaced` were sold to it
    before them and turned out bad, oldest first. A key that was chosen by its `label` is that one or none.

    `delivery` None is by keys of the pool, which were leased at checkout; one by `key` had none then, and is supplied.
    `account` is whom to credit where a supplier or a person does, by the names of the SKU's fields, and `account_mask`
    what is shown of it; `attempts` are the tries to have that done, and `decisions` why each was made where it was,
    oldest first. `history` is how it went since it was paid. While a person has `work` with it nobody else has; it is
    to be done within `work_minutes`, and joins those that were `worked` once the attempt that it is about is decided.
    """

    unit_id: str
    sku_id: str
    quantity: int
    amount: Money
    key_ids: tuple[str, ...]
    status: UnitStatus = UnitStatus.RESERVED
    replaced: tuple[str, ...] = ()
    label: str | None = None
    delivery: Delivery | None = None
    account: dict[str, str] | None = field(default=None, repr=False)
    account_mask: dict[str, str] | None = None
    attempts: tuple[SupplyAttempt, ...] | None = None
    decisions: tuple[Decision, ...] | None = None
    history: tuple[UnitStep, ...] | None = None
    work_minutes: int | None = None
    work: Work | None = None
    worked: tuple[Work, ...] | None = None

    @property
    def is_open(self) -> bool:
        """Neither delivered nor given up."""
        return self.status in OPEN_UNITS

    @property
    def is_given_up(self) -> bool:
        """Its money is owed back, or went back."""
        return self.status in {UnitStatus.FAILED, UnitStatus.REFUNDED}

    @property
    def of_pool(self) -> bool:
        """Whether it is keys of the pool that are leased and issued for it; else it is supplied."""
        return self.delivery is None

    @property
    def comes_as_keys(self) -> bool:
        """Whether nothing but keys of ours can deliver it."""
        return self.delivery in {None, Delivery.KEY}

    @property
    def is_credited(self) -> bool:
        """Delivered to an account: nothing of it can be shown again, or taken back."""
        return self.status is UnitStatus.DELIVERED and not self.key_ids

    @property
    def came_as(self) -> Delivery | None:
        """What its buyer got, whatever was to be had when they paid; None until it is delivered."""
        if self.status is not UnitStatus.DELIVERED:
            return None
        return Delivery.RECHARGE if self.is_credited else Delivery.KEY

    @property
    def jobs(self) -> tuple[Work, ...]:
        """A person's, oldest first; over, but for the last perhaps."""
        return (*(self.worked or ()), *((self.work,) if self.work else ()))

    @property
    def waiting_jobs(self) -> tuple[Work, ...]:
        """Those that somebody has to do something about."""
        return tuple(work for work in self.jobs if work is self.work or work.is_contradicted)

    @property
    def in_doubt(self) -> bool:
        """A supplier says that it was supplied, and a person had said that it was not."""
        contradicted = (work.contradiction for work in self.jobs if work.is_contradicted)
        return any(found is not None and found.verdict is Verdict.DONE for found in contradicted)

    def open_attempt(self) -> SupplyAttempt | None:
        """The one whose outcome is not known: while there is one, nothing else is done about the unit (promise I7)."""
        return next((attempt for attempt in self.attempts or () if attempt.is_open), None)


@dataclass(frozen=True, kw_only=True)
class Contact:
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order(Versioned):
    """One order with its units, payment attempts and refunds; the unit of every decision about it.

    `request_hash` recognises a repeated request; `token_hash` is SHA-256 of the access token. `sent_away` are payments
    that name the order and that an operator gave back or had pay for another one, in the words of `payment_name`.
    """

    order_id: str
    store_id: str
    channel: Channel
    status: OrderStatus
    units: tuple[Unit, ...]
    total: Money
    attempts: tuple[PaymentAttempt, ...]
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] | None = None
    sent_away: tuple[str, ...] | None = None
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

    def refund(self, refund_id: str) -> Refund | None:
        return next((r for r in self.refunds if r.refund_id == refund_id), None)

    def received(self) -> Money | None:
        """What came in by the attempt that paid the order."""
        paid = self.paid_attempt()
        return paid.came_in if paid else None

    def unit(self, unit_id: str) -> Unit:
        """Raises StopIteration for a unit of another order."""
        return next(u for u in self.units if u.unit_id == unit_id)

    def waiting_jobs(self) -> tuple[tuple[Unit, Work], ...]:
        """What somebody has to do something about; not an account that nobody may be shown while a bank decides."""
        held = any(each.frozen and each.state is not DisputeState.LOST for each in self.disputes or ())
        jobs = ((unit, work) for unit in self.units for work in unit.waiting_jobs)
        return tuple((unit, work) for unit, work in jobs if not (held and work.is_manual and work.claim is None))

    def units_to_issue(self) -> tuple[Unit, ...]:
        """Units of keys that are not delivered yet."""
        return tuple(u for u in self.units if u.status is UnitStatus.RESERVED and u.of_pool)

    def units_to_supply(self) -> tuple[Unit, ...]:
        """Units that a supplier or a person delivers, and that are not delivered yet."""
        return tuple(u for u in self.units if u.is_open and not u.of_pool)


def order_id(store_id: str, channel: Channel, idempotency_key: str) -> str:
    """Derived from who asks and the name they gave: the put on "does not exist" is the idempotency."""
    return derived_id("ord", store_id, channel, idempotency_key)


def unit_id(order: str, number: int) -> str:
    return f"unt_{body_of(order, 'ord')}{number:02d}"


def order_of(unit: str) -> str:
    """The id of the order that a unit's id is of."""
    return f"ord_{body_of(unit, 'unt')}"


def email_key(email: str) -> str:
    """By which a buyer's orders are found: however they typed their address."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def phone_key(phone: str) -> str:
    """Digits and a leading plus. With and without the country's code are two numbers: nobody knows which country."""
    folded = unicodedata.normalize("NFKC", phone).strip()
    return ("+" if folded.startswith("+") else "") + "".join(c for c in folded if c in string.digits)


def check_lines(lines: Sequence[Line]) -> None:
    """Raises Invalid for an empty order, a line that is there twice, a quantity below one or of a chosen key above it;
    OrderTooLarge over the limits.
    """
    if not lines:
        raise Invalid(FieldError("items", "empty"))
    check_repeated(lines)
    wrong = [FieldError(f"items.{i}.quantity", "below_one") for i, line in enumerate(lines) if line.quantity < 1]
    wrong += [FieldError(f"items.{i}.quantity", "not_one") for i, o in enumerate(lines) if o.label and o.quantity > 1]
    if wrong:
        raise Invalid(*wrong)
    if len(lines) > MAX_LINES:
        raise OrderTooLarge(FieldError("items", f"over_{MAX_LINES}_lines"))
    if sum(line.quantity for line in lines) > MAX_KEYS_PER_ORDER:
        raise OrderTooLarge(FieldError("items", f"over_{MAX_KEYS_PER_ORDER}_pieces"))


def check_repeated(lines: Sequence[Line]) -> None:
    """One SKU may be on several lines with other labels and for other accounts. Raises Invalid."""
    accounts = [frozenset((line.recharge_account or {}).items()) for line in lines]
    if len({(line.sku_id, line.label, to) for line, to in zip(lines, accounts, strict=True)}) != len(lines):
        raise Invalid(FieldError("items", "sku_repeated"))


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
