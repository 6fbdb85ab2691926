"""A provider without money, for stages that are not production: a page where a person decides how the payment ends.

The page and its books are `functions/payment_sandbox`, which speaks HTTP with us as any provider would.
"""

from keyrail.payments.providers.sandbox.account import PROVIDER, STAGES, Sandbox

__all__ = ["PROVIDER", "STAGES", "Sandbox"]
