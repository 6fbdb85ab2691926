"""Stripe's stand-in answers as Stripe does where a caller could go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest

from infra.local.demo_client import Answer, send
from infra.local.sandbox_providers import server

SESSION = {
    "mode": "payment",
    "client_reference_id": "pay_1",
    "line_items[0][quantity]": "2",
    "line_items[0][price_data][unit_amount]": "499",
    "line_items[0][price_data][currency]": "usd",
    "success_url": "https://shop.example/thanks",
}


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[str]:
    card = tmp_path / "stack.json"
    card.write_text(json.dumps({"payments": {"stripe": {"secret_key": "sk_test_1"}}}))
    with server(0, card) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def create(stripe: str, key: str = "k1", secret: str = "sk_test_1", path: str = "", **changed: str) -> Answer:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
    form = urlencode({**SESSION, **changed}).encode()
    return send("POST", f"{stripe}/v1/checkout/sessions{path}", raw=form, headers=headers)


def error_of(answer: Answer, status: int) -> str:
    assert answer.status == status
    return str(answer.json["error"]["type"])


def test_a_session_is_opened_once_for_one_key(stripe: str) -> None:
    first, again, other = create(stripe), create(stripe), create(stripe, "k2")
    assert first.status == 200
    assert first.json == again.json
    assert first.json["id"] != other.json["id"]
    assert first.json["url"] == f"{stripe}/c/pay/{first.json['id']}"
    assert (first.json["payment_status"], first.json["amount_total"]) == ("unpaid", 998)
    assert first.json["client_reference_id"] == "pay_1"


def test_another_body_under_the_same_key_is_refused(stripe: str) -> None:
    create(stripe)
    assert error_of(create(stripe, client_reference_id="pay_2"), 400) == "idempotency_error"


def test_what_stripe_would_refuse_is_refused(stripe: str) -> None:
    assert error_of(create(stripe, secret="sk_test_2"), 401) == "invalid_request_error"
    assert error_of(create(stripe, mode=""), 400) == "invalid_request_error"
    assert error_of(create(stripe, path="/x"), 404) == "invalid_request_error"
    assert error_of(create(stripe, key=""), 400) == "invalid_request_error"
