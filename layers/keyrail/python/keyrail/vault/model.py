"""What a secret is, and what is left of it at rest."""

import unicodedata
from dataclasses import dataclass, field

from keyrail.platform.errors import Invalid, KeyrailError

MASK_LENGTH = 4


class SecretUnreadable(KeyrailError):
    """A ciphertext that does not belong to this key, batch and SKU, or was changed. Never retried, always alarming."""

    code = "secret_unreadable"


class BadCertificate(Invalid):
    """Not the certificate of a recipient whom secrets can be encrypted for; the field error says what is wrong."""

    code = "bad_certificate"
    title = "This certificate cannot be used: an RSA one of 2048 bits or more is needed, in PEM and not expired."
    title_zh = "证书不可用：需要 PEM 格式、未过期且不少于 2048 位的 RSA 证书。"


@dataclass(frozen=True)
class Secret:
    """A code, or a card number (`code`) with its password, in the clear. Lives in memory only; prints as nothing."""

    code: str = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Recipient:
    """Who may open an encrypted file: their certificate in PEM, its SHA-256 in hex, and whom it names."""

    certificate: str
    sha256: str
    subject: str


@dataclass(frozen=True)
class Place:
    """Where a sealed secret belongs; bound to the ciphertext, so that it opens nowhere else."""

    key_id: str
    batch_id: str
    sku_id: str

    def aad(self) -> bytes:
        return f"keyrail:1\n{self.key_id}\n{self.batch_id}\n{self.sku_id}".encode()

    def context(self) -> dict[str, str]:
        return {"batch": self.batch_id, "sku": self.sku_id}


def normalised(code: str, *, case_sensitive: bool) -> str:
    """One spelling for one code: compatibility forms (full width) folded, dashes and blanks left out.

    Case is folded, too, unless the issuer's codes are `case_sensitive`. Dashes and blanks are left out even where an
    issuer distinguishes them: taking two codes for one refuses an import, taking one for two sells it twice. A code of
    nothing but dashes and blanks stays as it is.
    """
    folded = _folded(code, case_sensitive=case_sensitive)
    while (again := _folded(folded, case_sensitive=case_sensitive)) != folded:
        folded = again  # characters that a dash or a blank kept apart may compose
    return folded


def _folded(code: str, *, case_sensitive: bool) -> str:
    plain = unicodedata.normalize("NFKC", code)
    if not case_sensitive:
        plain = unicodedata.normalize("NFKC", plain.casefold())
    plain = plain.strip()
    return "".join(c for c in plain if c != "-" and not c.isspace()) or plain


def mask(code: str) -> str:
    """The last four characters behind dots; of a short code fewer, so that most of it stays hidden."""
    shown = min(MASK_LENGTH, len(code) // 4)
    return "••••" + (code[-shown:] if shown else "")


@dataclass(frozen=True)
class WrappedFingerprintKey:
    """The key behind all key ids, as it rests: wrapped by KMS. Losing it loses the guard against duplicates."""

    version: int
    wrapped: bytes
