"""The HTTP entry: what a stranger sends is parsed or refused, and nothing of our inside gets out."""

import base64
import io
import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyrail.platform import logs
from keyrail.platform.documents import incoming
from keyrail.platform.errors import Conflict, FieldError, Invalid, Unavailable
from keyrail.platform.http import MAX_BODY_BYTES, Call, HttpApi, RawReply, Reply
from keyrail.platform.money import Money

Answer = dict[str, Any]
SECRET = "XK4P-9QWE-77TT"


@incoming
class Wish:
    quantity: int
    price: Money | None = None


@incoming
class Page:
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class Seen:
    """What the handler was given, as an answer; None is left out."""

    name: str
    quantity: int | None = None
    limit: int | None = None
    token: str | None = None
    address: str | None = None
    user: str | None = None


class NoMore(Conflict):
    code = "no_more"
    title = "No more."
    title_zh = "没有了。"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the process logs, as it is written."""
    written = io.StringIO()
    handler = logs.logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    return written


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def _go_to(cursor: str | None) -> None:
    if cursor == "refused":
        said = {"Error": {"Code": "AccessDeniedException", "Message": f"{SECRET} may not"}}
        raise Unavailable from ClientError(said, "Query")  # type: ignore[arg-type]  # a part of what AWS says
    if cursor:
        raise NoMore


@pytest.fixture
def api() -> HttpApi:
    api = HttpApi("a test")

    @api.operation("POST", "/v1/wishes/{name}", summary="Wish", body=Wish, answer=Seen, status=201)
    def wish(call: Call) -> Seen | Reply:
        wanted: Wish = call.body
        if wanted.quantity == 13:
            raise RuntimeError(f"the code was {SECRET}")
        if wanted.quantity == 2:
            return Reply(Seen("again"), 200)
        if wanted.quantity < 1:
            raise Invalid(FieldError("quantity", "below_one"))
        return Seen(call.path["name"], quantity=wanted.quantity)

    @api.operation("GET", "/v1/wishes", summary="List", query=Page, answer=Seen, raises=(NoMore,))
    def wishes(call: Call) -> Seen:
        page: Page = call.query
        _go_to(page.cursor)
        return Seen(
            "list",
            limit=page.limit,
            token=call.bearer_token() or None,
            address=call.address,
            user=call.claims.get("username"),
        )

    @api.operation("POST", "/webhooks/{provider}", summary="Callback")
    def callback(call: Call) -> RawReply:
        return RawReply(f"{call.method} {call.path['provider']} {call.raw_query} {call.raw_body.hex()}")

    return api


def event(method: str, path: str, body: str | None = None, **parts: Any) -> Answer:
    """As API Gateway sends it, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "requestId": "Rq-1",
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1"},
        },
        "body": body,
        "isBase64Encoded": False,
        **parts,
    }


def problem(answer: Answer) -> dict[str, Any]:
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["headers"]["Cache-Control"] == "no-store"
    said: dict[str, Any] = json.loads(answer["body"])
    assert said["status"] == answer["statusCode"]
    assert said["type"] == f"urn:keyrail:problem:{said['code']}"
    assert set(said) - {"errors"} == {
        "type", "title", "status", "detail", "code", "kind", "retryable", "charged", "trace_id",
    }  # fmt: skip
    return said


def test_a_call_is_parsed_and_its_answer_rendered_without_empty_fields(api: HttpApi) -> None:
    answer = api(event("POST", "/v1/wishes/lamp", '{"quantity": 3}'), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (201, {"name": "lamp", "quantity": 3})
    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}


def test_a_handler_may_answer_with_a_status_of_its_own(api: HttpApi) -> None:
    assert api(event("POST", "/v1/wishes/lamp", '{"quantity": 2}'), None)["statusCode"] == 200


