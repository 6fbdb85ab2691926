"""The examples of the back office's document, sent to it one after another: each is done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from docs.openapi.examples import JOB, SHELF, SUPPLY, UNIT, WORK, Example
from keyrail.ordering.model.orders import Order
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import WorkKind
from tests.card_house import Buying, CardHouse
from tests.integration.test_after_sales_desk import Desk, desk
from tests.jobs import DONE, SYSTEM, job, waiting

__all__ = ["desk"]
# What somebody has to have said before; of much money a second person too.
BEFORE = {
    "release": ["claim"],
    "done": ["claim"],
    "fail": ["claim"],
    "approve": ["claim", "done"],
    "reject": ["claim", "done"],
    "see-to": ["claim", "fail", "approve"],
}


def send(desk: Desk, example: Example, path: str, body: Any, user: str = "ada") -> dict[str, Any]:
    method = example.operation.partition(" ")[0]
    headers = {"idempotency-key": "an example of the docs"}
    answer = desk.answer("admin", method, path.removeprefix("/ops/v1/"), body, user=user, headers=headers)
    assert answer["statusCode"] in {200, 201}, (example.name, answer["body"])
    said: dict[str, Any] = json.loads(answer["body"])
    return said


def test_a_shop_is_set_up_by_the_examples_alone(desk: Desk) -> None:
    known = [each.name for each in SUPPLY].index("known") + 1
    for example in (*SHELF, *SUPPLY[:known]):
        send(desk, example, example.path, example.body)
    Buying(desk.world, CardHouse()).sync()  # as the clock does every ten minutes
    for example in SUPPLY[known:]:
        send(desk, example, example.path, example.body)
    (bought,) = desk.told("auditor", "GET", "supply/purchases")["purchases"]
    assert (bought["pieces"], bought["status"]) == (30, "approved")


def test_each_example_of_work_is_done_once_what_comes_before_it_is(desk: Desk) -> None:
    for number, example in enumerate(WORK):
        order = waiting(WorkKind.UNKNOWN, f"order-{number}", now_ms=desk.world.now_ms())
        assert desk.world.orders.add(order) is None
        step = step_of(example)
        for before in BEFORE.get(step, []):
            earlier = next(each for each in WORK if step_of(each) == before)
            send(desk, earlier, *meant(earlier, order), user="bob" if before == "approve" else "ada")
        if step == "see-to":
            decided = desk.world.orders.of_operator(order.order_id)
            late = hear(decided, job(order), DONE, SYSTEM, desk.world.now_ms())
            assert desk.world.orders.replace(decided, late)
        send(desk, example, *meant(example, order), user="eve" if step in {"approve", "reject", "see-to"} else "ada")


def step_of(example: Example) -> str:
    return example.operation.rpartition("/")[2]


def meant(example: Example, order: Order) -> tuple[str, Any]:
    """Where it is sent, and what, for the unit of that order."""
    ids = {"order_id": order.order_id, "unit_id": order.units[0].unit_id}
    assert (example.named, example.body["job"]) == (UNIT, JOB)
    return replace(example, named=ids).path, {**example.body, "job": job(order)}
