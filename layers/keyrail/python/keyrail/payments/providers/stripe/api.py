"""Requests to Stripe's API, in one version of it.

Stripe keeps an idempotency key with its answer, a 500 too, for at least a day; after that the same key makes a new
object. A request that fails its validation, or that runs beside another of the same key, is not kept.

Sources: docs.stripe.com/api/authentication, /api/versioning, /api/idempotent_requests, /api/errors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES, READ_TIMEOUT_S, Reply, post_form, request
from keyrail.platform.json_objects import Document, child, children, json_object, text

API_VERSION = "2025-03-31.basil"
OK = 200
NOT_FOUND = 404
# Bad request, and well-formed but failed; other statuses are about our key, our haste or Stripe itself.
REFUSAL_STATUSES = frozenset({400, 402})
# Not `idempotency_error`, a 400 as well: something was opened under that key before, and it can still be paid.
REFUSAL_TYPES = frozenset({"invalid_request_error", "card_error"})
MAX_PAGE_LENGTH = 100


@dataclass(frozen=True)
class StripeApi:
    """`base` has no slash at its end."""

    base: str
    secret_key: str = field(repr=False)
    read_timeout_s: int = READ_TIMEOUT_S

    def post(self, path: str, fields: Mapping[str, str], idempotency_key: str) -> Reply:
        """Raises ProviderUnavailable: it may have taken effect all the same."""
        headers = {**self._headers(), "idempotency-key": idempotency_key}
        return post_form(f"{self.base}{path}", fields, headers, self.read_timeout_s, repeatable=True)

    def get(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        max_reply_bytes: int = MAX_REPLY_BYTES,
        read_timeout_s: int | None = None,
    ) -> Reply:
        """Raises ProviderUnavailable."""
        return request(
            "GET",
            f"{self.base}{path}" + (f"?{urlencode(query)}" if query else ""),
            headers={**self._headers(), "accept": "application/json"},
            read_timeout_s=read_timeout_s or self.read_timeout_s,
            max_reply_bytes=max_reply_bytes,
            repeatable=True,
        )

    def pages(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        max_pages: int,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        read_timeout_s: int | None = None,
    ) -> Iterator[Document]:
        """The objects of a list, the newest first. Raises ProviderUnavailable, for a list without an end as well."""
        after: tuple[tuple[str, str], ...] = ()
        for _ in range(max_pages):
            paged = (*query, ("limit", str(MAX_PAGE_LENGTH)), *after)
            page = found(self.get(path, paged, max_reply_bytes, read_timeout_s))
            objects = _whole(page)
            yield from objects
            if page.get("has_more") is False:
                return
            last = text(objects[-1], "id") if objects else ""
            if not last:
                break
            after = (("starting_after", last),)
        raise ProviderUnavailable

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret_key}", "stripe-version": API_VERSION}


def _whole(page: Document) -> list[Document]:
    """Raises ProviderUnavailable where an object is missing, rather than pass it over."""
    listed, objects = page.get("data"), children(page, "data")
    if not isinstance(listed, list) or len(objects) != len(listed):
        raise ProviderUnavailable
    return objects


def read(reply: Reply) -> dict[str, Any]:
    """Raises ProviderUnavailable where it is no JSON object, whoever between us and Stripe sent it."""
    try:
        return json_object(reply.body)
    except ValueError:
        raise ProviderUnavailable from None


def found(reply: Reply) -> dict[str, Any]:
    """What was asked for. Raises ProviderUnavailable for anything else."""
    if reply.status != OK:
        raise ProviderUnavailable
    return read(reply)


def refusal(reply: Reply, answer: Document) -> str | None:
    """Stripe's word for why it will never do it; None where it did, might yet, or is not the one who answers."""
    error = child(answer, "error")
    kind = text(error, "type")
    if reply.status not in REFUSAL_STATUSES or kind not in REFUSAL_TYPES:
        return None
    return text(error, "code") or kind
