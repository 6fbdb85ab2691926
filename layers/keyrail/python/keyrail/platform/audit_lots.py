"""Changes are put on record, and what follows from each happens exactly once, however often the stream brings them.

Changes that come together are a lot. All but its last are put on record one by one, with the lot's name beside them;
the last one goes on record in one transaction with the write of what follows from them all. So what follows from a
change has happened if the last record of its lot stands there under that very name. Where the stream brings a change
again, that is looked up; what is on record and has not happened, since the process died before the transaction, happens
in a lot of its own. A name is never used twice: a lot that was tried again is another one.

A record costs one write unit that way, and a lot two units more than its records and its write; a transaction of all
records would cost two a record.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from random import SystemRandom

from keyrail.platform.audit import AuditRecord
from keyrail.platform.audit_writing import AuditChain
from keyrail.platform.changes import Versioned
from keyrail.platform.documents import Attributes
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, Write, transact

MAX_LOT = 90  # changes; they and the write beside them fit into one transaction, and into one read
MAX_TRIES = 8
WAIT_S = 0.02  # doubled each time
_BETWEEN = "|"

Change = tuple[AuditRecord, Versioned | None]
"""The record of a change, and the item as it was before."""
Effect = Callable[[Sequence[int]], Write]
"""The write of what follows from the changes at these positions; asked for anew before each try."""


class Lots:
    def __init__(self, chain: AuditChain) -> None:
        self._chain = chain

    def put_on_record(self, changes: Sequence[Change], effect: Effect) -> None:
        """At most MAX_LOT changes, in their order. Raises StoreUnavailable, and what `effect` raises."""
        *rest, last = changes
        lot = _name(last)
        for record, before in rest:
            if self._chain.add(self._chain.sealed(record, before), lot=lot) is not None:
                return self._again(changes, effect)
        for number in range(MAX_TRIES):
            closing = self._chain.put(self._chain.sealed(*last), lot=lot)
            try:
                return transact(self._chain.client, [closing, effect(range(len(changes)))])
            except TransactionFailed as refused:
                if 0 in refused.failed:
                    return self._again(changes, effect)
                _wait(number)
        raise StoreUnavailable

    def _again(self, changes: Sequence[Change], effect: Effect) -> None:
        """Some of them are on record already, with or without what follows from them."""
        for number in range(MAX_TRIES):
            standing = self._chain.standing([record for record, _ in changes])
            done = self._done(standing)
            undone = [position for position in range(len(changes)) if not done[position]]
            if not undone:
                return None
            lot = _name(changes[undone[-1]])
            writes = self._writes(changes, standing, undone, lot)
            try:
                return transact(self._chain.client, [*writes, effect(undone)])
            except TransactionFailed:
                _wait(number)
        raise StoreUnavailable

    def _writes(
        self, changes: Sequence[Change], standing: Sequence[Attributes | None], undone: Sequence[int], lot: str
    ) -> list[Write]:
        """Of the records that are missing, and of the names of those that stand there under another lot's."""
        writes = []
        for position, (record, before) in enumerate(changes):
            stands = standing[position]
            if stands is None:
                writes.append(self._chain.put(self._chain.sealed(record, before), lot=lot))
            else:
                self._chain.learn(record, stands)
                if position in undone:
                    writes.append(self._chain.relabel(record, stands["lot"]["S"], lot))
        return writes

    def _done(self, standing: Sequence[Attributes | None]) -> list[bool]:
        """Whether what follows from each has happened; from one without a lot nothing does."""
        lots = [stands.get("lot", {}).get("S") if stands else None for stands in standing]
        closings = self._closings({lot for lot in lots if lot is not None})
        return [
            stands is not None and (lot is None or closings.get(lot) == lot)
            for stands, lot in zip(standing, lots, strict=True)
        ]

    def _closings(self, lots: set[str]) -> dict[str, str | None]:
        """For each lot, the name under which its last record stands there. Several lots may end at one record."""
        ends = {lot: _end(lot) for lot in lots}
        places = sorted(set(ends.values()))
        found = dict(zip(places, self._chain.standing_at(places), strict=True))
        standing = {lot: found[end] or {} for lot, end in ends.items()}
        return {lot: item.get("lot", {}).get("S") for lot, item in standing.items()}


def _name(last: Change) -> str:
    record, _ = last
    return _BETWEEN.join((record.subject, record.at_id, secrets.token_hex(4)))


def _end(lot: str) -> tuple[str, str]:
    """Subject and sort key of a lot's last record."""
    subject, at_id, _ = lot.split(_BETWEEN)
    return subject, at_id


def _wait(number: int) -> None:
    """Somebody else writes beside us: the same figures, say."""
    time.sleep(SystemRandom().uniform(0, WAIT_S * 2**number))
