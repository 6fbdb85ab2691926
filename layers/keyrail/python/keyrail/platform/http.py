"""The HTTP entry: parse, call one handler, render. Errors become problem+json (RFC 9457) by one table.

A function declares its operations with `HttpApi.operation`; the OpenAPI document comes from the same declaration.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from keyrail.platform import logs
from keyrail.platform.documents import from_json, from_strings, to_json
from keyrail.platform.errors import (
    Charged,
    Conflict,
    Denied,
    FieldError,
    Invalid,
    KeyrailError,
    NotFound,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnknownOutcome,
)
from keyrail.platform.logs import Entry

MAX_BODY_BYTES = 64 * 1024
MIN_IDEMPOTENCY_KEY_LENGTH, MAX_IDEMPOTENCY_KEY_LENGTH = 16, 128
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_PATH_NAME = re.compile(r"\{(\w+)\}")

STATUS_OF: dict[type[KeyrailError], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    TooMany: 429,
    Unavailable: 503,
    UnknownOutcome: 504,
    KeyrailError: 500,
}


class BodyTooLarge(TooLarge):
    code = "body_too_large"


class NoSuchRoute(NotFound):
    code = "no_such_route"


def status_of(error: type[KeyrailError]) -> int:
    """The status of the nearest ancestor that the table names."""
    return next(STATUS_OF[cls] for cls in error.__mro__ if cls in STATUS_OF)


@dataclass(frozen=True)
class Problem:
    """RFC 9457, with what a client needs to decide whether to try again and whether money moved."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    kind: str
    retryable: bool
    charged: Charged
    trace_id: str
    errors: tuple[FieldError, ...] | None = None
    facts: dict[str, str | int] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Call:
    """One request as a handler sees it. `body` and `query` are instances of what the operation declared.

    `caller` is what the operation's `admit` made of the request. Tokens, codes and signatures come in all of these
    places, so none of them prints.
    """

    path: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    address: str
    raw_body: bytes = field(repr=False)
    raw_query: str = field(repr=False)
    method: str
    raw_path: str = ""
    body: Any = field(default=None, repr=False)
    query: Any = field(default=None, repr=False)
    caller: Any = field(default=None, repr=False)

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    def idempotency_key(self) -> str:
        """The name that the caller gave the effect. Raises Invalid: a short one might be somebody else's, too."""
        key = self.header("idempotency-key")
        if key is None:
            raise Invalid(FieldError("Idempotency-Key", "missing"))
        if not MIN_IDEMPOTENCY_KEY_LENGTH <= len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH:
            raise Invalid(FieldError("Idempotency-Key", "length_16_to_128"))
        return key

    def bearer_token(self) -> str:
        """The token of `Authorization: Bearer`, or an empty string."""
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Reply:
    """An answer with a status of its own; a handler may as well return the bare value for the declared status."""

    value: Any
    status: int


@dataclass(frozen=True)
class RawReply:
    """An answer in somebody else's format (a payment provider's acknowledgement)."""

    body: str = field(repr=False)
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    answer: type | None
    status: int
    body: type | None
    query: type | None
    headers: tuple[str, ...]
    raises: tuple[type[KeyrailError], ...]
    name: str
    admit: "Callable[[Call], Any] | None" = None


