"""Stripe's events as Stripe sends them, signed by its own SDK, and what an account of ours makes of them."""

import json
from typing import Any

import stripe as sdk

from keyrail.payments.model.attempts import attempt_id
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers import Callback
from keyrail.payments.providers.stripe import Stripe
from keyrail.payments.providers.stripe.signature import SIGNATURE_TOLERANCE_S
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id

SECRET = "whsec_of_the_test"
API_KEY = "sk_test_of_the_test"
ACCOUNT = Stripe(account="main", account_id="acct_1", secret_key=API_KEY, webhook_secret=SECRET)
ATTEMPT_ID = attempt_id(derived_id("ord", "stripe"), 1)
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000


def event(kind: str = "checkout.session.completed", top: dict[str, Any] | None = None, **session: Any) -> bytes:
    """The members of a real event that anybody reads; a member given as None is sent as null."""
    whole = {
        "id": "evt_1",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": NOW_S,
        "livemode": False,
        "type": kind,
        "data": {
            "object": {
                "id": "cs_test_1",
                "object": "checkout.session",
                "amount_total": 1990,
                "client_reference_id": ATTEMPT_ID,
                "currency": "cny",
                "livemode": False,
                "mode": "payment",
                "payment_intent": "pi_1",
                "payment_status": "paid",
                "status": "complete",
                "customer_details": {"name": "王小明"},
                **session,
            }
        },
        **(top or {}),
    }
    return json.dumps(whole, ensure_ascii=False, indent=2).encode()


def sdk_header(payload: bytes, at_s: int = NOW_S, secret: str = SECRET) -> str:
    header: str = sdk.WebhookSignature.generate_signature_header(payload.decode(), secret, at_s)
    return header


def sdk_accepts(payload: bytes, header: str) -> bool:
    try:
        return bool(sdk.WebhookSignature.verify_header(payload, header, SECRET, SIGNATURE_TOLERANCE_S))
    except sdk.SignatureVerificationError:
        return False


def said(
    payload: bytes, header: str | None = None, account: Stripe = ACCOUNT
) -> Confirmation | RefundNotice | DisputeNotice | None:
    headers = {"stripe-signature": sdk_header(payload) if header is None else header}
    return account.confirm(Callback("POST", "", payload, headers), NOW_MS)


def claim(payload: bytes, account: Stripe = ACCOUNT) -> Confirmation:
    confirmation = said(payload, account=account)
    assert isinstance(confirmation, Confirmation)
    return confirmation


def refused(payload: bytes, header: str) -> bool:
    try:
        said(payload, header)
    except SignatureInvalid:
        return True
    return False
