"""The trace of a subject stays readable however much happened to it."""

import pytest

from keyrail.platform import audit
from keyrail.platform.audit import AuditRecord
from tests.world import World

SUBJECT = "key:key_01"
MOST = 10


@pytest.fixture(autouse=True)
def small_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_TRACE_RECORDS", MOST)


def happened(world: World, times: int) -> list[AuditRecord]:
    records = [
        AuditRecord(
            subject=SUBJECT,
            at_id=f"{1_767_225_600_000 + number // 3:013d}#{number:08d}",
            what=("key.revealed",),
            by="buyer",
            address="198.51.100.7",
            at_ms=1_767_225_600_000 + number // 3,
            version=number,
        )
        for number in range(1, times + 1)
    ]
    for record in reversed(records):
        world.chain.add(record)
    return records


@pytest.mark.parametrize("times", [0, 1, MOST // 2 - 1, MOST // 2, MOST // 2 + 1, MOST - 1, MOST])
def test_a_trace_is_whole_up_to_the_limit_and_oldest_first(world: World, times: int) -> None:
    records = happened(world, times)
    trace = world.audit.of(SUBJECT)
    assert (list(trace.records), trace.complete) == (records, True)


@pytest.mark.parametrize("times", [MOST + 1, 3 * MOST])
def test_of_a_longer_trace_both_ends_are_shown_and_that_it_is_cut(world: World, times: int) -> None:
    records = happened(world, times)
    trace = world.audit.of(SUBJECT)
    assert list(trace.records) == records[: MOST // 2] + records[-MOST // 2 :]
    assert not trace.complete


def test_a_trace_holds_nothing_of_another_subject(world: World) -> None:
    records = happened(world, MOST + 5)
    assert world.audit.of(f"{SUBJECT}2") == audit.Trace(records=(), complete=True)
    assert {record.subject for record in world.audit.of(SUBJECT).records} == {records[0].subject}
