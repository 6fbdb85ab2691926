"""One account with one house, as the port to suppliers wants it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.http_client import MAX_REPLY_BYTES, READ_TIMEOUT_S
from keyrail.platform.json_objects import Document, child, text
from keyrail.platform.money import MINOR_DIGITS, Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Unknown, word
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted, exchange, lists
from keyrail.suppliers.providers.kasushou.answers import OrderReader
from keyrail.suppliers.providers.kasushou.callbacks import reference
from keyrail.suppliers.providers.kasushou.dialect import PROVIDER, Dialect, dialect, entries, unusable
from keyrail.suppliers.providers.lists import is_word
from keyrail.suppliers.providers.reading import balance, count, list_price, objects, title
from keyrail.suppliers.providers.settings import HOUR_MS, LOOK_TIMEOUT_S, check_credentials, check_times

ACCOUNT_FIELDS = {"account": "recharge_account", "phone": "recharge_account", "qq": "recharge_account"}
LIMITS_OF = ("piece", "order")
GOODS_A_PAGE = 100
MAX_PAGES = 500
MAX_PAGE_BYTES = 2 * 1024 * 1024
MAX_ITEM_DIGITS = 15

_LIKE_AN_ACCOUNT = re.compile(r"[A-Za-z0-9._+-]*[0-9@][A-Za-z0-9@._+-]{3,}")


@dataclass(frozen=True, kw_only=True)
class Kasushou:
    """`base_url` is the address below which `/api/v1` lies; `user_id` and `key` are those of the interface.

    `account_fields` says by which name of the item's template each of the SKU's account fields goes, and
    `account_fields_of` so for single items. `limit_of` is what they hold the limit against: the price of a piece, or
    that of an order. `code_in_http`: what they refuse comes with its code as the status of HTTP. The rest is what
    differs from house to house (`dialect`).

    Raises ConfigError when a setting is missing, empty, padded or unusable.
    """

    base_url: str
    user_id: str
    key: str = field(repr=False)
    currency: str = "CNY"
    settlement_hours: int = 72
    read_timeout_s: int = READ_TIMEOUT_S
    limit_of: str = "piece"
    account_fields: dict[str, str] | None = None
    account_fields_of: dict[str, dict[str, str]] | None = None
    statuses: dict[str, str | None] | None = None
    accepted: list[str] | None = None
    on_sale: list[str] | None = None
    refusals: dict[str, dict[str, str]] | None = None
    doubts: list[str] | None = None
    absent: list[str] | None = None
    code_in_http: bool = False
    paths: dict[str, str] | None = None
    names: dict[str, str] | None = None
    signing: dict[str, Any] | None = None
    callback_signing: dict[str, Any] | None = None
    now_ms: NowMs = field(default=system_now_ms, repr=False)
    _dialect: Dialect = field(init=False, repr=False, compare=False)
    _orders: OrderReader = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("ok", "text/plain")
    statement_zone = None

    def __post_init__(self) -> None:
        check_credentials(PROVIDER, user_id=self.user_id, key=self.key)
        if not is_base(self.base_url):
            unusable("base_url")
        if self.currency not in MINOR_DIGITS:
            unusable("currency")
        if self.limit_of not in LIMITS_OF:
            unusable("limit_of")
        if type(self.code_in_http) is not bool:
            unusable("code_in_http")
        check_times(PROVIDER, self.settlement_hours, self.read_timeout_s)
        self._check_account_fields()
        object.__setattr__(self, "_dialect", dialect(vars(self)))
        object.__setattr__(self, "_orders", OrderReader(dialect=self._dialect, currency=self.currency))

    def _check_account_fields(self) -> None:
        of_items = entries(vars(self), "account_fields_of")
        for setting, mapping in (
            ("account_fields", self.account_fields),
            *(("account_fields_of", mapping) for mapping in of_items.values()),
        ):
            if not all(map(is_word, lists.entries(mapping, f"{PROVIDER}.{setting}").values())):
                unusable(setting)

    @property
    def settlement_ms(self) -> int:
        return self.settlement_hours * HOUR_MS

    def place(self, wanted: Wanted) -> Outcome:
        account = self._account(wanted)
        if account is None:
            return DefiniteFailure(said="account_fields", refusal=Refusal.BAD_ACCOUNT)
        return self._buy(wanted, account)

    def buy_keys(self, wanted: Wanted) -> Outcome:
        """They hand cards out when they are asked about the order, so a success is never at once."""
        return self._buy(wanted, {})

    def _account(self, wanted: Wanted) -> dict[str, str] | None:
        """By the names of the item's template; None where one of ours has no name there, or two have the same."""
        fields = {
            **ACCOUNT_FIELDS,
            **(self.account_fields or {}),
            **(self.account_fields_of or {}).get(wanted.item, {}),
        }
        return lists.renamed(wanted.account, fields)

    def _buy(self, wanted: Wanted, account: Mapping[str, str]) -> Outcome:
        if not is_word(wanted.item) or wanted.quantity < 1:
            return DefiniteFailure(said="item", refusal=Refusal.NOT_ORDERABLE)
        limit = self._limit(wanted)
        if limit is None:
            return DefiniteFailure(said="limit", refusal=Refusal.PRICE_CHANGED)
        names = self._dialect.names
        body: dict[str, Any] = {
            names.item: _item(wanted.item),
            names.quantity: wanted.quantity,
            names.reference: wanted.reference,
            names.limit: limit,
        }
        if wanted.callback_url:
            body[names.callback_url] = wanted.callback_url
        if account:
            body[names.account] = dict(account)
        answer = self._ordered(body)
        return self._said(answer, wanted, of_keys=not account) if isinstance(answer, dict) else answer

    def _limit(self, wanted: Wanted) -> str | None:
        """None where there would be none: they take a limit of nothing for no limit."""
        minor = wanted.limit.amount_minor
        if self.limit_of == "piece":
            minor //= wanted.quantity
        if not minor or wanted.limit.currency != self.currency:
            return None
        return Money(minor, self.currency).decimal()

    def _said(self, answer: Document, wanted: Wanted, *, of_keys: bool) -> Outcome:
        """Of the answer to an order. A refusal counts once they say too that there is no order of that reference.

        Whoever stands between may have sent ours twice, and then it is the second that is refused.
        """
        code, said = text(answer, "code"), text(answer, "msg")
        order = child(answer, "data")
        if code in self._dialect.accepted:
            return self._orders.accepted(order, wanted.reference)
        refusal = self._dialect.refusal(code, said)
        if refusal is None or self._orders.theirs(order):
            return Unknown(said=_shown(code, said, wanted.account), their_reference=self._orders.theirs(order))
        known = self._known(wanted.reference, LOOK_TIMEOUT_S)
        if isinstance(known, Unknown):
            return Unknown(said=f"{lists.said(code)}_unconfirmed")
        if known:
            return self._orders.one(known, wanted.placed(of_keys=of_keys))
        return DefiniteFailure(said=_shown(code, said, wanted.account), refusal=refusal)

    def query(self, placed: Placed) -> Outcome:
        known = self._known(placed.reference, self.read_timeout_s)
        return known if isinstance(known, Unknown) else self._orders.one(known, placed)

    def _known(self, reference: str, read_timeout_s: int) -> list[Document] | Unknown:
        """All that they say of the orders of a reference; none where they say that there is none."""
        names = self._dialect.names
        body = {names.days: 0, names.reference: reference}
        answer = self._asked(self._dialect.paths.info, body, read_timeout_s)
        if isinstance(answer, Unknown):
            return answer
        code, said = text(answer, "code"), text(answer, "msg")
        if code in self._dialect.accepted:
            orders = objects(answer, "data")
            return Unknown(said="no_list") if orders is None else orders
        return (
            [] if any(phrase in said for phrase in self._dialect.absent) else Unknown(said=f"code_{lists.said(code)}")
        )

    def balance(self) -> Money:
        answer = exchange.had(self._asked(self._dialect.paths.balance, {}, self.read_timeout_s))
        have = balance(child(answer, "data"), self._dialect.names.balance, self.currency)
        if text(answer, "code") not in self._dialect.accepted or have is None:
            raise SupplierUnavailable
        return have

    def catalog(self) -> Iterator[Offer]:
        """What cannot be read of an item leaves that one out. An item that moves to the next page meanwhile comes once.

        Raises SupplierUnavailable where they give less than they say that there is.
        """
        names = self._dialect.names
        met: set[str] = set()
        for page in range(1, MAX_PAGES + 1):
            body = {"limit": GOODS_A_PAGE, "page": page}
            answer = exchange.had(self._asked(self._dialect.paths.goods, body, self.read_timeout_s, MAX_PAGE_BYTES))
            listing = child(answer, "data")
            goods, total = objects(listing, names.goods), count(listing, names.goods_total)
            if text(answer, "code") not in self._dialect.accepted or goods is None or total is None:
                raise SupplierUnavailable
            new = [item for item in goods if self._known_by(item) not in met]
            met.update(map(self._known_by, goods))
            yield from filter(None, map(self._offer, new))
            if len(met) >= total:
                return
            if not new:
                raise SupplierUnavailable
        raise SupplierUnavailable

    def _known_by(self, item: Document) -> str:
        """One without a number is known by all that is said of it."""
        return text(item, self._dialect.names.item) or repr(item)

    def _offer(self, item: Document) -> Offer | None:
        names = self._dialect.names
        number = text(item, names.item)
        costs = list_price(item, names.goods_price, self.currency)
        if not is_word(number) or costs is None:
            return None
        return Offer(
            item=number,
            name=title(item, names.goods_name),
            price=costs,
            on_sale=text(item, names.status) in self._dialect.on_sale,
            stock=count(item, names.goods_stock),
        )

    def statement(self, day: date) -> Iterator[SupplierLine]:  # noqa: ARG002 - there is one of no day
        """Its orders are told by their numbers alone; the lists of orders are for the house and those who supply it.

        Raises SupplierStatementMissing.
        """
        raise SupplierStatementMissing

    def parse_callback(self, callback: Callback, now_ms: int) -> str:
        return reference(callback, self._dialect, self.key, now_ms)

    def _ordered(self, body: Mapping[str, Any]) -> dict[str, Any] | DefiniteFailure | Unknown:
        raw, headers = self._signed(body)
        url = self._address(self._dialect.paths.buy)
        return exchange.order(
            "POST",
            url,
            body=raw,
            headers=headers,
            read_timeout_s=self.read_timeout_s,
            repeated_in=self._repeated_in,
        )

    def _asked(
        self, path: str, body: Mapping[str, Any], read_timeout_s: int, max_reply_bytes: int = MAX_REPLY_BYTES
    ) -> dict[str, Any] | Unknown:
        raw, headers = self._signed(body)
        return exchange.ask(
            "POST",
            self._address(path),
            body=raw,
            headers=headers,
            read_timeout_s=min(read_timeout_s, self.read_timeout_s),
            max_reply_bytes=max_reply_bytes,
            repeated_in=self._repeated_in,
        )

    @property
    def _repeated_in(self) -> str | None:
        return "code" if self.code_in_http else None

    def _address(self, path: str) -> str:
        return self.base_url.rstrip("/") + path

    def _signed(self, body: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """What is sent is what is signed, to the byte."""
        signing = self._dialect.requests
        written, time = signing.write(body), signing.time(self.now_ms())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            "Sign": signing.sign(time, written, self.key),
            "Timestamp": time,
            "UserId": self.user_id,
        }
        return written.encode(), headers


def _item(item: str) -> int | str:
    """Their numbers of items are whole numbers; those of variants are texts."""
    is_number = item.isascii() and item.isdigit() and len(item) <= MAX_ITEM_DIGITS and not item.startswith("0")
    return int(item) if is_number else item


def _shown(code: str, said: str, account: Mapping[str, str]) -> str:
    """Their text with no account in it, be it ours or one that they quote: what looks like one is a star."""
    for value in account.values():
        said = said.replace(value, "*")
    return word(f"{lists.said(code)} {_LIKE_AN_ACCOUNT.sub('*', said)}".strip())
