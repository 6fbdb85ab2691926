"""The desk of work as those meet it who are at it: what each is shown, and what stays on record."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import Order, UnitStatus
from keyrail.ordering.model.supplying import hear
from keyrail.ordering.model.work import WorkKind
from keyrail.platform.audit import audit_record
from keyrail.platform.metrics import Metric
from tests.integration import test_triggers
from tests.integration.test_after_sales_desk import Desk, desk
from tests.integration.test_triggers import sample, stage
from tests.jobs import DONE, PHONE, SYSTEM, job, waiting

__all__ = ["desk", "stage"]

WHY = "ticket 4711"


def put(desk: Desk, kind: WorkKind = WorkKind.MANUAL, name: str = "one") -> Order:
    order = waiting(kind, name, now_ms=desk.world.now_ms())
    assert desk.world.orders.add(order) is None
    return order


def path(order: Order, step: str) -> str:
    return f"orders/{order.order_id}/units/{order.units[0].unit_id}/{step}"


def asked(
    desk: Desk, order: Order, step: str, group: str = "operator", user: str = "sue", **more: str
) -> tuple[int, Any]:
    body = {"job": job(order), "reason": WHY, **more}
    answer = desk.answer(group, "POST", path(order, step), body, user=user)
    return int(answer["statusCode"]), json.loads(answer["body"])


def told(desk: Desk, order: Order, step: str, group: str = "operator", user: str = "sue", **more: str) -> Any:
    status, said = asked(desk, order, step, group, user, **more)
    assert status == 200, said
    return said


def stored(desk: Desk, order: Order) -> Order:
    return desk.world.orders.of_operator(order.order_id)


def test_only_whoever_has_the_job_sees_the_account_in_full_and_each_look_is_on_record(desk: Desk) -> None:
    order = put(desk)
    claimed = told(desk, order, "claim")
    assert claimed["account"] == {"phone": PHONE, "region": "north-1"}
    once = stored(desk, order)
    record = audit_record(events_between(order, once), once)
    assert (record.by, record.address, record.reason) == ("operator:sue", "192.0.2.44", WHY)
    assert set(record.what) == {"order.work_claimed", "order.account_shown"}
    told(desk, order, "claim")
    assert [event.name for event in events_between(once, stored(desk, order))] == ["order.account_shown"]
    refused = asked(desk, order, "claim", user="tom")
    assert (refused[0], refused[1]["code"]) == (409, "work_claimed")
    shown = [
        claimed["job"],
        refused,
        *(desk.told(group, "GET", "work") for group in ("support", "operator", "finance", "auditor", "admin")),
        desk.told("auditor", "GET", f"orders/{order.order_id}"),
        told(desk, order, "done", reference="R-1"),
    ]
    assert PHONE not in json.dumps(shown)
    assert claimed["job"]["account"] == {"phone": "138****8000", "region": "north-1"}


def test_a_job_from_the_queue_to_its_end(desk: Desk) -> None:
    order = put(desk)
    (waits,) = desk.told("support", "GET", "work", query="kind=manual")["jobs"]
    assert (waits["waits_for"], waits["overdue"], waits["work"]["job"]) == ("manual", False, job(order))
    assert desk.told("support", "GET", "work", query="kind=unknown")["jobs"] == []
    told(desk, order, "claim")
    told(desk, order, "release")
    told(desk, order, "claim", user="tom")
    status, said = asked(desk, order, "done", user="tom")
    assert (status, said["errors"]) == (422, [{"field": "text", "reason": "text_or_reference"}])
    status, said = asked(desk, order, "done", user="tom", text=f"credited {PHONE}")
    assert (status, said["errors"]) == (422, [{"field": "text", "reason": "names_the_account"}])
    ended = told(desk, order, "done", user="tom", text="seen at the operator's page")
    assert (ended["status"], ended.get("waits_for")) == ("delivered", None)
    assert told(desk, order, "done", user="tom", text="seen at the operator's page") == ended
    status, said = asked(desk, order, "fail", user="tom")
    assert (status, said["code"]) == (409, "work_ended")
    (shown,) = desk.told("auditor", "GET", f"orders/{order.order_id}")["units"][0]["jobs"]
    assert (shown["word"]["text"], shown["word"]["by"]) == ("seen at the operator's page", "operator:tom")
    assert desk.told("support", "GET", "work") == {"jobs": []}


def test_an_admin_ends_anybodys_job_and_nobody_else_does(desk: Desk) -> None:
    order = put(desk)
    told(desk, order, "claim")
    for step in ("release", "fail"):
        assert asked(desk, order, step, "support", "tom")[1]["code"] == "work_claimed"
    told(desk, order, "fail", "admin", "ada")
    assert stored(desk, order).units[0].status is UnitStatus.QUEUED


@pytest.mark.parametrize(("step", "ends"), [("done", UnitStatus.DELIVERED), ("fail", UnitStatus.QUEUED)])
def test_what_became_of_much_money_two_people_say(desk: Desk, step: str, ends: UnitStatus) -> None:
    order = put(desk, WorkKind.UNKNOWN)  # of 990, and one person may say so of 500
    told(desk, order, "claim")
    assert told(desk, order, step, reference="R-1")["work"]["word"]["final"] is False
    assert asked(desk, order, "approve", "finance", "sue")[1]["code"] == "own_word"
    rejected = told(desk, order, "reject", "finance", "fay")
    assert rejected["work"]["turned_down_by"] == "operator:fay"
    told(desk, order, "claim", user="tom")
    told(desk, order, step, user="tom", reference="R-1")
    agreed = told(desk, order, "approve", "finance", "fay")
    assert agreed["work"]["word"]["agreed_by"] == "operator:fay"
    assert stored(desk, order).units[0].status is ends


def test_a_supplier_that_contradicts_a_person_is_listed_until_somebody_has_seen_to_it(desk: Desk) -> None:
    order = put(desk, WorkKind.UNKNOWN)
    told(desk, order, "claim")
    told(desk, order, "fail", reference="R-1")
    told(desk, order, "approve", "finance", "fay")
    before, late = stored(desk, order), replace(DONE, said=f"credited {PHONE}")
    assert desk.world.orders.replace(before, hear(before, job(order), late, SYSTEM, desk.world.now_ms()))
    (listed,) = desk.told("support", "GET", "work")["jobs"]
    assert (listed["waits_for"], listed["status"]) == ("contradicted", "queued")
    assert listed["work"]["contradiction"]["said"] == "credited 138****8000"
    assert asked(desk, order, "see-to", verdict="done", reference="R-2")[1]["code"] == "own_word"
    told(desk, order, "see-to", user="tom", verdict="done", reference="R-2")
    assert stored(desk, order).units[0].status is UnitStatus.DELIVERED
    assert desk.told("support", "GET", "work") == {"jobs": []}


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    order = put(desk)
    unit = order.units[0].unit_id
    body = {"job": job(order), "reason": WHY}
    for where, code in (
        (f"orders/ord_x/units/{unit}/claim", "order_not_found"),
        (f"orders/{order.order_id}/units/unt_x/claim", "unit_not_found"),
    ):
        status, said = desk.ask("operator", "POST", where, body)
        assert (status, said["code"]) == (404, code)
    status, said = desk.ask("operator", "POST", path(order, "claim"), {**body, "job": "another"})
    assert (status, said["code"]) == (404, "work_not_found")


def test_the_clock_s_message_counts_what_is_past_due(
    stage: test_triggers.Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    order = waiting(WorkKind.MANUAL, "late", now_ms=stage.world.now_ms() - 60 * 60_000)
    assert stage.world.orders.add(order) is None
    trigger = sample("scheduled_jobs")
    trigger["Records"][0]["body"] = json.dumps({"job": "watch_work"})
    assert stage.call("scheduled_jobs", trigger) == {"batchItemFailures": []}
    counted = [line for line in capsys.readouterr().out.splitlines() if Metric.WORK_OVERDUE in line]
    assert [json.loads(line)[Metric.WORK_OVERDUE] for line in counted] == [[1.0]]
