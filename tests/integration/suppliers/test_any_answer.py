"""Whatever a supplier says: it is one of four outcomes or the port's own error, and no account is in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import MAX_SAID_LENGTH, DefiniteFailure, Success
from keyrail.suppliers.providers import Offer, Placed, Supplier, Wanted
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.fulu import Fulu
from keyrail.suppliers.providers.kasushou import Kasushou
from keyrail.suppliers.providers.sandbox import Sandbox
from tests import kasushou_house
from tests.provider_server import ProviderServer, serving
from tests.supplier_houses import ITEM, KEY, OURS, PHONE, SECRET, THEIRS, DayuanrenHouse, FuluHouse, said

WANTED = Wanted(
    reference=OURS,
    item=ITEM,
    quantity=1,
    limit=Money(990, "CNY"),
    callback_url="https://shop.example/webhooks/suppliers/main",
    account={"phone": PHONE},
)
PLACED = Placed(reference=OURS, their_reference=None, quantity=1)
OF_KEYS = Placed(reference=OURS, their_reference=None, quantity=1, of_keys=True)
CARD = {"card_no": "A-1", "card_password": "p1", "end_time": "2027-01-31"}
SEALED = {"card_number": "I3xqoI0psEA/JF1AaXoIvti+cf/tplesIheUQtAen+s=", "card_deadline": "2027-01-31"}
SANDBOX = {"reference": OURS, "number": THEIRS, "supplied": 1, "currency": "CNY", "taken": "9.50", "returned": "9.50"}
GOODS = {"id": 1, "goods_name": "月卡", "goods_price": "2.8", "status": 1, "stock_num": 8}


@dataclass(frozen=True)
class Talk:
    """With one supplier: what it says where all is well, and how that is written."""

    supplier: Callable[[str], Supplier]
    samples: list[Any]
    written: Callable[[Any], bytes] = lambda document: json.dumps(document).encode()


def of_kasushou(*data: Any) -> list[Any]:
    return [{"code": 200, "msg": "成功", "data": each} for each in data]


FULU, DAYUANREN = FuluHouse(ProviderServer()), DayuanrenHouse(ProviderServer())
ORDERS = [kasushou_house.order(status, external_orderno=OURS, card_list=[CARD]) for status in (2, 3, 4)]
TALKS = {
    "kasushou": Talk(
        lambda url: Kasushou(base_url=url, user_id="u", key=KEY),
        [
            *of_kasushou(*([each] for each in ORDERS), {"ordersn": THEIRS, "external_orderno": OURS}),
            *of_kasushou({"list": [GOODS], "total": 1}, {"balance": "1.5"}),
            {"code": 400, "msg": "余额不足", "data": None},
        ],
    ),
    "fulu": Talk(
        lambda url: Fulu(app_key="app", app_secret=SECRET, url=url),
        [
            *(FULU.order(state) for state in ("success", "failed", "untreated")),
            FULU.order("success", order_type=3, cards=[SEALED]),
            FULU.goods(),
            [FULU.goods()],
            {"balance": "1.5"},
        ],
        lambda result: said(result, in_ascii=True),
    ),
    "dayuanren": Talk(
        lambda url: Dayuanren(base_url=url, userid="10001", apikey=KEY, limit="looked_up"),
        [
            *({"errno": 0, "errmsg": "ok", "data": [DAYUANREN.order(state)]} for state in "012"),
            {"errno": 0, "errmsg": "ok", "data": {"order_number": THEIRS, "out_trade_num": OURS}},
            {"errno": 0, "errmsg": "ok", "data": {"id": 10001, "balance": "1.5"}},
            {"errno": 0, "errmsg": "", "data": [{"id": 1, "products": [{"id": int(ITEM), "name": "x", "price": 9.5}]}]},
            {"errno": 1, "errmsg": "成本限制", "data": None},
        ],
    ),
    "sandbox": Talk(
        lambda url: Sandbox(merchant="shop_1", base_url=url, secrets=["s" * 32], stage="local"),
        [
            *({**SANDBOX, "status": status} for status in ("done", "processing", "failed")),
            {**SANDBOX, "status": "done", "cards": [{"code": "A-1", "password": "p1"}]},
            {**SANDBOX, "status": "refused", "reason": "sold_out"},
            {
                "items": [{"item": "a", "name": "x", "price": "1.00", "currency": "CNY", "on_sale": True, "stock": 5}],
                "next": None,
            },
            {"balance": "1.00", "currency": "CNY"},
        ],
    ),
}
NONSENSE: list[Any] = [
    *(None, True, 0, 1, -1, 3, "3", 10**30, "9" * 5000, "-0", 1.5, "1e3", [], {}, [[]], [{}], [None], {"a": {}}),
    *("", " ", "\ud800", "\u0000", PHONE, f"{PHONE} ", "😀", "１", "0000-00-00", "2027-02-30", "x" * 5000, "<html>"),
]
SPOILERS: list[Callable[[bytes], bytes]] = [
    lambda raw: raw,
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw[:-1],
    lambda raw: raw + b"}",
    lambda raw: raw.replace(b"1", b"NaN", 1),
    lambda raw: raw[:-1] + b', "code": 200, "errno": 0, "status": "done"}',
    lambda raw: raw.decode().encode("gbk", "replace"),
    lambda raw: b"<html>" + raw,
    lambda raw: b"[" * 5000 + raw,
    lambda _: b"",
]


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else [])
    )
    for name, each in inner:
        yield from places(each, (*path, name))


def spoilt(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    holder = changed = copy.deepcopy(document)
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return changed


@st.composite
def answers(draw: st.DrawFn, talk: Talk) -> bytes:
    """One that is right but for at most two of its members, and but for what became of it on the way."""
    document = draw(st.sampled_from(talk.samples))
    for _ in range(draw(st.integers(0, 2))):
        document = spoilt(document, draw(st.sampled_from(list(places(document)))), draw(st.sampled_from(NONSENSE)))
    return draw(st.sampled_from(SPOILERS[:1] * 6 + SPOILERS))(talk.written(document))


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    with serving() as provider:
        yield provider


@pytest.mark.parametrize("name", TALKS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_answer_is_an_outcome_or_the_ports_own_error(
    server: ProviderServer, name: str, data: st.DataObject
) -> None:
    talk = TALKS[name]
    server.always(200, data.draw(answers(talk)))
    supplier = talk.supplier(server.url)
    for outcome in (
        supplier.place(WANTED),
        supplier.buy_keys(WANTED),
        supplier.query(PLACED),
        supplier.query(OF_KEYS),
    ):
        assert outcome.said.isprintable()
        assert 0 < len(outcome.said) <= MAX_SAID_LENGTH
        assert not [secret for secret in (PHONE, KEY, SECRET, "A-1", "p1") if secret in repr(outcome)]
        if isinstance(outcome, Success | DefiniteFailure) and outcome.their_reference is not None:
            assert len(outcome.their_reference) <= MAX_SAID_LENGTH
    try:
        assert isinstance(supplier.balance(), Money)
    except SupplierUnavailable:
        """It did not say."""
    try:
        assert all(isinstance(offer, Offer) for offer in supplier.catalog())
    except SupplierUnavailable:
        """It did not say."""


def test_a_stock_that_no_number_could_be_is_not_told(server: ProviderServer) -> None:
    item = {"item": "a", "name": "x", "price": "1.00", "currency": "CNY", "on_sale": True, "stock": "9" * 5000}
    server.always(200, json.dumps({"items": [item], "next": None}).encode())
    (offer,) = TALKS["sandbox"].supplier(server.url).catalog()
    assert offer.stock is None
