"""Checkout: quote, lease, put the order, open a payment; and cancel."""

import base64
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from keyrail.catalog.model import Sku
from keyrail.catalog.service import Catalog
from keyrail.inventory.model.keys import SoldOut
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.labels import Labels
from keyrail.ordering.model.accounts import Addressed, addressed
from keyrail.ordering.model.orders import (
    ORDER_LIFETIME_MS,
    Channel,
    Contact,
    Delivery,
    Line,
    Order,
    OrderStatus,
    TotalChanged,
    Unit,
    check_lines,
    order_id,
    token_hash,
    unit_id,
)
from keyrail.ordering.model.steps import cancel, start_payment
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.service.supply import Supply
from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, Route, attempt_id
from keyrail.payments.service.accounts import Means, Opening, PaymentAccounts, PaymentAction
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import NowMs
from keyrail.platform.documents import to_json
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid, KeyrailError
from keyrail.platform.money import CurrencyMismatch, Money, total
from keyrail.platform.patterns import matches

LEASE_GRACE_MS = 2 * 60 * 1000  # a payment made in the last second still finds its keys
MAX_TRIES = 8
NOTHING_TO_PAY = PaymentAction(type="none")


@dataclass(frozen=True, kw_only=True)
class WayToPay:
    """How a buyer wants to pay; `payer_id` is what the provider calls them, where its method needs to know."""

    provider: str
    method: str | None = None
    return_url: str | None = None
    payer_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A buyer's order as parsed: what, for whom, paid how."""

    store_id: str
    lines: tuple[Line, ...]
    contact: Contact
    way: WayToPay
    expected_total: Money | None = None

    def fingerprint(self) -> bytes:
        return hashlib.sha256(to_json(self)).digest()


@dataclass(frozen=True)
class Placed:
    """`fresh` is false where the order stood already and the same answer is given again."""

    order: Order
    token: str = field(repr=False)
    attempt: PaymentAttempt
    action: PaymentAction
    fresh: bool


