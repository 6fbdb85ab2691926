"""What the settings of every account have in common. Each adapter checks the rest of its own."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import urlsplit

from keyrail.platform.config import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_READ_TIMEOUT_S = 10  # a buyer waits for it, and the function that asks for them ends after 15


def check_common(provider: str, return_url: object, read_timeout_s: object) -> None:
    """Raises ConfigError."""
    if return_url is not None and not _is_page(return_url):
        raise ConfigError(f"{provider}.return_url")
    if type(read_timeout_s) is not int or not 1 <= read_timeout_s <= MAX_READ_TIMEOUT_S:
        raise ConfigError(f"{provider}.read_timeout_s")


def is_setting(value: object) -> TypeGuard[str]:
    """A text with something in it, and no white space around it."""
    return isinstance(value, str) and bool(value) and value == value.strip()


def is_base(url: object) -> bool:
    """An address below which an interface lies: one that requests may go to, with nothing behind its path."""
    return is_setting(url) and is_web_address(url, loopback=True) and set(url).isdisjoint("?#")


def is_web_address(url: str, *, loopback: bool) -> bool:
    """https with a host, and nobody's name or password in it; with `loopback`, http to this machine too."""
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, has_port = parts.hostname, parts.port != 0  # raises over 65535
    except ValueError:
        return False
    if not host or not has_port or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and host in LOOPBACK)


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
