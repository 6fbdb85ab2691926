"""Statements of a provider and a supplier on the deployed stack: clock, queue, stream, books and the back office."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e import recharges
from tests.e2e.shop import Shop, eventually, problem
from tests.provider_server import ProviderServer, serving

FEE_MINOR = 59
WHY = {"reason": "a gift card of our other shop"}


@pytest.fixture
def stripe(shop: Shop) -> Iterator[tuple[str, ProviderServer]]:
    """The name of an account at Stripe that is there for this test, and what answers for it."""
    name = shop.card["functions"]["reconciliation"]
    settings = shop.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    store, arn = shop.aws("secretsmanager"), settings["PAYMENT_ACCOUNTS_SECRET_ARN"]
    before = store.get_secret_value(SecretId=arn)["SecretString"]
    account = f"books-{secrets.token_hex(4)}"
    with serving() as provider:
        accounts = json.loads(before)
        known = {"secret_key": "sk_test_1", "webhook_secret": "whsec_test", "stores": ["nobody"]}
        accounts["stripe"][account] = {**known, "account_id": f"acct_{account}", "api_base": provider.url}
        store.put_secret_value(SecretId=arn, SecretString=json.dumps(accounts))
        yield account, provider
        store.put_secret_value(SecretId=arn, SecretString=before)


def charged(reference: str) -> bytes:
    """A day on which somebody paid of whom we know nothing."""
    charge = {"id": "ch_1", "object": "charge", "amount": 990, "currency": "cny", "status": "succeeded"}
    booked = {"id": "txn_1", "amount": 990, "currency": "cny", "fee": FEE_MINOR, "reporting_category": "charge"}
    moment = int(datetime.now(UTC).timestamp()) - 24 * 60 * 60
    source = {**charge, "payment_intent": reference, "metadata": {}}
    return json.dumps({"data": [{**booked, "created": moment, "source": source}], "has_more": False}).encode()


def runs(shop: Shop, day: str) -> dict[tuple[str, str], dict[str, Any]]:
    listed = shop.ops("GET", f"reconciliations?month={day[:7]}&limit=100").json["runs"]
    return {(run.get("provider", ""), run.get("account", "")): run for run in listed if run["day"] == day}


def test_yesterday_is_compared_and_what_differs_is_resolved(shop: Shop, stripe: tuple[str, ProviderServer]) -> None:
    account, provider = stripe
    reference = f"pi_{secrets.token_hex(8)}"
    provider.always(body=charged(reference))
    day = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()

    shop.aws("sqs").send_message(
        QueueUrl=shop.card["queues"]["reconciliations"], MessageBody=json.dumps({"job": "reconcile"})
    )

    ours = "stripe", account
    assert eventually(lambda: runs(shop, day).get(ours, {}).get("status") == "reconciled")
    assert eventually(lambda: runs(shop, day)["epay", "main"]["status"] == "statement_not_offered")
    run = runs(shop, day)[ours]
    assert (run["tally"]["lines"], run["tally"]["missing_with_us"], run["differences"]) == (1, 1, 1)

    (difference,) = shop.ops("GET", f"reconciliations/{run['run_id']}").json["differences"]
    assert (difference["kind"], difference["reference"]) == ("missing_with_us", reference)
    path = f"reconciliations/{run['run_id']}/differences/{difference['difference_id']}/resolve"
    assert (
        shop.ops("POST", path, document={**WHY, "version": difference["version"]}).json["resolution"] == WHY["reason"]
    )
    problem(shop.ops("POST", path, document={"reason": "another", "version": 2}), 409, "difference_already_resolved")

    rows = list(csv.DictReader(io.StringIO(shop.ops("GET", f"reconciliations/{run['run_id']}/csv").text)))
    assert [(row["kind"], row["status"], row["reference"]) for row in rows] == [
        ("missing_with_us", "resolved", reference)
    ]
    clearing, today = f"clearing:stripe/{account}:CNY", datetime.now(UTC).date().isoformat()
    statement = f"books/statement?account={clearing}&day={today}"
    assert eventually(lambda: shop.ops("GET", statement).json["account"]["credits_minor"] == FEE_MINOR)

    again = {"provider": "stripe", "account": account, "day": day, "reason": "to be sure"}
    assert shop.ops("POST", "reconciliations", document=again).status == 202
    assert eventually(lambda: runs(shop, day)[ours]["compared_at"] != run["compared_at"])
    assert runs(shop, day)[ours]["status"] == "reconciled"
    kept = shop.ops("GET", f"reconciliations/{run['run_id']}").json["differences"]
    assert [each["status"] for each in kept] == ["resolved"]
    assert shop.ops("GET", statement).json["account"]["credits_minor"] == FEE_MINOR


def moved_to(shop: Shop, reference: str, day: str, named: str | None = None) -> None:
    """The sandbox supplier's own record of an order, as if it had been made on that day; or of another one like it."""
    name = shop.card["functions"]["supplier_sandbox"]
    settings = shop.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    dynamodb, merchant = shop.aws("dynamodb"), shop.card["suppliers"]["sandbox"]["merchant"]
    key = {"sale_id": {"S": f"{merchant}#{reference}"}}
    sale = dynamodb.get_item(TableName=settings["HOUSE_TABLE"], Key=key)["Item"]
    noon_ms = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)
    sale |= {"placed_at_ms": {"N": str(noon_ms)}, "ends_at_ms": {"N": str(noon_ms)}}
    if named:
        sale |= {"sale_id": {"S": f"{merchant}#{named}"}, "reference": {"S": named}, "number": {"S": f"S-{named}"}}
    dynamodb.put_item(TableName=settings["HOUSE_TABLE"], Item=sale)


def test_a_suppliers_yesterday_is_compared_and_what_it_took_for_nothing_is_found(shop: Shop) -> None:
    """A unit that is delivered agrees; an attempt and a purchase that nobody knows of are paid for."""
    order = recharges.buy(shop, recharges.new_recharge(shop, ("sandbox", "recharge-10")), "13812345678")
    assert eventually(lambda: recharges.unit_of(shop, order)["status"] == "delivered")
    day = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    (unit,) = shop.ops("GET", f"orders/{order.order_id}").json["units"]
    reference = unit["attempts"][0]["reference"]
    nobodys = [secrets.token_hex(13).upper() + mark for mark in ("0101", "PK01")]
    moved_to(shop, reference, day)
    for named in nobodys:
        moved_to(shop, reference, day, named)

    shop.aws("sqs").send_message(
        QueueUrl=shop.card["queues"]["reconciliations"], MessageBody=json.dumps({"job": "reconcile"})
    )

    def run() -> dict[str, Any]:
        found = shop.ops("GET", f"reconciliations?month={day[:7]}&supplier=sandbox").json["runs"]
        return next((each for each in found if each["day"] == day), {})

    # Another test may have had the clock ask for it before, and the house may have been too slow for it.
    name = eventually(lambda: run().get("run_id"))
    assert shop.ops("POST", "reconciliations", document={"supplier": "sandbox", "day": day, **WHY}).status == 202
    shop.aws("sqs").send_message(
        QueueUrl=shop.card["queues"]["reconciliations"], MessageBody=json.dumps({"run_id": name})
    )
    assert eventually(lambda: run()["tally"]["lines"] == 3)
    compared = run()
    assert (compared["supplier"], compared["tally"]["matched"]) == ("sandbox", 1)
    found = shop.ops("GET", f"reconciliations/{compared['run_id']}").json["differences"]
    assert {(each["kind"], each["movement"], each["number"]) for each in found} == {
        ("missing_with_us", "supply", named) for named in nobodys
    }
