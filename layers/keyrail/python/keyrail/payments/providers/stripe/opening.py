"""A Checkout session, or an intent, for an attempt: one, however often it is asked for while Stripe keeps the key.

Sources: docs.stripe.com/api/checkout/sessions/create, /api/payment_intents/create, /payments/payment-intents.
"""

from typing import Any

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable
from keyrail.payments.providers import Opening, PaymentAction
from keyrail.payments.providers.http_client import Reply
from keyrail.payments.providers.stripe.api import OK, StripeApi, read, refusal
from keyrail.payments.providers.stripe.confirmations import CHECKOUT_ATTEMPT, INTENT_ATTEMPT
from keyrail.platform.addresses import is_web_address
from keyrail.platform.json_objects import child, text

# A session lives from 30 minutes to 24 hours. An order lives shorter, so its session outlives it by this much.
SESSION_OUTLIVES_ORDER_S = 31 * 60
MAX_TITLE_LENGTH = 250


def open_session(api: StripeApi, attempt: PaymentAttempt, opening: Opening, return_url: str) -> PaymentAction:
    """Stripe's page for the attempt. Raises PaymentRefused, ProviderUnavailable."""
    fields = _session_fields(attempt, opening, return_url)
    return page_of(api, api.post("/v1/checkout/sessions", fields, attempt.attempt_id), attempt)


def page_of(api: StripeApi, reply: Reply, attempt: PaymentAttempt) -> PaymentAction:
    """Where the buyer pays; only an interface on the loopback has its pages there. Raises as `open_session` does."""
    session = _opened(reply)
    url = text(session, "url")
    if session.get("client_reference_id") != attempt.attempt_id or not is_web_address(
        url, loopback=api.base.startswith("http://")
    ):
        raise ProviderUnavailable
    return PaymentAction(type="redirect", url=url)


def open_intent(api: StripeApi, attempt: PaymentAttempt) -> PaymentAction:
    """What Stripe's script on a page of ours needs to take the payment. Raises PaymentRefused, ProviderUnavailable.

    An intent has no end of its own: whoever pays after the order's end is a late payment. With this version of the
    API it offers the methods that the account's settings allow.
    """
    fields = {
        "amount": str(attempt.amount.amount_minor),
        "currency": attempt.amount.currency.lower(),
        f"metadata[{INTENT_ATTEMPT}]": attempt.attempt_id,
    }
    intent = _opened(api.post("/v1/payment_intents", fields, attempt.attempt_id))
    number, client_secret = text(intent, "id"), text(intent, "client_secret")
    ours = text(child(intent, "metadata"), INTENT_ATTEMPT) == attempt.attempt_id
    if not ours or not number or not client_secret.startswith(f"{number}_secret_"):
        raise ProviderUnavailable
    return PaymentAction(type="client_secret", content=client_secret)


def _opened(reply: Reply) -> dict[str, Any]:
    """Raises PaymentRefused where Stripe says so, ProviderUnavailable for anything else but what was asked for."""
    answer = read(reply)
    if refusal(reply, answer):
        raise PaymentRefused
    if reply.status != OK:
        raise ProviderUnavailable
    return answer


def _session_fields(attempt: PaymentAttempt, opening: Opening, return_url: str) -> dict[str, str]:
    """The form of a new session: a function of its arguments alone, clock included.

    Stripe refuses an idempotency key that comes back with other parameters, so the session's end is reckoned from
    the order's, never from now. Whoever pays in between is a late payment. Adaptive pricing would let the buyer pay in
    a currency we did not ask for.
    """
    item = "line_items[0]"
    return {
        "mode": "payment",
        "client_reference_id": attempt.attempt_id,
        "metadata[attempt]": attempt.attempt_id,
        f"payment_intent_data[metadata][{CHECKOUT_ATTEMPT}]": attempt.attempt_id,
        f"{item}[quantity]": "1",
        f"{item}[price_data][currency]": attempt.amount.currency.lower(),
        f"{item}[price_data][unit_amount]": str(attempt.amount.amount_minor),
        f"{item}[price_data][product_data][name]": opening.title[:MAX_TITLE_LENGTH],
        "success_url": return_url,
        "cancel_url": return_url,
        "expires_at": str(opening.expires_at_ms // 1000 + SESSION_OUTLIVES_ORDER_S),
        "adaptive_pricing[enabled]": "false",
    }
