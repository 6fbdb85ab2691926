"""What a house of 大猿人 signs and calls back, by vectors of md5sum."""

from dataclasses import replace
from urllib.parse import parse_qsl, quote_plus

import pytest

from keyrail.platform.errors import SignatureInvalid
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.dayuanren.gateway import Gateway, Signing
from tests.supplier_houses import KEY, OURS

CALLBACK = {
    "userid": "10001",
    "order_number": "CZH000000000",
    "out_trade_num": OURS,
    "otime": "1652403339",
    "state": "1",
    "mobile": "13800138000",
    "remark": "充值 成功+",
    "charge_amount": "100",
    "voucher": "",
    "charge_kami": "",
    "sign": "F1416A13ED98B0DD3B5C3C3E61FFAC3F",
}


def gateway(key_joint: str = "&apikey=") -> Gateway:
    signing = Signing(key_joint=key_joint)
    return Gateway("https://supplier.example/yrapi.php", "10001", KEY, signing, frozenset({"0"}), 1)


def called_back(members: dict[str, str]) -> Callback:
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in members.items())
    return Callback("POST", "", body.encode(), {})


def reference(callback: Callback, userid: str = "10001") -> str:
    house = Dayuanren(base_url="https://supplier.example/yrapi.php", userid=userid, apikey=KEY)
    return house.parse_callback(callback, 0)


def test_a_request_is_signed_over_what_was_meant_and_sent_encoded() -> None:
    address = "https://shop.example/webhooks/suppliers/yuan?a=1"
    order = {
        "out_trade_num": OURS, "product_id": "68", "notify_url": address, "price": "9.90", "mobile": "13800138000"
    }  # fmt: skip
    sent = dict(parse_qsl(gateway()._body(order).decode(), strict_parsing=True))
    assert sent == {**order, "userid": "10001", "sign": "2D2255A056F2D2BF259E026568E9930A"}


def test_the_key_stands_behind_the_houses_own_word() -> None:
    assert b"sign=CECA4993308F853672699827FAA2932C" in gateway("&key=")._body({})


def test_a_callback_comes_down_to_our_reference() -> None:
    assert reference(called_back(CALLBACK)) == OURS


@pytest.mark.parametrize("name", sorted(CALLBACK))
def test_a_callback_with_anything_changed_is_forged(name: str) -> None:
    without = {each: value for each, value in CALLBACK.items() if each != name}
    for forged in (without, {**CALLBACK, name: "x"}, {**CALLBACK, name: ""} if CALLBACK[name] else without):
        with pytest.raises(SignatureInvalid):
            reference(called_back(forged))


def test_a_callback_for_another_merchant_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        reference(called_back(CALLBACK), userid="10002")


@pytest.mark.parametrize(
    "callback",
    [
        Callback("POST", "", b"", {}),
        Callback("POST", "", "充=1".encode(), {}),
        Callback("POST", "", called_back(CALLBACK).raw_body + b"&state=1", {}),
        Callback("POST", "", b"a=1&" * 100 + called_back(CALLBACK).raw_body, {}),
        Callback("POST", "", called_back(CALLBACK).raw_body + b"&remark2=" + b"x" * 40_000, {}),
        replace(called_back(CALLBACK), method="GET"),
        Callback("POST", "", b"order_number=1&out_trade_num=&userid=10001&sign=38C54A2420A9983D61D6476147884C72", {}),
        Callback("POST", "", b"order_number=1&userid=10001&sign=9153CB66B01D16C371A13776595BC6C3", {}),
    ],
)
def test_a_callback_that_is_none_is_refused(callback: Callback) -> None:
    with pytest.raises(SignatureInvalid):
        reference(callback)
