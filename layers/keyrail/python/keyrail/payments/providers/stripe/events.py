"""What Stripe's signed events tell us.

What binds an event to our account: a webhook secret belongs to one endpoint of one Stripe account, so a genuine event
that names no account is about that one. Only Connect names another (`event.account`), whose money is not ours. A
payment is passed on as said, for the binding to refuse; a notice about somebody else's money is none.

Sources: docs.stripe.com/api/events/types, /connect/webhooks, /refunds#failed-refunds, /disputes/how-disputes-work.
"""

from collections.abc import Callable

from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, DisputeState
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers.stripe.confirmations import (
    INTENT_ATTEMPT,
    PROVIDER,
    Ours,
    money,
    of_intent,
    of_session,
)
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.json_objects import Document, child, children, json_object, text

Said = Confirmation | RefundNotice | DisputeNotice

# Any other word is one of a dispute that is under way.
_STATES = {
    "warning_needs_response": DisputeState.ASKED,
    "warning_under_review": DisputeState.ASKED,
    "warning_closed": DisputeState.WON,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
# Of sessions that take no one-off payment; whatever else a mode may be called, its money is not passed over.
OTHER_MODES = frozenset({"setup", "subscription"})
FAILED_REFUNDS = frozenset({"failed", "canceled"})


def read_event(raw: bytes, ours: Ours) -> Said | None:
    """What a verified event says; None for one that is about nothing of ours. Raises SignatureInvalid."""
    try:
        event = json_object(raw)
    except ValueError:
        raise SignatureInvalid from None
    reader = _READERS.get(text(event, "type"))
    if reader is None:
        return None
    subject = child(child(event, "data"), "object")
    if not subject:
        raise SignatureInvalid
    return reader(ours, event, subject)


def _session(ours: Ours, event: Document, session: Document) -> Confirmation | None:
    if session.get("mode") in OTHER_MODES:
        return None
    return _numbered(of_session(ours, session, event))


def _intent(ours: Ours, event: Document, intent: Document) -> Confirmation | None:
    """None for an intent that we did not make: of a session's the session's own event tells."""
    attempt = text(child(intent, "metadata"), INTENT_ATTEMPT)
    return _numbered(of_intent(ours, intent, event, attempt)) if attempt else None


def _numbered(said: Confirmation | None) -> Confirmation:
    if said is None:
        raise SignatureInvalid
    return said


def _refund(ours: Ours, event: Document, refund: Document) -> RefundNotice | None:
    """One that names none of ours was made on Stripe's own pages, of whatever payment of the account.

    None for one without any number.
    """
    if not ours.is_about(event):
        return None
    metadata, status = child(refund, "metadata"), text(refund, "status")
    refund_id, attempt = text(metadata, "refund"), text(metadata, "attempt")
    number, payment = text(refund, "id"), text(refund, "payment_intent") or text(refund, "charge")
    is_ours = bool(refund_id and attempt)
    if not is_ours and not (number and payment):
        return None
    return RefundNotice(
        provider=PROVIDER,
        account=ours.account,
        attempt_id=attempt if is_ours else "",
        refund_id=refund_id if is_ours else "",
        payment_reference=payment,
        reference=number,
        amount=money(refund.get("amount"), text(refund, "currency")),
        status=status,
        moved=status not in FAILED_REFUNDS,
    )


def _refunded_charge(ours: Ours, event: Document, charge: Document) -> RefundNotice | None:
    """Endpoints with a version before 2022-11-15 list the charge's refunds, the newest first; later ones do not."""
    refunds = (_refund(ours, event, refund) for refund in children(child(charge, "refunds"), "data"))
    notices = [notice for notice in refunds if notice]
    return next((notice for notice in notices if notice.refund_id), notices[0] if notices else None)


def _dispute(ours: Ours, event: Document, dispute: Document) -> DisputeNotice | None:
    """Of a dispute the payment is named and not our attempt: its charge comes as an id."""
    dispute_id, reference = text(dispute, "id"), text(dispute, "payment_intent") or text(dispute, "charge")
    if not dispute_id or not reference:
        raise SignatureInvalid
    if not ours.is_about(event):
        return None
    return DisputeNotice(
        provider=PROVIDER,
        account=ours.account,
        dispute_id=dispute_id,
        reference=reference,
        attempt_id=None,
        amount=money(dispute.get("amount"), text(dispute, "currency")),
        status=text(dispute, "status"),
        state=_STATES.get(text(dispute, "status"), DisputeState.OPEN),
    )


_READERS: dict[str, Callable[[Ours, Document, Document], Said | None]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "payment_intent.succeeded": _intent,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.refunded": _refunded_charge,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
}
