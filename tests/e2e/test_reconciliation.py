"""A provider's statement on the deployed stack: clock, queue, statement, stream, books and the back office."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

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
    return {(run["provider"], run["account"]): run for run in listed if run["day"] == day}


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
