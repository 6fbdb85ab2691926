"""Asking Stripe about an attempt.

`PaymentAttempt.handle`, the id of the session or intent that was opened, is read directly: that answer is up to date.
An attempt whose opening was never answered has none. Then no list helps, since neither kind can be listed by our
number, and a repeat of the opening needs what an inquiry does not know and makes a second payment once the key is
forgotten. So its intent is searched by its metadata. Stripe's index lags behind, by a minute or, while it is in
trouble, by an hour, and is not there for merchants in India: only a payment that it finds is an answer.

Sources: docs.stripe.com/api/checkout/sessions/retrieve, /payments/paymentintents/lifecycle, /search.
"""

from urllib.parse import quote

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.providers.http_client import Reply
from keyrail.payments.providers.stripe.api import NOT_FOUND, StripeApi, found
from keyrail.payments.providers.stripe.confirmations import (
    CHECKOUT_ATTEMPT,
    INTENT_ATTEMPT,
    Ours,
    attempt_of,
    of_intent,
    of_session,
)
from keyrail.payments.providers.stripe.objects import Document, child, children, text

UNKNOWN = Inquiry(state=InquiryState.UNKNOWN)
# `complete` without having been paid: a slow method, whose money is still on its way.
SESSION_STATES = {"open": InquiryState.OPEN, "complete": InquiryState.OPEN, "expired": InquiryState.CLOSED}
INTENT_STATES = {
    "requires_payment_method": InquiryState.OPEN,
    "requires_confirmation": InquiryState.OPEN,
    "requires_action": InquiryState.OPEN,
    "processing": InquiryState.OPEN,
    "canceled": InquiryState.CLOSED,
}


def inquire(api: StripeApi, ours: Ours, attempt: PaymentAttempt) -> Inquiry:
    """Raises ProviderUnavailable."""
    handle = attempt.handle or ""
    if handle.startswith("cs_"):
        return _of_session(api.get(f"/v1/checkout/sessions/{quote(handle, safe='')}"), ours, attempt)
    if handle.startswith("pi_"):
        return _of_intent(api.get(f"/v1/payment_intents/{quote(handle, safe='')}"), ours, attempt)
    return UNKNOWN if handle else _searched(api, ours, attempt)


def _of_session(reply: Reply, ours: Ours, attempt: PaymentAttempt) -> Inquiry:
    if reply.status == NOT_FOUND:
        return UNKNOWN
    session = found(reply)
    if text(session, "client_reference_id") != attempt.attempt_id:
        return UNKNOWN
    if text(session, "payment_status") == "unpaid":
        return Inquiry(state=SESSION_STATES.get(text(session, "status"), InquiryState.UNKNOWN))
    return _paid(of_session(ours, session, session))


def _of_intent(reply: Reply, ours: Ours, attempt: PaymentAttempt) -> Inquiry:
    if reply.status == NOT_FOUND:
        return UNKNOWN
    intent = found(reply)
    if text(child(intent, "metadata"), INTENT_ATTEMPT) != attempt.attempt_id:
        return UNKNOWN
    state = INTENT_STATES.get(text(intent, "status"))
    return Inquiry(state=state) if state else _paid(of_intent(ours, intent, intent, attempt.attempt_id))


def _searched(api: StripeApi, ours: Ours, attempt: PaymentAttempt) -> Inquiry:
    named = [f'metadata["{name}"]:"{attempt.attempt_id}"' for name in (INTENT_ATTEMPT, CHECKOUT_ATTEMPT)]
    reply = api.get("/v1/payment_intents/search", [("query", " OR ".join(named))])
    if reply.status == NOT_FOUND:
        return UNKNOWN
    intents: list[Document] = [
        each for each in children(found(reply), "data") if attempt_of(each) == attempt.attempt_id
    ]
    answers = [_paid(of_intent(ours, intent, intent, attempt.attempt_id)) for intent in intents]
    return next((answer for answer in answers if answer.state is InquiryState.PAID), UNKNOWN)


def _paid(said: Confirmation | None) -> Inquiry:
    if said is None:
        raise ProviderUnavailable
    return Inquiry(state=InquiryState.PAID, said=said) if said.paid else UNKNOWN
