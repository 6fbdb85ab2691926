"""The relay fed with stream records of keys and figures, as DynamoDB would send them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from functions.event_relay import handler as event_relay
from functions.event_relay.app import chain, counting
from functions.operator_api.audit import verification
from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch, BatchStatus
from keyrail.inventory.model.figures import Figures
from keyrail.inventory.model.keys import Key
from keyrail.payments.model.desk import UnmatchedPayment
from keyrail.platform.aws import client
from keyrail.platform.changes import Versioned, stamp
from keyrail.platform.documents import to_attributes
from keyrail.platform.metrics import Metric
from keyrail.reconciliation.model.differences import Difference
from keyrail.reconciliation.model.runs import Run
from keyrail.suppliers.model.breaker import Health, new_supplier, opened
from tests.faults.breaking import Wire
from tests.integration.test_triggers import Stage, forget, stage
from tests.stream_of_keys import BATCH, NOW_MS, SKU, SOURCE, changes, leased, looked_at, new_key, sold
from tests.world import OPERATOR, PRICE, SYSTEM

__all__ = ["stage"]

Record = dict[str, Any]
Pair = tuple[Versioned | None, Versioned]
SKU_KEY = "sku#game-100"
BATCH_SIZE = 100  # of the stream's mapping


@dataclass
class Bus:
    """EventBridge; refuses the entries at some positions of a call, for as long as it is told to."""

    refused: set[int] = field(default_factory=set)
    told: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's spelling
        self.calls += 1
        answers = [{"ErrorCode": "Throttled"} if at in self.refused else {} for at in range(len(Entries))]
        self.told += [json.loads(e["Detail"]) for e, answer in zip(Entries, answers, strict=True) if not answer]
        return {"FailedEntryCount": len([answer for answer in answers if answer]), "Entries": answers}


@dataclass
class Relay:
    stage: Stage
    bus: Bus

    def relays(self, records: Sequence[Record]) -> list[str]:
        """The sequence numbers that it reports."""
        answer = event_relay.handler({"Records": list(records)}, None)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def record(self, number: int, pair: Pair, kind: str = "keys") -> Record:
        old, new = pair
        images = {name: image(item) for name, item in (("OldImage", old), ("NewImage", new)) if item is not None}
        return {
            "eventID": f"event-{number}",
            "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:1:table/{self.stage.world.names[kind]}/stream/1",
            "dynamodb": {"Keys": key_of(new), "SequenceNumber": f"{number:021d}", **images},
        }

    def records(self, *pairs: Pair) -> list[Record]:
        return [self.record(number, pair) for number, pair in enumerate(pairs)]

    def names(self) -> list[str]:
        return [detail["id"].rpartition("#")[2] for detail in self.bus.told]

    def figures(self) -> Figures:
        standing = self.stage.world.figures.get(SKU)
        assert standing is not None
        return standing


@pytest.fixture
def relay(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Relay:
    found: Stage = request.getfixturevalue("stage")
    found.world.keys.add_batch(
        Batch(batch_id=BATCH, sku_id=SKU, source=SOURCE, created_at_ms=NOW_MS, **stamp(SYSTEM, NOW_MS))
    )
    bus = Bus()
    monkeypatch.setattr(event_relay, "client", lambda name: bus if name == "events" else client(name))
    return Relay(found, bus)


def image(item: Versioned) -> dict[str, Any]:
    """As a Lambda event carries it: binary attributes as base64 text."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in to_attributes(item).items()
    }


def key_of(item: Versioned) -> dict[str, Any]:
    match item:
        case Key():
            return {"key_id": {"S": item.key_id}}
        case Figures():
            return {"key_id": {"S": f"figures#{item.sku_id}"}}
        case Batch():
            return {"key_id": {"S": item.batch_id}}
        case Run() | Difference():
            return ranged(item.run_id, getattr(item, "difference_id", "run"))
        case UnmatchedPayment():
            return {"payment_id": {"S": item.payment_id}}
        case _:
            return ranged(f"supplier#{item.supplier}", "health") if isinstance(item, Health) else ranged(SKU_KEY, "sku")


