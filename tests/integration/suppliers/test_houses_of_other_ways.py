"""A deployment that differs is a matter of its settings: how it signs, its words, where it is asked.

Each house here checks the signature of whatever it is asked by its own program, and answers nothing where it is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import DefiniteFailure, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Supplier
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.fulu import Fulu
from keyrail.suppliers.providers.kasushou import Kasushou
from tests import kasushou_house, their_signing
from tests.provider_server import Answer, ProviderServer, Sent, serving
from tests.supplier_houses import ITEM, KEY, OURS, PHONE, SECRET, THEIRS, DayuanrenHouse, FuluHouse

NOW_MS = 1_790_000_000_123
Said = dict[str, Any]


@dataclass(frozen=True)
class Ways:
    """Of one deployment: `asked` is what it was asked for, or None where it is signed by nobody; `says` the answers."""

    supplier: Callable[[str], Supplier]
    asked: Callable[[Sent], str | None]
    says: dict[str, Said]
    orders: dict[str, Said]  # the answers about an order, by what it comes to


def in_seconds_and_key_first(sent: Sent) -> str | None:
    """A house of 卡速售."""
    time = sent.headers["timestamp"]
    spaced = json.dumps(json.loads(sent.body), ensure_ascii=False, sort_keys=True)
    sign = their_signing.kasushou(time, spaced, KEY, order="kbt").upper()
    is_theirs = sent.headers["sign"] == sign and time == str(NOW_MS // 1000)
    return sent.path.removeprefix("/shop/api/v3/") if is_theirs else None


def by_what_is_not_empty(sent: Sent) -> str | None:
    """Of 福禄, at an address of its own."""
    said = json.loads(sent.body)
    sign = said.pop("sign")
    text = json.dumps(their_signing.without_empty(said), ensure_ascii=False, separators=(",", ":"))
    return said["method"] if sign == their_signing.fulu(text, SECRET).upper() else None


def in_lower_case(sent: Sent) -> str | None:
    """A house of 大猿人."""
    form = dict(parse_qsl(sent.body.decode(), keep_blank_values=True))
    sign = their_signing.dayuanren(their_signing.without_empty(form), KEY, joint="&key=").lower()
    return sent.path.removeprefix("/charge") if form["sign"] == sign else None


def of_kasushou(data: object) -> Said:
    return {"code": 0, "msg": "ok", "data": data}


def of_fulu(result: object) -> Said:
    text = json.dumps(result, ensure_ascii=False)
    return {"code": 10000, "message": "", "result": text, "sign": their_signing.fulu(text, SECRET).upper()}


def of_dayuanren(data: object) -> Said:
    return {"errno": 200, "errmsg": "", "data": data}


KASUSHOU = {
    name: of_kasushou([kasushou_house.order(status, external_orderno=OURS, **changes)])
    for name, status, changes in (
        ("success", 30, {}),
        ("processing", 10, {}),
        ("failed", 50, {"has_back_money": "9.50"}),
        ("not theirs", 3, {}),
    )
}
FULU, DAYUANREN = FuluHouse(ProviderServer()), DayuanrenHouse(ProviderServer())
WAYS = {
    "kasushou": Ways(
        lambda url: Kasushou(
            base_url=f"{url}/shop",
            user_id="u1",
            key=KEY,
            now_ms=lambda: NOW_MS,
            signing={"parts": ["key", "body", "time"], "upper": True, "spaces": True, "seconds": True, "sorts": "all"},
            accepted=["0"],
            on_sale=["on"],
            statuses={"10": "processing", "30": "done", "50": "returned", "3": None},
            refusals={"9": {"": "sold_out"}},
            absent=["no order"],
            paths={name: f"/api/v3/{name}" for name in ("buy", "info", "goods", "balance")},
        ),
        in_seconds_and_key_first,
        {
            "buy": of_kasushou({"ordersn": THEIRS, "external_orderno": OURS}),
            "balance": of_kasushou({"balance": "12.5"}),
            "goods": of_kasushou(
                {"list": [{"id": 1001, "goods_name": "x", "goods_price": "9.5", "status": "on"}], "total": 1}
            ),
            "refusal": {"code": 9, "msg": "no"},
            "absent": {"code": 1, "msg": "no order"},
        },
        KASUSHOU,
    ),
    "fulu": Ways(
        lambda url: Fulu(
            app_key="app",
            app_secret=SECRET,
            url=f"{url}/open/v3",
            signing={"upper": True, "drops_empty": True},
            accepted=["10000"],
            statuses={"done": "success", "doing": "processing", "back": "failed", "success": None},
            refusals={"9": "sold_out"},
            absent=["1"],
            goods_words={"on_sale": ["on"], "in_stock": ["many"], "recharges": ["direct"]},
        ),
        by_what_is_not_empty,
        {
            "fulu.order.direct.add": of_fulu(FULU.order("doing")),
            "fulu.user.info.get": of_fulu({"balance": "12.5"}),
            "fulu.goods.info.get": of_fulu(FULU.goods(sales_status="on", stock_status="many", product_type="direct")),
            "fulu.goods.list.get": of_fulu([FULU.goods(sales_status="on", stock_status="many")]),
            "refusal": {"code": 9, "message": "no"},
            "absent": {"code": 1, "message": "no order"},
        },
        {
            "success": of_fulu(FULU.order("done")),
            "processing": of_fulu(FULU.order("doing")),
            "failed": of_fulu(FULU.order("back")),
            "not theirs": of_fulu(FULU.order("success")),
        },
    ),
    "dayuanren": Ways(
        lambda url: Dayuanren(
            base_url=url,
            userid="10001",
            apikey=KEY,
            signing={"key_joint": "&key=", "upper": False, "drops_empty": True},
            accepted=["200"],
            statuses={"10": "success", "11": "processing", "12": "failed", "1": None},
            own_statuses={"10": ["40"], "12": ["50"]},
            refusals={"9": "sold_out"},
            paths={name: f"/charge/{name}" for name in ("recharge", "check", "user", "product")},
        ),
        in_lower_case,
        {
            "/recharge": of_dayuanren({"order_number": THEIRS, "out_trade_num": OURS}),
            "/user": of_dayuanren({"id": 10001, "balance": "12.5"}),
            "/product": of_dayuanren([{"products": [{"id": 1001, "name": "x", "price": "9.5"}]}]),
            "refusal": {"errno": 9, "errmsg": "no"},
            "absent": of_dayuanren([]),
        },
        {
            "success": of_dayuanren([DAYUANREN.order("10", status=40)]),
            "processing": of_dayuanren([DAYUANREN.order("11", status=20)]),
            "failed": of_dayuanren([DAYUANREN.order("12", status=50)]),
            "not theirs": of_dayuanren([DAYUANREN.order("10", status=4)]),
        },
    ),
}
PLACING = {"kasushou": "buy", "fulu": "fulu.order.direct.add", "dayuanren": "/recharge"}
ASKING = {"kasushou": "info", "fulu": "fulu.order.info.get", "dayuanren": "/check"}


@dataclass
class Deployment:
    """`says` is what it is asked for, and what it answers."""

    name: str
    supplier: Supplier
    says: dict[str, Said]

    def has(self, order: str) -> None:
        self.says[ASKING[self.name]] = WAYS[self.name].orders[order]


@pytest.fixture(params=WAYS)
def house(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    ways = WAYS[request.param]
    with serving() as server:
        deployment = Deployment(request.param, ways.supplier(server.url), dict(ways.says))

        def answer(sent: Sent, _: BaseHTTPRequestHandler) -> Answer:
            asked = ways.asked(sent)
            return Answer(body=json.dumps(deployment.says[asked]).encode()) if asked in deployment.says else Answer(401)

        server.answer = answer
        yield deployment


def test_an_order_balance_and_goods_are_understood(house: Deployment) -> None:
    wanted = FULU.wanted()
    assert house.supplier.place(wanted) == Processing(said="accepted", their_reference=THEIRS)
    assert house.supplier.balance() == Money(1250, "CNY")
    (offer,) = house.supplier.catalog()
    assert (offer.item, offer.price, offer.on_sale) == (ITEM, Money(950, "CNY"), True)


def test_an_order_is_what_the_houses_own_word_says(house: Deployment) -> None:
    theirs = kasushou_house.THEIRS if house.name == "kasushou" else THEIRS
    found = []
    for order in ("success", "processing", "failed", "not theirs"):
        house.has(order)
        found.append(type(house.supplier.query(FULU.placed(their_reference=theirs))))
    assert found == [Success, Processing, DefiniteFailure, Unknown]


def test_a_refusal_is_told_by_the_houses_own_code_and_believed_once_it_has_no_order(house: Deployment) -> None:
    house.says[PLACING[house.name]] = house.says["refusal"]
    house.says[ASKING[house.name]] = house.says["absent"]
    refused = house.supplier.place(FULU.wanted(account={"phone": PHONE}))
    assert isinstance(refused, DefiniteFailure)
    assert refused.refusal is Refusal.SOLD_OUT
    house.has("processing")
    assert not isinstance(house.supplier.place(FULU.wanted()), DefiniteFailure)