@dataclass
class HttpApi:
    """The operations of one function; called with the Lambda's event and context."""

    title: str
    operations: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._resolver = APIGatewayHttpResolver()
        self._resolver.not_found(self._no_such_route)

    def operation(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        answer: type | None = None,
        status: int = 200,
        body: type | None = None,
        query: type | None = None,
        headers: tuple[str, ...] = (),
        raises: tuple[type[KeyrailError], ...] = (),
        admit: Callable[[Call], Any] | None = None,
    ) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
        """Declare what `method path` takes, answers and refuses; the decorated function gets a parsed Call.

        `admit` says who calls, or refuses, before anything that was sent is parsed.
        """

        def declare(handle: Callable[[Call], Any]) -> Callable[[Call], Any]:
            name = getattr(handle, "__name__", path)
            declared = Operation(method, path, summary, answer, status, body, query, headers, raises, name, admit)
            self.operations.append(declared)

            def entry(**path_values: str) -> Response[str]:
                return self._answer(declared, handle, path_values)

            self._resolver.route(_PATH_NAME.sub(r"<\1>", path), method)(entry)
            return handle

        return declare

    def _answer(self, declared: Operation, handle: Callable[[Call], Any], path: dict[str, str]) -> Response[str]:
        try:
            result = handle(_call(self._resolver.current_event.raw_event, declared, path))
        except KeyrailError as error:
            return self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the last line: a stranger gets a typed 500, the log gets the place
            logs.log_failure(error, operation=declared.name)
            return self._refuse(KeyrailError())
        if isinstance(result, RawReply):
            return Response(result.status, result.content_type, result.body, headers={**result.headers})
        value, status = (result.value, result.status) if isinstance(result, Reply) else (result, declared.status)
        return Response(status, _JSON, to_json(value).decode(), headers={"Cache-Control": ["no-store"]})

    def _refuse(self, error: KeyrailError) -> Response[str]:
        event = self._resolver.current_event.raw_event
        status = status_of(type(error))
        behind = {"because": logs.causes_of(error.__cause__)} if error.__cause__ else {}
        reasons = [wrong.reason for wrong in error.fields]
        logs.log(Entry.REQUEST_REFUSED, refusal=error.code, status=status, reasons=reasons, **behind)
        response = _problem(error, status, event)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = [str(error.retry_after_s)]
        return response

    def _no_such_route(self, _: NotFoundError) -> Response[str]:
        return self._refuse(NoSuchRoute())

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        logs.logger().append_keys(
            request_id=_trace_id(event), function_request_id=getattr(context, "aws_request_id", None)
        )
        try:
            answer: dict[str, Any] = self._resolver.resolve(event, context)
            return answer
        finally:
            logs.logger().clear_state()


def _problem(error: KeyrailError, status: int, event: dict[str, Any]) -> Response[str]:
    chinese = (event.get("headers") or {}).get("accept-language", "").lower().startswith("zh")
    title = error.title_zh if chinese else error.title
    problem = Problem(
        type=f"urn:keyrail:problem:{error.code}",
        title=title,
        status=status,
        detail="; ".join(map(_said, error.fields)) or title,
        code=error.code,
        kind=error.kind,
        retryable=error.retryable,
        charged=error.charged,
        trace_id=_trace_id(event),
        errors=error.fields or None,
        facts=error.facts or None,
    )
    return Response(status, _PROBLEM, to_json(problem).decode(), headers={"Cache-Control": ["no-store"]})


def _said(wrong: FieldError) -> str:
    return f"{wrong.field}: {wrong.reason}" + (f" (allowed: {wrong.allowed})" if wrong.allowed else "")


def _trace_id(event: dict[str, Any]) -> str:
    context: dict[str, Any] = event.get("requestContext") or {}
    return str(context.get("requestId", ""))


def _call(event: dict[str, Any], declared: Operation, path: dict[str, str]) -> Call:
    raw = _raw_body(event)
    context = event["requestContext"]
    call = Call(
        path=path,
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        claims=((context.get("authorizer") or {}).get("jwt") or {}).get("claims") or {},
        address=context["http"]["sourceIp"],
        raw_body=raw,
        raw_query=event.get("rawQueryString") or "",
        method=context["http"]["method"],
        raw_path=event.get("rawPath") or "",
    )
    return replace(
        call,
        caller=declared.admit(call) if declared.admit else None,
        body=from_json(declared.body, raw) if declared.body else None,
        query=from_strings(declared.query, event.get("queryStringParameters") or {}) if declared.query else None,
    )


def _raw_body(event: dict[str, Any]) -> bytes:
    """The bytes as the caller sent them. Raises BodyTooLarge over MAX_BODY_BYTES."""
    text = event.get("body") or ""
    if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise BodyTooLarge
    raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge
    return raw
