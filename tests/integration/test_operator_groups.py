"""Every operation of the back office, by its own description: who may ask for it, and what a change has to say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from functions.operator_api.access import AFTER_SALES, BUYS, MONEY, PAYS_BACK, READ, STOCK, Group
from tests.integration.test_after_sales_desk import Desk, desk

__all__ = ["desk"]

DESCRIBED = json.loads((Path(__file__).resolve().parents[2] / "docs/openapi/operator.json").read_text())
OPERATIONS = sorted(
    (method.upper(), path.removeprefix("/ops/v1/"))
    for path, methods in DESCRIBED["paths"].items()
    for method in methods
    if path.startswith("/ops/v1/")
)
MONEY_IS = ("books/", "payments/", "reconciliations", "refunds")
LOOKS = {
    "orders/find": AFTER_SALES,
    "orders/{order_id}/keys/find": READ,
    "keys/find": READ,
}
"""Asked for by POST, since what is looked for belongs in no address."""
CHANGES = {
    "supply/budgets": PAYS_BACK,
    "supply/purchases/{purchase_id}/approve": PAYS_BACK,
    "supply/purchases/{purchase_id}": BUYS,
    "supply": STOCK,
    "keys/{key_id}/replace": AFTER_SALES,
    "orders/{order_id}/units/{unit_id}/approve": PAYS_BACK,
    "orders/{order_id}/units/{unit_id}/reject": PAYS_BACK,
    "orders/{order_id}/units/": AFTER_SALES,
    "orders/{order_id}/": PAYS_BACK,
    "batches": STOCK,
    "exports": STOCK,
    "products": STOCK,
    "skus": STOCK,
    "suppliers": STOCK,
}


def who_may(method: str, path: str) -> frozenset[Group]:
    if path in LOOKS:
        return LOOKS[path]
    if method == "GET":
        return MONEY if path.startswith(MONEY_IS) else READ
    if path.startswith(MONEY_IS):
        return PAYS_BACK
    return next(groups for begin, groups in CHANGES.items() if path.startswith(begin))


def sample(described: dict[str, Any]) -> Any:
    """The least that is valid."""
    if "$ref" in described:
        return sample(DESCRIBED["components"]["schemas"][described["$ref"].rpartition("/")[2]])
    if "anyOf" in described:
        return sample(next(each for each in described["anyOf"] if each.get("type") != "null"))
    return described["enum"][0] if "enum" in described else SAMPLES[described["type"]](described)


def text(described: dict[str, Any]) -> str:
    pattern = re.compile(described.get("pattern", ""))
    return "2026-01-01" if described.get("format") == "date" else next(filter(pattern.match, ("CNY", "a1")))


SAMPLES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "integer": lambda described: described.get("minimum", 1),
    "boolean": lambda _: True,
    "array": lambda described: [sample(described["items"])],
    "object": lambda described: {name: sample(described["properties"][name]) for name in described.get("required", ())},
    "string": text,
}


def body_of(method: str, path: str) -> Any:
    described = DESCRIBED["paths"][f"/ops/v1/{path}"][method.lower()]
    if "requestBody" not in described:
        return None
    return sample(described["requestBody"]["content"]["application/json"]["schema"])


def query_of(method: str, path: str) -> str:
    parameters = DESCRIBED["paths"][f"/ops/v1/{path}"][method.lower()].get("parameters", ())
    wanted = (each for each in parameters if each["in"] == "query" and each.get("required"))
    return urlencode({each["name"]: sample(each["schema"]) for each in wanted})


def test_nobody_of_another_group_may(desk: Desk) -> None:
    answers = {
        (method, path, group): desk.ask(group, method, path, body_of(method, path), query_of(method, path))
        for method, path in OPERATIONS
        for group in {*Group, "", "buyers"} - who_may(method, path)
    }
    refused = {asked for asked, (status, said) in answers.items() if (status, said["code"]) == (403, "not_in_group")}
    assert answers.keys() - refused == set()
    assert len({asked[:2] for asked in refused}) == len(OPERATIONS) > 50


def test_a_change_has_a_reason_and_nothing_that_is_not_known(desk: Desk) -> None:
    for method, path in OPERATIONS:
        body = body_of(method, path)
        if method == "GET" or path in LOOKS:
            continue
        assert body is not None, path
        for wrong, field in (
            ({**body, "surprise": 1}, "surprise"),
            ({name: value for name, value in body.items() if name != "reason"}, "reason"),
            ({**body, "reason": ""}, "reason"),
            ({**body, "reason": " \u3000\n"}, "reason"),
        ):
            status, refusal = desk.ask("admin", method, path, wrong)
            assert (status, [each["field"] for each in refusal["errors"]]) == (422, [field]), path
