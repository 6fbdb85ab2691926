"""A payment whose callback never comes, on the deployed stack: message, queue, the provider's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.shop import Placed, Shop, eventually
from tests.provider_server import ProviderServer, serving


@pytest.fixture
def gateway(shop: Shop) -> Iterator[ProviderServer]:
    """epay's API for the account of the stack: a function that starts now asks here."""
    name = shop.card["functions"]["payment_inquiries"]
    settings = shop.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    secrets, arn = shop.aws("secretsmanager"), settings["PAYMENT_ACCOUNTS_SECRET_ARN"]
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    with serving() as provider:
        accounts = json.loads(before)
        accounts["epay"]["main"]["gateway_url"] = provider.url
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(accounts))
        yield provider
        secrets.put_secret_value(SecretId=arn, SecretString=before)


def collected(shop: Shop, order: Placed) -> bytes:
    """What the gateway says of the order: the buyer has paid."""
    said = {"code": 1, "msg": "succ", "trade_no": f"t-{order.attempt_id}", "out_trade_no": order.attempt_id}
    money = f"{order.total['amount_minor'] // 100}.{order.total['amount_minor'] % 100:02d}"
    return json.dumps({**said, "pid": shop.card["payments"]["epay"]["pid"], "money": money, "status": "1"}).encode()


def test_a_payment_that_nobody_called_back_for_is_found_and_delivered(shop: Shop, gateway: ProviderServer) -> None:
    order = shop.order(shop.new_sku(keys=1))
    gateway.always(body=collected(shop, order))

    tell(shop, {"order_id": order.order_id})

    assert eventually(lambda: shop.status(order) == "delivered")
    assert len(shop.reveal(order)) == 1
    trace = shop.ops("GET", f"keys/{shop.keys_of(order)[0]}").json["trace"]
    assert [step["by"] for step in trace if "key.sold" in step["what"]] == ["system:payment_inquiries"]


def test_the_clock_s_message_has_unpaid_orders_looked_through(shop: Shop) -> None:
    tell(shop, {"job": "ask_about_unpaid"})

    assert eventually(lambda: "round#payment_inquiries" in {item["pk"]["S"] for item in shop.table("guards")})
    assert waiting(shop, "inquiry_dead_letters") == 0


def tell(shop: Shop, message: dict[str, str]) -> None:
    shop.aws("sqs").send_message(QueueUrl=shop.card["queues"]["inquiries"], MessageBody=json.dumps(message))


def waiting(shop: Shop, queue: str) -> int:
    attributes = shop.aws("sqs").get_queue_attributes(
        QueueUrl=shop.card["queues"][queue], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])
