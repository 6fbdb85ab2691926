"""Every change of a key, an order or a payment leaves its record: who, what, when, from where (promise I10)."""

from __future__ import annotations

from typing import Any

from tests.e2e.shop import Placed, Shop, eventually


def test_a_purchase_is_on_record_step_by_step(shop: Shop) -> None:
    order = shop.order(shop.new_sku(keys=1))
    shop.pay(order)
    shop.reveal(order)
    shop.reveal(order)

    (key_id,) = shop.keys_of(order)
    trace = eventually(lambda: trace_of(shop, f"keys/{key_id}", 5))
    assert [(step["what"], step["by"], step.get("order_id")) for step in trace] == [
        (["key.imported"], "system:key_import", None),
        (["key.leased"], "buyer", order.order_id),
        (["key.sold"], "provider:epay/main", order.order_id),
        (["key.revealed"], "buyer", order.order_id),
        (["key.revealed"], "buyer", order.order_id),
    ]
    assert all(step["address"] and step["at"] for step in trace)
    trace = eventually(lambda: trace_of(shop, f"orders/{order.order_id}", 2))
    assert [(step["what"], step["by"]) for step in trace] == [
        (["order.placed"], "buyer"),
        (["order.paid", "order.delivered"], "provider:epay/main"),
    ]


def test_a_cancelled_order_is_on_record_with_its_released_key(shop: Shop) -> None:
    order = shop.order(shop.new_sku(keys=1))
    shop.buyer("POST", order, "/cancel")

    (key_id,) = shop.keys_of(order)
    trace = eventually(lambda: trace_of(shop, f"keys/{key_id}", 3))
    assert [step["what"] for step in trace] == [["key.imported"], ["key.leased"], ["key.released"]]
    trace = eventually(lambda: trace_of(shop, f"orders/{order.order_id}", 2))
    assert [step["what"] for step in trace] == [["order.placed"], ["order.cancelled"]]


def test_a_refund_that_is_due_is_on_record(shop: Shop) -> None:
    order = shop.order(shop.new_sku(keys=1))
    shop.give_to_another(*shop.keys_of(order))
    shop.pay(order)

    trace = eventually(lambda: trace_of(shop, f"orders/{order.order_id}", 3))
    assert [what for step in trace for what in step["what"]] == ["order.placed", "order.paid", "order.refund_due"]


def test_every_version_of_every_key_and_the_last_of_every_order_is_on_record(shop: Shop) -> None:
    """Over all that the session did so far. A key's every write is an event of its own."""
    some_trade(shop)

    def unrecorded() -> list[str]:
        records = {(item["subject"]["S"], int(item["version"]["N"])) for item in shop.table("audit")}
        keys = [item for item in shop.table("keys") if item["key_id"]["S"].startswith("key_")]
        wanted = {
            (f"key:{item['key_id']['S']}", version)
            for item in keys
            for version in range(1, int(item["version"]["N"]) + 1)
        }
        wanted |= {(f"order:{o['order_id']['S']}", int(o["version"]["N"])) for o in shop.table("orders")}
        wanted |= {(f"payment:{p['payment_id']['S']}", 1) for p in shop.table("payments")}
        return [f"{subject} version {version}" for subject, version in sorted(wanted - records)]

    assert eventually(lambda: not unrecorded()), unrecorded()


def test_no_change_was_set_aside_as_poison(shop: Shop) -> None:
    some_trade(shop)
    queue = shop.card["queues"]["relay_dead_letters"]
    attributes = shop.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "0"


def some_trade(shop: Shop) -> Placed:
    sku = shop.new_sku(keys=3)
    order = shop.order(sku, 2)
    shop.gateway.notify(shop.payment(order), money="one", out_trade_no="no number of ours")
    shop.pay(order)
    shop.reveal(order)
    shop.buyer("POST", shop.order(sku), "/cancel")
    return order


def trace_of(shop: Shop, path: str, steps: int) -> list[dict[str, Any]] | None:
    """The trace, once it has that many steps."""
    trace: list[dict[str, Any]] = shop.ops("GET", path).json["trace"]
    return trace if len(trace) >= steps else None
