"""Asking Stripe about an attempt: for the intent that names it, since a paid session has one as well.

What was opened is not on record: that would be a write more for each order, and a start that was never answered would
have none. No list helps, since neither sessions nor intents can be listed by our number. So the intents are searched by
their metadata. Stripe's index lags behind, by a minute or, while it is in trouble, by an hour, and is not there for
merchants in India: only a payment that it finds is an answer, and whoever asks has to ask again.

Sources: docs.stripe.com/search, /api/payment_intents/search, /payments/paymentintents/lifecycle.
"""

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Inquiry, InquiryState
from keyrail.payments.providers.stripe.api import NOT_FOUND, StripeApi, found
from keyrail.payments.providers.stripe.confirmations import (
    CHECKOUT_ATTEMPT,
    INTENT_ATTEMPT,
    Ours,
    attempt_of,
    of_intent,
)
from keyrail.platform.json_objects import child, children

EXPANDED = (("expand[]", "data.latest_charge"),)
UNKNOWN = Inquiry(state=InquiryState.UNKNOWN)


def inquire(api: StripeApi, ours: Ours, attempt: PaymentAttempt) -> Inquiry:
    """Paid, or unknown: also where some of the money went back without us, which leaves an intent as it is.

    Raises ProviderUnavailable.
    """
    named = [f'metadata["{name}"]:"{attempt.attempt_id}"' for name in (INTENT_ATTEMPT, CHECKOUT_ATTEMPT)]
    reply = api.get("/v1/payment_intents/search", [("query", " OR ".join(named)), *EXPANDED])
    if reply.status == NOT_FOUND:
        return UNKNOWN
    for intent in children(found(reply), "data"):
        if attempt_of(intent) != attempt.attempt_id:
            continue
        said = of_intent(ours, intent, intent, attempt.attempt_id)
        if said is None:
            raise ProviderUnavailable
        if said.paid and child(intent, "latest_charge").get("amount_refunded", 0) == 0:
            return Inquiry(state=InquiryState.PAID, said=said)
    return UNKNOWN
