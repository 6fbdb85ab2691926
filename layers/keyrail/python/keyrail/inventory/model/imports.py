"""How far the import of a file has come, and what the file says as a whole about each of its lines.

Pure, and of one size however long the file is: an import goes on from it after a kill.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from keyrail.inventory.model.batches import (
    MAX_EXPIRY_GROUPS,
    MAX_REPORTED_PROBLEMS,
    NEVER,
    Batch,
    ImportReport,
    LineProblem,
    Stage,
    stage_group,
)
from keyrail.inventory.model.key_columns import FileProblem
from keyrail.inventory.model.key_file import (
    DUPLICATES,
    Encoding,
    FileKey,
    Layout,
    Reason,
    Refused,
    Requirements,
    Row,
    Rules,
    has_password,
    read_key,
)
from keyrail.inventory.model.keys import shards_for
from keyrail.platform.changes import Versioned

PRECISIONS = (len("2030-12-31"), len("2030-12"), len("2030"), 0)


@dataclass(frozen=True)
class Group:
    """Keys that expire together, and over how many index partitions they are spread."""

    name: str
    shards: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found out by reading the whole file once. A workbook has a `sheet`, from 0, in place of an encoding, and
    rows `elsewhere`, in its other sheets, which are ignored.

    `precision` is how much of an ISO date names an expiry group; `groups` are those of the file.
    """

    encoding: Encoding | None = None
    sheet: int | None = None
    layout: Layout
    with_password: bool
    lines: int
    elsewhere: int = 0
    precision: int
    groups: tuple[Group, ...]

    def place(self, batch: Batch, expires_on: str | None, number: int) -> Group:
        """Where in the pool the file's key with that number goes."""
        expiry = (expires_on or NEVER)[: self.precision]
        shards = next((group.shards for group in self.groups if group.name == expiry), 1)
        shards = _shards(batch, batch.stage_of(number), shards)
        return Group(batch.group(expires_on, self.precision, number), shards)

    def places(self, batch: Batch) -> list[Group]:
        """Wherever in the pool a key of the file may be."""
        stages = range(max(len(batch.stages), 1))
        return [
            Group(stage_group(group.name, stage), _shards(batch, stage, group.shards))
            for group in self.groups
            for stage in stages
        ]


def _shards(batch: Batch, number: int, most: int) -> int:
    """Small stages need few partitions."""
    stage = batch.stages[number] if batch.stages else Stage()
    return most if stage.keys is None else min(most, shards_for(stage.keys * batch.sales_per_key))


@dataclass(frozen=True, kw_only=True)
class TakenGroup:
    """Keys taken that expire and go on sale together: how many, and their first and last day of use as ISO dates."""

    group: str
    shards: int
    keys: int
    first_expiry: str
    last_expiry: str

    def joined(self, other: "TakenGroup") -> "TakenGroup":
        return TakenGroup(
            group=self.group,
            shards=self.shards,
            keys=self.keys + other.keys,
            first_expiry=min(self.first_expiry, other.first_expiry),
            last_expiry=max(self.last_expiry, other.last_expiry),
        )


