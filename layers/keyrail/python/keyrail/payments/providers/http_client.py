"""Requests to a payment provider: the platform's, with the error that a buyer may be told."""

from collections.abc import Mapping

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.platform import http_client
from keyrail.platform.http_client import (
    CONNECT_TIMEOUT_S,
    MAX_REPLY_BYTES,
    READ_TIMEOUT_S,
    SPARE_S,
    TOTAL_ATTEMPTS,
    NoReply,
    Reply,
)

__all__ = [
    "CONNECT_TIMEOUT_S",
    "MAX_REPLY_BYTES",
    "MAX_STATEMENT_BYTES",
    "READ_TIMEOUT_S",
    "SPARE_S",
    "STATEMENT_READ_TIMEOUT_S",
    "TOTAL_ATTEMPTS",
    "Reply",
    "post_form",
    "request",
]

STATEMENT_READ_TIMEOUT_S = 60
MAX_STATEMENT_BYTES = 64 * 1024 * 1024


def post_form(
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    read_timeout_s: int = READ_TIMEOUT_S,
    *,
    repeatable: bool,
) -> Reply:
    """As the platform's. Raises ProviderUnavailable."""
    try:
        return http_client.post_form(url, fields, headers, read_timeout_s, repeatable=repeatable)
    except NoReply as error:
        raise ProviderUnavailable from error


def request(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    read_timeout_s: int = READ_TIMEOUT_S,
    max_reply_bytes: int = MAX_REPLY_BYTES,
    repeatable: bool,
) -> Reply:
    """As the platform's. Raises ProviderUnavailable: one that is not repeatable may have taken effect all the same."""
    try:
        return http_client.request(
            method,
            url,
            body=body,
            headers=headers,
            read_timeout_s=read_timeout_s,
            max_reply_bytes=max_reply_bytes,
            repeatable=repeatable,
        )
    except NoReply as error:
        raise ProviderUnavailable from error
