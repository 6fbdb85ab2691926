"""Whatever is done to the records of a subject without the secret shows; where nothing was done, nothing does (I10)."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.audit import AuditRecord, at_id
from keyrail.platform.audit_chain import (
    BEGINNING,
    LOOKED_BESIDE,
    MAX_RELAY_LAG_S,
    Live,
    Problem,
    Verdict,
    reached,
    sealed,
    seen,
    verdict,
    verdict_so_far,
)

SECRET = b"s" * 64
NOW_MS = 1_767_225_600_000
LONG_AGO_MS = NOW_MS - MAX_RELAY_LAG_S * 1000
TEXTS = st.text(max_size=20)


@st.composite
def trails(draw: st.DrawFn) -> list[AuditRecord]:
    """Written one behind the other, by clocks that may disagree by seconds."""
    records: list[AuditRecord] = []
    for version in range(1, draw(st.integers(1, 12)) + 1):
        at_ms = LONG_AGO_MS + version + draw(st.integers(-3_000, 3_000))
        record = AuditRecord(
            subject="key:key_01",
            at_id=at_id(at_ms, version),
            what=tuple(draw(st.lists(TEXTS, min_size=1, max_size=3))),
            by=draw(TEXTS),
            address=draw(TEXTS),
            at_ms=at_ms,
            version=version,
            reason=draw(st.none() | TEXTS),
        )
        before = records[-1] if records else None
        follows, previous = (before.version, before.mac) if before else (None, None)
        records.append(sealed(record, follows, previous, SECRET))
    return records


def judged(records: list[AuditRecord], live: int) -> Verdict:
    return verdict([seen(record, SECRET) for record in records], Live(live, LONG_AGO_MS), NOW_MS)


@given(trails(), st.randoms())
def test_a_trail_that_nobody_touched_is_intact_in_any_order(records: list[AuditRecord], chance: Any) -> None:
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert judged(shuffled, len(records)) == Verdict(len(records), pending=0, problems=0, findings=())


@given(trails(), st.data())
def test_whatever_is_taken_away_shows_and_nothing_else_does(records: list[AuditRecord], data: st.DataObject) -> None:
    versions = [record.version for record in records]
    gone = data.draw(st.sets(st.sampled_from(versions), min_size=1))
    left = [record for record in records if record.version not in gone]
    found = judged(left, len(records))
    missing = {Problem.MISSING, Problem.END_MISSING}
    assert {finding.version for finding in found.findings if finding.problem in missing} == gone
    assert found.problems == len(gone)


CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "subject": TEXTS,
    "what": st.lists(TEXTS, max_size=3).map(tuple),
    "by": TEXTS,
    "address": TEXTS,
    "at_ms": st.integers(0, 2 * NOW_MS),
    "reason": st.none() | TEXTS,
    "order_id": st.none() | TEXTS,
    "follows": st.none() | st.integers(-1, 20),
    "previous": st.none() | st.binary(min_size=32, max_size=32),
    "mac": st.none() | st.binary(min_size=32, max_size=32),
}


@given(trails(), st.data())
def test_whatever_is_changed_in_a_record_shows_at_that_record(records: list[AuditRecord], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(records) - 1))
    name = data.draw(st.sampled_from(sorted(CHANGES)))
    changed = replace(records[at], **{name: data.draw(CHANGES[name])})
    found = judged([*records[:at], changed, *records[at + 1 :]], len(records))
    if changed == records[at]:
        assert found.problems == 0
    else:
        assert found.findings[0].version == records[at].version


@given(trails(), trails(), st.data())
def test_a_genuine_record_of_another_time_or_place_is_out_of_place(
    records: list[AuditRecord], others: list[AuditRecord], data: st.DataObject
) -> None:
    """Taken from another trail of the same subject, that of a restored table, say."""
    at = data.draw(st.integers(0, min(len(records), len(others)) - 1))
    mixed = [*records[:at], others[at], *records[at + 1 :]]
    found = judged(mixed, len(records))
    is_the_same = others[at].mac == records[at].mac
    is_a_last_one_that_follows = at == len(records) - 1 and others[at].previous in {
        None,
        *(r.mac for r in records[:at]),
    }
    assert (found.problems == 0) == (is_the_same or is_a_last_one_that_follows)


def in_parts(records: list[AuditRecord], limit: int, live: int) -> list[Verdict]:
    """As `AuditVerification.part` reads them, one part behind the other."""
    stored = [seen(record, SECRET) for record in sorted(records, key=lambda record: record.at_id)]
    since, told = BEGINNING, list[Verdict]()
    while True:
        behind = [each for each in stored if each.at_id > since.at_id]
        beside = [each for each in stored if each.at_id <= since.at_id][-LOOKED_BESIDE:]
        if len(behind) <= limit + LOOKED_BESIDE:
            return [*told, verdict([*beside, *behind], Live(live, LONG_AGO_MS), NOW_MS, since)]
        read = [*beside, *behind[: limit + LOOKED_BESIDE + 1]]
        until = reached(read, since, behind[limit - 1].at_id)
        told.append(verdict_so_far(read, since, until))
        since = until


@given(st.integers(1, 90), st.integers(100, 160), st.randoms(), st.data())
def test_in_parts_the_same_shows_as_at_once(limit: int, length: int, chance: Any, data: st.DataObject) -> None:
    """Of a trail by clocks that disagree, of which some records were taken away and some were changed."""
    records: list[AuditRecord] = []
    for version in range(1, length + 1):
        at_ms = LONG_AGO_MS + 100 * version + chance.randint(-1_000, 1_000)
        record = AuditRecord(
            subject="key:key_01",
            at_id=at_id(at_ms, version),
            what=("key.revealed",),
            by="buyer",
            address="198.51.100.7",
            at_ms=at_ms,
            version=version,
        )
        before = records[-1] if records else None
        follows, previous = (before.version, before.mac) if before else (None, None)
        records.append(sealed(record, follows, previous, SECRET))
    gone, changed = (data.draw(st.sets(st.integers(1, length), max_size=5)) for _ in range(2))
    left = [replace(r, by="x") if r.version in changed else r for r in records if r.version not in gone]
    at_once, told = judged(left, length), in_parts(left, limit, length)
    assert sorted({(f.version, f.problem) for part in told for f in part.findings}) == [
        (f.version, f.problem) for f in at_once.findings
    ]
    assert sum(part.problems for part in told) == at_once.problems
    assert sum(part.records for part in told) == len(left)
