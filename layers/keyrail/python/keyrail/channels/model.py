"""Who sells and redeems for us, and how their requests are signed.

Pure: the bytes of a request, the secrets of a credential and a time go in; whether it is genuine comes out.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from keyrail.platform.errors import SignatureInvalid

TOLERANCE_S = 300  # both ways
MAX_SECRETS = 2  # alive at a time, while one takes the other's place
MIN_SECRET_LENGTH = 32
NONCE_LASTS_MS = 3 * TOLERANCE_S * 1000  # a request is refused by its time long before
_VERSION = "v1"
_UNRESERVED = "-._~"  # with letters and digits; RFC 3986, 2.3
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_NONCE = re.compile(r"[!-~]{16,64}")
_SIGNATURE = re.compile(rf"{_VERSION}=([0-9a-f]{{64}})")
_NOBODY_S_SECRET = "0" * MIN_SECRET_LENGTH
"""So that an unknown credential takes as long to refuse as a known one."""


@dataclass(frozen=True)
class Credential:
    """What a partner signs with. `credential_id` is public; each of the `secrets` will do."""

    credential_id: str
    partner: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Signed:
    """A request as it was sent: `path` below the API's address and `query` as they stood in the address."""

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)

    @property
    def credential_id(self) -> str:
        return self.headers.get("keyrail-key", "")

    @property
    def nonce(self) -> str:
        return self.headers.get("keyrail-nonce", "")


def canonical_query(query: str) -> str:
    """Every name and value encoded as RFC 3986 says, sorted by name and then by value; what has no value has `=`."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, _, v in pairs))


def _encoded(part: str) -> str:
    return quote(unquote_to_bytes(part), safe=_UNRESERVED)


def lines_to_sign(request: Signed) -> bytes:
    digest = hashlib.sha256(request.body).hexdigest()
    timestamp = request.headers.get("keyrail-timestamp", "")
    path, query = request.path, canonical_query(request.query)
    lines = f"{_VERSION}\n{request.method}\n{path}\n{query}\n{timestamp}\n{request.nonce}\n{digest}"
    return lines.encode(errors="surrogatepass")


def signature(request: Signed, secret: str) -> str:
    """The value of `Keyrail-Signature`."""
    return f"{_VERSION}={hmac.new(secret.encode(), lines_to_sign(request), hashlib.sha256).hexdigest()}"


def check_signature(request: Signed, credential: Credential | None, now_ms: int) -> Credential:
    """The credential whose secret signed the request within the last minutes. Raises SignatureInvalid."""
    genuine = _is_signed(request, credential.secrets if credential else ())
    if credential is None or not genuine or not _is_recent(request, now_ms) or not _NONCE.fullmatch(request.nonce):
        raise SignatureInvalid
    return credential


def _is_signed(request: Signed, secrets: Collection[str]) -> bool:
    """Compares with as many secrets as a credential may have, in constant time, however many there are."""
    said = request.headers.get("keyrail-signature", "")
    given = said.encode() if _SIGNATURE.fullmatch(said) else b""
    padded = [*secrets, *[_NOBODY_S_SECRET] * MAX_SECRETS][:MAX_SECRETS]
    matches = [hmac.compare_digest(signature(request, secret).encode(), given) for secret in padded]
    return any(matches[: len(secrets)])


def _is_recent(request: Signed, now_ms: int) -> bool:
    said = request.headers.get("keyrail-timestamp", "")
    return bool(_TIMESTAMP.fullmatch(said)) and abs(now_ms - int(said) * 1000) <= TOLERANCE_S * 1000
