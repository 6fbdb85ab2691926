"""Bugs to plant, one a test run. A module for each part of the product that they are planted in."""

from tests.faults.planted_bugs import (
    after_sales,
    audit,
    batches,
    books,
    credentials,
    desk,
    epay,
    exchange,
    houses,
    imports,
    inquiries,
    kasushou,
    orders,
    own_codes,
    reconciliation,
    redemption,
    refunds,
    sandbox,
    stock,
    stripe,
    supplier_sandbox,
    suppliers,
    supply,
    work,
)
from tests.faults.planted_bugs.bug import SOURCE, PlantedBug

__all__ = ["BUGS", "SOURCE", "PlantedBug"]

_PARTS = (
    orders,
    imports,
    own_codes,
    batches,
    after_sales,
    audit,
    stock,
    reconciliation,
    redemption,
    refunds,
    desk,
    books,
    epay,
    stripe,
    suppliers,
    credentials,
    inquiries,
    kasushou,
    sandbox,
    exchange,
    houses,
    supplier_sandbox,
    work,
    supply,
)
BUGS = tuple(bug for part in _PARTS for bug in part.BUGS)
