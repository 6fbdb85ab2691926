"""The chain of a subject's records: what a MAC is made over, and what a subject's records say when read again.

A record's MAC is HMAC-SHA-256 under a secret that only the relay and the verifying function have, over every field of
the record but itself; one of these fields is the MAC of the record before. So a record can neither be changed nor made
up by somebody who has the table and not the secret. Each also names the version that it follows, so one that was taken
away shows; that the last ones were taken away shows against the item itself, which knows its version.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import islice, pairwise
from typing import Any

from keyrail.platform.audit import AuditRecord

MAX_RELAY_LAG_S = 120  # a version that is younger may still be on its way through the stream
MAX_FINDINGS = 100  # of one subject; they are always all counted
LOOKED_BESIDE = 50  # records on either side of a part
_PURPOSE = b"keyrail audit record 1\n"


class Problem(StrEnum):
    """What is wrong with a version of a subject.

    missing: it has no record, and later ones have.
    changed: its record is not what was written.
    unlinked: its record is genuine, but follows another one than the one that is there.
    unchained: its record has no MAC: it is older than the chain, or its MAC was taken away.
    end_missing: the item has this version, and neither this one nor a later one has a record.
    item_missing: this is the last record, and the item is gone.
    item_behind: this is the last record, and the item stands at an earlier version.
    """

    MISSING = "missing"
    CHANGED = "changed"
    UNLINKED = "unlinked"
    UNCHAINED = "unchained"
    END_MISSING = "end_missing"
    ITEM_MISSING = "item_missing"
    ITEM_BEHIND = "item_behind"


@dataclass(frozen=True)
class Finding:
    version: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Seen:
    """What remains of a record once it was looked at: its place in the chain, and whether its MAC is right."""

    at_id: str
    version: int
    follows: int
    mac: bytes | None
    previous: bytes | None
    is_genuine: bool


@dataclass(frozen=True)
class Live:
    """The item that the records are about, as it stands now."""

    version: int
    changed_at_ms: int


@dataclass(frozen=True)
class Verdict:
    """On one subject, or on a part of it. `findings` are the first of `problems`.

    `pending` newest versions may still be on their way.
    """

    records: int
    pending: int
    problems: int
    findings: tuple[Finding, ...]


def canonical(record: AuditRecord) -> bytes:
    """Every field but `mac` as JSON: by name, in ASCII, without blanks, bytes as hex; what is None is left out.

    So a field that is added later, and is None in older records, leaves their MACs as they are.
    """
    said = {field.name: _plain(getattr(record, field.name)) for field in fields(record) if field.name != "mac"}
    told = {name: value for name, value in said.items() if value is not None}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def sealed(record: AuditRecord, follows: int | None, previous: bytes | None, secret: bytes) -> AuditRecord:
    """The record as it follows that version, whose record has the MAC `previous`; None for the first."""
    linked = replace(record, follows=follows, previous=previous, mac=None)
    return replace(linked, mac=_mac(linked, secret))


def seen(record: AuditRecord, secret: bytes) -> Seen:
    genuine = record.mac is not None and hmac.compare_digest(record.mac, _mac(record, secret))
    follows = record.follows or 0
    if not genuine and (record.follows is None or not 0 <= follows < record.version):
        follows = record.version - 1  # it says nothing that could be believed
    return Seen(record.at_id, record.version, follows, record.mac, record.previous, genuine)


def _mac(record: AuditRecord, secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + canonical(record), "sha256")


@dataclass(frozen=True)
class Reached:
    """How far a subject is judged: all records up to `at_id`.

    `version`, whose record has the MAC `mac`, is the last one before those that are looked at again beside the next
    part. No record has the version 0.
    """

    at_id: str = ""
    version: int = 0
    mac: bytes | None = None

    @property
    def last(self) -> Seen:
        """Stands in for all records before those that are looked at again; it was judged."""
        return Seen("", self.version, max(0, self.version - 1), self.mac, None, is_genuine=True)


BEGINNING = Reached()


def verdict(records: Iterable[Seen], live: Live | None, now_ms: int, since: Reached = BEGINNING) -> Verdict:
    """On all records of one subject, in any order, beside the item as it stood after they were read.

    With `since` on those behind it; those before it that are among `records` are only looked at.
    """
    ordered = _by_version(records, since)
    last = ordered[-1].version
    pending = _pending(last, live, now_ms)
    end = [] if pending else _of_end(last, live)
    return _told(ordered, end, lambda record: record.at_id > since.at_id, pending)


def verdict_so_far(records: Iterable[Seen], since: Reached, until: Reached) -> Verdict:
    """On those behind `since` up to `until`, of a subject that goes on behind it."""
    return _told(_by_version(records, since), [], lambda record: since.at_id < record.at_id <= until.at_id)


def reached(records: Sequence[Seen], since: Reached, at_id: str) -> Reached:
    """Where the next part begins once all up to `at_id` are judged. `records` come in the order of their `at_id`."""
    judged = [record for record in records if record.at_id <= at_id]
    # A version that is far ahead of all genuine ones was made up: nothing is measured by it.
    ahead = max((record.version for record in records if record.is_genuine), default=None)
    left = [record for record in judged[:-LOOKED_BESIDE] if ahead is None or record.version <= ahead]
    last = max([since.last, *left], key=lambda record: record.version)
    return Reached(at_id, last.version, last.mac)


def _by_version(records: Iterable[Seen], since: Reached) -> list[Seen]:
    return sorted([since.last, *records], key=lambda record: record.version)


def _told(
    ordered: Sequence[Seen], end: Iterable["_Stretch"], is_judged: Callable[[Seen], bool], pending: int = 0
) -> Verdict:
    stretches = [*_of_records(ordered, is_judged), *end]
    findings = (finding for stretch in sorted(stretches) for finding in stretch.findings())
    return Verdict(
        records=sum(map(is_judged, ordered)),
        pending=pending,
        problems=sum(stretch.length for stretch in stretches),
        findings=tuple(islice(findings, MAX_FINDINGS)),
    )


@dataclass(frozen=True, order=True)
class _Stretch:
    """Versions from `first` to `last` with one problem: a whole trail may be gone, so they are never counted out."""

    first: int
    last: int
    problem: Problem

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def findings(self) -> Iterator[Finding]:
        return (Finding(version, self.problem) for version in range(self.first, self.last + 1))


def _pending(last: int, live: Live | None, now_ms: int) -> int:
    """How many of the newest versions may still come; all of them go through the stream one behind the other."""
    if live is None or now_ms - live.changed_at_ms >= MAX_RELAY_LAG_S * 1000:
        return 0
    return max(0, live.version - last)


def _of_records(ordered: Sequence[Seen], is_judged: Callable[[Seen], bool]) -> Iterator[_Stretch]:
    first = ordered[0]
    if is_judged(first):  # older than what was judged before it, and so far off that nothing stands beside it
        yield _Stretch(first.version, first.version, Problem.UNLINKED)
    earlier: set[bytes | None] = {None}
    for before, record in pairwise(ordered):
        earlier.add(before.mac)
        if not is_judged(record):
            continue
        if record.follows > before.version:
            yield _Stretch(before.version + 1, record.follows, Problem.MISSING)
        if problem := _problem(record, before.version, earlier):
            yield _Stretch(record.version, record.version, problem)


def _problem(record: Seen, last: int, earlier: set[bytes | None]) -> Problem | None:
    if record.mac is None:
        return Problem.UNCHAINED
    if not record.is_genuine:
        return Problem.CHANGED
    if record.version == last or record.follows < last:
        return Problem.UNLINKED
    # Behind a gap it follows what is missing. Where a gap was filled late, it follows the record before the gap.
    is_linked = record.follows > last or record.previous in earlier
    return None if is_linked else Problem.UNLINKED


def _of_end(last: int, live: Live | None) -> Iterator[_Stretch]:
    if live is None:
        yield _Stretch(last, last, Problem.ITEM_MISSING)
    elif live.version < last:
        yield _Stretch(last, last, Problem.ITEM_BEHIND)
    elif live.version > last:
        yield _Stretch(last + 1, live.version, Problem.END_MISSING)