@dataclass(frozen=True)
class Checkout:
    """`token_secret` derives the orders' access tokens; `public_api_url` is where providers reach us."""

    orders: Orders
    catalog: Catalog
    claims: Claims
    supply: Supply
    accounts: PaymentAccounts
    token_secret: str = field(repr=False)
    public_api_url: str
    now_ms: NowMs

    def place(self, wanted: Wanted, idempotency_key: str, origin: Origin) -> Placed:
        """Quote, check whom to credit, lease every key, put the order, open its payment.

        The same key and request give the same order. Raises Invalid, UnknownSku, NotOnSale, SoldOut, LabelTaken,
        TotalChanged, UnknownProvider, IdempotencyConflict, PaymentRefused (the order is cancelled), and
        ProviderUnavailable: then the order stands, asking again opens its payment again, and by what the error says of
        the order its buyer can pay it in another way.
        """
        new_id = order_id(wanted.store_id, Channel.STOREFRONT, idempotency_key)
        token = self._token(new_id)
        fresh = True
        try:
            order = self._quote_and_lease(new_id, wanted, token, origin)
            standing = self._put(order, origin)
        except KeyrailError:
            # Whatever is wrong today: if the order was placed before, it is the answer.
            standing = self.orders.find(new_id)
            if standing is None:
                raise
        if standing is not None:
            order, fresh = standing, False
        if order.request_hash != wanted.fingerprint():
            raise IdempotencyConflict
        attempt = order.attempts[0]
        try:
            action = self._open(order, attempt, wanted.way, origin)
        except ProviderUnavailable as error:
            raise ProviderUnavailable(facts={"order_id": new_id, "access_token": token}) from error
        except (PaymentRefused, Invalid):
            if fresh:
                self.cancel(new_id, token, origin)
            raise
        return Placed(order, token, attempt, action, fresh)

    def start_payment(self, order_id: str, token: str, way: WayToPay, origin: Origin) -> Placed:
        """Open the payment of an unpaid order in this way; what was opened before it can still be paid.

        The same way again is the same attempt. Raises OrderNotFound, NotPayable, TooManyAttempts, UnknownProvider,
        Invalid, ProviderUnavailable, PaymentRefused, Unavailable.
        """
        for _ in range(MAX_TRIES):
            order = self.orders.of_buyer(order_id, token)
            route = self.accounts.route_for(way.provider, order.store_id)
            self._check(route, order.total, way, origin)
            started, attempt = start_payment(order, route, way.method, origin, self.now_ms())
            fresh = started is not order
            if not fresh or self.orders.replace(order, started):
                return Placed(started, token, attempt, self._open(started, attempt, way, origin), fresh)
        raise StoreUnavailable

    def cancel(self, order_id: str, token: str, origin: Origin) -> Order:
        """Give the leases back. Cancelling twice is cancelling once, and gives back what a crash left behind.

        Raises OrderNotFound, NotCancellable, Unavailable.
        """
        order = self._cancelled(order_id, token, origin)
        for unit in order.units:
            self.claims.release(unit.key_ids, order_id, origin)
        return order

    def _cancelled(self, order_id: str, token: str, origin: Origin) -> Order:
        for _ in range(MAX_TRIES):
            order = self.orders.of_buyer(order_id, token)
            if order.status is OrderStatus.CANCELLED:
                return order
            cancelled = cancel(order, origin, self.now_ms())
            if self.orders.replace(order, cancelled):
                return cancelled
        raise StoreUnavailable

    def _quote_and_lease(self, new_id: str, wanted: Wanted, token: str, origin: Origin) -> Order:
        check_lines(wanted.lines)
        known = {
            sku_id: self.catalog.sku_on_sale(wanted.store_id, sku_id)
            for sku_id in dict.fromkeys(line.sku_id for line in wanted.lines)
        }
        skus = [known[line.sku_id] for line in wanted.lines]
        amounts = quote(wanted.lines, skus)
        lines = addressed(wanted.lines, skus, matches=matches)
        amount = total(amounts)
        if wanted.expected_total not in {None, amount}:
            raise TotalChanged
        route = self.accounts.route_for(wanted.way.provider, wanted.store_id)
        self._check(route, amount, wanted.way, origin)
        self.supply.check(zip(lines, skus, amounts, strict=True))
        now_ms = self.now_ms()
        expires_at_ms = now_ms + ORDER_LIFETIME_MS
        attempt = PaymentAttempt(
            attempt_id=attempt_id(new_id, 1),
            amount=amount,
            method=wanted.way.method,
            **vars(route),
        )
        return Order(
            order_id=new_id,
            store_id=wanted.store_id,
            channel=Channel.STOREFRONT,
            status=OrderStatus.PENDING_PAYMENT,
            units=self._lease_units(new_id, lines, skus, amounts, expires_at_ms + LEASE_GRACE_MS, origin),
            total=amount,
            attempts=(attempt,),
            contact=wanted.contact,
            request_hash=wanted.fingerprint(),
            token_hash=token_hash(token),
            created_at_ms=now_ms,
            expires_at_ms=expires_at_ms,
            **stamp(origin, now_ms),
        )

    def _lease_units(
        self,
        new_id: str,
        lines: list[Addressed],
        skus: list[Sku],
        amounts: list[Money],
        until_ms: int,
        origin: Origin,
    ) -> tuple[Unit, ...]:
        """Keys of the pool are held for the order; where that is sold out they may be bought once it is paid."""
        units: list[Unit] = []
        # Chosen keys first, or the order's own other lines might take one of them.
        numbered = sorted(
            zip(count(1), lines, skus, amounts, strict=False), key=lambda each: each[1].line.label is None
        )
        try:
            for number, goes, sku, amount in numbered:
                line = goes.line
                held = [key for unit in units if unit.sku_id == line.sku_id for key in unit.key_ids]
                delivery, key_ids = goes.delivery, tuple[str, ...]()
                try:
                    key_ids = () if delivery else self._lease_line(new_id, line, until_ms, origin, held)
                except SoldOut:
                    if not self.supply.bought_for(sku, line.quantity, amount):
                        raise
                    delivery = Delivery.KEY
                units.append(
                    Unit(
                        unit_id=unit_id(new_id, number),
                        sku_id=line.sku_id,
                        quantity=line.quantity,
                        amount=amount,
                        key_ids=key_ids,
                        label=line.label,
                        delivery=delivery,
                        account=line.recharge_account,
                        account_mask=goes.mask,
                        work_minutes=goes.work_minutes,
                    )
                )
        except KeyrailError:
            for unit in units:
                self.claims.release(unit.key_ids, new_id, origin)
            raise
        return tuple(sorted(units, key=lambda unit: unit.unit_id))

    def _lease_line(self, new_id: str, line: Line, until_ms: int, origin: Origin, held: list[str]) -> tuple[str, ...]:
        if line.label is None:
            return self.claims.lease(line.sku_id, line.quantity, new_id, until_ms, origin, held)
        return (Labels(self.claims).lease(line.sku_id, line.label, new_id, until_ms, origin),)

    def _put(self, order: Order, origin: Origin) -> Order | None:
        """None if it is in; else the order that stood there, and our leases are given back.

        Unless what stands there is our own put, whose answer was lost and which was sent again.
        """
        standing = self.orders.add(order)
        if standing == order:
            return None
        if standing is not None:
            # A chosen key is the same in both, and stays with an order that still counts on it.
            is_over = standing.status_at(self.now_ms()) in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}
            counted_on = {key for unit in standing.units for key in unit.key_ids if not is_over}
            for unit in order.units:
                self.claims.release([key for key in unit.key_ids if key not in counted_on], order.order_id, origin)
        return standing

    def _open(self, order: Order, attempt: PaymentAttempt, way: WayToPay, origin: Origin) -> PaymentAction:
        if order.status_at(self.now_ms()) is not OrderStatus.PENDING_PAYMENT:
            return NOTHING_TO_PAY
        opening = Opening(
            title=f"Order {order.order_id[-8:]}",
            notify_url=f"{self.public_api_url}/webhooks/payments/{attempt.provider}/{attempt.account}",
            return_url=way.return_url,
            expires_at_ms=order.expires_at_ms,
            payer_ip=origin.address,
            payer_id=way.payer_id,
        )
        return self.accounts.of(attempt).open(attempt, opening)

    def _check(self, route: Route, amount: Money, way: WayToPay, origin: Origin) -> None:
        """What the provider could not do is refused before any key is held for it. Raises Invalid, UnknownAccount."""
        means = Means(method=way.method, return_url=way.return_url, payer_ip=origin.address, payer_id=way.payer_id)
        self.accounts.at(route.provider, route.account).check(amount, means)

    def _token(self, order_id: str) -> str:
        digest = hmac.digest(self.token_secret.encode(), order_id.encode(), hashlib.sha256)
        return "tok_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def quote(lines: tuple[Line, ...], skus: list[Sku]) -> list[Money]:
    """What each line costs. Raises Invalid over a SKU's purchase limit, where its keys are not there to be chosen, and
    where currencies would mix.
    """
    asked: Counter[str] = Counter()
    wrong: list[FieldError] = []
    for i, (line, sku) in enumerate(zip(lines, skus, strict=True)):
        asked[sku.sku_id] += line.quantity
        if asked[sku.sku_id] > sku.max_quantity:
            wrong.append(FieldError(f"items.{i}.quantity", f"over_limit_{sku.max_quantity}"))
        if line.label is not None and sku.pick_fee is None:
            wrong.append(FieldError(f"items.{i}.label", "not_offered"))
    if wrong:
        raise Invalid(*wrong)
    try:
        amounts = [_amount(line, sku) for line, sku in zip(lines, skus, strict=True)]
        total(amounts)
    except CurrencyMismatch:
        raise Invalid(FieldError("items", "currencies_mixed")) from None
    except ValueError:
        raise Invalid(FieldError("items", "total_too_large")) from None
    return amounts


def _amount(line: Line, sku: Sku) -> Money:
    """Raises CurrencyMismatch, ValueError."""
    price = sku.price.times(line.quantity)
    return price + sku.pick_fee if line.label is not None and sku.pick_fee is not None else price
