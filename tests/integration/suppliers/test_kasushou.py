"""卡速售 over real HTTP: what it is sent, and what its answers, and those that are none, come to."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Offer
from tests.kasushou_house import KEY, NOW_MS, PHONE, REFERENCE, THEIRS, USER_ID, account, answer, order, placed, wanted
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving

BUY, INFO, GOODS, BALANCE = "/api/v1/order/buy", "/api/v1/order/info", "/api/v1/goods/list", "/api/v1/user/info"
TAKEN = answer({"ordersn": THEIRS, "external_orderno": REFERENCE, "total_price": 9.5}, msg="下单成功")
PATIENCE_S = 10
Said = bytes | Callable[[Sent, BaseHTTPRequestHandler], Answer | None]


class House:
    """Answers by path; what a test does not say is an error of theirs."""

    def __init__(self, server: ProviderServer) -> None:
        self.server = server
        self.url = server.url
        self.says: dict[str, Said] = {}
        server.answer = self._answer

    def _answer(self, sent: Sent, connection: BaseHTTPRequestHandler) -> Answer | None:
        said = self.says.get(sent.path, b'{"code": 500, "msg": "?"}')
        return Answer(200, said) if isinstance(said, bytes) else said(sent, connection)

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(sent.body) for sent in self.server.requests if sent.path == path]


@pytest.fixture
def house() -> Iterator[House]:
    with serving() as server:
        yield House(server)


def place(house: House, **changed: Any) -> Outcome:
    settings = changed.pop("settings", {})
    return account(house.url, **settings).place(wanted(**changed))


def test_an_order_is_sent_with_its_reference_its_limit_and_the_account_signed_to_the_byte(house: House) -> None:
    house.says[BUY] = TAKEN
    assert place(house) == Processing(said="accepted", their_reference=THEIRS)
    (sent,) = house.server.requests
    body = (
        f'{{"attach":{{"recharge_account":"{PHONE}"}},"external_orderno":"{REFERENCE}","id":2909,"quantity":1,'
        '"safe_price":"9.90","url":"https://api.example/hook/main"}'
    )
    assert (sent.method, sent.path, sent.body.decode()) == ("POST", BUY, body)
    assert sent.headers["sign"] == hashlib.sha1(f"{NOW_MS}{body}{KEY}".encode()).hexdigest()
    assert (sent.headers["timestamp"], sent.headers["userid"]) == (str(NOW_MS), USER_ID)
    assert sent.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [None, 3, "3", 5])
def test_accepted_is_not_done_whatever_else_is_said(house: House, status: object) -> None:
    data = {"ordersn": THEIRS, "external_orderno": REFERENCE, "status": status, "has_back_money": 9.5}
    house.says[BUY] = answer({**data, "total_price": 9.5})
    assert place(house) == Processing(said="accepted", their_reference=THEIRS)


@pytest.mark.parametrize(
    "data",
    [
        {"ordersn": THEIRS, "external_orderno": REFERENCE[:-1] + "2"},
        {"ordersn": "", "external_orderno": REFERENCE},
        {"external_orderno": REFERENCE},
        {},
        [],
        None,
        [{"ordersn": THEIRS}],
        "ok",
    ],
)
def test_accepted_without_an_order_of_ours_is_unknown(house: House, data: object) -> None:
    house.says[BUY] = answer(data)
    assert isinstance(place(house), Unknown)


def reset(_: Sent, connection: BaseHTTPRequestHandler) -> None:
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.connection.close()


def page(status: int, body: bytes, **headers: str) -> Said:
    return lambda _, __: Answer(status, body, headers)


TROUBLES: dict[str, Said] = {
    "no_answer": reset,
    "html": page(200, b"<html>nginx</html>"),
    "http_500": page(500, TAKEN),
    "http_302": page(302, TAKEN, location="/login"),
    "http_403": page(403, answer(None, 400, "余额不足")),
    "not_json": TAKEN[:-2],
}


@pytest.mark.parametrize("said", TROUBLES)
def test_an_order_whose_answer_is_none_is_unknown_and_not_sent_again(house: House, said: str) -> None:
    house.says[BUY] = TROUBLES[said]
    assert place(house) == Unknown(said=said)
    assert len(house.server.requests) == 1


@pytest.mark.parametrize("said", TROUBLES)
def test_a_question_whose_answer_is_none_says_nothing(house: House, said: str) -> None:
    house.says[INFO] = TROUBLES[said]
    assert account(house.url).query(placed()) == Unknown(said=said)


def test_a_house_that_hangs_leaves_it_unknown(house: House) -> None:
    release = threading.Event()

    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(PATIENCE_S)

    house.says = {BUY: hang, INFO: hang}
    hurried = account(house.url, read_timeout_s=1)
    assert hurried.place(wanted()) == Unknown(said="too_slow")
    assert hurried.query(placed()) == Unknown(said="too_slow")
    release.set()
    assert [sent.path for sent in house.server.requests] == [BUY, INFO]


def test_a_house_that_cannot_be_reached_has_surely_not_got_the_order() -> None:
    nobody = account(address_of_nobody())
    assert nobody.place(wanted()) == DefiniteFailure(said="not_sent", refusal=Refusal.NOT_SENT)
    assert nobody.buy_keys(wanted(account={})) == DefiniteFailure(said="not_sent", refusal=Refusal.NOT_SENT)
    assert nobody.query(placed()) == Unknown(said="not_connected")


ABSENT = [answer([]), answer(None, 400, "订单不存在")]
REFUSED = {
    "账户余额不足，请充值": Refusal.BALANCE_SHORT,
    "库存不足": Refusal.SOLD_OUT,
    "商品已下架": Refusal.SOLD_OUT,
    "售价高于安全价格": Refusal.PRICE_CHANGED,
    "充值账号格式不正确": Refusal.BAD_ACCOUNT,
}


@pytest.mark.parametrize("msg", REFUSED)
@pytest.mark.parametrize("absent", ABSENT, ids=["empty", "said"])
def test_a_refusal_counts_when_they_have_no_order_of_ours(house: House, msg: str, absent: bytes) -> None:
    house.says = {BUY: answer(None, 400, msg), INFO: absent}
    assert place(house) == DefiniteFailure(said=f"400 {msg}", refusal=REFUSED[msg])
    assert house.asked(INFO) == [{"day": 0, "external_orderno": REFERENCE}]
    assert len(house.asked(BUY)) == 1


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        (answer([order(2)]), Processing(said="2", their_reference=THEIRS)),
        (answer([order(3)]), Success(said="3", their_reference=THEIRS, cost=Money(950, "CNY"))),
        (answer([order(4)]), Unknown(said="4_partly_returned", their_reference=THEIRS)),
        (answer([order(2, external_orderno="of another")]), Unknown(said="another_order")),
        (answer(None), Unknown(said="400_unconfirmed")),
        (answer(None, 500, "未知错误"), Unknown(said="400_unconfirmed")),
        (b"<html>", Unknown(said="400_unconfirmed")),
    ],
)
def test_a_refusal_of_what_they_do_have_is_none(house: House, known: bytes, outcome: Outcome) -> None:
    house.says = {BUY: answer(None, 400, "余额不足"), INFO: known}
    assert place(house) == outcome


@pytest.mark.parametrize(
    "said",
    [
        answer(None, 400, "外部订单号已存在，余额不足"),
        answer(None, 400, "签名错误"),
        answer(None, 400, ""),
        answer(None, 500, "余额不足"),
        answer(None, 401, "余额不足"),
        answer({"ordersn": THEIRS}, 400, "余额不足"),
        answer(None, None, "余额不足"),
        answer(None, [400], "余额不足"),
        b'{"msg": "\xe4\xbd\x99\xe9\xa2\x9d\xe4\xb8\x8d\xe8\xb6\xb3"}',
        b"{}",
    ],
)
def test_a_refusal_that_nobody_reviewed_is_unknown(house: House, said: bytes) -> None:
    house.says = {BUY: said, INFO: answer([])}
    assert isinstance(place(house), Unknown)


def test_a_house_may_refuse_with_its_code_as_the_status(house: House) -> None:
    refused, none_there = answer(None, 400, "余额不足"), answer(None, 400, "订单不存在")
    house.says = {BUY: page(400, refused), INFO: page(400, none_there)}
    mirrored = {"code_in_http": True}
    refusal = DefiniteFailure(said="400 余额不足", refusal=Refusal.BALANCE_SHORT)
    assert place(house, settings=mirrored) == refusal
    assert place(house) == Unknown(said="http_400")
    house.says = {BUY: page(400, refused), INFO: page(500, none_there)}
    assert place(house, settings=mirrored) == Unknown(said="400_unconfirmed")


def test_a_house_may_refuse_by_codes_of_its_own(house: House) -> None:
    house.says = {BUY: answer(None, 1005, "缺货"), INFO: answer([])}
    settings = {"refusals": {"1005": {"": "sold_out"}}}
    assert place(house, settings=settings) == DefiniteFailure(said="1005 缺货", refusal=Refusal.SOLD_OUT)


def test_no_account_of_a_buyer_is_in_what_is_kept_printed_or_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    buyer = {"account": "alice", "region": "u-7788991"}
    settings = {"account_fields": {"region": "lblName1"}}
    house.says = {BUY: answer(None, 400, f"充值账号错误：alice/u-7788991 {PHONE} bob@mail.example"), INFO: answer([])}
    with caplog.at_level(logging.DEBUG):
        outcome = place(house, account=buyer, settings=settings)
    assert outcome == DefiniteFailure(said="400 充值账号错误：*/* * *", refusal=Refusal.BAD_ACCOUNT)
    house.says[BUY] = answer(None, 400, f"{PHONE}已存在")
    assert place(house) == Unknown(said="400 *已存在")
    house.says[BUY] = answer(None, PHONE, "余额不足")
    assert place(house) == Unknown(said="not_understood 余额不足")
    house.says[INFO] = answer(None, PHONE)
    assert account(house.url).query(placed()) == Unknown(said="code_not_understood")
    assert not [secret for secret in ("alice", "7788991", PHONE, KEY) if secret in caplog.text]


def test_the_account_goes_by_the_names_of_the_items_template(house: House) -> None:
    house.says[BUY] = TAKEN
    settings = {
        "account_fields": {"server": "lblName1"},
        "account_fields_of": {"7": {"phone": "mobile", "server": "zone"}},
    }
    place(house, account={"phone": PHONE, "server": "一区"}, settings=settings)
    place(house, account={"phone": PHONE, "server": "一区"}, item="7", settings=settings)
    place(house, item="SK224175012616077313")
    first, second, third = house.asked(BUY)
    assert first["attach"] == {"recharge_account": PHONE, "lblName1": "一区"}
    assert second["attach"] == {"mobile": PHONE, "zone": "一区"}
    assert (first["id"], second["id"], third["id"]) == (2909, 7, "SK224175012616077313")


@pytest.mark.parametrize(
    "buyer",
    [
        {},
        {"phone": ""},
        {"phone": " "},
        {"phone": PHONE, "server": "1"},
        {"phone": PHONE, "account": "77889"},
        {"phone": "x" * 257},
        {"phone": f"{PHONE}\n"},
        {"phone": "\ud800"},
    ],
)
def test_an_account_that_has_no_place_in_the_template_is_not_sent(house: House, buyer: dict[str, str]) -> None:
    assert place(house, account=buyer) == DefiniteFailure(said="account_fields", refusal=Refusal.BAD_ACCOUNT)
    assert house.server.requests == []


@pytest.mark.parametrize(
    ("limit_of", "quantity", "fen", "safe_price"),
    [("piece", 1, 990, "9.90"), ("piece", 3, 1000, "3.33"), ("order", 3, 1000, "10.00"), ("piece", 3, 3, "0.01")],
)
def test_the_limit_is_never_more_than_was_wanted(
    house: House, limit_of: str, quantity: int, fen: int, safe_price: str
) -> None:
    house.says[BUY] = TAKEN
    place(house, limit=Money(fen, "CNY"), quantity=quantity, settings={"limit_of": limit_of})
    (body,) = house.asked(BUY)
    assert (body["safe_price"], body["quantity"]) == (safe_price, quantity)


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": Money(0, "CNY")},
        {"limit": Money(2, "CNY"), "quantity": 3},
        {"limit": Money(990, "USD")},
        {"quantity": 0},
        {"quantity": -1},
        {"item": ""},
        {"item": "2909\n"},
    ],
)
def test_an_order_that_has_no_limit_or_names_nothing_is_not_sent(house: House, changed: dict[str, Any]) -> None:
    refused = place(house, **changed)
    assert isinstance(refused, DefiniteFailure)
    assert refused.refusal is (Refusal.PRICE_CHANGED if "limit" in changed else Refusal.NOT_ORDERABLE)
    assert house.server.requests == []


def test_keys_are_bought_without_an_account_and_fetched_with_a_question(house: House) -> None:
    cards = [{"card_no": "A-1", "card_password": "p1"}, {"card_no": "A-2", "card_password": "p2"}]
    house.says = {BUY: TAKEN, INFO: answer([order(3, card_list=cards)])}
    main = account(house.url)
    assert main.buy_keys(wanted(quantity=2, account={})) == Processing(said="accepted", their_reference=THEIRS)
    assert "attach" not in house.asked(BUY)[0]
    outcome = main.query(placed(quantity=2, of_keys=True))
    assert isinstance(outcome, Success)
    assert outcome.cards == (Card(code="A-1", password="p1"), Card(code="A-2", password="p2"))


def test_an_answer_about_another_reference_is_none(house: House) -> None:
    house.says[INFO] = answer([order(3, external_orderno="7" * 26 + "0102")])
    assert account(house.url).query(placed()) == Unknown(said="another_order")


@pytest.mark.parametrize("absent", ABSENT, ids=["empty", "said"])
def test_an_order_that_they_do_not_know_is_unknown_and_no_failure(house: House, absent: bytes) -> None:
    house.says[INFO] = absent
    assert account(house.url).query(placed()) == Unknown(said="no_such_order")


@pytest.mark.parametrize(
    "said", [answer(None, 400, "签名错误"), answer({"0": order(3)}), answer([[order(3)]]), answer("x")]
)
def test_a_question_that_is_answered_with_something_else_is_unknown(house: House, said: bytes) -> None:
    house.says[INFO] = said
    assert isinstance(account(house.url).query(placed()), Unknown)


def test_a_question_that_was_answered_in_html_is_asked_once_more(house: House) -> None:
    turns = iter([Answer(502, b"<html>"), Answer(200, answer([order(3)]))])
    house.says[INFO] = lambda _, __: next(turns)
    assert isinstance(account(house.url).query(placed()), Success)


@pytest.mark.parametrize(
    ("said", "fen"), [("8888.88", 888888), (8888.8, 888880), ("0.0199", 1), ("0", 0), ("-1.00", 0)]
)
def test_the_balance_is_what_we_have_in_whole_fen(house: House, said: object, fen: int) -> None:
    house.says[BALANCE] = answer({"balance": said})
    assert account(house.url).balance() == Money(fen, "CNY")
    assert house.asked(BALANCE) == [{}]


@pytest.mark.parametrize(
    "said",
    [
        answer({"balance": ""}),
        answer({"balance": "-"}),
        answer({"balance": "--1"}),
        answer({"balance": "9" * 13}),
        answer({"balance": ["1"]}),
        answer([]),
        answer({"balance": "1"}, 400),
        b"<html>",
    ],
)
def test_a_balance_that_cannot_be_read_is_none(house: House, said: bytes) -> None:
    house.says[BALANCE] = said
    with pytest.raises(SupplierUnavailable):
        account(house.url).balance()


def item(number: int, **changed: object) -> dict[str, object]:
    plain = {"id": number, "goods_name": "月卡", "goods_price": "2.8000", "status": 1, "stock_num": 8, "goods_type": 1}
    return {**plain, **changed}


def pages(house: House, *listed: list[dict[str, object]], total: object) -> None:
    def serve(sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
        number = json.loads(sent.body)["page"]
        return Answer(200, answer({"list": listed[min(number, len(listed)) - 1], "total": total}))

    house.says[GOODS] = serve


def test_the_catalogue_is_read_to_its_end_page_by_page(house: House) -> None:
    pages(house, [item(1), item(2, status=2, stock_num="x")], [item(2), item(3, goods_price="0.0101")], total=3)
    first, second, third = account(house.url).catalog()
    assert first == Offer(item="1", name="月卡", price=Money(280, "CNY"), on_sale=True, stock=8)
    assert (second.item, second.on_sale, second.stock) == ("2", False, None)
    assert (third.item, third.price) == ("3", Money(2, "CNY"))
    assert [body["page"] for body in house.asked(GOODS)] == [1, 2]


def test_an_item_that_cannot_be_read_is_left_out(house: House) -> None:
    strange = [item(2, goods_price="-1"), item(3, goods_price=""), item(4, goods_price=[]), item(5, id="x" * 80)]
    nameless = [item(6, id=None), item(7, id=[7], goods_name="年卡")]
    unset = [item(8, goods_price="0.0000"), item(9, goods_price=0), item(10, goods_price="1,234.50")]
    pages(house, [item(1), *strange, *nameless, *unset], total="10")
    assert [offer.item for offer in account(house.url).catalog()] == ["1"]


@pytest.mark.parametrize("total", [3, "", "-1", None, "9" * 30])
def test_a_catalogue_that_ends_too_early_or_never_is_none(house: House, total: object) -> None:
    pages(house, [item(1), item(2)], total=total)
    with pytest.raises(SupplierUnavailable):
        list(account(house.url).catalog())
    assert len(house.server.requests) <= 2


def test_a_house_with_an_empty_shop_sells_nothing(house: House) -> None:
    pages(house, [], total=0)
    assert list(account(house.url).catalog()) == []
