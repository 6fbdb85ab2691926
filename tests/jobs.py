"""Orders of which a person has a unit, for tests of what people do about it."""

from dataclasses import replace

from keyrail.ordering.model.orders import Channel, Delivery, Order, OrderStatus, Unit, order_id, unit_id
from keyrail.ordering.model.steps import pay
from keyrail.ordering.model.supplying import begin, hand_over, next_reference
from keyrail.ordering.model.work import WorkKind
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt
from keyrail.suppliers.model.outcomes import DefiniteFailure, Refusal, Success

SYSTEM = Origin("system:direct_recharge", "test")
ALICE, BOB, CAROL = (Origin(f"operator:{name}", "192.0.2.7", "as agreed") for name in ("alice", "bob", "carol"))
PHONE = "13800138000"
PRICE = Money(990, "CNY")
SUPPLIER = "main"
DONE = Success(said="4", cost=Money(950, "CNY"))
REFUSED = DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)


def unpaid(name: str = "an order", price: Money = PRICE, now_ms: int = 0) -> Order:
    """Of one recharge."""
    of = order_id("main", Channel.STOREFRONT, name)
    unit = Unit(
        unit_id=unit_id(of, 1),
        sku_id="phone-10",
        quantity=1,
        amount=price,
        key_ids=(),
        delivery=Delivery.RECHARGE,
        account={"phone": PHONE, "region": "north-1"},
        account_mask={"phone": "138****8000", "region": "north-1"},
    )
    attempt = PaymentAttempt(attempt_id=attempt_id(of, 1), provider="epay", account="main", amount=price)
    return Order(
        order_id=of,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=price,
        attempts=(attempt,),
        request_hash=b"r",
        token_hash=b"t",
        created_at_ms=now_ms,
        expires_at_ms=now_ms + 900_000,
        **stamp(SYSTEM, now_ms),
    )


def paid(name: str = "an order", price: Money = PRICE, now_ms: int = 0) -> Order:
    return pay(unpaid(name, price, now_ms), attempt_id(unpaid(name).order_id, 1), f"T-{name}", SYSTEM, now_ms)


def asked(order: Order, source: str = "first", now_ms: int = 0) -> Order:
    """A supplier was, and has not answered."""
    (unit,) = order.units
    attempt = SupplyAttempt(
        reference=next_reference(unit),
        source_id=source,
        supplier=SUPPLIER,
        item="1001",
        quantity=1,
        limit=PRICE,
        asked_at_ms=now_ms,
        until_ms=now_ms + 1,
    )
    return begin(order, unit.unit_id, attempt, Decision(at_ms=now_ms, chosen=source), SYSTEM)


def waiting(
    kind: WorkKind, name: str = "an order", price: Money = PRICE, now_ms: int = 0, minutes: int | None = None
) -> Order:
    """For a person: to credit the account, or to find out what a supplier has done."""
    order = paid(name, price, now_ms)
    order = replace(order, units=(replace(order.units[0], work_minutes=minutes),))
    return handed_over(order if kind is WorkKind.MANUAL else asked(order, now_ms=now_ms), now_ms)


def handed_over(order: Order, now_ms: int = 0) -> Order:
    return hand_over(order, order.units[0].unit_id, SYSTEM, now_ms)


def job(order: Order) -> str:
    """The last one of the order's unit."""
    return order.units[0].jobs[-1].job
