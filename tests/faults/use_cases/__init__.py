"""The use cases of the crash matrix, a module for each part of the product."""

from collections.abc import Callable

from tests.faults.use_cases import (
    after_sales,
    batches,
    books,
    desk,
    figures,
    imports,
    inquiries,
    orders,
    own_codes,
    purchases,
    recharges,
    reconciliation,
    redemption,
    refunds,
    routing,
    stock,
    supply,
    work,
)
from tests.faults.use_cases.case import Case
from tests.world import World

__all__ = ["USE_CASES", "Case"]

_PARTS = (
    orders,
    imports,
    batches,
    own_codes,
    purchases,
    supply,
    after_sales,
    figures,
    stock,
    redemption,
    refunds,
    desk,
    reconciliation,
    books,
    inquiries,
    work,
    routing,
    recharges,
)

USE_CASES: tuple[Callable[[World], Case], ...] = tuple(case for part in _PARTS for case in part.USE_CASES)
