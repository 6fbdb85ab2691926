"""Bugs to plant, one a test run. A module for each part of the product that they are planted in."""

from tests.faults.planted_bugs import after_sales, audit, batches, imports, orders, own_codes, redemption
from tests.faults.planted_bugs.bug import SOURCE, PlantedBug

__all__ = ["BUGS", "SOURCE", "PlantedBug"]

BUGS = (*orders.BUGS, *imports.BUGS, *own_codes.BUGS, *batches.BUGS, *after_sales.BUGS, *audit.BUGS, *redemption.BUGS)
