"""Addresses that stand in settings or come from others: where may a request go?"""

from urllib.parse import urlsplit

from keyrail.platform.config import is_setting

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