def test_query_token_address_and_claims_reach_the_handler(api: HttpApi) -> None:
    sent = event("GET", "/v1/wishes", queryStringParameters={"limit": "7"})
    sent["headers"]["Authorization"] = "bearer  tok_1 "
    sent["requestContext"]["authorizer"] = {"jwt": {"claims": {"username": "alice"}}}
    assert json.loads(api(sent, None)["body"]) == {
        "name": "list", "limit": 7, "token": "tok_1", "address": "192.0.2.7", "user": "alice",
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["", "Basic YTpi", "tok_1"])
def test_no_other_scheme_gives_a_token(api: HttpApi, scheme: str) -> None:
    sent = event("GET", "/v1/wishes", headers={"authorization": scheme})
    assert "token" not in json.loads(api(sent, None)["body"])


def test_a_body_in_base64_arrives_as_the_bytes_that_were_sent(api: HttpApi) -> None:
    raw = b'{"a": "\xff"}'
    sent = event("POST", "/webhooks/epay", base64.b64encode(raw).decode(), isBase64Encoded=True, rawQueryString="a=%20")
    answer = api(sent, None)
    assert answer["body"] == f"POST epay a=%20 {raw.hex()}"
    assert answer["headers"]["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ('{"quantity": "3"}', "quantity", "int_type"),
        ('{"quantity": 3.0}', "quantity", "int_type"),
        ('{"quantity": true}', "quantity", "int_type"),
        ("{}", "quantity", "missing"),
        ('{"quantity": 3, "quantty": 3}', "quantty", "unknown_field"),
        ('{"quantity": 3, "price": {"amount_minor": -1, "currency": "CNY"}}', "price.amount_minor", "out_of_range"),
        ('{"quantity": 3, "price": {"amount_minor": 1, "currency": "CNY", "tax": 1}}', "price.tax", "unknown_field"),
        ('{"quantity": ', "body", "json_invalid"),
        ("", "body", "json_invalid"),
        ("[]", "body", "not_an_object"),
        ('{"quantity": 0}', "quantity", "below_one"),
    ],
)
def test_a_wrong_field_is_named_with_a_reason(api: HttpApi, body: str, field: str, reason: str) -> None:
    answer = api(event("POST", "/v1/wishes/lamp", body), None)
    said = problem(answer)
    assert (said["status"], said["code"], said["kind"]) == (422, "invalid_request", "invalid")
    assert (said["retryable"], said["charged"], said["trace_id"]) == (False, "no", "Rq-1")
    assert [error["field"] for error in said["errors"]] == [field]
    assert said["errors"][0]["reason"].startswith(reason)
    assert said["detail"].startswith(f"{field}: {reason}")


def test_every_wrong_field_is_named_at_once_and_no_value_is_repeated(api: HttpApi, log: io.StringIO) -> None:
    answer = api(event("POST", "/v1/wishes/lamp", json.dumps({"quantity": SECRET, "price": SECRET})), None)
    assert [error["field"] for error in problem(answer)["errors"]] == ["quantity", "price"]
    assert SECRET not in answer["body"]
    assert lines(log)[0]["reasons"] == [error["reason"] for error in problem(answer)["errors"]]


def test_the_name_of_an_unknown_field_reaches_no_log_for_it_may_be_a_secret(api: HttpApi, log: io.StringIO) -> None:
    answer = api(event("POST", "/v1/wishes/lamp", json.dumps({SECRET: 1})), None)
    assert SECRET in [error["field"] for error in problem(answer)["errors"]]
    assert SECRET not in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": "1.5"}, {"limitt": "7"}])
def test_a_wrong_query_is_refused_like_a_wrong_body(api: HttpApi, query: dict[str, str]) -> None:
    said = problem(api(event("GET", "/v1/wishes", queryStringParameters=query), None))
    assert (said["status"], [error["field"] for error in said["errors"]]) == (422, list(query))


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_over_the_limit_is_refused_unread(api: HttpApi, *, encoded: bool) -> None:
    raw = b"x" * (MAX_BODY_BYTES + 1)
    body = base64.b64encode(raw).decode() if encoded else raw.decode()
    said = problem(api(event("POST", "/webhooks/epay", body, isBase64Encoded=encoded), None))
    assert (said["status"], said["code"]) == (413, "body_too_large")


