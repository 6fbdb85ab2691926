"""Suppliers on the loopback, each with its own protocol: a test says what they say, and reads what they were asked."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import reference
from keyrail.suppliers.providers import Placed, Supplier, Wanted
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.fulu import Fulu
from tests.provider_server import Answer, ProviderServer, Sent

OURS = reference("unt_" + "7" * 26 + "03", 1)
ANOTHER = reference("unt_" + "7" * 26 + "03", 2)
THEIRS = "S-1"
TITLE = "话费\r\n快充" + "!" * 300
PHONE = "13800138000"
ITEM = "1001"
SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
KEY = "aPi+Key/9"


class House(ABC):
    """`says` is what each thing that it can be asked is answered with; a callable gets the request."""

    placing: str
    asking: str
    states: ClassVar[dict[str, str]]  # the house's own word for success, processing, failed

    def __init__(self, server: ProviderServer) -> None:
        self.server = server
        self.says: dict[str, Any] = {}
        self.asked: list[str] = []
        server.answer = self._answer
        self.is_ready()

    def _answer(self, sent: Sent, connection: BaseHTTPRequestHandler) -> Answer | None:
        what = self.what(sent)
        self.asked.append(what)
        says = self.says[what]
        return says(sent, connection) if callable(says) else Answer(body=says)

    def has_one(self, state: str, /, **changes: object) -> None:
        """An order of ours in that state."""
        self.says[self.asking] = self.orders(self.order(state, **changes))

    def wanted(self, **changes: Any) -> Wanted:
        given: dict[str, Any] = {
            "reference": OURS,
            "item": ITEM,
            "quantity": 1,
            "limit": Money(990, "CNY"),
            "callback_url": "https://shop.example/webhooks/suppliers/main",
            "account": {"phone": PHONE},
        }
        return Wanted(**{**given, **changes})

    def placed(self, **changes: Any) -> Placed:
        given: dict[str, Any] = {"reference": OURS, "their_reference": THEIRS, "quantity": 1}
        return Placed(**{**given, **changes})

    @abstractmethod
    def is_ready(self) -> None:
        """It has the item, takes orders, and has money of ours."""

    @abstractmethod
    def what(self, sent: Sent) -> str: ...

    @abstractmethod
    def supplier(self, url: str | None = None, **settings: Any) -> Supplier: ...

    @abstractmethod
    def order(self, state: str, /, **changes: object) -> dict[str, object]: ...

    @abstractmethod
    def orders(self, order: object) -> bytes: ...

    @abstractmethod
    def accepts(self, **changes: object) -> bytes: ...

    @abstractmethod
    def refuses(self, listed: bool) -> bytes: ...

    @abstractmethod
    def has_none(self) -> bytes: ...

    @abstractmethod
    def balance(self, amount: object) -> bytes: ...

    @abstractmethod
    def catalog(self, *prices: object) -> bytes: ...


class FuluHouse(House):
    placing = "fulu.order.direct.add"
    asking = "fulu.order.info.get"
    states: ClassVar = {"success": "success", "processing": "untreated", "failed": "failed"}

    def is_ready(self) -> None:
        self.says = {
            "fulu.goods.info.get": said(self.goods()),
            self.placing: self.accepts(),
            "fulu.order.card.add": self.accepts(),
            self.asking: self.has_none(),
            "fulu.user.info.get": self.balance("344283.1608"),
            "fulu.goods.list.get": self.catalog("9.5"),
        }

    def what(self, sent: Sent) -> str:
        return str(json.loads(sent.body)["method"])

    def supplier(self, url: str | None = None, **settings: Any) -> Supplier:
        given = {"app_key": "app+key/1", "app_secret": SECRET, "url": url or self.server.url, "read_timeout_s": 1}
        return Fulu(**{**given, **settings})

    def goods(self, **changes: object) -> dict[str, object]:
        known = {
            "product_id": int(ITEM), "product_name": TITLE, "product_type": "直充", "purchase_price": 9.5,
            "sales_status": "上架", "stock_status": "充足",
        }  # fmt: skip
        return {**known, **changes}

    def order(self, state: str, /, **changes: object) -> dict[str, object]:
        known = {
            "order_id": THEIRS, "customer_order_no": OURS, "product_id": int(ITEM), "charge_account": PHONE,
            "buy_num": 1, "order_price": 9.5, "order_state": state, "order_type": 4, "cards": None,
        }  # fmt: skip
        return {**known, **changes}

    def orders(self, order: object) -> bytes:
        return said(order)

    def accepts(self, **changes: object) -> bytes:
        return said(self.order("success", **changes))

    def refuses(self, listed: bool) -> bytes:
        return refusal(3003 if listed else 3000)

    def has_none(self) -> bytes:
        return refusal(4011)

    def balance(self, amount: object) -> bytes:
        return said({"name": "keyrail", "balance": amount, "is_open": 1})

    def catalog(self, *prices: object) -> bytes:
        return said([self.goods(product_id=int(ITEM) + n, purchase_price=price) for n, price in enumerate(prices)])


class DayuanrenHouse(House):
    placing = "index/recharge"
    asking = "index/check"
    states: ClassVar = {"success": "1", "processing": "0", "failed": "2"}

    def is_ready(self) -> None:
        self.says = {
            self.placing: self.accepts(),
            self.asking: self.has_none(),
            "index/user": self.balance("344283.1608"),
            "index/product": self.catalog("9.5"),
        }

    def what(self, sent: Sent) -> str:
        return sent.path.removeprefix("/yrapi.php/")

    def asked_for(self, sent: Sent) -> dict[str, str]:
        return dict(parse_qsl(sent.body.decode(), keep_blank_values=True, strict_parsing=True))

    def supplier(self, url: str | None = None, **settings: Any) -> Supplier:
        given = {"userid": "10001", "apikey": KEY, "read_timeout_s": 1}
        return Dayuanren(**{"base_url": f"{url or self.server.url}/yrapi.php", **given, **settings})

    def order(self, state: str, /, **changes: object) -> dict[str, object]:
        known = {
            "order_number": THEIRS, "out_trade_num": OURS, "mobile": PHONE, "product_id": 1001,
            "charge_amount": "0.00", "charge_kami": "", "state": int(state),
        }  # fmt: skip
        return {**known, **changes}

    def orders(self, order: object) -> bytes:
        return answered(data=[order])

    def accepts(self, **changes: object) -> bytes:
        known = {"order_number": THEIRS, "out_trade_num": OURS, "mobile": PHONE, "total_price": "9.50"}
        return answered(data={**known, **changes})

    def refuses(self, listed: bool) -> bytes:
        errmsg = "成本限制，提单不通过！" if listed else f"已经存在相同商户订单号的订单 {PHONE}"
        return answered(errno=1, errmsg=errmsg)

    def has_none(self) -> bytes:
        return answered(data=[])

    def balance(self, amount: object) -> bytes:
        return answered(data={"id": 10001, "username": "keyrail", "balance": amount})

    def catalog(self, *prices: object) -> bytes:
        products = [{"id": int(ITEM) + n, "name": TITLE, "price": price} for n, price in enumerate(prices)]
        return answered(data=[{"id": 1, "cate": "话费", "products": products}])


HOUSES: dict[str, type[House]] = {"fulu": FuluHouse, "dayuanren": DayuanrenHouse}


def said(result: object, *, in_ascii: bool = False) -> bytes:
    """Of the open platform: signed over the text of the result."""
    text = json.dumps(result, ensure_ascii=in_ascii, separators=(",", ":"))
    sign = hashlib.md5(("".join(sorted(text)) + SECRET).encode()).hexdigest()
    return json.dumps({"code": 0, "message": "接口调用成功", "result": text, "sign": sign}).encode()


def refusal(code: int) -> bytes:
    return json.dumps({"code": code, "message": f"不行 {PHONE}", "result": None, "sign": ""}).encode()


def answered(data: object = None, errno: object = 0, errmsg: str = "ok") -> bytes:
    return json.dumps({"errno": errno, "errmsg": errmsg, "data": data}).encode()
