"""Stripe's place in the local cloud's outside world: `POST /v1/checkout/sessions` on loopback, and nothing else.

A laptop has no keys for api.stripe.com. This server answers as Stripe does where a caller could go wrong: another
secret key, a missing parameter, one idempotency key with two bodies. Only the standard library, since `make down` has
to work where nothing is installed.

Source: docs.stripe.com/api/checkout/sessions/create, /api/idempotent_requests, /api/errors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from infra.bootstrap import ROOT
from infra.local.ministack import free_port
from infra.local.process import Process
from infra.local.settings import clean_environment

USUAL_PORT = 12111
_PATH = "/v1/checkout/sessions"
_REQUIRED = ("mode", "success_url", "line_items[0][price_data][unit_amount]", "line_items[0][price_data][currency]")
_MAX_BODY_BYTES = 64 * 1024


class Refused(Exception):
    """An error in Stripe's own form."""

    def __init__(self, status: HTTPStatus, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Sessions:
    """Which body each idempotency key came with. The session follows from the key, so a restart changes none."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._lock = Lock()

    def create(self, idempotency_key: str, body: bytes, base: str) -> dict[str, Any]:
        """Raises Refused."""
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


class Handler(BaseHTTPRequestHandler):
    sessions: Sessions
    card: Path

    def do_POST(self) -> None:
        try:
            answer = self._create()
        except Refused as refused:
            self._reply(refused.status, {"error": {"type": refused.kind, "message": str(refused)}})
        except ValueError:
            error = {"type": "invalid_request_error", "message": "The request could not be read."}
            self._reply(HTTPStatus.BAD_REQUEST, {"error": error})
        else:
            self._reply(HTTPStatus.OK, answer)

    def _create(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length", "0"))
        if self.path != _PATH or not 0 < length <= _MAX_BODY_BYTES:
            raise Refused(HTTPStatus.NOT_FOUND, "invalid_request_error", f"Unrecognized request URL ({self.path}).")
        body = self.rfile.read(length)
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self._secret_key()}"):
            raise Refused(HTTPStatus.UNAUTHORIZED, "invalid_request_error", "Invalid API Key provided.")
        key = self.headers.get("Idempotency-Key", "")
        if not key:
            raise Refused(HTTPStatus.BAD_REQUEST, "invalid_request_error", "This sandbox wants an Idempotency-Key.")
        return self.sessions.create(key, body, f"http://{self.headers['Host']}")

    def _secret_key(self) -> str:
        """Read anew each time: a new deployment writes a new card."""
        return str(json.loads(self.card.read_text())["payments"]["stripe"]["secret_key"])

    def _reply(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        raw = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@dataclass(frozen=True)
class SandboxStripe:
    """The server as a background process, one beside each local cloud; `folder` is the local cloud's."""

    folder: Path

    @property
    def _record(self) -> Path:
        return self.folder / "sandbox-stripe.json"

    def start(self, card: Path) -> str:
        """Start it, or find it running; returns its address, the same after a restart where the port is still free."""
        known = Process.recorded(self._record)
        if known is not None and known.is_alive():
            return known.endpoint
        port = free_port(int(known.endpoint.rpartition(":")[2]) if known else USUAL_PORT)
        log = self.folder / "sandbox-stripe.log"
        endpoint = f"http://127.0.0.1:{port}"
        Process.start(
            [sys.executable, "-m", "infra.local.sandbox_stripe", str(port), str(card)],
            environment={**clean_environment(), "PYTHONPATH": str(ROOT)},
            log=log,
            endpoint=endpoint,
            record=self._record,
        )
        return endpoint

    def stop(self) -> bool:
        """Stop what was started here; False if nothing of ours ran."""
        process = Process.recorded(self._record)
        was_running = process is not None and process.is_alive()
        if process is not None:
            process.stop()
        self._record.unlink(missing_ok=True)
        return was_running


def server(port: int, card: Path) -> ThreadingHTTPServer:
    handler = type("CardHandler", (Handler,), {"sessions": Sessions(), "card": card})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    port, card = sys.argv[1:]
    server(int(port), Path(card)).serve_forever()


if __name__ == "__main__":
    main()
