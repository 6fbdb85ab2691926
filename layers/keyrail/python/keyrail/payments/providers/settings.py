"""What the settings of every account have in common. Each adapter checks the rest of its own."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keyrail.platform.config import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MAX_READ_TIMEOUT_S = 10  # a buyer waits for it, and the function that asks for them ends after 15


def check_common(provider: str, return_url: object, read_timeout_s: object) -> None:
    """Raises ConfigError."""
    if return_url is not None and not _is_page(return_url):
        raise ConfigError(f"{provider}.return_url")
    if type(read_timeout_s) is not int or not 1 <= read_timeout_s <= MAX_READ_TIMEOUT_S:
        raise ConfigError(f"{provider}.read_timeout_s")


def is_among(own: "RSAPrivateKey", theirs: "Iterable[RSAPublicKey]") -> bool:
    """Whether somebody has pasted the public half of `own` where the provider's key belongs.

    Requests that we sign ourselves would then be genuine callbacks.
    """
    ours = own.public_key().public_numbers()
    return any(key.public_numbers() == ours for key in theirs)


def _is_page(url: object) -> bool:
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0  # raises over 65535
    except ValueError:
        return False
