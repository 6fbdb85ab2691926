"""The settings of an account with 卡速售: what is not understood stops the start, and nothing of it is quoted."""

import json
import traceback
from typing import Any

import pytest

from keyrail.platform.config import ConfigError
from keyrail.suppliers.service.accounts import supplier_accounts
from tests.kasushou_house import KEY, account

SECRET = "never-to-be-seen"
HOUR_MS = 60 * 60 * 1000

LONG = "x" * 65
SIGNINGS: list[Any] = [
    [],
    {"parts": ["time"]},
    {"parts": ["time", "body", "body"]},
    {"parts": ["time", "body", "key", "key"]},
    {"parts": [[], {}, 1]},
    {"parts": "time"},
    {"upper": 1},
    {"seconds": "yes"},
    {"drops_empty": None},
    {"sorts": SECRET},
    {"sorts": []},
    {SECRET: True},
]
UNUSABLE: dict[str, list[Any]] = {
    "base_url": ["", " https://a.example", "http://a.example", "https://a.example?x=1", None, 5],
    "user_id": ["", f" {SECRET}", f"{SECRET}\r\nx: 1", "密", None, 7],
    "key": ["", f" {SECRET}", f"{SECRET}\r\nx: 1", "密", None, 7],
    "currency": ["XXX", "", None],
    "settlement_hours": [0, -1, 721, 1.5, "72", True],
    "read_timeout_s": [0, 11, "8", True],
    "limit_of": ["each", "", None, []],
    "account_fields": [[], {"a": ""}, {"a": 1}, {"": "a"}, {SECRET: [SECRET]}, SECRET],
    "account_fields_of": [[], {"1": []}, {"1": {"a": None}}, {"1": {SECRET: ""}}],
    "statuses": [[], SECRET, {"3": SECRET}, {"3": []}, {"": "done"}, {LONG: "done"}],
    "accepted": [[], {}, SECRET, [200], [""], [SECRET] * 201],
    "refusals": [
        [],
        {"400": SECRET},
        {"400": {SECRET: SECRET}},
        {SECRET: None},
        {"": {}},
        {"200": {"": "refused"}},
        {"400": {SECRET: "not_sent"}},
        {"4": {" ": "refused"}},
    ],
    "code_in_http": [1, "yes", None],
    "on_sale": [[], "1", [1]],
    "doubts": [[], SECRET, [1], [" x"]],
    "absent": [[], SECRET, [None], [""]],
    "paths": [[], {"buy": "//evil.example"}, {"buy": "x"}, {SECRET: "/x"}, {"buy": "/../x?y"}],
    "names": [
        [],
        {"item": ""},
        {"item": 1},
        {SECRET: "x"},
        {"item": "quantity"},
        {"item": "a b"},
        {"returned": "total_price"},
        {"days": "external_orderno"},
    ],
    "signing": SIGNINGS,
    "callback_signing": SIGNINGS,
}
CASES = [(setting, value) for setting, values in UNUSABLE.items() for value in values]


@pytest.mark.parametrize(("setting", "value"), CASES, ids=range(len(CASES)))
def test_a_setting_that_is_not_understood_is_named_and_not_quoted(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as refusal:
        account(**{setting: value})
    assert str(refusal.value) == f"kasushou.{setting}"
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_whoever_prints_an_account_prints_no_key() -> None:
    assert KEY not in repr(account())


def test_all_that_differs_from_house_to_house_may_stand_in_the_secret() -> None:
    settings = {
        "adapter": "kasushou",
        "base_url": "https://house.example/shop",
        "user_id": "u1",
        "key": KEY,
        "settlement_hours": 1,
        "limit_of": "order",
        "account_fields": {"phone": "lblName1"},
        "account_fields_of": {"7": {"phone": "mobile"}},
        "statuses": {"-1": "unpaid", "4": None},
        "accepted": ["0", "200"],
        "refusals": {"400": {"缺货": "sold_out"}, "1005": {"": "refused"}},
        "doubts": ["已有"],
        "absent": ["没有该订单"],
        "paths": {"buy": "/api/v2/order/buy"},
        "names": {"item": "goods_id"},
        "signing": {"parts": ["key", "time", "body"], "upper": True, "spaces": True},
        "callback_signing": {"escape_slashes": False, "sorts": "all"},
    }
    house = supplier_accounts(json.dumps({"main": settings})).at("main")
    assert house.settlement_ms == HOUR_MS


def test_a_setting_that_there_is_not_stops_the_start() -> None:
    settings = {"adapter": "kasushou", "base_url": "https://a.example", "user_id": "u", "key": KEY, "kye": KEY}
    with pytest.raises(ConfigError) as refusal:
        supplier_accounts(json.dumps({"main": settings}))
    assert KEY not in str(refusal.value)
