"""Files for one reader: CMS EnvelopedData (RFC 5652), AES-256 under the public key of the reader's certificate.

`openssl cms -decrypt` opens them. The format wants the whole content in memory, so whoever calls bounds it.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from keyrail.platform.errors import FieldError
from keyrail.vault.model import BadCertificate, Recipient

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
_FIELD = "certificate"


def recipient(pem: str, now_ms: int) -> Recipient:
    """Who is named by the one certificate in `pem`. Raises BadCertificate with what is wrong.

    Whether it is theirs nobody can tell from it: people compare its fingerprint.
    """
    certificate = _read(pem)
    if problem := _problem(certificate, now_ms):
        raise BadCertificate(FieldError(_FIELD, problem))
    return Recipient(
        certificate=_written(certificate),
        sha256=certificate.fingerprint(SHA256()).hex(),
        subject=certificate.subject.rfc4514_string(),
    )


def one_certificate(pem: str) -> str:
    """The one certificate in `pem`, as `Recipient` has it, whether it is good for anything or not.

    Raises BadCertificate.
    """
    return _written(_read(pem))


def _written(certificate: x509.Certificate) -> str:
    """Written anew: what else stood around it is not kept."""
    return certificate.public_bytes(Encoding.PEM).decode()


def _read(pem: str) -> x509.Certificate:
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise BadCertificate(FieldError(_FIELD, "not_one_certificate")) from None
    return certificate


def _problem(certificate: x509.Certificate, now_ms: int) -> str | None:
    now_s = now_ms / 1000
    try:
        key, usage = certificate.public_key(), _key_usage(certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return "unreadable"
    if not isinstance(key, RSAPublicKey):
        return "not_rsa"
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return "key_size"
    if now_s > certificate.not_valid_after_utc.timestamp():
        return "expired"
    if now_s < certificate.not_valid_before_utc.timestamp():
        return "not_yet_valid"
    return "not_for_encryption" if usage is not None and not usage.key_encipherment else None


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def envelope(content: bytes, certificate: str) -> bytes:
    """DER. `certificate` is that of a `Recipient`."""
    builder = PKCS7EnvelopeBuilder().set_data(content).set_content_encryption_algorithm(AES256)
    reader = x509.load_pem_x509_certificate(certificate.encode())
    # Binary: the bytes as they are, no line ends made canonical.
    return builder.add_recipient(reader).encrypt(Encoding.DER, [PKCS7Options.Binary])