def ranged(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def imports(count: int) -> Iterator[Pair]:
    return ((None, new_key(number)) for number in range(1, count + 1))


def lives(*keys: Key) -> list[Pair]:
    return [(change.old, change.new) for change in changes(*keys)]


def test_the_figures_know_which_batches_are_on_their_way(relay: Relay) -> None:
    waiting = relay.stage.world.keys.get_batch(BATCH)
    importing = replace(waiting, status=BatchStatus.IMPORTING, **stamp(SYSTEM, NOW_MS + 1, 2))
    imported = replace(importing, status=BatchStatus.IMPORTED, **stamp(SYSTEM, NOW_MS + 2, 3))
    begun, *ended = relay.records((waiting, importing), (importing, imported))
    for _ in range(2):
        assert relay.relays([begun]) == []
        assert (relay.figures().moving, relay.figures().revision) == ((BATCH,), 1)
    for _ in range(2):
        assert relay.relays(ended) == []
        assert (relay.figures().moving, relay.figures().revision) == ((), 2)


def test_a_full_batch_of_imported_keys_is_put_on_record_counted_and_told_in_few_requests(relay: Relay) -> None:
    wire, records = Wire(), relay.records(*imports(BATCH_SIZE))
    with wire.carrying(chain().client, counting().keys.client):
        assert relay.relays(records) == []
    asked = {name: wire.requests.count(f"dynamodb.{name}") for name in ("PutItem", "GetItem", "TransactWriteItems")}
    # The batch's source once, and for each of the two lots its figures and a transaction.
    assert asked == {"PutItem": BATCH_SIZE - 2, "GetItem": 3, "TransactWriteItems": 2}
    assert len(wire.requests) == sum(asked.values())
    assert relay.bus.calls == BATCH_SIZE // event_relay.MAX_ENTRIES
    assert relay.figures().tally.on_hand == len(relay.stage.world.scan("audit")) == len(relay.bus.told) == BATCH_SIZE


def test_what_the_bus_does_not_take_is_reported_and_what_lies_before_it_was_told(relay: Relay) -> None:
    records = relay.records(*imports(15))
    relay.bus.refused = {3}
    assert relay.relays(records) == [f"{3:021d}"]
    relay.bus.refused = set()
    assert relay.relays(records[3:]) == []
    assert {detail["subject"] for detail in relay.bus.told} == {f"key:{new_key(n).key_id}" for n in range(1, 16)}
    assert relay.figures().tally.imported == len(relay.stage.world.scan("audit")) == 15


def test_what_cannot_be_put_on_record_is_not_told_and_comes_again(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = relay.records(*imports(4))
    names = dict(relay.stage.world.names)
    monkeypatch.setenv("AUDIT_TABLE", f"{names['audit']}-gone")
    forget()
    assert relay.relays(records) == [f"{0:021d}"]
    assert relay.bus.told == []
    monkeypatch.setenv("AUDIT_TABLE", names["audit"])
    forget()
    assert relay.relays(records) == []
    assert relay.figures().tally.imported == 4


def test_a_poison_record_stops_neither_its_neighbours_nor_the_chain_and_is_missed_by_the_auditor(relay: Relay) -> None:
    keys = [new_key(1), leased(new_key(1)), sold(leased(new_key(1)))]
    relay.stage.world.dynamodb.put_item(TableName=relay.stage.world.names["keys"], Item=to_attributes(keys[-1]))
    records = relay.records(*lives(*keys), *lives(new_key(2)))
    records[1]["dynamodb"]["NewImage"]["state"] = {"S": "no such state"}
    assert relay.relays(records) == []
    (aside,) = relay.stage.messages("relay-dead-letters")
    assert aside["sequence_number"] == f"{1:021d}"
    found = verification().of(f"key:{keys[0].key_id}", limit=100).verdict
    assert [(each.version, each.problem) for each in found.findings] == [(2, "missing")]
    assert relay.names() == ["key.imported", "key.sold", "key.imported"]


def test_many_looks_at_one_key_are_one_chain(relay: Relay) -> None:
    keys = [new_key(1), leased(new_key(1)), sold(leased(new_key(1)))]
    while len(keys) < 60:
        keys.append(looked_at(keys[-1]))
    relay.stage.world.dynamodb.put_item(TableName=relay.stage.world.names["keys"], Item=to_attributes(keys[-1]))
    assert relay.relays(relay.records(*lives(*keys))) == []
    found = verification().of(f"key:{keys[0].key_id}", limit=100).verdict
    assert (found.records, found.problems) == (60, 0)
    assert relay.figures().tally.revealed == 1


def test_stock_that_runs_low_is_told_once_by_the_figures_own_stream(relay: Relay) -> None:
    sku = Sku(
        sku_id=SKU,
        product_id="game",
        store_id="main",
        name="100",
        price=PRICE,
        issuer="game",
        low_stock=2,
        **stamp(OPERATOR, NOW_MS),
    )
    assert relay.relays([relay.record(1, (None, sku), "catalog")]) == []
    seen: list[Figures] = [relay.figures()]

    def happens(*pairs: Pair) -> None:
        for _ in range(2):
            assert relay.relays(relay.records(*pairs)) == []
        if relay.figures() != seen[-1]:
            seen.append(relay.figures())

    happens(*imports(3))
    for number in (1, 2, 3):
        happens((new_key(number), leased(new_key(number))), (leased(new_key(number)), sold(leased(new_key(number)))))
    relay.bus.told.clear()
    pairs: list[Pair] = [(seen[0], seen[1]), *pairwise(seen[1:])]
    for _ in range(2):
        assert relay.relays(relay.records(*pairs)) == []
    told = [detail for detail in relay.bus.told if detail["subject"] == f"stock:{SKU}"]
    assert len(told) == 2  # the same event, since its change came twice
    assert told[0] == told[1]
    assert told[0]["id"] == f"stock:{SKU}#1#stock.low"
    assert told[0]["data"] == {"sku_id": SKU, "on_hand": 2, "low_stock": 2}
    assert relay.figures().low
    assert verification().of(f"stock:{SKU}", limit=100).verdict.problems == 0
    subjects = {item["subject"]["S"] for item in relay.stage.world.scan("audit")}
    assert len([subject for subject in subjects if subject.startswith("stock:")]) == 1


def test_a_breaker_that_opens_is_put_on_record_and_rings_and_what_is_counted_is_nobody_s_news(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Metric] = []
    monkeypatch.setattr("keyrail.platform.metrics.count", rung.append)
    new = new_supplier("main", OPERATOR, NOW_MS)
    strained, shut = replace(new, strain=18), opened(replace(new, strain=18), SYSTEM, NOW_MS + 1)
    pairs: list[Pair] = [(None, new), (new, strained), (strained, shut)]
    assert relay.relays([relay.record(number, pair, "suppliers") for number, pair in enumerate(pairs)]) == []
    assert relay.names() == ["supplier.created", "supplier.breaker_opened"]
    assert rung == [Metric.SUPPLIER_SILENT]
    relay.stage.world.suppliers.add(new)
    assert relay.stage.world.suppliers.move(shut) is None
    found = verification().of("supplier:main", limit=100).verdict
    assert (found.records, found.problems) == (2, 0)
