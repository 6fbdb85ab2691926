"""Money back: due, asked for, and what the provider says of it. A refund in, the next one out."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.platform.errors import Conflict, Denied, NotFound
from keyrail.platform.money import Money

BY_HAND = "by_hand"
STUCK_MS = 24 * 60 * 60 * 1000
_NUMBER = re.compile(r"-[0-9]{1,4}\Z")
ASK_AGAIN_MS = 10 * 60 * 1000  # some providers know a request by its number only once they are done with it


class RefundState(StrEnum):
    """Where a refund stands at its provider. A time-out is `unknown`, never `failed`: the money may be on its way."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RefundOrder:
    """What the provider is to give back of a paid attempt. `refund_id` is our number there, once and for all.

    The same order may be sent any number of times and moves money once. `round` counts how often it was refused and a
    person had it asked for again: a provider that is done with a number wants another one then, which `number_of`
    makes. `repeated` says that it was sent before, and what came of that is not known. Providers that tell how it ended
    do so at `notify_url`.
    """

    refund_id: str
    attempt: PaymentAttempt
    amount: Money
    reason: str
    round: int = 0
    repeated: bool = False
    notify_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class RefundAnswer:
    """`status` is the provider's word; `reference` its own number of the refund, where it gave one.

    `round` is that of the order that it answers.
    """

    refund_id: str
    state: RefundState
    status: str
    reference: str | None = None
    amount: Money | None = None
    round: int = 0


@dataclass(frozen=True, kw_only=True)
class RefundNotice:
    """A provider's verified callback about a refund. Of one of ours it is a reason to ask, no more.

    `refund_id` is the number that its maker gave it, empty where that is not us. Then it was made at the provider's own
    pages, and the rest is all that there is to know of it: `attempt_id` may be empty too, `payment_reference` and
    `reference` are the provider's numbers of the payment and of the refund. `moved` says that money went, or goes.
    """

    provider: str
    account: str
    attempt_id: str
    refund_id: str
    payment_reference: str = ""
    reference: str = ""
    amount: Money | None = None
    status: str = ""
    moved: bool = False


class RefundStatus(StrEnum):
    """`unknown` is written before the provider is asked: from then on nobody knows, until it has said so.

    A refund that a person asks for and that is above their limit begins as `awaiting_approval`: nothing moves until a
    second person makes it `due`, or `rejected` for good.
    """

    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    DUE = "due"
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundNotFound(NotFound):
    code = "refund_not_found"
    title = "There is no such refund of this order or payment."
    title_zh = "该订单或付款没有此退款。"


class RefundNotFailed(Conflict):
    code = "refund_not_failed"
    title = "Only a refund that the provider refused, or that could not be asked for, is given back by hand or retried."
    title_zh = "只有被支付渠道拒绝或长期无法发起的退款可以重新发起或人工退回。"


class OwnRequest(Denied):
    code = "own_refund_request"
    title = "Whoever asked for a refund cannot approve it."
    title_zh = "申请人不能审批自己的退款申请。"


class AlreadyDecided(Conflict):
    code = "refund_already_decided"
    title = "This refund needs nobody's approval any more."
    title_zh = "该退款无需审批或已被处理。"


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """A refund that a person of ours asks for; `fingerprint` recognises the same request when it comes again.

    `keys_seen` are how many of the keys the buyer had looked at by then, `keys_used` how many were used; who approves
    decides on that. `even_if_used` means that what was used goes back all the same. `key_ids` are those that are meant
    where it is not all that the units have.
    """

    by: str
    at_ms: int
    why: str
    fingerprint: str
    keys_seen: int = 0
    keys_used: int = 0
    even_if_used: bool = False
    key_ids: tuple[str, ...] | None = None
    decided_by: str | None = None
    decided_at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money that is owed back: recorded in the write that found a unit undeliverable, or a payment one too many, or
    that took delivered goods back because a person of ours asked for it (`request`).

    It goes back to the payment that the provider calls `payment_reference`; without `unit_ids` it is a whole payment
    that nothing was delivered for. `reference` is the provider's own number of the refund, `said` its word for how it
    stands, `due_at_ms` since when it is owed, and `asked_at_ms` when it was asked for it last. `round` says how often a
    person had it asked for again after a refusal.
    """

    refund_id: str
    attempt_id: str
    payment_reference: str | None = None
    unit_ids: tuple[str, ...] = ()
    amount: Money
    reason: str
    status: RefundStatus = RefundStatus.DUE
    due_at_ms: int | None = None
    asked_at_ms: int | None = None
    reference: str | None = None
    said: str | None = None
    round: int = 0
    request: RefundRequest | None = None

    @property
    def is_owed(self) -> bool:
        """Or was given back: whoever asked for it had, or needed, no second person's word."""
        return self.status not in {RefundStatus.AWAITING_APPROVAL, RefundStatus.REJECTED}

    @property
    def is_open(self) -> bool:
        """The provider has not said yet how it ended."""
        return self.status in {RefundStatus.DUE, RefundStatus.UNKNOWN, RefundStatus.PROCESSING}

    def is_stuck(self, now_ms: int) -> bool:
        """It is open for so long that a person has to look."""
        return self.is_open and now_ms - (self.due_at_ms or 0) >= STUCK_MS

    def is_contradicted_by(self, answer: RefundAnswer) -> bool:
        """The provider gave back what it had refused to, whoever may have given it by hand meanwhile."""
        by_hand = self.status is RefundStatus.SUCCEEDED and self.said == BY_HAND
        return (by_hand or self.status is RefundStatus.FAILED) and answer.state is RefundState.SUCCEEDED

    def may_be_asked_for(self, now_ms: int) -> bool:
        """It was not yet, or so long ago that no request for it can still be on its way."""
        if self.status is RefundStatus.DUE:
            return True
        return self.status is RefundStatus.UNKNOWN and now_ms - (self.asked_at_ms or 0) >= ASK_AGAIN_MS


