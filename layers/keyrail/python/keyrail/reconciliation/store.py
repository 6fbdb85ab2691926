"""The `reconciliation` table: a run of a holder's day, and in the run's partition one item for each difference, and for
each portion of the orders that a supplier is asked about.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from keyrail.platform.documents import Attributes, from_attributes
from keyrail.platform.dynamo import (
    MAX_TRANSACTION_WRITES,
    ConditionFailed,
    IntegerAttribute,
    Table,
    TransactionFailed,
    Write,
    transact,
)
from keyrail.reconciliation.model.differences import Difference
from keyrail.reconciliation.model.questions import Portion
from keyrail.reconciliation.model.runs import Run

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_MONTH = "by_month"
RUN = "run"
_DIFFERENCE, _PORTION = "dif_", "asked#"
LOT = MAX_TRANSACTION_WRITES - 1  # differences in one transaction with their run
_BETWEEN = "#"


class ReconciliationItem(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = IntegerAttribute()
    lots = IntegerAttribute()
    month = UnicodeAttribute()
    place = UnicodeAttribute()
    asked_for_ms = IntegerAttribute()


class ReconciliationStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = Table(client, table_name)

    def run(self, run_id: str) -> Run | None:
        found = self._table.get(**_of_run(run_id))
        return from_attributes(Run, found) if found else None

    def runs(self, run_ids: Sequence[str]) -> list[Run]:
        """Those of them that there are."""
        return [from_attributes(Run, item) for item in self._table.get_all([_of_run(run_id) for run_id in run_ids])]

    def add(self, run: Run) -> Run | None:
        """None if the run is in now, else the one that stands in its place."""
        key = {**_of_run(run.run_id), **_place(run)}
        return self._table.put_first(run, ReconciliationItem.pk.does_not_exist(), **key)

    def replace(self, standing: Run, run: Run) -> bool:
        """False if `standing` is no longer what stands there."""
        key = {**_of_run(run.run_id), **_place(run)}
        try:
            self._table.send(self._table.put(run, ReconciliationItem.version == standing.version, **key))
        except ConditionFailed:
            return False
        return True

    def record(self, run: Run, changes: Sequence[tuple[Difference | None, Difference]]) -> bool:
        """At most LOT differences, each in the place of what stood there, while `run` is the run.

        False if it is not, or if one of them changed meanwhile; then none of them is in.
        """
        try:
            transact(self._client, [self._count(run), *(self._difference(old, new) for old, new in changes)])
        except TransactionFailed:
            return False
        return True

    def _count(self, run: Run) -> Write:
        """A write of the run that changes nothing of it: whoever takes it up anew and this one exclude each other."""
        actions = [ReconciliationItem.lots.add(1)]
        return self._table.update(_of_run(run.run_id), actions, ReconciliationItem.version == run.version)

    def resolve(self, standing: Difference, resolved: Difference) -> bool:
        """False if `standing` is no longer what stands there."""
        try:
            self._table.send(self._difference(standing, resolved))
        except ConditionFailed:
            return False
        return True

    def _difference(self, old: Difference | None, new: Difference) -> Write:
        there = ReconciliationItem.pk.does_not_exist() if old is None else ReconciliationItem.version == old.version
        return self._table.put(new, there, pk=new.run_id, sk=new.difference_id)

    def difference(self, run_id: str, difference_id: str) -> Difference | None:
        if not difference_id.startswith(_DIFFERENCE):
            return None
        found = self._table.get(pk=run_id, sk=difference_id)
        return from_attributes(Difference, found) if found else None

    def differences(self, run_id: str, limit: int, behind: str | None) -> tuple[list[Difference], str | None]:
        """At most `limit`, by their ids, from behind that one on; and behind which one there are more."""
        here = (ReconciliationItem.pk == run_id) & ReconciliationItem.sk.startswith(_DIFFERENCE)
        start = None if behind is None else {"pk": {"S": run_id}, "sk": {"S": behind}}
        page = self._table.query(here, limit=limit, start=start, consistent=True)
        return [from_attributes(Difference, item) for item in page.items], _sort_key(page.last_key)

    def all_differences(self, run_id: str) -> list[Difference]:
        here = (ReconciliationItem.pk == run_id) & ReconciliationItem.sk.startswith(_DIFFERENCE)
        return [from_attributes(Difference, item) for item in self._table.query_all(here, consistent=True)]

    def portions(self, run_id: str) -> list[Portion]:
        """In their order."""
        here = (ReconciliationItem.pk == run_id) & ReconciliationItem.sk.startswith(_PORTION)
        return [from_attributes(Portion, item) for item in self._table.query_all(here, consistent=True)]

    def put_portion(self, run_id: str, portion: Portion, asked_before_ms: int | None) -> bool:
        """In the place of one that was asked about then, or never and need not be there; False if it is another."""
        never = ReconciliationItem.asked_for_ms.does_not_exist()
        before = never if asked_before_ms is None else ReconciliationItem.asked_for_ms == asked_before_ms
        try:
            self._table.send(self._table.put(portion, before, pk=run_id, sk=f"{_PORTION}{portion.number:05d}"))
        except ConditionFailed:
            return False
        return True

    def of_month(self, month: str, limit: int, behind: str | None) -> tuple[list[Run], str | None]:
        """Runs of the days of a month (`2026-11`), the latest day first; and behind which place there are more."""
        here = ReconciliationItem.month == month
        start = None
        if behind is not None:
            place, _, run_id = behind.rpartition(_BETWEEN)
            start = {name: {"S": value} for name, value in {**_of_run(run_id), "month": month, "place": place}.items()}
        page = self._table.query(here, index=BY_MONTH, limit=limit, start=start, newest_first=True)
        last = page.last_key
        following = f"{last['place']['S']}{_BETWEEN}{last['pk']['S']}" if last else None
        return [from_attributes(Run, item) for item in page.items], following


def _of_run(run_id: str) -> dict[str, str]:
    return {"pk": run_id, "sk": RUN}


def _place(run: Run) -> dict[str, str]:
    return {"month": run.day[:7], "place": _BETWEEN.join((run.day, *run.holder.names))}


def _sort_key(key: Attributes | None) -> str | None:
    return str(key["sk"]["S"]) if key else None
