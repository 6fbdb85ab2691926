"""What several desks of the back office say."""

from typing import Annotated, Any

from pydantic import Field

from keyrail.platform.audit import Trace
from keyrail.platform.documents import incoming, outgoing, view

# Control characters, and those that turn what is behind them round; and what cannot be seen at all.
_TURNS = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_UNSEEN = rf"\s\xad\u115f\u1160\u200b-\u200f\u2060-\u2065\u206a-\u206f\u3164\ufeff{_TURNS}"
SAYS_SOMETHING = f"[^{_UNSEEN}]"  # a blank is not said
SHOWN = f"^[^{_TURNS}]*{SAYS_SOMETHING}[^{_TURNS}]*$"  # as it is
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=SHOWN)]
Slug = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=SAYS_SOMETHING)]
Text = Annotated[str, Field(max_length=2000)]


@incoming
class ReasonIn:
    """Of a command that says nothing else."""

    reason: Reason


@incoming
class LimitQuery:
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@outgoing
class TraceStep:
    at: str
    what: tuple[str, ...]
    by: str
    address: str
    order_id: str | None
    redemption_id: str | None
    place: str | None
    amount_minor: int | None
    currency: str | None
    reason: str | None


def traced(trace: Trace) -> dict[str, Any]:
    return {"trace": tuple(view(TraceStep, record) for record in trace.records), "trace_complete": trace.complete}
