"""A supplier without goods, for stages that are not production: what it supplies is written down and nothing else.

Its house is `functions/supplier_sandbox`, which speaks HTTP with us as any supplier would.
"""

from keyrail.suppliers.providers.sandbox.account import ADAPTER, STAGES, Sandbox

__all__ = ["ADAPTER", "STAGES", "Sandbox"]
