"""福禄: a price is looked up before an order, because an order takes no limit; and cards are opened, or unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from tests.provider_server import serving
from tests.supplier_houses import OURS, PHONE, SECRET, THEIRS, FuluHouse, refusal, said

SEALED = {"card_number": "I3xqoI0psEA/JF1AaXoIvti+cf/tplesIheUQtAen+s=", "card_pwd": "tZUT7yul0/Nr3qZ+YBNkLA=="}
ANOTHER_SEALED = {"card_number": "J+boTKglSJfRBb3pDY8pRg==", "card_pwd": None}
GOODS = "fulu.goods.info.get"
DONE = {"buy_num": 2, "order_type": 3, "order_price": "4.7501"}


@pytest.fixture
def house() -> Iterator[FuluHouse]:
    with serving() as server:
        yield FuluHouse(server)


def place(house: FuluHouse, **changes: object) -> Outcome:
    return house.supplier().place(house.wanted(**changes))


def test_an_order_says_what_is_wanted_and_for_whom(house: FuluHouse) -> None:
    place(house, account={"phone": PHONE, "region": "电信一区"}, quantity=1)
    sent = json.loads(house.server.requests[-1].body)
    assert json.loads(sent["biz_content"]) == {
        "product_id": 1001,
        "customer_order_no": OURS,
        "buy_num": 1,
        "charge_account": PHONE,
        "charge_game_region": "电信一区",
    }


@pytest.mark.parametrize("price", ["9.9001", "4950000", "", None, [], "-1", "1e1", "9" * 40])
def test_what_costs_more_than_it_may_is_not_ordered(house: FuluHouse, price: object) -> None:
    house.says[GOODS] = said(house.goods(purchase_price=price))
    assert place(house) == DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
    assert house.asked == [GOODS]


def test_the_price_of_all_pieces_is_held_against_the_limit(house: FuluHouse) -> None:
    house.says[GOODS] = said(house.goods(purchase_price="4.9501"))
    assert place(house, quantity=2) == DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
    house.says[GOODS] = said(house.goods(purchase_price="4.9500"))
    assert isinstance(place(house, quantity=2), Processing)


@pytest.mark.parametrize(
    ("changes", "word", "refusal"),
    [
        ({"sales_status": "维护中"}, "off_sale", Refusal.SOLD_OUT),
        ({"stock_status": "断货"}, "off_sale", Refusal.SOLD_OUT),
        ({"stock_status": None}, "off_sale", Refusal.SOLD_OUT),
        ({"product_type": "卡密"}, "another_kind", Refusal.NOT_ORDERABLE),
        ({"product_type": "别的"}, "another_kind", Refusal.NOT_ORDERABLE),
        ({"product_id": 1002}, "no_goods", Refusal.SOLD_OUT),
    ],
)
def test_what_is_not_for_sale_is_not_ordered(
    house: FuluHouse, changes: dict[str, object], word: str, refusal: Refusal
) -> None:
    house.says[GOODS] = said(house.goods(**changes))
    assert place(house) == DefiniteFailure(said=word, refusal=refusal)
    assert house.asked == [GOODS]


def test_without_a_price_nothing_is_ordered(house: FuluHouse) -> None:
    house.says[GOODS] = b"<html>"
    assert place(house) == DefiniteFailure(said="goods_html", refusal=Refusal.NOT_SENT)
    house.says[GOODS] = refusal(4012)
    assert place(house) == DefiniteFailure(said="goods_4012", refusal=Refusal.REFUSED)
    told = house.supplier(refusals={"4012": "not_orderable"}).place(house.wanted())
    assert told == DefiniteFailure(said="goods_4012", refusal=Refusal.NOT_ORDERABLE)
    assert house.asked == [GOODS, GOODS, GOODS]


@pytest.mark.parametrize("code", [1004, 1016, 1019])
def test_what_is_refused_at_the_gate_was_not_looked_at(house: FuluHouse, code: int) -> None:
    house.says[house.placing] = refusal(code)
    assert place(house) == DefiniteFailure(said=str(code), refusal=Refusal.REFUSED)
    assert house.asked[-1] == house.placing


@pytest.mark.parametrize("code", [3000, 4011, 4012, 5000, 999])
def test_what_may_have_been_ordered_all_the_same_is_unknown(house: FuluHouse, code: int) -> None:
    house.says[house.placing] = refusal(code)
    assert place(house) == Unknown(said=str(code))


def test_an_answer_that_others_signed_is_nobodys(house: FuluHouse) -> None:
    for what, forged in (
        (house.placing, house.accepts().replace(b'"sign": "', b'"sign": "0')),
        (house.asking, said(house.order("failed")).replace(b"failed", b"success")),
    ):
        house.says[what] = forged
    assert place(house) == Unknown(said="bad_signature")
    assert house.supplier().query(house.placed()) == Unknown(said="bad_signature")
    assert isinstance(house.supplier(signed_answers=False).query(house.placed()), Success)


def test_what_was_paid_is_kept(house: FuluHouse) -> None:
    house.has_one("success", buy_num=2, order_price="4.7501")
    done = house.supplier().query(house.placed(quantity=2))
    assert done == Success(said="success", their_reference=THEIRS, cost=Money(951, "CNY"))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"buy_num": 1}, "another_quantity"),
        ({"order_type": 3}, "another_kind"),
        ({"order_type": 9}, "another_kind"),
        ({"order_price": None}, "no_price"),
        ({"order_price": "-4.75"}, "no_price"),
        ({"cards": [{"card_number": "AAAA"}]}, "cards"),
        ({"cards": "none"}, "cards"),
    ],
)
def test_a_success_of_something_else_is_unknown(house: FuluHouse, changes: dict[str, object], word: str) -> None:
    house.has_one("success", **{"buy_num": 2, **changes})
    assert house.supplier().query(house.placed(quantity=2)) == Unknown(said=word, their_reference=THEIRS)


def test_bought_cards_come_with_the_question(house: FuluHouse) -> None:
    house.says[GOODS] = said(house.goods(product_type="卡密", purchase_price="4.95"))
    bought = house.supplier().buy_keys(house.wanted(account={}, quantity=2))
    assert bought == Processing(said="accepted", their_reference=THEIRS)
    assert house.asked == [GOODS, "fulu.order.card.add"]
    house.has_one("success", **DONE, cards=[SEALED, ANOTHER_SEALED])
    done = house.supplier().query(house.placed(quantity=2, of_keys=True))
    assert isinstance(done, Success)
    assert done.cards == (Card(code="code-no:ABCD-1234", password="pw:9Z 8"), Card(code="卡号一"))
    assert done.cost == Money(951, "CNY")
    assert "ABCD" not in repr(done)


@pytest.mark.parametrize(
    "listed",
    [[], None, [SEALED], [SEALED, SEALED], [SEALED, ANOTHER_SEALED, SEALED], [SEALED, {}], [SEALED, "x"], "x", {}],
)
def test_cards_fewer_or_more_or_not_to_be_opened_are_unknown(house: FuluHouse, listed: object) -> None:
    house.has_one("success", **DONE, cards=listed)
    unknown = house.supplier().query(house.placed(quantity=2, of_keys=True))
    assert unknown == Unknown(said="cards", their_reference=THEIRS)


def test_another_secret_opens_no_card(house: FuluHouse) -> None:
    house.has_one("success", **DONE, cards=[SEALED, ANOTHER_SEALED])
    stranger = house.supplier(app_secret=SECRET[::-1], signed_answers=False)
    assert stranger.query(house.placed(quantity=2, of_keys=True)) == Unknown(said="cards", their_reference=THEIRS)


def test_a_catalogue_that_is_no_list_is_not_an_empty_one(house: FuluHouse) -> None:
    house.says["fulu.goods.list.get"] = said({"list": []})
    with pytest.raises(SupplierUnavailable):
        list(house.supplier().catalog())
