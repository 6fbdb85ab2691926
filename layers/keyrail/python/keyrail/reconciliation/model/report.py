"""The differences of a run as a file for a spreadsheet.

CSV, in UTF-8 with a byte order mark, since it is Excel that opens it; what Excel would run gets an apostrophe in front.
Amounts are in minor units.
"""

import csv
import io
from collections.abc import Iterable

from keyrail.platform.money import Money
from keyrail.reconciliation.model.differences import Difference

COLUMNS = (
    "day",
    "provider",
    "account",
    "supplier",
    "difference_id",
    "kind",
    "status",
    "movement",
    "number",
    "reference",
    "order_id",
    "line",
    "their_amount_minor",
    "their_currency",
    "their_status",
    "their_time",
    "our_amount_minor",
    "our_currency",
    "our_status",
    "booked_amount_minor",
    "booked_currency",
    "booked_time",
    "resolution",
    "version",
)
# A Chinese or Japanese Excel takes the wide ones for the narrow. Source: owasp.org/www-community/attacks/CSV_Injection.
_RUNS_IN_EXCEL = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_csv(differences: Iterable[Difference]) -> str:
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for difference in differences:
        writer.writerow([_safe(cell) for cell in _cells(difference)])
    return out.getvalue()


def _cells(difference: Difference) -> tuple[str | int | None, ...]:
    theirs, ours, holder = difference.theirs, difference.ours, difference.holder.plain()
    booked = ours.booked if ours else None
    amount = ours.amount if ours else None
    return (
        difference.day,
        holder.get("provider"),
        holder.get("account"),
        holder.get("supplier"),
        difference.difference_id,
        difference.kind,
        difference.status,
        difference.movement,
        difference.number,
        difference.reference,
        difference.order_id,
        theirs.line if theirs else None,
        *_sum(theirs.amount if theirs else None),
        *((theirs.status, theirs.at) if theirs else (None, None)),
        *_sum(amount),
        ours.known if ours else None,
        *_sum(booked),
        ours.booked_at if ours else None,
        difference.resolution,
        difference.version,
    )


def _sum(amount: Money | None) -> tuple[int | None, str | None]:
    return (amount.amount_minor, amount.currency) if amount else (None, None)


def _safe(cell: str | int | None) -> str | int:
    if isinstance(cell, str) and cell.startswith(_RUNS_IN_EXCEL):
        return f"'{cell}"
    return "" if cell is None else cell
