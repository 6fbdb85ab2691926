"""The error tree. A use case raises the leaf that says what happened; one table maps the branches to HTTP.

KeyrailError
├── Invalid            the request itself is wrong; sending it again changes nothing
├── Unauthenticated    we do not know who is asking
├── Denied             we know, and the answer is no
├── NotFound           there is nothing of that name (for this caller)
├── Conflict           right request, wrong state
│   └── IdempotencyConflict  the name of the effect is taken by another request
├── TooLarge           over a named limit
├── TooMany            too often in too short a time; the same is welcome after a while
├── Unavailable        ours or a neighbour's trouble; try again
└── UnknownOutcome     it may have happened; ask before doing it again
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    INVALID = "invalid"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    UNKNOWN_OUTCOME = "unknown_outcome"


class Charged(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FieldError:
    """One wrong field: where it stands and what is wrong with it; never its value, which may be a secret.

    `allowed` is what would have done, where that can be said in short: a limit, the choices, a pattern.
    """

    field: str
    reason: str
    allowed: str | None = None


class KeyrailError(Exception):
    """What every typed refusal has. `title` and `title_zh` are fixed texts: no exception text reaches a reply.

    `facts` are what the refusal names beside its code, for the caller to read: times, places, amounts. The one secret
    that may be among them is the caller's own, the token of the order that they have just placed: they are not logged.
    """

    code: ClassVar[str] = "internal_error"
    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    retryable: ClassVar[bool] = False
    charged: ClassVar[Charged] = Charged.NO
    title: ClassVar[str] = "Something went wrong on our side."
    title_zh: ClassVar[str] = "系统繁忙，请稍后再试。"

    def __init__(self, *fields: FieldError, facts: Mapping[str, str | int] | None = None) -> None:
        super().__init__(self.code)
        self.fields = fields
        self.facts = dict(facts or {})


class Invalid(KeyrailError):
    code = "invalid_request"
    kind = Kind.INVALID
    title = "The request is not valid."
    title_zh = "请求无效。"


class Unauthenticated(KeyrailError):
    code = "unauthenticated"
    kind = Kind.DENIED
    title = "Credentials are missing or wrong."
    title_zh = "缺少凭证或凭证错误。"


class SignatureInvalid(Unauthenticated):
    """Unknown sender, forged, stale, used before, or not the agreed format. Nothing is said about which part."""

    code = "signature_invalid"


class Denied(KeyrailError):
    code = "denied"
    kind = Kind.DENIED
    title = "This is not allowed."
    title_zh = "没有权限。"


class NotFound(KeyrailError):
    code = "not_found"
    kind = Kind.INVALID
    title = "There is nothing here."
    title_zh = "未找到。"


class Conflict(KeyrailError):
    code = "conflict"
    kind = Kind.CONFLICT
    title = "The current state does not allow this."
    title_zh = "当前状态不允许此操作。"


class IdempotencyConflict(Conflict):
    code = "idempotency_conflict"
    title = "This Idempotency-Key, or other name that you gave, was already used with another request."
    title_zh = "该幂等键或业务单号已用于不同的请求。"


class TooLarge(KeyrailError):
    code = "too_large"
    kind = Kind.INVALID
    title = "The request is too large."
    title_zh = "请求过大。"


class TooMany(KeyrailError):
    """`retry_after_s` says how long to wait, at least one second; it goes out as `Retry-After`."""

    code = "too_many_requests"
    kind = Kind.DENIED
    retryable = True
    title = "Too many requests; please try again later."
    title_zh = "操作过于频繁，请稍后再试。"

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__()
        self.retry_after_s = max(1, retry_after_s)


class Unavailable(KeyrailError):
    code = "unavailable"
    kind = Kind.UNAVAILABLE
    retryable = True
    title = "Temporarily unavailable, please try again."
    title_zh = "暂时不可用，请重试。"


class UnknownOutcome(KeyrailError):
    code = "unknown_outcome"
    kind = Kind.UNKNOWN_OUTCOME
    charged = Charged.UNKNOWN
    title = "The outcome is not known yet."
    title_zh = "结果尚未确定。"
