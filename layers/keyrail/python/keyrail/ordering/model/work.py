"""What a person is to do about a unit, and how that ended. The steps are in `working`."""

from dataclasses import dataclass, field
from enum import StrEnum

from keyrail.platform.errors import Conflict, Denied, NotFound

DEFAULT_WORK_MINUTES = 30  # in which a job is to be done, unless the SKU says otherwise
CLAIM_LASTS_MS = 30 * 60_000
MAX_EVIDENCE_LENGTH = 500  # characters of its text
MAX_EVIDENCE_REFERENCE_LENGTH = 128


class WorkKind(StrEnum):
    """`manual`: a person has the buyer's account credited. `unknown`: a person finds out what became of an attempt."""

    MANUAL = "manual"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """`done`: the account was credited, or the keys are in our stock. `failed`: not so, and surely it will not be."""

    DONE = "done"
    FAILED = "failed"


class Waiting(StrEnum):
    """What somebody is to do: a job of its kind, or to see to a supplier's word that is the opposite of a person's."""

    MANUAL = "manual"
    UNKNOWN = "unknown"
    CONTRADICTED = "contradicted"


class UnitNotFound(NotFound):
    code = "unit_not_found"
    title = "There is no such unit of this order."
    title_zh = "该订单没有此商品项。"


class WorkNotFound(NotFound):
    code = "work_not_found"
    title = "There is no such job on this unit."
    title_zh = "该商品项没有此任务。"


class WorkEnded(Conflict):
    """`facts` tell how, and by whose word."""

    code = "work_ended"
    title = "This job is over."
    title_zh = "该任务已结束。"


class ClaimedByAnother(Conflict):
    """`facts` tell by whom, and until when."""

    code = "work_claimed"
    title = "Somebody else has claimed this job."
    title_zh = "该任务已被他人领取。"


class NotClaimed(Conflict):
    code = "work_not_claimed"
    title = "Claim the job before you end it."
    title_zh = "请先领取任务。"


class WordWaits(Conflict):
    code = "work_awaits_approval"
    title = "What was said of this job waits for a second person."
    title_zh = "该任务的处理结果正在等待复核。"


class NoWordWaits(Conflict):
    code = "work_awaits_nobody"
    title = "Nothing that was said of this job waits for a second person."
    title_zh = "该任务没有待复核的处理结果。"


class OwnWord(Denied):
    code = "own_word"
    title = "Whoever said how it ended cannot be the second person."
    title_zh = "处理人不能复核自己的处理结果。"


class StandsStill(Conflict):
    code = "order_stands_still"
    title = "The buyer's bank may take this money back; credit nothing before it has decided."
    title_zh = "该订单的付款正处于争议中，争议结束前请勿充值。"


class NothingContradicted(Conflict):
    code = "nothing_contradicted"
    title = "The supplier has not contradicted what was said of this job, or somebody has seen to that already."
    title_zh = "供货商的结果与处理结果一致，或已有人核实。"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Somebody has the job until that time, and after it until somebody else claims it. `shown` counts how often they
    were shown the account.
    """

    by: str
    at_ms: int
    until_ms: int
    shown: int = 1


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a person says became of it, and how they know: a text, or a reference by which it is found elsewhere.

    It counts once it is `final`: at once, or when a second person has agreed.
    """

    verdict: Verdict
    by: str
    at_ms: int
    why: str
    text: str | None = field(default=None, repr=False)
    reference: str | None = None
    final: bool = False
    agreed_by: str | None = None
    agreed_at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """The supplier said later what is the opposite of a person's word; `said` is how. Somebody has to see to it."""

    at_ms: int
    verdict: Verdict
    said: str
    seen: Word | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """One job of a person's: about the attempt of that reference, which is the job's name as well.

    `due_ms` is when it is to be done. `held_before` had claimed it before it came free, or whoever claims it now.
    `turned_down_by` did not agree with the word before. Who ended it is a person by their word, or whoever brought the
    supplier's answer.
    """

    kind: WorkKind
    job: str
    since_ms: int
    due_ms: int
    claim: Claim | None = None
    held_before: str | None = None
    word: Word | None = None
    turned_down_by: str | None = None
    ended_by: str | None = None
    ended_at_ms: int | None = None
    contradiction: Contradiction | None = None

    @property
    def is_manual(self) -> bool:
        """Open, and somebody is to credit the account."""
        return self.kind is WorkKind.MANUAL and self.ended_at_ms is None

    @property
    def is_contradicted(self) -> bool:
        """And nobody has seen to it."""
        return self.contradiction is not None and self.contradiction.seen is None

    @property
    def waiting(self) -> Waiting:
        return Waiting.CONTRADICTED if self.is_contradicted else Waiting(self.kind)

    @property
    def next_due_ms(self) -> int:
        """By when somebody is to do something about it."""
        return self.contradiction.at_ms + (self.due_ms - self.since_ms) if self.contradiction else self.due_ms
