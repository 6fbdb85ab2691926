"""A stolen table, queue, log or backup yields no key (promise I8), and the search that says so would find one."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.demo_client import send
from infra.local.samples.key_file import Card, Series, make_key_file
from tests.e2e.dump import dump, leaks
from tests.e2e.recharges import buy, new_recharge, unit_of
from tests.e2e.shop import Shop, eventually, problem

PHONE = "13947000001"  # which the sandbox supplier credits at once


def a_day_of_trade(shop: Shop) -> list[Card]:
    """All that touches a secret: import, purchase, reveal, a look by the operator, and what goes wrong beside it."""
    sku = shop.new_sku()
    file = make_key_file(Series(secrets.token_hex(8)), cards=60)
    broken = Series(secrets.token_hex(8)).draw()
    damaged = f"={broken.number}----{broken.password}\n{broken.number}----{broken.password}----no date\n".encode()
    shop.import_file(sku, file.raw + damaged)
    shop.import_file(sku, file.raw)

    delivered, owed = shop.order(sku, 3), shop.order(sku)
    shop.pay(delivered)
    shop.give_to_another(*shop.keys_of(owed))
    shop.pay(owed)
    shop.gateway.notify(shop.payment(delivered), money="0.01")
    shop.press(shop.order(sku, provider="sandbox"), "pay")
    recharge = buy(shop, new_recharge(shop, ("sandbox", "recharge-10")), PHONE)
    eventually(lambda: unit_of(shop, recharge)["status"] == "delivered")
    shop.aws("sqs").send_message(QueueUrl=shop.card["queues"]["reconciliations"], MessageBody='{"job": "reconcile"}')
    (first, *_) = shop.reveal(delivered)
    assert first in file.cards

    shop.ops("POST", "keys/find", document={"sku_id": sku, "code": first.number})
    shop.ops("POST", "keys/find", document={"sku_id": sku, "code": first.number, "password": first.password})
    shop.ops("POST", "keys/find", document={"sku_id": sku, "code": "x", first.number: first.password})
    problem(shop.buyer("POST", delivered, "/reveal", token=f"{delivered.token}x"), 404, "order_not_found")
    guess = {"code": first.number, "redemption_id": secrets.token_hex(8)}
    problem(send("POST", f"{shop.api}/v1/redemptions", document=guess), 422, "mistyped_code")
    eventually(lambda: relayed(shop, shop.keys_of(delivered)[0]))
    eventually(lambda: shop.table("reconciliation"))
    return [*file.cards, broken]


def relayed(shop: Shop, key_id: str) -> bool:
    trace = shop.ops("GET", f"keys/{key_id}").json["trace"]
    return any("key.revealed" in step["what"] for step in trace)


def secrets_of(shop: Shop, cards: list[Card]) -> list[str]:
    payments = shop.card["payments"]
    return [
        *(part for card in cards for part in (card.number, card.password)),
        *shop.tokens,
        payments["epay"]["key"],
        payments["stripe"]["secret_key"],
        payments["stripe"]["webhook_secret"],
        payments["wechatpay"]["apiv3_key"],
        payments["wechatpay"]["platform_private_key"],
        payments["alipay"]["alipay_private_key"],
        shop.card["sandbox"]["secret"],
        *(account["secret"] for account in shop.card["suppliers"].values()),
        shop.card["operator"]["password"],
        shop.operator,
    ]


def test_no_secret_of_a_day_of_trade_is_kept_anywhere(shop: Shop) -> None:
    cards = a_day_of_trade(shop)
    found = dump(shop)

    assert leaks(found, secrets_of(shop, [*cards, *shop.sold_here])) == []
    # Whom to credit is the order's to know, and whoever credits; nobody else is told.
    told = {place: what for place, what in found.items() if not place.startswith("table ")}
    assert leaks(told, [PHONE]) == []

    # And it looked at what it means to look at.
    for place in (*shop.card["tables"].values(), *shop.card["logs"].values()):
        assert any(place in name for name in found)
    filled = [name for name, raw in found.items() if raw]
    assert {f"table {name}" for name in shop.card["tables"].values()} <= set(filled)
    assert {f"log {shop.card['logs'][name]}" for name in ("storefront_api", "delivery_api", "key_import")} <= set(
        filled
    )


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda code: f"sold {code} today",
    "in lower case": lambda code: code.lower(),
    "without dashes": lambda code: code.replace("-", "").lower(),
    "in base 64": lambda code: base64.b64encode(f'{{"code": "{code}"}}'.encode()).decode(),
    "in hexadecimal": lambda code: code.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_code_is_found_in_a_table(shop: Shop, form: str) -> None:
    card = Series(secrets.token_hex(8)).draw()
    key = {"subject": {"S": f"planted:{secrets.token_hex(4)}"}, "at_id": {"S": "0"}}
    table = shop.card["tables"]["audit"]
    planted: dict[str, Any] = {**key, "note": {"S": FORMS[form](card.number)}}
    shop.aws("dynamodb").put_item(TableName=table, Item=planted)
    try:
        assert leaks(dump(shop), [card.number]) == [f"table {table}"]
    finally:
        shop.aws("dynamodb").delete_item(TableName=table, Key=key)


def test_a_planted_code_is_found_as_bytes_in_a_queue_and_on_a_log(shop: Shop) -> None:
    card = Series(secrets.token_hex(8)).draw()
    table, queue = shop.card["tables"]["audit"], shop.card["queues"]["relay_dead_letters"]
    group, logs, sqs = shop.card["logs"]["key_import"], shop.aws("logs"), shop.aws("sqs")
    key = {"subject": {"S": f"planted:{secrets.token_hex(4)}"}, "at_id": {"S": "0"}}
    shop.aws("dynamodb").put_item(TableName=table, Item={**key, "note": {"B": card.number.encode()}})
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"code": card.number}))
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    lines = [{"timestamp": time.time_ns() // 1_000_000, "message": f"imported {card.number}"}]
    logs.put_log_events(logGroupName=group, logStreamName="planted", logEvents=lines)
    try:
        places = leaks(dump(shop), [card.number])
    finally:
        shop.aws("dynamodb").delete_item(TableName=table, Key=key)
        message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        logs.delete_log_stream(logGroupName=group, logStreamName="planted")
    assert {f"table {table}", "all queues", f"log {group}"} <= set(places)
