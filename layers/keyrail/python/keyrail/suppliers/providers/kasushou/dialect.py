"""How a house speaks: the software is sold to many, and what their statuses, texts and signatures are differs.

What is here is what doc.kasushou.com says, reviewed in ADR 49. A supplier's settings may put others in their place;
what they do not name stays. Raises ConfigError, which names a setting and never what is in it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from hashlib import sha1
from hmac import compare_digest
from typing import Any, NoReturn

from keyrail.platform.config import ConfigError
from keyrail.suppliers.model.outcomes import Refusal
from keyrail.suppliers.providers import lists
from keyrail.suppliers.providers.lists import MAX_ENTRIES, is_word
from keyrail.suppliers.providers.writing import Style, filled

PROVIDER = "kasushou"
PARTS = ("time", "body", "key")
SIGNING_FLAGS = frozenset({"upper", "seconds", "drops_empty"})

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class Meaning(StrEnum):
    """Of a status. `returned` is a failure if all the money came back, `unpaid` one that no money was taken for."""

    PROCESSING = "processing"
    DONE = "done"
    RETURNED = "returned"
    UNPAID = "unpaid"


STATUSES = {
    "1": Meaning.PROCESSING,
    "2": Meaning.PROCESSING,
    "3": Meaning.DONE,
    "4": Meaning.RETURNED,
    "5": Meaning.RETURNED,
}
ACCEPTED = frozenset({"200"})
# Of an item in the list of goods.
ON_SALE = frozenset({"1"})

# By the code of an answer, a part of its text. No document lists the texts: a refusal is believed only once the house
# says too that it has no order of ours.
REFUSALS: Mapping[str, Mapping[str, Refusal]] = {
    "400": {
        "余额不足": Refusal.BALANCE_SHORT,
        "库存不足": Refusal.SOLD_OUT,
        "商品已售罄": Refusal.SOLD_OUT,
        "商品已下架": Refusal.SOLD_OUT,
        "商品已暂停": Refusal.SOLD_OUT,
        "商品已禁售": Refusal.SOLD_OUT,
        "商品不存在": Refusal.SOLD_OUT,
        "安全价格": Refusal.PRICE_CHANGED,
        "safe_price": Refusal.PRICE_CHANGED,
        "充值账号错误": Refusal.BAD_ACCOUNT,
        "充值账号格式": Refusal.BAD_ACCOUNT,
        "充值账号不正确": Refusal.BAD_ACCOUNT,
        "下单参数错误": Refusal.BAD_ACCOUNT,
    }
}
# A text with one of these is about an order that there is: whatever else it says, nothing has been refused.
DOUBTS = frozenset({"已存在", "重复", "已提交", "处理中", "超时"})
# What is said of a number that no order has.
ABSENT = frozenset({"订单不存在"})


@dataclass(frozen=True, kw_only=True)
class Paths:
    buy: str = "/api/v1/order/buy"
    info: str = "/api/v1/order/info"
    goods: str = "/api/v1/goods/list"
    balance: str = "/api/v1/user/info"


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the members of requests, answers and callbacks are called."""

    item: str = "id"
    quantity: str = "quantity"
    reference: str = "external_orderno"
    their_reference: str = "ordersn"
    ordered_item: str = "goods_id"
    limit: str = "safe_price"
    callback_url: str = "url"
    account: str = "attach"
    days: str = "day"
    status: str = "status"
    total: str = "total_price"
    returned: str = "has_back_money"
    cards: str = "card_list"
    card_number: str = "card_no"
    card_password: str = "card_password"
    card_expiry: str = "end_time"
    balance: str = "balance"
    goods: str = "list"
    goods_total: str = "total"
    goods_name: str = "goods_name"
    goods_price: str = "goods_price"
    goods_stock: str = "stock_num"


# What stands beside one another, and would be lost under one name.
TOGETHER = (
    ("item", "quantity", "reference", "limit", "callback_url", "account"),
    ("reference", "days"),
    ("reference", "their_reference", "ordered_item", "status", "total", "returned", "cards"),
    ("card_number", "card_password", "card_expiry"),
    ("item", "goods_name", "goods_price", "goods_stock", "status"),
    ("goods", "goods_total"),
)