@dataclass(frozen=True, kw_only=True)
class ImportProgress(Versioned):
    """Where the next chunk begins, and what came of all before it.

    `position` is in bytes (of a workbook: in rows), None at the beginning; `line` the number of the line there.
    `keys_seen` counts the lines that are keys: each has its number among them, whether it was taken or not. `upload`
    names the content that was surveyed, and `object_name` where it lies. Of the file of rejected lines so many parts
    and bytes are written so far. With a `problem` the import ends here, and nothing behind this place is stored.
    """

    batch_id: str
    upload: str
    object_name: str
    asked: Requirements
    survey: Survey
    position: int | None = None
    line: int = 1
    keys_seen: int = 0
    report: ImportReport = field(default_factory=ImportReport)
    taken: tuple[TakenGroup, ...] = ()
    rejected_parts: int = 0
    rejected_bytes: int = 0
    rejected_full: bool = False
    problem: FileProblem | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of a row. `reason` None: its key was taken, or there is nothing in it.

    `place` is where in the pool a key goes.
    """

    row: Row
    key: FileKey | None = None
    reason: Reason | None = None
    mask: str | None = None
    place: Group | None = None

    @property
    def is_duplicate(self) -> bool:
        return self.reason in DUPLICATES


def read_rows(rows: Iterator[Row], rules: Rules) -> Iterator[Verdict]:
    """What the file alone says of each row; whether its code is known already is for the stock to say."""
    for row in rows:
        if row.is_ignored:
            yield Verdict(row)
            continue
        try:
            yield Verdict(row, read_key(row, rules))
        except Refused as refused:
            yield Verdict(row, None, refused.reason, refused.mask)


def counted(report: ImportReport, verdicts: list[Verdict]) -> ImportReport:
    """The report with these rows in it: every line of them is counted once."""
    accepted = duplicate = rejected = ignored = 0
    problems: list[LineProblem] = []
    for verdict in verdicts:
        lines = verdict.row.lines
        if verdict.reason is None:
            accepted += verdict.key is not None
            ignored += lines - (verdict.key is not None)
            continue
        duplicate += lines if verdict.is_duplicate else 0
        rejected += 0 if verdict.is_duplicate else lines
        if len(report.problems) + len(problems) < MAX_REPORTED_PROBLEMS:
            problems.append(LineProblem(verdict.row.line, verdict.reason, verdict.mask))
    return replace(
        report,
        accepted=report.accepted + accepted,
        duplicate=report.duplicate + duplicate,
        rejected=report.rejected + rejected,
        ignored=report.ignored + ignored,
        problems=(*report.problems, *problems),
    )


def with_taken(taken: tuple[TakenGroup, ...], verdicts: list[Verdict]) -> tuple[TakenGroup, ...]:
    """The groups with the keys in them that were taken of these rows."""
    groups = {group.group: group for group in taken}
    for verdict in verdicts:
        if verdict.reason is not None or verdict.key is None or verdict.place is None:
            continue
        name, day = verdict.place.name, verdict.key.expires_on or NEVER
        group = TakenGroup(group=name, shards=verdict.place.shards, keys=1, first_expiry=day, last_expiry=day)
        groups[name] = groups[name].joined(group) if name in groups else group
    return tuple(groups.values())


@dataclass
class FileSurvey:
    """Looks at every row of a file once, and keeps none. `max_groups` bounds the expiry groups.

    Whether lines of the file have passwords is known in the end only, so `rules` ask for none.
    """

    rules: Rules
    max_groups: int = MAX_EXPIRY_GROUPS
    lines: int = 0
    with_password: bool = False
    _keys: int = 0
    _without_password: int = 0
    _groups: dict[int, dict[str, int]] = field(default_factory=lambda: {precision: {} for precision in PRECISIONS})

    def look_at(self, row: Row) -> None:
        self.lines = row.line + row.lines - 1
        if row.is_ignored:
            return
        layout = self.rules.layout
        self.with_password = self.with_password or has_password(row, layout)
        try:
            key = read_key(row, self.rules)
        except Refused:
            return
        self._keys += 1
        announced = layout.has_header or len(row.cells or ()) > 1
        self._without_password += key.secret.password is None and announced and layout.columns.password is not None
        self._count(key.expires_on or NEVER)

    def _count(self, day: str) -> None:
        for precision, groups in list(self._groups.items()):
            groups[day[:precision]] = groups.get(day[:precision], 0) + 1
            if precision and len(groups) > self.max_groups:
                del self._groups[precision]

    @property
    def keys(self) -> int:
        """How many rows are keys, whatever the stock says."""
        return self._keys - (self._without_password if self.with_password else 0)

    def finish(
        self, *, encoding: Encoding | None = None, sheet: int | None = None, elsewhere: int = 0, sales_per_key: int = 1
    ) -> Survey:
        precision, groups = next(iter(self._groups.items()))
        return Survey(
            encoding=encoding,
            sheet=sheet,
            layout=self.rules.layout,
            with_password=self.with_password,
            lines=self.lines,
            elsewhere=elsewhere,
            precision=precision,
            groups=tuple(Group(name, shards_for(keys * sales_per_key)) for name, keys in groups.items()),
        )
