"""An order's states, its names and its limits, without any table."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import MAX_QUANTITY_PER_UNIT
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import (
    MAX_KEYS_PER_ORDER,
    MAX_LINES,
    MAX_REPLACEMENTS_PER_KEY,
    Channel,
    Line,
    NotCancellable,
    Order,
    OrderStatus,
    OrderTooLarge,
    ReplacedTooOften,
    Unit,
    UnitStatus,
    check_lines,
    email_key,
    order_id,
    phone_key,
    token_hash,
    unit_id,
)
from keyrail.ordering.model.steps import cancel, deliver, fail_unit, pay, replace_key
from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt, attempt_id
from keyrail.payments.model.refunds import RefundStatus
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.dynamo import MAX_TRANSACTION_WRITES
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money

BUYER, PROVIDER, SYSTEM = (Origin(by, "192.0.2.7") for by in ("buyer", "provider:epay/main", "system:test"))
ORDER_ID = order_id("main", Channel.STOREFRONT, "a name of sixteen")
FIRST, SECOND = unit_id(ORDER_ID, 1), unit_id(ORDER_ID, 2)
ATTEMPT = attempt_id(ORDER_ID, 1)
UNPAID = Order(
    order_id=ORDER_ID,
    store_id="main",
    channel=Channel.STOREFRONT,
    status=OrderStatus.PENDING_PAYMENT,
    units=(
        Unit(unit_id=FIRST, sku_id="a", quantity=2, amount=Money(200, "CNY"), key_ids=("key_1", "key_2")),
        Unit(unit_id=SECOND, sku_id="b", quantity=1, amount=Money(55, "CNY"), key_ids=("key_3",)),
    ),
    total=Money(255, "CNY"),
    attempts=(PaymentAttempt(attempt_id=ATTEMPT, provider="epay", account="main", amount=Money(255, "CNY")),),
    request_hash=b"request",
    token_hash=token_hash("token"),
    created_at_ms=1_000,
    expires_at_ms=2_000,
    **stamp(BUYER, 1_000),
)
PAID = pay(UNPAID, ATTEMPT, "ref-1", PROVIDER, 1_500)
KEYS = {FIRST: ("key_1", "key_2"), SECOND: ("key_3",)}


def names(old: Order | None, new: Order) -> list[str]:
    return [event.name for event in events_between(old, new)]


# states


def test_a_payment_marks_its_attempt_and_nothing_else() -> None:
    paid = PAID.paid_attempt()
    assert paid is not None
    assert (paid.attempt_id, paid.status, paid.reference, paid.paid_at_ms) == (
        ATTEMPT,
        AttemptStatus.PAID,
        "ref-1",
        1_500,
    )
    assert PAID.status is OrderStatus.PAID
    assert PAID.units == UNPAID.units
    assert (PAID.version, PAID.changed_by) == (UNPAID.version + 1, PROVIDER.by)


def test_an_order_is_delivered_when_all_its_units_are() -> None:
    first = deliver(PAID, {FIRST: KEYS[FIRST]}, SYSTEM, 1_600)
    assert first.status is OrderStatus.FULFILLING
    assert [unit.unit_id for unit in first.units_to_issue()] == [SECOND]
    assert deliver(first, {SECOND: KEYS[SECOND]}, SYSTEM, 1_700).status is OrderStatus.DELIVERED
    assert deliver(PAID, KEYS, SYSTEM, 1_600).status is OrderStatus.DELIVERED


def test_a_unit_may_be_delivered_with_other_keys_than_were_leased_for_it() -> None:
    delivered = deliver(PAID, {FIRST: ("key_8", "key_9")}, SYSTEM, 1_600)
    assert delivered.units[0].key_ids == ("key_8", "key_9")


@pytest.mark.parametrize(
    "keys", [(), ("key_1",), ("key_1", "key_1"), ("key_1", "key_2", "key_3"), ("key_1", "key_2", "key_2")]
)
def test_half_a_unit_is_not_delivered(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="whole and once"):
        deliver(PAID, {FIRST: keys}, SYSTEM, 1_600)


def test_a_unit_is_not_delivered_twice() -> None:
    delivered = deliver(PAID, {FIRST: KEYS[FIRST]}, SYSTEM, 1_600)
    with pytest.raises(ValueError, match="whole and once"):
        deliver(delivered, {FIRST: ("key_8", "key_9")}, SYSTEM, 1_700)


def test_what_cannot_be_delivered_is_owed_back_to_the_attempt_that_paid() -> None:
    failed = fail_unit(PAID, FIRST, "sold_out", SYSTEM, 1_600)
    (refund,) = failed.refunds
    assert (refund.attempt_id, refund.unit_ids, refund.amount, refund.status, refund.reason) == (
        ATTEMPT,
        (FIRST,),
        Money(200, "CNY"),
        RefundStatus.DUE,
        "sold_out",
    )
    assert (failed.units[0].status, failed.units[0].key_ids) == (UnitStatus.FAILED, ())
    assert failed.status is OrderStatus.FULFILLING


def test_delivered_and_failed_units_make_a_partial_delivery() -> None:
    failed = fail_unit(PAID, FIRST, "sold_out", SYSTEM, 1_600)
    assert deliver(failed, {SECOND: KEYS[SECOND]}, SYSTEM, 1_700).status is OrderStatus.PARTIALLY_DELIVERED


def test_an_order_of_which_nothing_can_be_delivered_is_refunding() -> None:
    failed = fail_unit(fail_unit(PAID, FIRST, "sold_out", SYSTEM, 1), SECOND, "sold_out", SYSTEM, 2)
    assert failed.status is OrderStatus.REFUNDING
    assert [refund.amount for refund in failed.refunds] == [Money(200, "CNY"), Money(55, "CNY")]


def test_the_same_refund_has_the_same_number_whoever_records_it() -> None:
    one, other = (fail_unit(PAID, FIRST, "sold_out", origin, 1) for origin in (SYSTEM, PROVIDER))
    assert one.refunds[0].refund_id == other.refunds[0].refund_id


def test_an_unpaid_order_owes_nothing() -> None:
    with pytest.raises(ValueError, match="owes nothing"):
        fail_unit(UNPAID, FIRST, "sold_out", SYSTEM, 1_600)


def test_an_unpaid_order_is_cancelled_even_when_it_has_expired() -> None:
    assert cancel(UNPAID, BUYER, 1_500).status is OrderStatus.CANCELLED
    assert cancel(UNPAID, BUYER, 9_999).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("order", [PAID, deliver(PAID, KEYS, SYSTEM, 2), cancel(UNPAID, BUYER, 2)])
def test_a_paid_or_cancelled_order_is_not_cancelled(order: Order) -> None:
    with pytest.raises(NotCancellable):
        cancel(order, BUYER, 3)


def test_a_cancelled_order_takes_its_payment() -> None:
    paid = pay(cancel(UNPAID, BUYER, 2), ATTEMPT, "ref-1", PROVIDER, 3)
    assert paid.status is OrderStatus.PAID


def test_an_order_expires_at_its_time_and_only_while_it_is_unpaid() -> None:
    assert UNPAID.status_at(1_999) is OrderStatus.PENDING_PAYMENT
    assert UNPAID.status_at(2_000) is OrderStatus.EXPIRED
    assert PAID.status_at(2_000) is OrderStatus.PAID
    assert cancel(UNPAID, BUYER, 2).status_at(2_000) is OrderStatus.CANCELLED


# events


def test_each_step_is_announced_by_its_name() -> None:
    delivered = deliver(PAID, KEYS, SYSTEM, 1_600)
    assert names(None, UNPAID) == ["order.placed"]
    assert names(UNPAID, PAID) == ["order.paid"]
    assert names(PAID, delivered) == ["order.delivered"]
    assert names(UNPAID, delivered) == ["order.paid", "order.delivered"]
    assert names(UNPAID, cancel(UNPAID, BUYER, 2)) == ["order.cancelled"]
    assert names(PAID, fail_unit(PAID, FIRST, "sold_out", SYSTEM, 2)) == ["order.refund_due"]
    assert events_between(delivered, None) == []
    assert names(delivered, replace(delivered, version=9)) == ["order.changed"]


def test_a_payment_tells_how_many_units_are_still_open_so_that_the_queue_knows() -> None:
    (paid,) = events_between(UNPAID, PAID)
    assert paid.data["open"] == 2
    assert events_between(UNPAID, deliver(PAID, KEYS, SYSTEM, 2))[0].data["open"] == 0


# names and limits


def test_the_same_asker_and_name_lead_to_the_same_order_and_any_other_to_another() -> None:
    assert order_id("main", Channel.STOREFRONT, "a name of sixteen") == ORDER_ID
    others = {
        order_id("other", Channel.STOREFRONT, "a name of sixteen"),
        order_id("main", Channel.STOREFRONT, "another name of 16"),
        order_id("mainstorefront", Channel.STOREFRONT, "a name of sixteen"),
    }
    assert ORDER_ID not in others
    assert len(others) == 3


def test_units_are_named_after_their_order_and_place() -> None:
    assert FIRST != SECOND
    assert FIRST.startswith("unt_" + ORDER_ID.removeprefix("ord_"))


@pytest.mark.parametrize(
    "lines", [(), (Line("a", 0),), (Line("a", -1),), (Line("a", 1), Line("a", 1)), (Line("a", 1), Line("b", 0))]
)
def test_lines_that_make_no_sense_are_invalid(lines: tuple[Line, ...]) -> None:
    with pytest.raises(Invalid):
        check_lines(lines)


def test_a_wrong_line_is_named_by_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        check_lines([Line("a", 1), Line("b", 0)])
    assert [(error.field, error.reason) for error in refused.value.fields] == [("items.1.quantity", "below_one")]


def test_the_largest_order_fits_into_one_transaction() -> None:
    assert MAX_KEYS_PER_ORDER + 1 <= MAX_TRANSACTION_WRITES
    assert MAX_QUANTITY_PER_UNIT <= MAX_KEYS_PER_ORDER
    check_lines([Line("a", MAX_KEYS_PER_ORDER)])
    check_lines([Line(f"sku-{number}", 1) for number in range(MAX_LINES)])


@pytest.mark.parametrize(
    ("lines", "limit"),
    [
        ([Line("a", MAX_KEYS_PER_ORDER + 1)], "over_90_pieces"),
        ([Line("a", MAX_KEYS_PER_ORDER), Line("b", 1)], "over_90_pieces"),
        ([Line(f"sku-{number}", 1) for number in range(MAX_LINES + 1)], "over_20_lines"),
        ([Line("a", 10_000)], "over_90_pieces"),
    ],
)
def test_an_order_over_a_limit_is_refused_as_too_large_with_the_limit(lines: list[Line], limit: str) -> None:
    with pytest.raises(OrderTooLarge) as refused:
        check_lines(lines)
    assert refused.value.fields == (FieldError("items", limit),)


def test_a_token_is_kept_as_a_hash_that_tells_tokens_apart() -> None:
    assert token_hash("token") != token_hash("token ")
    assert b"token" not in token_hash("token")


# a bad key


DELIVERED = deliver(PAID, KEYS, PROVIDER, 1_600)


def test_a_replaced_key_leaves_its_place_to_the_other_and_is_remembered() -> None:
    order = replace_key(DELIVERED, FIRST, "key_1", "key_9", SYSTEM, 2_000)
    assert order.units[0].key_ids == ("key_9", "key_2")
    assert order.units[0].replaced == ("key_1",)
    assert order.units[1:] == DELIVERED.units[1:]
    assert (order.status, order.refunds, order.version) == (OrderStatus.DELIVERED, (), DELIVERED.version + 1)


def test_a_replacement_is_told_with_both_keys_and_nothing_else_is() -> None:
    once = replace_key(DELIVERED, FIRST, "key_2", "key_9", SYSTEM, 2_000)
    twice = replace_key(once, FIRST, "key_9", "key_10", SYSTEM, 3_000)
    (event,) = events_between(once, twice)
    assert event.name == "order.key_replaced"
    assert event.data == {"store_id": "main", "unit_id": FIRST, "key_id": "key_10", "replaces": "key_9"}


@pytest.mark.parametrize(
    ("order", "bad", "by"),
    [
        (PAID, "key_1", "key_9"),
        (DELIVERED, "key_3", "key_9"),
        (DELIVERED, "key_1", "key_2"),
        (DELIVERED, "key_1", "key_1"),
        (replace_key(DELIVERED, FIRST, "key_1", "key_9", SYSTEM, 2_000), "key_1", "key_10"),
        (replace_key(DELIVERED, FIRST, "key_1", "key_9", SYSTEM, 2_000), "key_9", "key_1"),
    ],
)
def test_only_a_delivered_units_own_key_is_replaced_and_only_by_a_new_one(order: Order, bad: str, by: str) -> None:
    with pytest.raises(ValueError, match="another key"):
        replace_key(order, FIRST, bad, by, SYSTEM, 2_000)


def test_a_unit_of_several_keys_may_have_more_of_them_replaced() -> None:
    order = DELIVERED
    for number in range(2 * MAX_REPLACEMENTS_PER_KEY):
        order = replace_key(order, FIRST, order.units[0].key_ids[0], f"key_new_{number}", SYSTEM, 2_000)
    with pytest.raises(ReplacedTooOften):
        replace_key(order, FIRST, order.units[0].key_ids[0], "key_one_more", SYSTEM, 2_000)
    replace_key(order, SECOND, "key_3", "key_one_more", SYSTEM, 2_000)


# a buyer's orders


@pytest.mark.parametrize("typed", ["ann@example.com", " Ann@Example.COM\n", "ＡＮＮ＠example.com"])
def test_an_address_is_the_same_however_it_is_typed(typed: str) -> None:
    assert email_key(typed) == "ann@example.com"


@pytest.mark.parametrize(
    "typed", ["+8613800001111", " +86 138-0000-1111", "＋86 １３８ 0000 1111", "+86 (138) 0000.1111"]
)
def test_a_number_is_its_digits_and_a_leading_plus(typed: str) -> None:
    assert phone_key(typed) == "+8613800001111"


def test_a_number_without_its_countrys_code_is_another() -> None:
    assert phone_key("138 0000 1111") == "13800001111"
    assert phone_key("1+38") == "138"