@dataclass(frozen=True, kw_only=True)
class Signing:
    """SHA-1 in hex of `parts`, one after the other: a time, an object as `style` writes it, the key.

    The time is in milliseconds, or in `seconds`; members that are empty are signed too, unless it `drops_empty`.
    """

    style: Style = field(default_factory=Style)
    parts: tuple[str, ...] = PARTS
    upper: bool = False
    seconds: bool = False
    drops_empty: bool = False

    @property
    def time_digits(self) -> int:
        return 10 if self.seconds else 13

    def time(self, now_ms: int) -> str:
        return str(now_ms // 1000 if self.seconds else now_ms)

    def time_ms(self, time: str) -> int:
        return int(time) * (1000 if self.seconds else 1)

    def write(self, members: Mapping[str, Any]) -> str:
        """What is signed of them."""
        return self.style.write(filled(members) if self.drops_empty else members)

    def sign(self, time: str, body: str, key: str) -> str:
        values = {"time": time, "body": body, "key": key}
        text = "".join(values[part] for part in self.parts)
        digest = sha1(text.encode(), usedforsecurity=False).hexdigest()  # theirs; there is no other to agree on
        return digest.upper() if self.upper else digest

    def is_of(self, signature: str, time: str, members: Mapping[str, Any], key: str) -> bool:
        expected = self.sign(time, self.write(members), key)
        return compare_digest(signature.encode(), expected.encode())


REQUESTS = Signing()
# Their example leaves out the flag that spares slashes.
CALLBACKS = Signing(style=Style(escape_slashes=True))
UNSIGNED = ("sign", "card_list", "express_list")  # members of a callback that are no part of what is signed


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """All of it for one supplier."""

    statuses: Mapping[str, Meaning]
    accepted: frozenset[str]
    on_sale: frozenset[str]
    refusals: Mapping[str, Mapping[str, Refusal]]
    doubts: frozenset[str]
    absent: frozenset[str]
    paths: Paths
    names: Names
    requests: Signing
    callbacks: Signing

    def refusal(self, code: str, said: str) -> Refusal | None:
        """Why an order was refused, where code and text are on the reviewed list and nothing speaks against it."""
        if any(doubt in said for doubt in self.doubts):
            return None
        phrases = self.refusals.get(code, {})
        found = {refusal for phrase, refusal in phrases.items() if phrase and phrase in said}
        if len(found) > 1:
            return Refusal.REFUSED
        return next(iter(found), phrases.get(""))


def dialect(settings: Mapping[str, Any]) -> Dialect:
    """From the settings of those names; None is as if it were not there. Raises ConfigError."""
    accepted = _words(settings, "accepted", ACCEPTED)
    refusals = _refusals(settings)
    if refusals.keys() & accepted:
        unusable("refusals")
    return Dialect(
        statuses=lists.laid_over(STATUSES, settings.get("statuses"), Meaning, f"{PROVIDER}.statuses"),
        accepted=accepted,
        on_sale=_words(settings, "on_sale", ON_SALE),
        refusals=refusals,
        doubts=_words(settings, "doubts", DOUBTS),
        absent=_words(settings, "absent", ABSENT),
        paths=Paths(**lists.paths(asdict(Paths()), settings.get("paths"), f"{PROVIDER}.paths")),
        names=_names(settings),
        requests=_signing(settings, "signing", REQUESTS),
        callbacks=_signing(settings, "callback_signing", CALLBACKS),
    )


def unusable(setting: str) -> NoReturn:
    raise ConfigError(f"{PROVIDER}.{setting}") from None  # what it comes from may quote what is in it


def entries(settings: Mapping[str, Any], setting: str) -> dict[str, Any]:
    return lists.entries(settings.get(setting), f"{PROVIDER}.{setting}")


def _refusals(settings: Mapping[str, Any]) -> dict[str, dict[str, Refusal]]:
    """By code, then by a part of the text; the empty part is in every text. What is given for a code is all of it."""
    changed: dict[str, Any] = {**REFUSALS, **entries(settings, "refusals")}
    read: dict[str, dict[str, Refusal]] = {}
    for code, phrases in changed.items():
        if not is_word(code) or not isinstance(phrases, dict) or len(phrases) > MAX_ENTRIES:
            unusable("refusals")
        if not all(phrase == "" or is_word(phrase) for phrase in phrases):
            unusable("refusals")
        try:
            read[code] = {phrase: Refusal(refusal) for phrase, refusal in phrases.items()}
        except ValueError:
            unusable("refusals")
    if any(Refusal.NOT_SENT in phrases.values() for phrases in read.values()):
        unusable("refusals")  # the text of an answer proves that something was sent
    return read


def _words(settings: Mapping[str, Any], setting: str, known: frozenset[str]) -> frozenset[str]:
    return lists.words(known, settings.get(setting), f"{PROVIDER}.{setting}")


def _names(settings: Mapping[str, Any]) -> Names:
    given = entries(settings, "names")
    fits = all(isinstance(name, str) and _NAME.fullmatch(name) for name in given.values())
    if not fits or not given.keys() <= {each.name for each in fields(Names)}:
        unusable("names")
    names = Names(**{**asdict(Names()), **given})
    if any(len({getattr(names, name) for name in together}) != len(together) for together in TOGETHER):
        unusable("names")
    return names


def _signing(settings: Mapping[str, Any], setting: str, known: Signing) -> Signing:
    standing = asdict(known)
    written = standing.pop("style")
    given = {**standing, **written, **entries(settings, setting)}
    parts, sorts = given.pop("parts"), given.pop("sorts")
    if not isinstance(parts, list | tuple) or sorted(map(str, parts)) != sorted(PARTS) or sorts not in ("top", "all"):
        unusable(setting)
    style = {name: given.pop(name) for name in written if name != "sorts"}
    if given.keys() != SIGNING_FLAGS or not all(type(flag) is bool for flag in (*style.values(), *given.values())):
        unusable(setting)
    return Signing(style=Style(sorts=sorts, **style), parts=tuple(parts), **given)
