"""Stripe: Checkout's hosted page or a PaymentIntent for our own, signed events, questions, refunds and bookings.

Of `account.py`, the adapter, a start imports what opens and confirms; the rest is imported where it is asked for.
"""

from keyrail.payments.providers.stripe.account import Stripe

__all__ = ["Stripe"]