def test_a_body_of_many_bytes_and_few_characters_is_measured_in_bytes(api: HttpApi) -> None:
    said = problem(api(event("POST", "/webhooks/epay", "卡" * (MAX_BODY_BYTES // 3 + 1)), None))
    assert said["status"] == 413


def test_a_body_at_the_limit_is_taken(api: HttpApi) -> None:
    assert api(event("POST", "/webhooks/epay", "x" * MAX_BODY_BYTES), None)["statusCode"] == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/wishes"), ("GET", "/")])
def test_an_unknown_route_is_a_typed_404(api: HttpApi, method: str, path: str) -> None:
    sent = event(method, path)
    sent["headers"]["accept-language"] = "zh-CN"
    said = problem(api(sent, None))
    assert (said["status"], said["code"], said["title"]) == (404, "no_such_route", "未找到。")
    assert said["trace_id"] == "Rq-1"
    assert said["trace_id"]


@pytest.mark.parametrize(
    ("language", "title"), [("zh-CN,zh;q=0.9", "没有了。"), ("ZH", "没有了。"), ("en", "No more."), (None, "No more.")]
)
def test_the_title_is_in_the_caller_s_language(api: HttpApi, language: str | None, title: str) -> None:
    sent = event("GET", "/v1/wishes", queryStringParameters={"cursor": "x"})
    if language:
        sent["headers"]["accept-language"] = language
    said = problem(api(sent, None))
    assert (said["status"], said["code"], said["title"]) == (409, "no_more", title)
    assert "errors" not in said


def test_an_unexpected_exception_is_a_500_without_its_text(api: HttpApi, log: io.StringIO) -> None:
    answer = api(event("POST", "/v1/wishes/lamp", '{"quantity": 13}'), None)
    said = problem(answer)
    assert (said["status"], said["code"], said["kind"]) == (500, "internal_error", "unavailable")
    assert SECRET not in answer["body"]
    assert SECRET not in log.getvalue()
    line = next(line for line in lines(log) if line["code"] == "K0001")
    assert (line["message"], line["error"], line["operation"]) == ("unexpected error", ["RuntimeError"], "wish")
    assert any(frame.startswith("test_http.py:") for frame in line["frames"])


def test_a_refusal_is_logged_with_the_request_s_id(api: HttpApi, log: io.StringIO) -> None:
    api(event("POST", "/v1/wishes/lamp", '{"quantity": 0}'), None)
    (line,) = lines(log)
    assert (line["code"], line["refusal"], line["status"]) == ("K0002", "invalid_request", 422)
    assert (line["request_id"], line["reasons"]) == ("Rq-1", ["below_one"])


def test_a_refusal_says_in_the_log_what_a_neighbour_called_what_it_refused_and_nothing_that_it_said(
    api: HttpApi, log: io.StringIO
) -> None:
    answer = api(event("GET", "/v1/wishes", queryStringParameters={"cursor": "refused"}), None)
    assert problem(answer)["status"] == 503
    (line,) = lines(log)
    assert (line["code"], line["because"]) == ("K0002", ["ClientError:AccessDeniedException"])
    assert SECRET not in log.getvalue() + answer["body"]


def test_one_request_s_log_context_does_not_leak_into_the_next(api: HttpApi, log: io.StringIO) -> None:
    api(event("POST", "/v1/wishes/lamp", '{"quantity": 0}'), None)
    later = event("POST", "/v1/wishes/lamp", '{"quantity": 0}')
    later["requestContext"]["requestId"] = "Rq-2"
    api(later, None)
    assert [line["request_id"] for line in lines(log)] == ["Rq-1", "Rq-2"]
