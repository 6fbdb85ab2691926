"""The whole audit trail, verified part by part.

In two goes: the first through the records, subject by subject; the second through the items themselves, since a subject
that has lost all its records is met in the second only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from keyrail.platform.audit_chain import MAX_FINDINGS, Finding, Live, Seen, verdict
from keyrail.platform.audit_verification import AuditVerification, live_of
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import Table
from keyrail.platform.errors import FieldError, Invalid


@dataclass(frozen=True)
class Part:
    """`following` is where the next part begins, None behind the last one. `findings` are the first of `problems`."""

    subjects: int
    records: int
    pending: int
    problems: int
    findings: tuple[tuple[str, Finding], ...]
    following: str | None


@dataclass(frozen=True)
class _Position:
    """Behind a key of a table; `table` counts: 0 is the trail itself, from 1 on the tables of the items."""

    table: int = 0
    key: Mapping[str, str] | None = None

    @property
    def start(self) -> Attributes | None:
        return {name: {"S": value} for name, value in self.key.items()} if self.key else None

    def __str__(self) -> str:
        return json.dumps([self.table, self.key])

    @classmethod
    def parse(cls, text: str | None, tables: int) -> "_Position":
        """Raises Invalid for what was never given out."""
        try:
            table, key = json.loads(text) if text is not None else (0, None)
        except (ValueError, TypeError):
            table, key = -1, None
        names = {} if key is None else key
        if not (
            isinstance(table, int)
            and 0 <= table <= tables
            and isinstance(names, dict)
            and all(isinstance(value, str) for value in names.values())
        ):
            raise Invalid(FieldError("cursor", "unknown"))
        return cls(table, key)


def walk(verification: AuditVerification, limit: int, after: str | None) -> Part:
    """About `limit` records or items from the position `after` on; a subject is never cut.

    Raises Invalid for a position that was never given out.
    """
    tables = list(dict.fromkeys(place.table_name for place in verification.places))
    position = _Position.parse(after, len(tables))
    if position.table == 0:
        return _through_records(verification, limit, position)
    behind = _Position(position.table + 1) if position.table < len(tables) else None
    return _through_items(verification, limit, position, tables[position.table - 1], behind)


def _through_records(verification: AuditVerification, limit: int, position: _Position) -> Part:
    """The last subject of a page is read to its end; what was added to it since then is not met again."""
    page = verification.scan(limit, position.start)
    judged = position.key["subject"] if position.key else None
    by_subject: dict[str, list[Seen]] = {}
    for item in page.items:
        if item["subject"]["S"] != judged:
            by_subject.setdefault(item["subject"]["S"], []).append(verification.seen(item))
    behind = _Position(1)
    if page.last_key:
        last, at = page.last_key["subject"]["S"], page.last_key["at_id"]["S"]
        if last in by_subject:
            for item in verification.records(last, behind=at):
                by_subject[last].append(verification.seen(item))
                at = item["at_id"]["S"]
        behind = _Position(0, {"subject": last, "at_id": at})
    lives = dict(zip(by_subject, verification.live(list(by_subject)), strict=True))
    return _judged(verification, by_subject, lives, behind, len(by_subject))


def _through_items(
    verification: AuditVerification, limit: int, position: _Position, table: str, behind: _Position | None
) -> Part:
    page = Table(verification.client, table).scan(limit=limit, start=position.start)
    if page.last_key:
        behind = _Position(position.table, _plain(page.last_key))
    lives: dict[str, Live | None] = {}
    for item in page.items:
        subject = _subject(verification, table, item)
        if subject is not None and live_of(item).version > 0:
            lives[subject] = live_of(item)
    unrecorded = verification.unrecorded({subject: live for subject, live in lives.items() if live})
    return _judged(verification, {subject: [] for subject in unrecorded}, lives, behind, len(lives))


def _subject(verification: AuditVerification, table: str, item: Attributes) -> str | None:
    """What the item is called in the trail; None for one that is not audited."""
    plain = _plain(item)
    for place in verification.places:
        if place.table_name == table and (name := place.id_of(plain)) is not None:
            return f"{place.kind}:{name}"
    return None


def _plain(item: Attributes) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}


def _judged(
    verification: AuditVerification,
    by_subject: Mapping[str, list[Seen]],
    lives: Mapping[str, Live | None],
    following: _Position | None,
    subjects: int,
) -> Part:
    now_ms = verification.now_ms()
    verdicts = {subject: verdict(records, lives[subject], now_ms) for subject, records in by_subject.items()}
    findings = [(subject, finding) for subject, verdict in verdicts.items() for finding in verdict.findings]
    return Part(
        subjects=subjects,
        records=sum(each.records for each in verdicts.values()),
        pending=sum(each.pending for each in verdicts.values()),
        problems=sum(each.problems for each in verdicts.values()),
        findings=tuple(findings[:MAX_FINDINGS]),
        following=str(following) if following else None,
    )
