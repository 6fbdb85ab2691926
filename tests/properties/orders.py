"""Any order, for properties."""

from hypothesis import strategies as st

from keyrail.ordering.model.orders import Channel, Order, OrderStatus, Unit, order_id, unit_id
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money, total

BUYER, PROVIDER, SYSTEM = (Origin(by, "192.0.2.1") for by in ("buyer", "provider:epay/main", "system:test"))
LIFETIME_MS = 900_000


@st.composite
def unpaid_orders(draw: st.DrawFn) -> Order:
    """As checkout puts it: every unit with its leased keys, two attempts."""
    placed_id = order_id("main", Channel.STOREFRONT, draw(st.text("abc", min_size=16, max_size=20)))
    quantities = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    amounts = draw(st.lists(st.integers(1, 1_000), min_size=len(quantities), max_size=len(quantities)))
    units = tuple(
        Unit(
            unit_id=unit_id(placed_id, number),
            sku_id=f"sku-{number}",
            quantity=quantity,
            amount=Money(amount, "CNY").times(quantity),
            key_ids=tuple(f"key_{number}_{key}" for key in range(quantity)),
        )
        for number, (quantity, amount) in enumerate(zip(quantities, amounts, strict=True), 1)
    )
    amount = total([unit.amount for unit in units])
    attempts = tuple(
        PaymentAttempt(attempt_id=attempt_id(placed_id, number), provider="epay", account="main", amount=amount)
        for number in (1, 2)
    )
    return Order(
        order_id=placed_id,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=units,
        total=amount,
        attempts=attempts,
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=0,
        expires_at_ms=LIFETIME_MS,
        **stamp(BUYER, 0),
    )
