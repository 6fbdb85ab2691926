"""Stripe's place in the local cloud's outside world: `POST /v1/checkout/sessions`, and nothing else.

It answers as Stripe does where a caller could go wrong: another secret key, a missing parameter, one idempotency key
with two bodies.

Source: docs.stripe.com/api/checkout/sessions/create, /api/idempotent_requests, /api/errors.
"""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from infra.local.sandbox_exchange import Answered, Asked, json_answer

_PATH = "/v1/checkout/sessions"
_REQUIRED = ("mode", "success_url", "line_items[0][price_data][unit_amount]", "line_items[0][price_data][currency]")


class Refused(Exception):
    """An error in Stripe's own form."""

    def __init__(self, status: HTTPStatus, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Stripe:
    """Which body each idempotency key came with. The session follows from the key, so a restart changes none."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._lock = Lock()

    def answer(self, asked: Asked, account: dict[str, Any]) -> Answered:
        """`account` is the card's."""
        try:
            return json_answer(HTTPStatus.OK, self._create(asked, account))
        except Refused as refused:
            return json_answer(refused.status, {"error": {"type": refused.kind, "message": str(refused)}})
        except ValueError:
            error = {"type": "invalid_request_error", "message": "The request could not be read."}
            return json_answer(HTTPStatus.BAD_REQUEST, {"error": error})

    def _create(self, asked: Asked, account: dict[str, Any]) -> dict[str, Any]:
        if (asked.method, asked.target) != ("POST", _PATH):
            raise Refused(HTTPStatus.NOT_FOUND, "invalid_request_error", f"Unrecognized request URL ({asked.target}).")
        if not hmac.compare_digest(asked.headers.get("authorization", ""), f"Bearer {account['secret_key']}"):
            raise Refused(HTTPStatus.UNAUTHORIZED, "invalid_request_error", "Invalid API Key provided.")
        key = asked.headers.get("idempotency-key", "")
        if not key:
            raise Refused(HTTPStatus.BAD_REQUEST, "invalid_request_error", "This sandbox wants an Idempotency-Key.")
        return self._session(key, asked.body, asked.base)

    def _session(self, idempotency_key: str, body: bytes, base: str) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        missing = next((name for name in _REQUIRED if not form.get(name)), None)
        if missing:
            raise Refused(HTTPStatus.BAD_REQUEST, "invalid_request_error", f"Missing required param: {missing}.")
        with self._lock:
            if self._bodies.setdefault(idempotency_key, body) != body:
                message = "Keys for idempotent requests can only be used with the same parameters they were first used"
                raise Refused(HTTPStatus.BAD_REQUEST, "idempotency_error", f"{message} with.")
        number = f"cs_test_{hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]}"
        price = int(form["line_items[0][price_data][unit_amount]"])
        return {
            "id": number,
            "object": "checkout.session",
            "amount_total": price * int(form.get("line_items[0][quantity]", "1")),
            "client_reference_id": form.get("client_reference_id"),
            "currency": form["line_items[0][price_data][currency]"],
            "expires_at": int(form.get("expires_at", "0")),
            "livemode": False,
            "mode": form["mode"],
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": form["success_url"],
            "url": f"{base}/c/pay/{number}",
        }