def number_of(refund_id: str, round_: int) -> str:
    """What a refund goes by at a provider that has closed its numbers of the rounds before."""
    return f"{refund_id}-{round_}" if round_ else refund_id


def refund_id_of(number: str) -> str:
    """The refund that goes by the number in any round; what is no number of ours is as it was."""
    return _NUMBER.sub("", number) if number.startswith("ref_") else number


_HEARD = {
    RefundState.PROCESSING: RefundStatus.PROCESSING,
    RefundState.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundState.FAILED: RefundStatus.FAILED,
    RefundState.UNKNOWN: RefundStatus.UNKNOWN,
}


def ask(due: Refund, now_ms: int) -> Refund:
    """The provider is about to be asked: whatever becomes of the request, how it ended is unknown until it answers."""
    if not due.may_be_asked_for(now_ms):
        raise ValueError("asked for already")
    return replace(due, status=RefundStatus.UNKNOWN, asked_at_ms=now_ms)


def hear(asked: Refund, answer: RefundAnswer) -> Refund:
    """The refund as the provider's answer leaves it; the very refund where that says nothing new.

    What has failed stays so, whatever an answer says that was under way meanwhile; what has succeeded may fall back, as
    to a card that is closed, unless somebody gave it by hand. An answer about another
    sum than was asked for leaves it unknown, for a person to look at. One to a question of an earlier round counts only
    if money went then: it may have been on its way while the refund was asked for again.
    """
    if answer.round != asked.round and answer.state is not RefundState.SUCCEEDED:
        return asked
    fell_back = asked.status is RefundStatus.SUCCEEDED and asked.said != BY_HAND and answer.state is RefundState.FAILED
    if not fell_back and (not asked.is_open or asked.status is RefundStatus.DUE):
        return asked
    other_sum = answer.amount not in {None, asked.amount}
    heard = RefundStatus.UNKNOWN if other_sum else _HEARD[answer.state]
    if heard is RefundStatus.UNKNOWN and asked.status is RefundStatus.PROCESSING and not other_sum:
        return asked
    told = replace(asked, status=heard, said=answer.status or asked.said, reference=answer.reference or asked.reference)
    return asked if told == asked else told


def ask_again(failed: Refund, now_ms: int) -> Refund:
    """A refused refund is due again, under its own number, in another round. Raises RefundNotFailed."""
    _check_failed(failed)
    return replace(failed, status=RefundStatus.DUE, due_at_ms=now_ms, round=failed.round + 1)


def give_by_hand(refund: Refund, reference: str, now_ms: int) -> Refund:
    """Somebody has given back what the provider refused to, or could not be asked for in a day, since its account is
    gone say; `reference` is where it shows, at the bank say.

    The very refund if that is on record. Raises RefundNotFailed.
    """
    if (refund.status, refund.said, refund.reference) == (RefundStatus.SUCCEEDED, BY_HAND, reference):
        return refund
    if refund.status is not RefundStatus.DUE or not refund.is_stuck(now_ms):
        _check_failed(refund)
    return replace(refund, status=RefundStatus.SUCCEEDED, said=BY_HAND, reference=reference)


def approve(waiting: Refund, by: str, now_ms: int) -> Refund:
    """It is due now. Raises AlreadyDecided, OwnRequest."""
    request = _undecided(waiting)
    if request.by == by:
        raise OwnRequest
    decided = replace(request, decided_by=by, decided_at_ms=now_ms)
    return replace(waiting, status=RefundStatus.DUE, due_at_ms=now_ms, request=decided)


def reject(waiting: Refund, by: str, now_ms: int) -> Refund:
    """Nothing comes of it; also for whoever asked for it and thinks better of it. Raises AlreadyDecided."""
    request = _undecided(waiting)
    return replace(waiting, status=RefundStatus.REJECTED, request=replace(request, decided_by=by, decided_at_ms=now_ms))


def _undecided(refund: Refund) -> RefundRequest:
    if refund.status is not RefundStatus.AWAITING_APPROVAL or refund.request is None:
        raise AlreadyDecided
    return refund.request


def _check_failed(refund: Refund) -> None:
    if refund.status is not RefundStatus.FAILED:
        raise RefundNotFailed
