"""大猿人: the house holds an order to a limit, or it is looked up; and two words that disagree are unknown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from tests.provider_server import serving
from tests.supplier_houses import OURS, PHONE, THEIRS, DayuanrenHouse, answered


@pytest.fixture
def house() -> Iterator[DayuanrenHouse]:
    with serving() as server:
        yield DayuanrenHouse(server)


def place(house: DayuanrenHouse, **settings: str) -> Outcome:
    return house.supplier(**settings).place(house.wanted())


def query(house: DayuanrenHouse) -> Outcome:
    return house.supplier().query(house.placed())


def test_an_order_says_what_is_wanted_for_whom_and_what_it_may_cost(house: DayuanrenHouse) -> None:
    place(house)
    sent = house.asked_for(house.server.requests[-1])
    assert {name: sent[name] for name in sorted(sent) if name != "sign"} == {
        "mobile": PHONE,
        "notify_url": "https://shop.example/webhooks/suppliers/main",
        "out_trade_num": OURS,
        "price": "9.90",
        "product_id": "1001",
        "userid": "10001",
    }


def test_a_limit_of_nothing_is_not_told_for_they_take_it_for_none(house: DayuanrenHouse) -> None:
    refused = house.supplier().place(house.wanted(limit=Money(0, "CNY")))
    assert refused == DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
    assert not house.asked


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        (("9.90",), Processing(said="accepted", their_reference=THEIRS)),
        (("9.901",), DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)),
        (([],), DefiniteFailure(said="off_sale", refusal=Refusal.SOLD_OUT)),
        ((), DefiniteFailure(said="off_sale", refusal=Refusal.SOLD_OUT)),
    ],
)
def test_a_house_that_knows_no_limit_is_asked_for_the_price(
    house: DayuanrenHouse, catalog: tuple[object, ...], expected: Outcome
) -> None:
    house.says["index/product"] = house.catalog(*catalog)
    assert place(house, limit="looked_up") == expected
    assert (house.placing in house.asked) is isinstance(expected, Processing)


def test_of_two_prices_the_higher_counts(house: DayuanrenHouse) -> None:
    twice = [{"id": 1001, "name": "话费", "price": price} for price in ("9.91", "0.01")]
    house.says["index/product"] = answered(data=[{"products": twice}, {"products": "none"}])
    assert place(house, limit="looked_up") == DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)


def test_without_a_price_list_nothing_is_ordered(house: DayuanrenHouse) -> None:
    house.says["index/product"] = b"<html>"
    assert place(house, limit="looked_up") == DefiniteFailure(said="no_price", refusal=Refusal.NOT_SENT)
    assert house.asked == ["index/product"]


@pytest.mark.parametrize("errmsg", ["签名错误", "请将ip加入接口白名单", "未开通的商户ID,请联系客服开通"])
def test_what_is_refused_at_the_gate_was_not_looked_at(house: DayuanrenHouse, errmsg: str) -> None:
    house.says[house.placing] = answered(errno=1, errmsg=errmsg)
    refused = place(house)
    assert (type(refused), house.asked) == (DefiniteFailure, [house.placing])


@pytest.mark.parametrize(
    ("errno", "errmsg", "refusal"),
    [
        (1, "成本限制，提单不通过！", Refusal.PRICE_CHANGED),
        (1, "该号码无法充值", Refusal.BAD_ACCOUNT),
        ("1", f"该账号检测状态不正常，请核实后再提交订单   {PHONE}", Refusal.BAD_ACCOUNT),
        (1, "未找到相关产品(产品ID不正确或已下架)", Refusal.SOLD_OUT),
        (-1, "账户余额不足！请加款", Refusal.BALANCE_SHORT),
    ],
)
def test_a_refusal_is_told_by_its_text(house: DayuanrenHouse, errno: object, errmsg: str, refusal: Refusal) -> None:
    house.says[house.placing] = answered(errno=errno, errmsg=errmsg)
    refused = place(house)
    assert isinstance(refused, DefiniteFailure)
    assert (refused.refusal, PHONE in refused.said) == (refusal, False)


@pytest.mark.parametrize(
    ("errno", "errmsg"),
    [
        (1, "当前号码已经存在订单"),
        (208, "已经存在相同商户订单号的订单"),
        (1, "下单失败，请重试！"),
        (1, "系统异常：成本限制"),
        (500, ""),
        (1, None),
    ],
)
def test_what_may_have_been_ordered_all_the_same_is_unknown(house: DayuanrenHouse, errno: int, errmsg: object) -> None:
    house.says[house.placing] = answered(errno=errno, errmsg=errmsg)  # type: ignore[arg-type]
    assert place(house) == Unknown(said=str(errno))


@pytest.mark.parametrize(
    "trouble",
    [b"<html>", answered(errno=1, data=[]), answered(data={}), answered(data=None), answered(data=["x"])],
)
def test_a_refusal_that_is_not_confirmed_is_unknown(house: DayuanrenHouse, trouble: bytes) -> None:
    house.says[house.placing] = house.refuses(listed=True)
    house.says[house.asking] = trouble
    assert place(house) == Unknown(said="unconfirmed")


@pytest.mark.parametrize(("state", "status"), [("1", 4), ("1", "1"), ("1", None), ("2", 5), ("2", 6), ("-1", 7)])
def test_two_words_that_agree_are_believed(house: DayuanrenHouse, state: str, status: object) -> None:
    house.has_one(state, status=status)
    assert isinstance(query(house), Success if state == "1" else DefiniteFailure)


@pytest.mark.parametrize(
    ("state", "status"), [("2", 1), ("2", 4), ("2", 12), ("1", 5), ("1", 12), ("-1", 3), ("2", [])]
)
def test_two_words_that_disagree_are_unknown(house: DayuanrenHouse, state: str, status: object) -> None:
    house.has_one(state, status=status)
    assert query(house) == Unknown(said="contradiction", their_reference=THEIRS)


@pytest.mark.parametrize("credited", ["50.00", 50, "x", [], -1])
def test_a_failure_of_which_a_part_was_credited_is_unknown(house: DayuanrenHouse, credited: object) -> None:
    house.has_one("2", charge_amount=credited)
    assert query(house) == Unknown(said="contradiction", their_reference=THEIRS)


def test_a_part_is_for_a_person(house: DayuanrenHouse) -> None:
    house.has_one("3", charge_amount="50.00")
    assert query(house) == Unknown(said="3", their_reference=THEIRS)


def test_two_orders_of_one_reference_are_unknown(house: DayuanrenHouse) -> None:
    house.says[house.asking] = answered(data=[house.order("2"), house.order("2")])
    assert query(house) == Unknown(said="several_orders")


def test_an_answer_that_refuses_says_nothing_of_the_order_in_it(house: DayuanrenHouse) -> None:
    house.says[house.asking] = answered(errno=1, data=[house.order("2")])
    assert query(house) == Unknown(said="1")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        answered(errno=1, data={"id": 10001, "balance": "9.50"}),
        answered(data={"id": 10002, "balance": "9.50"}),
        answered(data={"balance": "9.50"}),
    ],
)
def test_what_others_have_is_no_balance_of_ours(house: DayuanrenHouse, answer: bytes) -> None:
    house.says["index/user"] = answer
    with pytest.raises(SupplierUnavailable):
        house.supplier().balance()


def test_they_sell_no_keys(house: DayuanrenHouse) -> None:
    assert house.supplier().buy_keys(house.wanted()) == DefiniteFailure(said="no_keys", refusal=Refusal.NOT_ORDERABLE)
    house.has_one("1")
    assert isinstance(house.supplier().query(house.placed(of_keys=True)), Unknown)
    assert house.asked == [house.asking]
