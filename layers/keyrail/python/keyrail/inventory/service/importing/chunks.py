"""A chunk of a file's keys on its way into the table: each by its own conditional put, and no put for what is known.

A put that is refused costs a write unit and a request, a look costs half a read unit and a hundredth of a request. So a
few keys of each chunk are looked for, and where more than a few of those are in already, so are all the others.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from keyrail.inventory.model.imports import Group, Survey, Verdict
from keyrail.inventory.model.key_file import FileKey, Reason
from keyrail.inventory.model.keys import Key
from keyrail.inventory.service.intake import Intake, NewKey
from keyrail.inventory.store.imports import ImportStore, Standing
from keyrail.inventory.store.keys import KeyStore
from keyrail.platform.dynamo import MAX_READS
from keyrail.vault.model import mask

KNOWN_THAT_MATTER = 0.1  # of the sample: a refused put costs ten times what a look does


@dataclass(frozen=True)
class _Candidate:
    """A line's key with its name and its place in the pool; `at` is its verdict's position in the chunk."""

    at: int
    key: FileKey
    key_id: str
    place: Group


@dataclass(frozen=True)
class Chunks:
    store: KeyStore
    imports: ImportStore
    intake: Intake
    survey: Survey
    writers: Executor

    def stored(self, verdicts: Sequence[Verdict], keys_before: int) -> list[Verdict]:
        """The verdicts with the stock's word in them: those of keys that are in now say where in the pool they are.

        Of the same code twice the first line is taken, whatever else runs. Raises StoreUnavailable: some may be in.
        """
        candidates = self._candidates(verdicts, keys_before)
        first: dict[str, _Candidate] = {}
        for candidate in candidates:
            first.setdefault(candidate.key_id, candidate)
        known = self._known(list(first))
        outcomes = dict(
            zip(first, self.writers.map(lambda each: self._store(each, known), first.values()), strict=True)
        )
        heard = list(verdicts)
        for candidate in candidates:
            reason = outcomes[candidate.key_id]
            if candidate is not first[candidate.key_id]:
                reason = reason or Reason.DUPLICATE_IN_FILE
            heard[candidate.at] = _heard(heard[candidate.at], candidate, reason)
        return heard

    def _candidates(self, verdicts: Sequence[Verdict], keys_before: int) -> list[_Candidate]:
        candidates = []
        number = keys_before
        for at, verdict in enumerate(verdicts):
            if verdict.key is not None:
                number += 1
                place = self.survey.place(self.intake.batch, verdict.key.expires_on, number)
                candidates.append(_Candidate(at, verdict.key, self.intake.key_id(verdict.key.secret), place))
        return candidates

    def _known(self, key_ids: Sequence[str]) -> dict[str, Standing]:
        """A hint: who is missing may be in all the same, and is then refused by the put itself."""
        if not key_ids:
            return {}
        step = -(-len(key_ids) // MAX_READS)
        known = self.imports.known(key_ids[::step])
        if step == 1 or len(known) < KNOWN_THAT_MATTER * len(key_ids[::step]):
            return known
        others = [key_id for at, key_id in enumerate(key_ids) if at % step]
        rounds = [others[start : start + MAX_READS] for start in range(0, len(others), MAX_READS)]
        for found in self.writers.map(self.imports.known, rounds):
            known |= found
        return known

    def _store(self, candidate: _Candidate, known: dict[str, Standing]) -> Reason | None:
        """None if the key is in now, of this batch and line; else why it is not."""
        standing: Standing | Key | None = known.get(candidate.key_id)
        if standing is None:
            standing = self.store.add(self._slot(candidate, 1))
        if standing is not None and (reason := self._duplicate(candidate, standing)):
            return reason
        for slot in range(2, self.intake.batch.sales_per_key + 1):
            self.store.add(self._slot(candidate, slot))
        return None

    def _slot(self, candidate: _Candidate, slot: int) -> Key:
        key, place = candidate.key, candidate.place
        new = NewKey(secret=key.secret, line=key.line, expires_on=key.expires_on, label=key.label)
        return self.intake.key(new, place.name, place.shards, slot)

    def _duplicate(self, candidate: _Candidate, standing: Standing | Key) -> Reason | None:
        if standing.batch_id != self.intake.batch.batch_id:
            return Reason.DUPLICATE_IN_STOCK if standing.sold_at_ms is None else Reason.ALREADY_SOLD
        return None if standing.line == candidate.key.line else Reason.DUPLICATE_IN_FILE


def _heard(verdict: Verdict, candidate: _Candidate, reason: Reason | None) -> Verdict:
    if reason is None:
        return replace(verdict, place=candidate.place)
    return replace(verdict, reason=reason, mask=mask(candidate.key.secret.code))
