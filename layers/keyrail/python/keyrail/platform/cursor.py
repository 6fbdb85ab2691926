"""Opaque cursors: a client passes back what it was given, and learns nothing of how we page."""

import base64
import binascii

from keyrail.platform.errors import FieldError, Invalid


def encode_cursor(position: str | None) -> str | None:
    return None if position is None else base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """Raises Invalid for what we never gave out."""
    if cursor is None:
        return None
    if not cursor:
        raise Invalid(FieldError("cursor", "unknown"))
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Invalid(FieldError("cursor", "unknown")) from None
