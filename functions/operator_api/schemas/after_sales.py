"""Complaints: an order's keys, another key for a bad one, and what the sources owe."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Reason
from functions.operator_api.schemas.keys import KeySummary
from keyrail.fulfilment.model import Replacement
from keyrail.inventory.model.keys import Fault
from keyrail.inventory.service.sources import SourceReport
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money


@incoming
class FindInOrderIn:
    """The end of a code, as the buyer reads it from a mask or a picture; posted, since people paste whole codes."""

    mask: Annotated[str, Field(min_length=1, max_length=256)]


@outgoing
class OrderKeysOut:
    """The keys of all units; behind each unit's keys those that turned out bad."""

    order_id: str
    keys: tuple[KeySummary, ...]


@incoming
class ReplaceIn:
    """`charge_back`: the key's batch and source are charged for it, once."""

    fault: Fault
    charge_back: bool = False
    reason: Reason


@outgoing
class ReplacedOut:
    """The bad key, void from now on, and the one that its unit has instead."""

    bad: KeySummary
    replacement: KeySummary

    @classmethod
    def of(cls, done: Replacement) -> "ReplacedOut":
        return cls(bad=KeySummary.of(done.bad), replacement=KeySummary.of(done.by))


@incoming
class SourcesQuery:
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=256)] | None = None


@outgoing
class SourceOut:
    """`imported`, `sold` and `flagged` are a moment behind, and missing where more is supplied than is counted.

    `flagged` keys were seen by buyers who have their money back. `charged_share` is the part of the sold keys that was
    charged back. `charged_money` is shown to finance.
    """

    name: str
    sku_ids: tuple[str, ...]
    imported: int | None
    sold: int | None
    flagged: int | None
    charged_back: int
    charged_share: float | None
    charged_money: tuple[Money, ...] | None

    @classmethod
    def of(cls, report: SourceReport, *, with_money: bool) -> "SourceOut":
        supplied = report.supplied
        return view(
            cls,
            report.source,
            imported=supplied.imported if supplied else None,
            sold=supplied.issued if supplied else None,
            flagged=supplied.flagged if supplied else None,
            charged_share=report.charged_share,
            charged_money=report.source.charged_money if with_money else None,
        )


@outgoing
class SourcesOut:
    sources: tuple[SourceOut, ...]
    next_cursor: str | None
