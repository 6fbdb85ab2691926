"""The reading end of the chain: records of a subject are read again, and judged beside the live item."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pynamodb.expressions.condition import Condition

from keyrail.platform.audit import AuditItem, AuditRecord, at_id
from keyrail.platform.audit_chain import (
    BEGINNING,
    LOOKED_BESIDE,
    Live,
    Reached,
    Seen,
    Verdict,
    reached,
    seen,
    verdict,
    verdict_so_far,
)
from keyrail.platform.clock import NowMs
from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import MAX_READS, Page, Read, Table, read_together
from keyrail.platform.errors import FieldError, Invalid, NotFound

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_NEVER_WRITTEN = b""


class SubjectNotFound(NotFound):
    code = "audit_subject_not_found"
    title = "There is neither an item nor a record of this subject."
    title_zh = "未找到该对象及其审计记录。"


@dataclass(frozen=True)
class Place:
    """Where the items of one kind of subject stand: those of `key:…` in the keys table, say.

    `key_of` makes an item's primary key from its id; `id_of` its id from the primary key, None for another kind.
    """

    kind: str
    table_name: str
    key_of: Callable[[str], dict[str, str]]
    id_of: Callable[[Mapping[str, str]], str | None]


@dataclass(frozen=True)
class PartOfSubject:
    """`is_last`: there were no more records, and the end was compared with the item."""

    verdict: Verdict
    reached: Reached
    is_last: bool


@dataclass(frozen=True)
class AuditVerification:
    """Reads both ends strongly consistently: first the records, then the items, which can only be ahead of them."""

    client: "DynamoDBClient"
    table_name: str
    secret: str = field(repr=False)
    places: Sequence[Place]
    now_ms: NowMs

    def of(self, subject: str, limit: int, since: Reached = BEGINNING) -> PartOfSubject:
        """As `part`. Raises Invalid for a kind that is not audited as well."""
        if self.place_of(subject) is None:
            raise Invalid(FieldError("subject", "unknown_kind"))
        return self.part(subject, limit, since)

    def part(self, subject: str, limit: int, since: Reached = BEGINNING) -> PartOfSubject:
        """On `limit` records of one subject, and on up to LOOKED_BESIDE more if these are its last.

        Reads at most `limit + 2 * LOOKED_BESIDE + 1` records and one item. Raises SubjectNotFound if there is neither.
        """
        behind = self._behind(subject, since, limit + LOOKED_BESIDE + 1)
        is_last = len(behind) <= limit + LOOKED_BESIDE
        judged = behind if is_last else behind[:limit]
        records = [*self._looked_at_again(subject, since), *behind]
        until = reached(records, since, judged[-1].at_id if judged else since.at_id)
        if not is_last:
            return PartOfSubject(verdict_so_far(records, since, until), until, is_last)
        (live,) = self.live([subject])
        if live is None and not records and since == BEGINNING:
            raise SubjectNotFound
        return PartOfSubject(verdict(records, live, self.now_ms(), since), until, is_last)

    def _behind(self, subject: str, since: Reached, at_most: int) -> list[Seen]:
        condition = AuditItem.subject == subject
        if since != BEGINNING:
            condition &= AuditItem.at_id > since.at_id
        return self._records(condition, at_most)

    def _looked_at_again(self, subject: str, since: Reached) -> list[Seen]:
        if since == BEGINNING:
            return []
        condition = (AuditItem.subject == subject) & (AuditItem.at_id <= since.at_id)
        return self._records(condition, LOOKED_BESIDE, newest_first=True)[::-1]

    def _records(self, condition: Condition, at_most: int, *, newest_first: bool = False) -> list[Seen]:
        """As they are stored. A page of DynamoDB's may end earlier, at a megabyte."""
        found: list[Attributes] = []
        start: Attributes | None = None
        while len(found) < at_most:
            page = self._trail.query(
                condition, limit=at_most - len(found), start=start, newest_first=newest_first, consistent=True
            )
            found += page.items
            start = page.last_key
            if start is None:
                break
        return [self.seen(item) for item in found]

    def scan(self, limit: int, start: Attributes | None) -> Page:
        return self._trail.scan(limit=limit, start=start)

    def seen(self, item: Attributes) -> Seen:
        """What cannot even be read as a record was not written as one."""
        try:
            return seen(from_attributes(AuditRecord, item), self.secret.encode())
        except ValidationError:
            number = item["at_id"]["S"].rpartition("#")[2]
            version = int(number) if number.isdecimal() else 0
            return Seen(item["at_id"]["S"], version, version - 1, _NEVER_WRITTEN, None, is_genuine=False)

    def live(self, subjects: Sequence[str]) -> list[Live | None]:
        """The items that the subjects name, as they stand now."""
        read = {subject: self._item_of(subject) for subject in subjects}
        found = self._read({subject: item for subject, item in read.items() if item is not None})
        return [live_of(item) if (item := found.get(subject)) else None for subject in subjects]

    def unrecorded(self, lives: Mapping[str, Live]) -> list[str]:
        """Subjects of which there is no record at all."""
        newest = {
            subject: self._trail.read(subject=subject, at_id=at_id(live.changed_at_ms, live.version))
            for subject, live in lives.items()
        }
        found = self._read(newest)
        return [
            subject
            for subject in lives
            if found[subject] is None
            and not self._trail.query(AuditItem.subject == subject, limit=1, consistent=True).items
        ]

    def place_of(self, subject: str) -> Place | None:
        kind = subject.partition(":")[0]
        return next((place for place in self.places if place.kind == kind), None)

    def _item_of(self, subject: str) -> Read | None:
        place, name = self.place_of(subject), subject.partition(":")[2]
        return Table(self.client, place.table_name).read(**place.key_of(name)) if place else None

    def _read(self, reads: Mapping[str, Read]) -> dict[str, Attributes | None]:
        subjects, found = list(reads), list[Attributes | None]()
        for first in range(0, len(subjects), MAX_READS):
            some = [reads[subject] for subject in subjects[first : first + MAX_READS]]
            found += read_together(self.client, some)
        return dict(zip(subjects, found, strict=True))

    @property
    def _trail(self) -> Table:
        return Table(self.client, self.table_name)


def live_of(item: Attributes) -> Live:
    return Live(int(item["version"]["N"]), int(item["changed_at_ms"]["N"]))
