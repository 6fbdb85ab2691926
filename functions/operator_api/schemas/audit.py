"""The audit trail's own soundness."""

from typing import Annotated

from pydantic import Field

from keyrail.platform.audit_chain import Problem
from keyrail.platform.documents import incoming, outgoing

MAX_RECORDS = 1_000


@incoming
class VerifyQuery:
    """Of one `subject`, such as `key:key_01…`, or without it of all: about `limit` records from `cursor` on."""

    subject: Annotated[str, Field(min_length=3, max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_RECORDS)] = 500
    cursor: Annotated[str, Field(max_length=2_000)] | None = None


@outgoing
class ProblemOut:
    subject: str
    version: int
    problem: Problem


@outgoing
class VerificationOut:
    """What was found in this part; with a `cursor` there is more.

    `subjects` are those read to their end. `problems` are the first of `problem_count`; `pending` versions may still be
    on their way.
    """

    subject: str | None
    subjects: int
    records: int
    intact: bool
    pending: int
    problem_count: int
    problems: tuple[ProblemOut, ...]
    cursor: str | None
