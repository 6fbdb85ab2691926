"""Refunds of an intent, each once for one of our numbers.

Stripe forgets an idempotency key after a day, and a refund may be asked for again after a week. So each is looked for
first among the payment's refunds, which name ours in their metadata; the key guards the moments in which two look at
the same time, or in which the first one is still on its way.

A refund that has failed stays so, and under its key Stripe gives it again. One that is asked for after that, in another
round, has a key of that round and says so in its metadata; what failed in a round before does not answer for it.

Sources: docs.stripe.com/api/refunds/create, /api/refunds/list, /refunds, /api/idempotent_requests.
"""

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState, number_of
from keyrail.payments.providers.stripe.api import OK, StripeApi, read, refusal
from keyrail.payments.providers.stripe.confirmations import money
from keyrail.platform.json_objects import Document, child, text

STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "pending": RefundState.PROCESSING,
    "requires_action": RefundState.PROCESSING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
MAX_PAGES = 10


def refund(api: StripeApi, wanted: RefundOrder) -> RefundAnswer:
    """Raises ProviderUnavailable where looking for it failed, so that nothing was sent."""
    intent = wanted.attempt.reference or ""
    if not _is_intent(intent):
        return _answer(wanted, RefundState.FAILED, "no_payment_intent")
    known = _look(api, intent, wanted)
    if known is not None:
        return known
    fields = {
        "payment_intent": intent,
        "amount": str(wanted.amount.amount_minor),
        "metadata[refund]": wanted.refund_id,
        "metadata[attempt]": wanted.attempt.attempt_id,
        **({"metadata[round]": str(wanted.round)} if wanted.round else {}),
    }
    try:
        reply = api.post("/v1/refunds", fields, number_of(wanted.refund_id, wanted.round))
        made = read(reply)
    except ProviderUnavailable:
        return _answer(wanted, RefundState.UNKNOWN, "no_answer")
    refused = refusal(reply, made)
    if refused:
        return _answer(wanted, RefundState.FAILED, refused)
    if reply.status != OK or not _names(made, wanted):
        return _answer(wanted, RefundState.UNKNOWN, f"http_{reply.status}")
    return _read(made, wanted)


def query_refund(api: StripeApi, wanted: RefundOrder) -> RefundAnswer:
    """One that Stripe does not know is `unknown`: it may be on its way. Raises ProviderUnavailable."""
    intent = wanted.attempt.reference or ""
    known = _look(api, intent, wanted) if _is_intent(intent) else None
    return known or _answer(wanted, RefundState.UNKNOWN, "not_found")


def _is_intent(reference: str) -> bool:
    """A session without an intent has no charge either, and so nothing to give back."""
    return reference.startswith("pi_")


def _look(api: StripeApi, intent: str, wanted: RefundOrder) -> RefundAnswer | None:
    """Were there ever two, the one that moves money tells, of whatever round. Raises ProviderUnavailable."""
    listed = api.pages("/v1/refunds", [("payment_intent", intent)], MAX_PAGES)
    ours = [each for each in listed if _names(each, wanted)]
    answers = [_read(each, wanted) for each in ours]
    moving = (answer for answer in answers if answer.state is not RefundState.FAILED)
    failed = (answer for answer, each in zip(answers, ours, strict=True) if _round(each) == wanted.round)
    return next(moving, next(failed, None))


def _round(refund: Document) -> int:
    said = text(child(refund, "metadata"), "round")
    return int(said) if said.isascii() and said.isdigit() else 0


def _names(refund: Document, wanted: RefundOrder) -> bool:
    return text(child(refund, "metadata"), "refund") == wanted.refund_id


def _read(refund: Document, wanted: RefundOrder) -> RefundAnswer:
    status = text(refund, "status")
    return RefundAnswer(
        refund_id=wanted.refund_id,
        state=STATES.get(status, RefundState.UNKNOWN),
        status=status,
        reference=text(refund, "id") or None,
        amount=money(refund.get("amount"), text(refund, "currency")),
    )


def _answer(wanted: RefundOrder, state: RefundState, status: str) -> RefundAnswer:
    return RefundAnswer(refund_id=wanted.refund_id, state=state, status=status)
