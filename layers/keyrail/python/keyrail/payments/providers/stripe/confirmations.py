"""What a session or an intent says of a payment, whether an event brought it or we asked.

Stripe makes an intent of its own for each Checkout session that is paid, and sends events of both. So the metadata
`attempt` stands on intents that we made ourselves, and a session's intent carries `checkout_attempt`: its event
confirms nothing, its session's does, and questions and statements still find the attempt. Either way the payment's
reference is the intent's id. Stripe copies an intent's metadata to its charge when it is confirmed.

Sources: docs.stripe.com/api/checkout/sessions/object, /api/payment_intents/object, /metadata.
"""

from dataclasses import dataclass

from keyrail.payments.model.confirmations import Confirmation
from keyrail.platform import json_objects
from keyrail.platform.json_objects import Document, child, text
from keyrail.platform.money import Money

PROVIDER = "stripe"
INTENT_ATTEMPT = "attempt"
CHECKOUT_ATTEMPT = "checkout_attempt"
# Not `no_payment_required`: that session took no money, and what costs nothing is never sent to a provider.
PAID_STATUSES = frozenset({"paid"})
PAID_INTENT_STATUSES = frozenset({"succeeded"})


@dataclass(frozen=True)
class Ours:
    """Our account at Stripe, by our name and by Stripe's, in one of its two modes."""

    account: str
    account_id: str
    live: bool

    def merchant_said(self, envelope: Document) -> str:
        """Whose money an event or an object is about.

        One that names no account is about the account whose secret signed it or whose key asked. Another mode is
        another merchant: a test payment moves no money.
        """
        account = text(envelope, "account") or self.account_id
        live = envelope.get("livemode")
        if live is self.live:
            return account
        mode = "live" if live is True else "test" if live is False else "unknown"
        return f"{account} ({mode} mode)"

    def is_about(self, envelope: Document) -> bool:
        return self.merchant_said(envelope) == self.account_id


def of_session(ours: Ours, session: Document, envelope: Document) -> Confirmation | None:
    """None for one without any number.

    A session that somebody else started on our account (a payment link, say) names no attempt of ours, and a total
    that is no whole number of a currency we know is no amount: both reach the binding, which refuses them.
    """
    status = text(session, "payment_status")
    return _confirmation(
        ours.account,
        ours.merchant_said(envelope),
        attempt_id=text(session, "client_reference_id"),
        reference=text(session, "payment_intent") or text(session, "id"),
        total=(session.get("amount_total"), text(session, "currency")),
        paid=status in PAID_STATUSES,
        status=status,
    )


def of_intent(ours: Ours, intent: Document, envelope: Document, attempt: str) -> Confirmation | None:
    """None for one without any number. What counts is what was received, where Stripe says it beside what was asked."""
    status = text(intent, "status")
    return _confirmation(
        ours.account,
        ours.merchant_said(envelope),
        attempt_id=attempt,
        reference=text(intent, "id"),
        total=(intent.get("amount_received", intent.get("amount")), text(intent, "currency")),
        paid=status in PAID_INTENT_STATUSES,
        status=status,
    )


def attempt_of(intent_or_charge: Document) -> str:
    """The attempt that it was made for, by us or by a session of ours; empty where it names none."""
    metadata = child(intent_or_charge, "metadata")
    return text(metadata, INTENT_ATTEMPT) or text(metadata, CHECKOUT_ATTEMPT)


def money(total: object, currency: str) -> Money | None:
    """Stripe counts minor units as we do, JPY, KRW and VND have none there either; its currencies are in lower case.

    None for what is no whole number of a currency we know. Source: docs.stripe.com/currencies#minor-units.
    """
    return json_objects.money(total, currency.upper()) if currency.isascii() else None


def _confirmation(
    account: str, merchant: str, *, attempt_id: str, reference: str, total: tuple[object, str], paid: bool, status: str
) -> Confirmation | None:
    if not reference:
        return None
    return Confirmation(
        provider=PROVIDER,
        account=account,
        merchant=merchant,
        attempt_id=attempt_id,
        reference=reference,
        amount=money(*total),
        paid=paid,
        status=status,
    )
