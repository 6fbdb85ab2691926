"""The audit trail, verified part by part: of one subject, or all of it.

All of it in two goes: the first through the records, subject by subject; the second through the items themselves, since
a subject that has lost all its records is met in the second only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyrail.platform.audit_chain import BEGINNING, MAX_FINDINGS, Finding, Live, Reached, Seen, Verdict, verdict
from keyrail.platform.audit_position import Position, position_of, signed
from keyrail.platform.audit_verification import AuditVerification, live_of
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import Table


@dataclass(frozen=True)
class Part:
    """`subjects` are those judged to their end. `findings` are the first of `problems`.

    `following` is where the next part begins, None behind the last one.
    """

    subjects: int
    records: int
    pending: int
    problems: int
    findings: tuple[tuple[str, Finding], ...]
    following: str | None


@dataclass(frozen=True)
class _Found:
    """On some subjects, `whole` of which were judged to their end; `behind` is None behind the last part."""

    verdicts: Mapping[str, Verdict]
    whole: int
    behind: Position | None


def walk_subject(verification: AuditVerification, subject: str, limit: int, after: str | None) -> Part:
    """`limit` records of the subject from the position `after` on; LOOKED_BESIDE more if these are its last.

    Raises Invalid for a kind that is not audited or a position that was never given out for it, SubjectNotFound.
    """
    position = position_of(after, verification.secret, asked=subject)
    since = position.reached if position else None
    part = verification.of(subject, limit, since or BEGINNING)
    behind = None if part.is_last else Position(reached=part.reached)
    return _part(verification, _Found({subject: part.verdict}, int(part.is_last), behind), asked=subject)


def walk(verification: AuditVerification, limit: int, after: str | None) -> Part:
    """At most `limit` records or items from the position `after` on, or as `walk_subject` part of a longer subject.

    Raises Invalid for a position that was never given out.
    """
    tables = list(dict.fromkeys(place.table_name for place in verification.places))
    position = position_of(after, verification.secret, asked=None) or Position()
    if position.table > 0:
        behind = Position(position.table + 1) if position.table < len(tables) else None
        found = _through_items(verification, limit, position, tables[position.table - 1], behind)
    elif position.subject and position.reached:
        found = _through_subject(verification, limit, position.subject, position.reached)
    else:
        found = _through_records(verification, limit, position)
    return _part(verification, found, asked=None)


def _through_records(verification: AuditVerification, limit: int, position: Position) -> _Found:
    """A subject that goes on behind the page is left for the next one, unless it had this one for itself.

    What was added to the last subject since it was judged is not met again.
    """
    page = verification.scan(limit, position.start)
    items = [item for item in page.items if item["subject"]["S"] != position.subject]
    behind = Position(1)
    if page.last_key:
        behind = Position(0, _plain(page.last_key))
        last = page.last_key["subject"]["S"]
        whole = [item for item in items if item["subject"]["S"] != last]
        if items and not whole:
            return _through_subject(verification, limit, last, BEGINNING)
        if len(whole) < len(items):
            items, behind = whole, Position(0, _key_of_record(whole[-1]))
    by_subject: dict[str, list[Seen]] = {}
    for item in items:
        by_subject.setdefault(item["subject"]["S"], []).append(verification.seen(item))
    lives = dict(zip(by_subject, verification.live(list(by_subject)), strict=True))
    return _Found(_verdicts(verification, by_subject, lives), len(by_subject), behind)


def _through_subject(verification: AuditVerification, limit: int, subject: str, since: Reached) -> _Found:
    part = verification.part(subject, limit, since)
    reached = None if part.is_last else part.reached
    behind = Position(0, {"subject": subject, "at_id": part.reached.at_id}, reached)
    return _Found({subject: part.verdict}, int(part.is_last), behind)


def _through_items(
    verification: AuditVerification, limit: int, position: Position, table: str, behind: Position | None
) -> _Found:
    page = Table(verification.client, table).scan(limit=limit, start=position.start)
    if page.last_key:
        behind = Position(position.table, _plain(page.last_key))
    lives: dict[str, Live | None] = {}
    for item in page.items:
        subject = _subject(verification, table, item)
        if subject is not None and live_of(item).version > 0:
            lives[subject] = live_of(item)
    unrecorded = verification.unrecorded({subject: live for subject, live in lives.items() if live})
    return _Found(_verdicts(verification, {subject: [] for subject in unrecorded}, lives), len(lives), behind)


def _subject(verification: AuditVerification, table: str, item: Attributes) -> str | None:
    """What the item is called in the trail; None for one that is not audited."""
    plain = _plain(item)
    for place in verification.places:
        if place.table_name == table and (name := place.id_of(plain)) is not None:
            return f"{place.kind}:{name}"
    return None


def _plain(item: Attributes) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}


def _key_of_record(item: Attributes) -> dict[str, str]:
    return {name: item[name]["S"] for name in ("subject", "at_id")}


def _verdicts(
    verification: AuditVerification, by_subject: Mapping[str, Sequence[Seen]], lives: Mapping[str, Live | None]
) -> dict[str, Verdict]:
    now_ms = verification.now_ms()
    return {subject: verdict(records, lives[subject], now_ms) for subject, records in by_subject.items()}


def _part(verification: AuditVerification, found: _Found, asked: str | None) -> Part:
    verdicts = found.verdicts.values()
    findings = [(subject, finding) for subject, verdict in found.verdicts.items() for finding in verdict.findings]
    return Part(
        subjects=found.whole,
        records=sum(each.records for each in verdicts),
        pending=sum(each.pending for each in verdicts),
        problems=sum(each.problems for each in verdicts),
        findings=tuple(findings[:MAX_FINDINGS]),
        following=signed(found.behind, verification.secret, asked) if found.behind else None,
    )
