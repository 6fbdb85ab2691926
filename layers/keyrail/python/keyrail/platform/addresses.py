"""Addresses that stand in settings or come from others: where may a request go?"""

import re
from urllib.parse import urlsplit

from keyrail.platform.config import is_setting

MAX_HOST_LENGTH = 253

# What can be looked up as it stands: a name of another script is not, and would be refused with every request only.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?|[0-9a-f:.]+")

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_base(url: object) -> bool:
    """An address below which an interface lies: one that requests may go to, with nothing behind its path."""
    if not is_setting(url) or not is_web_address(url, loopback=True) or not set(url).isdisjoint("?#"):
        return False
    host = urlsplit(url).hostname or ""
    return len(host) <= MAX_HOST_LENGTH and _HOST.fullmatch(host) is not None


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
