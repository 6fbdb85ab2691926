"""What 卡速售 signs: the texts were written by hand, their digests made by another program."""

import pytest

from keyrail.suppliers.providers.kasushou.dialect import CALLBACKS, REQUESTS, Signing
from keyrail.suppliers.providers.writing import Number, Style, members
from tests.kasushou_house import KEY, PHONE

TIME = "1700000000000"


def signed(signing: Signing, body: dict[str, object], key: str = KEY, time: str = TIME) -> str:
    return signing.sign(time, signing.style.write(body), key)


def test_the_example_of_their_document_comes_out() -> None:
    body: dict[str, object] = {"ordersn": "D100759082558859640832", "day": 10, "external_orderno": ""}
    signature = signed(REQUESTS, body, "H0YnuPpcVtx7rQdMTbjN6932s5oDOqFa", "1696645385740")
    assert signature == "15b8f541eb10e3fbb33efd92c8d52d50ddca0784"


def test_a_request_without_members_is_an_empty_object() -> None:
    assert signed(REQUESTS, {}) == "df69b53a09a7550e58ebe8ce52b996966646d8ef"


def test_an_order_is_sorted_at_its_top_and_keeps_slashes_and_chinese() -> None:
    body: dict[str, object] = {
        "url": "https://api.example/hook/main",
        "safe_price": "9.90",
        "quantity": 1,
        "id": 2909,
        "external_orderno": "7" * 26 + "770101",
        "attach": {"recharge_account": PHONE, "lblName1": "一区"},
    }
    assert signed(REQUESTS, body) == "d83c085ba2cb09d12b6fd9252c869e2fdb10caa8"


def test_a_callback_is_signed_with_its_slashes_escaped_and_its_numbers_as_they_came() -> None:
    raw = (
        '{"time":"1700000000000","total_price":3.10,"status":"3","recharge_hints":"完成/期待","ordersn":"API09",'
        '"has_back_money":"0.00","external_orderno":"R1"}'
    )
    said = members(raw.encode())
    assert isinstance(said["total_price"], Number)
    assert CALLBACKS.is_of("2e0d3676c4dd8edf1f15af518263e4fd7d646113", TIME, said, KEY)
    assert not CALLBACKS.is_of("2e0d3676c4dd8edf1f15af518263e4fd7d646113", TIME, {**said, "total_price": "3.10"}, KEY)


def test_houses_that_sign_in_another_way_are_understood() -> None:
    body: dict[str, object] = {"b": {"d": 1, "c": [1, 2]}, "a": "一/"}
    spaced = Style(spaces=True, escape_slashes=True, escape_unicode=True)
    key_first = Signing(style=spaced, parts=("key", "time", "body"), upper=True)
    assert signed(key_first, body) == "38793C6425B1AC1043068F89D95457835E776973"
    sorted_all = Signing(style=Style(sorts="all"), parts=("time", "key", "body"))
    assert signed(sorted_all, body) == "32d3fc3a8072179cfcf015ac7e019b267eddb4d8"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": None, "b": True, "c": False}, '{"a":null,"b":true,"c":false}'),
        ({"a": [], "b": {}, "c": [{"y": 1, "x": "é"}]}, '{"a":[],"b":{},"c":[{"y":1,"x":"é"}]}'),
        ({"a": 'say "\\" \b\f\n\r\t\x01\x7f'}, '{"a":"say \\"\\\\\\" \\b\\f\\n\\r\\t\\u0001\x7f"}'),
        ({"a": "\u2028\u2029😀"}, '{"a":"\\u2028\\u2029😀"}'),
    ],
)
def test_json_is_written_as_php_writes_it(value: dict[str, object], written: str) -> None:
    assert Style().write(value) == written


def test_numbers_that_are_read_are_written_as_they_were() -> None:
    raw = '{"a":3.10,"b":1e5,"c":-0,"d":123456789012345678901234567890,"e":{"f":[0.50]}}'
    assert Style().write(members(raw.encode())) == raw
