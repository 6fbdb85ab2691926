"""Import: a supplier's file becomes sealed keys in the pool, once.

`reading` and `workbooks` bring its rows, `chunks` puts their keys into the table, `slices` does it all step by step.
"""

from keyrail.inventory.service.importing.slices import Importing

__all__ = ["Importing"]
