"""A line of the sandbox supplier's statement. A word that is not here makes the statement one that nobody can read."""

from collections.abc import Mapping
from typing import Any

from keyrail.platform.json_objects import text
from keyrail.suppliers.model.statements import Moved, SupplierLine, SupplierStatementUnreadable
from keyrail.suppliers.providers.reading import number
from keyrail.suppliers.providers.sandbox.answers import money_of

KINDS = {"order": Moved.TAKEN, "return": Moved.RETURNED}
# Whether the house is through with an order in that state, whatever came of it.
IS_OVER = {"done": True, "failed": True, "partial": True, "processing": False, "under_review": False}


def line_of(line: int, said: Mapping[str, Any]) -> SupplierLine:
    """Raises SupplierStatementUnreadable."""
    moved, status = KINDS.get(text(said, "kind")), text(said, "status")
    amount, theirs, at = money_of(said, "amount"), number(said, "number"), number(said, "at")
    if moved is None or status not in IS_OVER or amount is None or theirs is None or at is None:
        raise SupplierStatementUnreadable
    return SupplierLine(
        line=line,
        moved=moved,
        reference=number(said, "reference"),
        their_reference=theirs,
        amount=amount,
        status=status,
        is_over=IS_OVER[status],
        at=at,
    )
