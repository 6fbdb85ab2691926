"""The payment providers' place in the local cloud's outside world: one server on loopback, which opens payments.

A laptop has no keys for the real ones. Each stand-in answers as its provider does where a caller could go wrong; none
takes money, so that callbacks are for the client to sign, with what the card says. Only the standard library here, as
`make down` has to work where nothing is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infra.bootstrap import ROOT
from infra.local.ministack import free_port
from infra.local.process import Process
from infra.local.sandbox_exchange import Answered, Asked, json_answer
from infra.local.settings import clean_environment

USUAL_PORT = 12111
_MAX_BODY_BYTES = 64 * 1024

StandIn = Callable[[Asked, dict[str, Any]], Answered]


class Handler(BaseHTTPRequestHandler):
    stand_ins: dict[str, tuple[str, StandIn]]
    """By the begin of the path: the provider's name on the card, and who answers."""
    card: Path

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        found = next((each for begin, each in self.stand_ins.items() if self.path.startswith(begin)), None)
        if found is None or not 0 <= length <= _MAX_BODY_BYTES:
            self._reply(json_answer(HTTPStatus.NOT_FOUND, {"error": f"nobody answers at {self.command} {self.path}"}))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length), f"http://{self.headers['Host']}")
        name, answer = found
        # Read anew each time: a new deployment writes a new card.
        self._reply(answer(asked, json.loads(self.card.read_text())["payments"][name]))

    def _reply(self, answered: Answered) -> None:
        self.send_response(answered.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(answered.body)), **answered.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answered.body)


@dataclass(frozen=True)
class SandboxProviders:
    """The server as a background process, one beside each local cloud; `folder` is the local cloud's."""

    folder: Path

    @property
    def _record(self) -> Path:
        return self.folder / "sandbox-providers.json"

    def start(self, card: Path) -> str:
        """Start it, or find it running; returns its address, the same after a restart where the port is still free."""
        known = Process.recorded(self._record)
        if known is not None and known.is_alive():
            return known.endpoint
        port = free_port(int(known.endpoint.rpartition(":")[2]) if known else USUAL_PORT)
        log = self.folder / "sandbox-providers.log"
        endpoint = f"http://127.0.0.1:{port}"
        Process.start(
            [sys.executable, "-m", "infra.local.sandbox_providers", str(port), str(card)],
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
    from infra.local.sandbox_alipay import PATH, Alipay
    from infra.local.sandbox_stripe import Stripe
    from infra.local.sandbox_wechatpay import WechatPay

    stand_ins = {
        "/v1/": ("stripe", Stripe().answer),
        "/v3/": ("wechatpay", WechatPay().answer),
        PATH: ("alipay", Alipay().answer),
    }
    handler = type("CardHandler", (Handler,), {"stand_ins": stand_ins, "card": card})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    port, card = sys.argv[1:]
    server(int(port), Path(card)).serve_forever()


if __name__ == "__main__":
    main()
