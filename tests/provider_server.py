"""A payment provider on the loopback: keeps what it was sent, and answers as a test tells it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Sent:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass
class ProviderServer:
    """`answer` gets each request and the connection it came on, which it may also break or leave hanging."""

    answer: Callable[[Sent, BaseHTTPRequestHandler], Answer | None] = lambda _, __: Answer()
    requests: list[Sent] = field(default_factory=list)
    url: str = ""

    def always(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        answer = Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        self.answer = lambda _, __: answer

    def in_turn(self, *answers: Answer) -> None:
        """One answer after the other, the last of them again and again."""
        begun = len(self.requests)
        self.answer = lambda _, __: answers[min(len(self.requests) - begun, len(answers)) - 1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # of a few, the next to come would be told after a second only

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that a test breaks is no news."""


def _handler(provider: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            sent = Sent(self.command, self.path, headers, body)
            provider.requests.append(sent)
            answer = provider.answer(sent, self)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """The test's output is the assertion."""

    return Handler


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[ProviderServer]:
    provider = ProviderServer()
    server = _Server(("127.0.0.1", 0), _handler(provider))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    provider.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def own_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """One for 127.0.0.1 that nobody trusts yet, as a file, and what a server needs to show it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "provider.pem", folder / "provider.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


@contextmanager
def port_that_never_answers() -> Iterator[int]:
    """A port on the loopback whose queue of connections is full: a further one is neither taken nor refused."""
    with socket() as listening, socket() as filling:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        filling.connect(listening.getsockname())
        yield int(listening.getsockname()[1])


def address_of_nobody() -> str:
    """An address on the loopback at which nothing listens."""
    with socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"
