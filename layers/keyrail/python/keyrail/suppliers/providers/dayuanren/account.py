"""One merchant number at one house, as the port to suppliers wants it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from keyrail.platform.addresses import is_base
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.http_client import READ_TIMEOUT_S
from keyrail.platform.json_objects import Document, text
from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Unknown
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted
from keyrail.suppliers.providers.dayuanren.gateway import KEY_JOINTS, Answer, Gateway, Signing
from keyrail.suppliers.providers.dayuanren.orders import AGREEING, STATUSES, OrderReader
from keyrail.suppliers.providers.lists import (
    Meaning,
    entries,
    flags,
    laid_over,
    listed,
    names,
    paths,
    refusals,
    renamed,
    said,
    word_lists,
    words,
)
from keyrail.suppliers.providers.reading import balance, list_price, number, objects, title
from keyrail.suppliers.providers.settings import HOUR_MS, LOOK_TIMEOUT_S, check_credentials, check_times

PROVIDER = "dayuanren"
CURRENCY = "CNY"
PATHS = {"recharge": "/index/recharge", "check": "/index/check", "user": "/index/user", "product": "/index/product"}
ACCEPTED = frozenset({"0"})
MAX_CATALOG_BYTES = 4 * 1024 * 1024
MAX_ITEM_LENGTH = 20
LIMITS = ("told", "looked_up")

# All refusals have one number; what tells them apart is how their text begins. These are refused before an order is
# made. Not that there is one of this number already, nor that the account has one under way: it may be ours.
REFUSALS = {
    "1:未找到相关产品": Refusal.SOLD_OUT,
    "1:要充值的产品还没有准备好": Refusal.SOLD_OUT,
    "1:该号码无法充值": Refusal.BAD_ACCOUNT,
    "1:该账号检测状态不正常": Refusal.BAD_ACCOUNT,
    "1:手机号格式不正确": Refusal.BAD_ACCOUNT,
    "1:不支持的电费地区": Refusal.BAD_ACCOUNT,
    "1:请选择电费地区": Refusal.BAD_ACCOUNT,
    "1:成本限制": Refusal.PRICE_CHANGED,
    "-1:账户余额不足": Refusal.BALANCE_SHORT,
}
# Whatever is asked is refused so, and so would be the question what became of it: nobody has looked at the order.
AT_THE_GATE = {
    "1:参数错误或请求方式错误": Refusal.REFUSED,
    "1:未开通的商户": Refusal.REFUSED,
    "1:当前商户未开通": Refusal.REFUSED,
    "1:签名错误": Refusal.REFUSED,
    "1:账户不可用": Refusal.REFUSED,
    "1:请将ip加入接口白名单": Refusal.REFUSED,
}
ACCOUNT = "mobile"
FIELDS = frozenset({ACCOUNT, "area", "city", "ytype", "id_card_no", "param1", "param2", "param3"})
ACCOUNT_FIELDS = {
    "account": ACCOUNT, "phone": ACCOUNT, "qq": ACCOUNT, "user_id": ACCOUNT, "province": "area", "city": "city"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Dayuanren:
    """`base_url` is the address that ends in `yrapi.php`. `limit` is `told` where the house holds an order to the most
    that it may cost, and `looked_up` where it does not know that parameter. `account_fields` says by which name of
    theirs each of a SKU's account fields goes. `refusals` are the texts by which an order is refused, believed once
    they say too that they have no order of ours; those of `gate` are believed at once. `own_statuses` are what an
    order's own status may be beside a state that is final.

    Raises ConfigError when a setting is missing, empty, padded or unusable.
    """

    base_url: str
    userid: str
    apikey: str = field(repr=False)
    limit: str = LIMITS[0]
    settlement_hours: int = 72
    read_timeout_s: int = READ_TIMEOUT_S
    account_fields: dict[str, str | None] | None = None
    statuses: dict[str, str | None] | None = None
    own_statuses: dict[str, list[str]] | None = None
    accepted: list[str] | None = None
    refusals: dict[str, str | None] | None = None
    gate: dict[str, str | None] | None = None
    paths: dict[str, str] | None = None
    signing: dict[str, Any] | None = None
    _gateway: Gateway = field(init=False, repr=False, compare=False)
    _orders: OrderReader = field(init=False, repr=False, compare=False)
    _fields: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _refusals: Mapping[str, Refusal] = field(init=False, repr=False, compare=False)
    _gate: Mapping[str, Refusal] = field(init=False, repr=False, compare=False)
    _paths: Mapping[str, str] = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = None

    def __post_init__(self) -> None:
        check_credentials(PROVIDER, userid=self.userid, apikey=self.apikey)
        if not is_base(self.base_url):
            raise ConfigError(f"{PROVIDER}.base_url")
        if self.limit not in LIMITS:
            raise ConfigError(f"{PROVIDER}.limit")
        check_times(PROVIDER, self.settlement_hours, self.read_timeout_s)
        accepted = words(ACCEPTED, self.accepted, f"{PROVIDER}.accepted")
        signing = _signing(self.signing)
        for name, value in (
            ("_gateway", Gateway(self.base_url, self.userid, self.apikey, signing, accepted, self.read_timeout_s)),
            ("_orders", self._order_reader()),
            ("_paths", paths(PATHS, self.paths, f"{PROVIDER}.paths")),
            ("_fields", names(ACCOUNT_FIELDS, self.account_fields, FIELDS, f"{PROVIDER}.account_fields")),
            ("_refusals", refusals(REFUSALS, self.refusals, accepted, f"{PROVIDER}.refusals")),
            ("_gate", refusals(AT_THE_GATE, self.gate, accepted, f"{PROVIDER}.gate")),
        ):
            object.__setattr__(self, name, value)

    def _order_reader(self) -> OrderReader:
        statuses = laid_over(STATUSES, self.statuses, Meaning, f"{PROVIDER}.statuses")
        known = {state: AGREEING.get(state, frozenset()) for state in statuses}
        agreeing = word_lists(known, self.own_statuses, f"{PROVIDER}.own_statuses")
        return OrderReader(statuses, {state: alike for state, alike in agreeing.items() if alike})

    @property
    def settlement_ms(self) -> int:
        return self.settlement_hours * HOUR_MS

    def place(self, wanted: Wanted) -> Outcome:
        """One piece at a time: an order has no quantity."""
        account = renamed(wanted.account, self._fields)
        if account is None or not account.get(ACCOUNT):
            return DefiniteFailure(said="account_fields", refusal=Refusal.BAD_ACCOUNT)
        if not 0 < len(wanted.item) <= MAX_ITEM_LENGTH or wanted.quantity != 1 or wanted.limit.currency != CURRENCY:
            return DefiniteFailure(said="not_orderable", refusal=Refusal.NOT_ORDERABLE)
        refused = self._passed_over(wanted)
        if refused is not None:
            return refused
        parameters = {
            "out_trade_num": wanted.reference,
            "product_id": wanted.item,
            "notify_url": wanted.callback_url,
            "price": wanted.limit.decimal(),
            **account,
        }
        answer = self._gateway.order(self._paths["recharge"], parameters)
        if not isinstance(answer, Answer):
            return answer
        if answer.accepted:
            return self._orders.accepted(answer.found, wanted.reference)
        return self._refused(answer, wanted.reference)

    def buy_keys(self, wanted: Wanted) -> Outcome:  # noqa: ARG002 - the port's
        """They credit accounts, and what they call a card (`charge_kami`) is the number of a credit."""
        return DefiniteFailure(said="no_keys", refusal=Refusal.NOT_ORDERABLE)

    def _passed_over(self, wanted: Wanted) -> DefiniteFailure | None:
        """Why nothing is ordered at all. A limit of nothing they take for none."""
        if not wanted.limit.amount_minor:
            return DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
        if self.limit == LIMITS[0]:
            return None
        try:
            prices = [offer.price.amount_minor for offer in self._offers(LOOK_TIMEOUT_S) if offer.item == wanted.item]
        except SupplierUnavailable:
            return DefiniteFailure(said="no_price", refusal=Refusal.NOT_SENT)
        if not prices:
            return DefiniteFailure(said="off_sale", refusal=Refusal.SOLD_OUT)
        if max(prices) > wanted.limit.amount_minor:
            return DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
        return None

    def _refused(self, answer: Answer, reference: str) -> Outcome:
        """A refusal counts once they say too that there is no order of that reference: whoever stands between may have
        sent ours twice, and then it is the second that is refused.
        """
        at_once = listed(self._gate, answer.code, answer.message)
        if at_once is not None:
            return DefiniteFailure(said=at_once[0], refusal=at_once[1])
        found = listed(self._refusals, answer.code, answer.message)
        if found is None:
            return Unknown(said=said(answer.code))
        if self._known(reference, LOOK_TIMEOUT_S) == []:
            return DefiniteFailure(said=found[0], refusal=found[1])
        return Unknown(said="unconfirmed")

    def query(self, placed: Placed) -> Outcome:
        known = self._known(placed.reference)
        return known if isinstance(known, Unknown) else self._orders.one(known, placed)

    def _known(self, reference: str, read_timeout_s: int | None = None) -> list[Document] | Unknown:
        """All that they say of the orders of a reference; none where they say that there is none."""
        answer = self._gateway.ask(self._paths["check"], {"out_trade_nums": reference}, read_timeout_s)
        if isinstance(answer, Unknown):
            return answer
        if not answer.accepted:
            return Unknown(said=said(answer.code))
        orders = objects(answer.said, "data")
        return Unknown(said="no_list") if orders is None else orders

    def balance(self) -> Money:
        answer = self._gateway.ask(self._paths["user"], {})
        if isinstance(answer, Unknown) or not answer.accepted or text(answer.found, "id") != self.userid:
            raise SupplierUnavailable
        have = balance(answer.found, "balance", CURRENCY)
        if have is None:
            raise SupplierUnavailable
        return have

    def catalog(self) -> Iterator[Offer]:
        """All in one answer, and only what is on sale. What cannot be read of an item leaves that one out."""
        return self._offers()

    def _offers(self, read_timeout_s: int | None = None) -> Iterator[Offer]:
        """Raises SupplierUnavailable."""
        answer = self._gateway.ask(self._paths["product"], {}, read_timeout_s, MAX_CATALOG_BYTES)
        groups = None if isinstance(answer, Unknown) or not answer.accepted else objects(answer.said, "data")
        if groups is None:
            raise SupplierUnavailable
        yield from filter(None, (_offer(item) for group in groups for item in objects(group, "products") or ()))

    def statement(self, day: date) -> Iterator[SupplierLine]:  # noqa: ARG002 - there is one of no day
        """Its orders are told by their numbers alone, those that one names. Raises SupplierStatementMissing."""
        raise SupplierStatementMissing

    def parse_callback(self, callback: Callback, now_ms: int) -> str:  # noqa: ARG002 - nothing says when it was signed
        """An old one cannot be told from a new one, and is as harmless: it only has the order asked about."""
        ours = number(self._gateway.verified(callback), "out_trade_num")
        if ours is None:
            raise SignatureInvalid
        return ours


def _signing(own: object) -> Signing:
    """Raises ConfigError."""
    setting = f"{PROVIDER}.signing"
    given = {**asdict(Signing()), **entries(own, setting)}
    joint = given.pop("key_joint")
    if joint not in KEY_JOINTS:
        raise ConfigError(setting)
    return Signing(key_joint=joint, **flags({"upper": True, "drops_empty": False}, given, setting))


def _offer(product: Document) -> Offer | None:
    item, costs = number(product, "id"), list_price(product, "price", CURRENCY)
    if item is None or costs is None:
        return None
    return Offer(item=item, name=title(product, "name"), price=costs, on_sale=True)
