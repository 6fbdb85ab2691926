"""What 福禄 signs, seals and calls back, by vectors of its public sandbox, of OpenSSL, sort and md5sum, and of Node."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest

from keyrail.platform.errors import SignatureInvalid
from keyrail.suppliers.model.outcomes import Card
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.providers.fulu import Fulu, cards
from keyrail.suppliers.providers.fulu.gateway import Answer, Gateway, Signing
from tests.supplier_houses import OURS, SECRET

SANDBOX_SECRET = "0a091b3aa4324435aab703142518a8f7"  # published, and of the sandbox
CODE, PASSWORD, CHINESE = (
    "I3xqoI0psEA/JF1AaXoIvti+cf/tplesIheUQtAen+s=",
    "tZUT7yul0/Nr3qZ+YBNkLA==",
    "J+boTKglSJfRBb3pDY8pRg==",
)
UNPADDED = "rgYNCYM7GQb2wnfGXfeFSQ=="
NOTHING, BLANKS, TWO_LINES, NOT_UTF8 = (
    "Kctqa+K//Y4LPmC7qcWqPw==",
    "Aj+tFfL4i6+Cw3QvwWv80A==",
    "jrEFmGHFUEfknjhJuztkrg==",
    "iG+wFxtKc3sxgJcIYp3Weg==",
)
BLANKS_AROUND = "SjMhoQQ6dXLwUdSjhqoJ1w=="
SIXTEEN_LETTERS = "ZUdK6aw37abuMOKXMNGv6g=="
EIGHT_O_CLOCK_IN_CHINA_MS = 1_767_225_600_000
CALLBACK: dict[str, Any] = {
    "order_id": "22113039409742401508",
    "charge_finish_time": "2022-11-30 15:29:30",
    "customer_order_no": OURS,
    "order_status": "success",
    "recharge_description": "充值成功/好",
    "product_id": "17098075",
    "price": "27.9000",
    "buy_num": "1",
    "operator_serial_number": None,
    "sign": "c11fe853299ec62516370fbccc6f57fc",
}


def gateway(secret: str = SECRET) -> Gateway:
    return Gateway(
        "https://supplier.example",
        "app+key/1",
        secret,
        Signing(),
        accepted=frozenset({"0"}),
        read_timeout_s=1,
        signed_answers=True,
        now_ms=lambda: EIGHT_O_CLOCK_IN_CHINA_MS,
    )


def called_back(document: dict[str, Any]) -> Callback:
    """With the price as the number that it was when it was signed."""
    raw = json.dumps(document, ensure_ascii=False).replace('"27.9000"', "27.9000")
    return Callback("POST", "", raw.encode(), {})


def reference(callback: Callback) -> str:
    return Fulu(app_key="app", app_secret=SECRET).parse_callback(callback, 0)


def test_a_request_is_signed_as_its_vector_says() -> None:
    body = json.loads(gateway()._body("fulu.order.info.get", {"customer_order_no": OURS}))
    assert body["sign"] == "f610386cabdaa0d027aef51c792af2e6"
    assert (body["timestamp"], body["biz_content"]) == ("2026-01-01 08:00:00", f'{{"customer_order_no":"{OURS}"}}')


def test_an_account_of_any_writing_is_signed_in_ascii() -> None:
    body = gateway()._body("fulu.order.direct.add", {"charge_account": "三国😀"})
    assert body.isascii()
    assert json.loads(json.loads(body)["biz_content"]) == {"charge_account": "三国😀"}


def test_an_answer_of_the_sandbox_is_genuine_and_a_changed_one_is_not() -> None:
    result = '{"name":"OpenApi2.0对接专用商户","balance":344283.1608,"is_open":1}'
    heard = {"code": "0", "message": "", "result": result, "sign": "af223d55aaab949a4061d651cc4b2765"}
    answer = gateway(SANDBOX_SECRET)._answer(heard)
    assert isinstance(answer, Answer)
    assert answer.found["balance"] == "344283.1608"
    for changed in ({"result": result.replace("3", "4", 1)}, {"sign": ""}, {"sign": None}, {"sign": "\ud800"}):
        assert getattr(gateway(SANDBOX_SECRET)._answer({**heard, **changed}), "said", None) == "bad_signature"


@pytest.mark.parametrize(
    ("name", "by_halves", "by_characters"),
    [
        ("🔥话费，快充", "34d91bd61a8901b363e0ec0346c08bc6", "8ee52fd5dd947dbf685377990f4d8858"),
        ("🔥话费，😀快充：🎮", "79670650f806812003981ac08db88ec4", "d2823b90c03120974730ad87aaffeebe"),
    ],
)
def test_an_answer_with_a_picture_in_it_is_genuine_in_whichever_language_it_was_signed(
    name: str, by_halves: str, by_characters: str
) -> None:
    heard = {"code": "0", "message": "", "result": f'{{"name":"{name}","balance":12.5}}'}
    for sign in (by_halves, by_characters):
        answer = gateway()._answer({**heard, "sign": sign})
        assert isinstance(answer, Answer)
        assert answer.found["name"] == name
    for sign in ("", by_halves[::-1]):
        assert getattr(gateway()._answer({**heard, "sign": sign}), "said", None) == "bad_signature"


@pytest.mark.parametrize("sign", ["", None])
def test_a_refusal_needs_no_signature_but_a_wrong_one_is_not_believed(sign: object) -> None:
    heard = {"code": "1016", "message": "", "result": None}
    assert gateway()._answer({**heard, "sign": sign}) == Answer("1016", "", accepted=False)
    assert gateway()._answer(heard) == Answer("1016", "", accepted=False)
    wrongs: tuple[object, ...] = ("0" * 32, [], {"a": "b"}, 7)
    for wrong in wrongs:
        assert getattr(gateway()._answer({**heard, "sign": wrong}), "said", None) == "bad_signature"


def test_cards_of_the_sandbox_open() -> None:
    sealed = {
        "card_number": "12nCp6X/nALmrvr1erxK+D4L8n/kqz/RItKWUfvZrCU=",
        "card_pwd": "9HeOgdv+NpLihh2+5Gm0Mj4L8n/kqz/RItKWUfvZrCU=",
        "card_type": "0",
        "card_deadline": "2027-06-30 00:00:00",
    }
    (card,) = cards.read([sealed], 1, SANDBOX_SECRET) or ()
    assert card == Card(
        code="CD1000250201906121742434441", password="CP1000250201906121742434441", expires_on="2027-06-30"
    )
    assert cards.read([sealed], 1, SECRET) is None


def of_blocks(count: int) -> str:
    return b64encode(b64decode(SIXTEEN_LETTERS) * count + b64decode(NOTHING)).decode()


def test_a_card_of_one_part_is_a_code() -> None:
    read = cards.read(
        [{"card_number": None, "card_pwd": PASSWORD}, {"card_number": CHINESE, "card_pwd": ""}], 2, SECRET
    )
    assert [(card.code, card.password) for card in read or ()] == [("pw:9Z 8", None), ("卡号一", None)]


def test_blanks_around_a_card_are_no_part_of_it_and_a_link_may_be_long() -> None:
    read = cards.read([{"card_number": BLANKS_AROUND}, {"card_number": of_blocks(32)}], 2, SECRET)
    assert [card.code for card in read or ()] == ["AB-1", "X" * 512]


@pytest.mark.parametrize(
    "changes",
    [
        {"card_number": UNPADDED},
        {"card_number": NOTHING},
        {"card_number": BLANKS},
        {"card_number": TWO_LINES},
        {"card_number": NOT_UTF8},
        {"card_number": of_blocks(33)},
        {"card_number": CODE[:-4]},
        {"card_number": CODE + "!"},
        {"card_number": "AAAA"},
        {"card_number": []},
        {"card_number": 7},
        {"card_number": "\ud800"},
        {"card_number": "", "card_pwd": ""},
        {"card_type": "9"},
        {"card_deadline": "soon"},
        {"card_deadline": "2027-13-01"},
        {"card_deadline": "2027-02-30"},
        {"card_deadline": []},
    ],
)
def test_a_card_that_is_not_understood_whole_is_none(changes: dict[str, object]) -> None:
    whole = {"card_number": CODE, "card_pwd": PASSWORD, "card_type": "", "card_deadline": ""}
    assert cards.read([whole], 1, SECRET) == (Card(code="code-no:ABCD-1234", password="pw:9Z 8"),)
    assert cards.read([{**whole, **changes}], 1, SECRET) is None


def test_a_card_that_is_padded_with_zeros_opens_where_that_is_said() -> None:
    sealed = {"card_number": UNPADDED}
    assert cards.read([sealed], 1, SECRET) is None
    (card,) = cards.read([sealed], 1, SECRET, "zeros") or ()
    assert len(card.code) == 16
    assert cards.read([{"card_number": CODE}], 1, SECRET, "zeros") is None  # its own padding is no letter


@pytest.mark.parametrize(("numbers", "quantity"), [([CODE], 2), ([CODE, CHINESE], 1), ([CODE, CODE], 2), ([], 1)])
def test_cards_are_as_many_as_were_bought_and_each_another(numbers: list[str], quantity: int) -> None:
    assert cards.read([{"card_number": number} for number in numbers], quantity, SECRET) is None


def test_a_callback_comes_down_to_our_reference() -> None:
    assert reference(called_back(CALLBACK)) == OURS
    assert reference(called_back(dict(reversed(CALLBACK.items())))) == OURS


@pytest.mark.parametrize("name", sorted(CALLBACK))
def test_a_callback_with_anything_changed_is_forged(name: str) -> None:
    without = {each: value for each, value in CALLBACK.items() if each != name}
    for forged in (called_back(without), called_back({**CALLBACK, name: "x"}), called_back({**CALLBACK, name: ["x"]})):
        with pytest.raises(SignatureInvalid):
            reference(forged)


@pytest.mark.parametrize(
    "callback",
    [
        Callback("POST", "", b"", {}),
        Callback("POST", "", b"[]", {}),
        Callback("POST", "", b'{"sign": "\\ud800"}', {}),
        Callback("POST", "", b'{"a": 1, "a": 1}', {}),
        Callback("POST", "", b"[" * 20_000, {}),
        Callback("POST", "", b" " * 40_000 + called_back(CALLBACK).raw_body, {}),
        replace(called_back(CALLBACK), method="GET"),
        called_back({"customer_order_no": OURS, "sign": "d41d8cd98f00b204e9800998ecf8427e"}),
        called_back({"order_id": "1", "customer_order_no": "", "sign": "ec10cfecb23e69f2445b74042ddd52e2"}),
        called_back({"order_id": "1", "sign": "f5044c378d31edcb3efa8a544c775618"}),
    ],
)
def test_a_callback_that_is_none_is_refused(callback: Callback) -> None:
    with pytest.raises(SignatureInvalid):
        reference(callback)
