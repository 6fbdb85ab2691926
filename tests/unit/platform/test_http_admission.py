"""Who calls is known before anything they sent is parsed; whoever comes too often is told when to come back."""

import json
from typing import Any

import pytest

from keyrail.platform.documents import incoming
from keyrail.platform.errors import Conflict, TooMany, Unauthenticated
from keyrail.platform.http import Call, HttpApi, Problem

Answer = dict[str, Any]


@incoming
class Wish:
    quantity: int


class AlreadyGranted(Conflict):
    code = "already_granted"
    title = "Already granted."
    title_zh = "已经实现。"


@pytest.fixture
def api() -> HttpApi:
    api = HttpApi("a test")

    def admit(call: Call) -> str:
        if call.header("x-name") is None:
            raise Unauthenticated
        return f"{call.header('x-name')} at {call.raw_path}"

    @api.operation("POST", "/v1/wishes", summary="Wish", body=Wish, answer=Problem, admit=admit)
    def wish(call: Call) -> Problem:
        wanted: Wish = call.body
        if wanted.quantity == 1:
            raise AlreadyGranted(facts={"to": call.caller, "times": 2})
        raise TooMany(wanted.quantity)

    return api


def ask(api: HttpApi, body: str, **headers: str) -> Answer:
    http = {"method": "POST", "path": "/v1/wishes", "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1"}
    return api(
        {
            "version": "2.0",
            "routeKey": "POST /v1/wishes",
            "rawPath": "/v1/wishes",
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {"requestId": "Rq-1", "stage": "$default", "http": http},
            "body": body,
            "isBase64Encoded": False,
        },
        None,
    )


@pytest.mark.parametrize("body", ['{"quantity": 1}', '{"quantity": "x"}', "{", ""])
def test_a_stranger_is_refused_whatever_they_sent(api: HttpApi, body: str) -> None:
    assert ask(api, body)["statusCode"] == 401


def test_whoever_is_admitted_has_their_body_parsed_and_reaches_the_handler(api: HttpApi) -> None:
    assert ask(api, '{"quantity": "x"}', **{"x-name": "ann"})["statusCode"] == 422
    said = json.loads(ask(api, '{"quantity": 1}', **{"x-name": "ann"})["body"])
    assert said["facts"] == {"to": "ann at /v1/wishes", "times": 2}


def test_a_refusal_without_facts_has_no_member_for_them(api: HttpApi) -> None:
    assert "facts" not in json.loads(ask(api, "{", **{"x-name": "ann"})["body"])


@pytest.mark.parametrize(("wait", "told"), [(90, "90"), (0, "1"), (-5, "1")])
def test_whoever_comes_too_often_is_told_when_to_come_back(api: HttpApi, wait: int, told: str) -> None:
    answer = ask(api, json.dumps({"quantity": wait}), **{"x-name": "ann"})
    assert answer["statusCode"] == 429
    assert answer["headers"]["Retry-After"] == told
    assert json.loads(answer["body"])["retryable"]
