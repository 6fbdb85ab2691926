"""The books over HTTP: what is sold, given back, bought and paid by hand is in them, a moment later."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from infra.local.demo_client import send
from tests.e2e.shop import Shop, eventually, problem

CLEARING, SALES, REFUNDS = "clearing:sandbox/main:CNY", "sales:CNY", "refunds:CNY"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def asked(shop: Shop, path: str, **query: str) -> dict[str, Any]:
    answer = shop.ops("GET", f"books/{path}?{urlencode(query)}")
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def entries(shop: Shop, account: str) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = asked(shop, "statement", account=account, day=today(), **cursor)
        yield from page["entries"]
        if not page.get("cursor"):
            return
        cursor = {"cursor": page["cursor"]}


def test_a_purchase_and_its_refund_are_in_the_clearing_account_and_the_trial_balance(
    shop: Shop, well_stocked: str
) -> None:
    order = shop.order(well_stocked, provider="sandbox")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert send("POST", order.page, raw=b"decision=pay", headers=form).status == 303
    back = shop.ops(
        "POST",
        f"orders/{order.order_id}/refunds",
        document={"reason": "the buyer changed their mind"},
        headers={"Idempotency-Key": secrets.token_hex(16)},
    )
    assert back.status == 201, back.text

    def both() -> list[dict[str, Any]] | None:
        found = [entry for entry in entries(shop, CLEARING) if entry["source"] == f"order:{order.order_id}"]
        return found if len(found) == 2 else None

    sale, refund = eventually(both)
    moved = [[(each["account"], each["side"]) for each in entry["postings"]] for entry in (sale, refund)]
    assert moved == [[(CLEARING, "debit"), (SALES, "credit")], [(REFUNDS, "debit"), (CLEARING, "credit")]]
    assert {each["amount"]["amount_minor"] for entry in (sale, refund) for each in entry["postings"]} == {
        order.total["amount_minor"]
    }
    balance = asked(shop, "trial-balance", day=today())
    assert balance["balanced"]
    assert {CLEARING, SALES, REFUNDS} <= {each["account"] for each in balance["accounts"]}


def test_a_source_is_owed_for_its_keys_and_paid_by_a_voucher_that_only_finance_writes(
    shop: Shop, token_of: Any
) -> None:
    source, sku = f"Acme {secrets.token_hex(4)} Ltd.", shop.new_sku()
    batch = {"sku_id": sku, "source": source, "reason": "test", "unit_cost": {"amount_minor": 700, "currency": "CNY"}}
    opened = shop.ops("POST", "batches", document=batch, headers={"Idempotency-Key": secrets.token_hex(16)})
    assert opened.status == 201, opened.text
    codes = "".join(f"{secrets.token_hex(6)}----{secrets.token_hex(4)}\n" for _ in range(3))
    assert send("PUT", opened.json["upload"]["url"], raw=codes.encode()).status == 200
    assert shop.await_batch(opened.json["batch_id"])["report"]["accepted"] == 3
    account = f"supplier_payable:{source}:CNY"

    def owed() -> int:
        return int(asked(shop, "statement", account=account, day=today())["account"]["closing_minor"])

    eventually(lambda: owed() == -2_100)
    number = f"V-{secrets.token_hex(6)}"
    voucher = {
        "voucher_no": number,
        "kind": "supplier_paid",
        "holder": source,
        "amount": {"amount_minor": 2_000, "currency": "CNY"},
        "reason": "invoice 17",
    }
    address = f"{shop.api}/ops/v1/books/vouchers"
    problem(send("POST", address, token=token_of("support"), document=voucher), 403, "not_in_group")
    first, again = (send("POST", address, token=token_of("finance"), document=voucher) for _ in range(2))
    assert (first.status, first.json) == (201, again.json)
    assert owed() == -100
    assert [each["what"] for each in entries(shop, account)] == ["keys_delivered", "supplier_paid"]
    subject = next(entry["source"] for entry in entries(shop, account) if entry["number"] == number)
    verified = eventually(lambda: recorded(shop, subject))
    assert (verified["records"], verified["intact"]) == (1, True)


def recorded(shop: Shop, subject: str) -> dict[str, Any] | None:
    answer = shop.ops("GET", f"audit/verify?{urlencode({'subject': subject})}")
    return answer.json if answer.status == 200 and answer.json["records"] else None
