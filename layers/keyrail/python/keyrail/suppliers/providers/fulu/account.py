"""One app of the open platform, as the port to suppliers wants it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.http_client import READ_TIMEOUT_S
from keyrail.platform.json_objects import Document, text
from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Unknown
from keyrail.suppliers.model.statements import SupplierLine, SupplierStatementMissing
from keyrail.suppliers.providers import Acknowledgement, Callback, Offer, Placed, Wanted
from keyrail.suppliers.providers.fulu.cards import KEY_BYTES, PADDINGS
from keyrail.suppliers.providers.fulu.gateway import Answer, Gateway, Signing
from keyrail.suppliers.providers.fulu.orders import CURRENCY, STATUSES, OrderReader
from keyrail.suppliers.providers.lists import (
    Meaning,
    flags,
    laid_over,
    listed,
    names,
    refusals,
    renamed,
    said,
    word_lists,
    words,
)
from keyrail.suppliers.providers.reading import amount, balance, list_price, money, number, title
from keyrail.suppliers.providers.settings import HOUR_MS, LOOK_TIMEOUT_S, check_credentials, check_times

PROVIDER = "fulu"
URL = "https://openapi.fulu.com/api/getway"  # the platform's own spelling
DIRECT, CARDS = "fulu.order.direct.add", "fulu.order.card.add"
INFO, USER = "fulu.order.info.get", "fulu.user.info.get"
GOODS, GOODS_LIST = "fulu.goods.info.get", "fulu.goods.list.get"
MAX_CATALOG_BYTES = 8 * 1024 * 1024
MAX_QUANTITY = 10_000
MAX_ITEM_LENGTH = 20  # digits
# What is said of goods: whether they are sold, whether there are any, and what they are.
GOODS_WORDS = {
    "on_sale": frozenset({"上架"}),
    "in_stock": frozenset({"充足", "警报"}),
    "keys": frozenset({"卡密"}),
    "recharges": frozenset({"直充"}),
}
ACCEPTED = frozenset({"0"})

# A request that is refused here was not looked at: its parameters, its time, its key, its signature are wrong.
AT_THE_GATE = frozenset(str(code) for code in range(1000, 1020))
# What an order is refused with. No public document says which is which; clients take the next source after them.
REFUSALS = dict.fromkeys(("3001", "3002", "3003", "3004", "3005", "3008"), Refusal.REFUSED)
# There is no order of that number.
ABSENT = frozenset({"4011"})
ACCOUNT = "charge_account"
FIELDS = frozenset(
    {
        ACCOUNT, "charge_password", "charge_game_name", "charge_game_region", "charge_game_srv", "charge_game_role",
        "charge_type", "charge_ip", "contact_qq", "contact_tel", "remaining_number",
    }
)  # fmt: skip
ACCOUNT_FIELDS = {
    "account": ACCOUNT, "phone": ACCOUNT, "qq": ACCOUNT, "user_id": ACCOUNT, "game": "charge_game_name",
    "region": "charge_game_region", "server": "charge_game_srv", "role": "charge_game_role", "type": "charge_type",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fulu:
    """`account_fields` says by which name of theirs each of a SKU's account fields goes. `refusals` are the codes by
    which an order is refused, believed once they say too that they have no order of ours (`absent`); those of `gate`
    are believed at once. `signed_answers` off leaves it to TLS who answers; `goods_words` are what is said of goods.

    Raises ConfigError when a setting is missing, empty, padded or unusable.
    """

    app_key: str
    app_secret: str = field(repr=False)
    url: str = URL
    settlement_hours: int = 72
    read_timeout_s: int = READ_TIMEOUT_S
    signed_answers: bool = True
    signing: dict[str, bool] | None = None
    card_padding: str = PADDINGS[0]
    account_fields: dict[str, str | None] | None = None
    statuses: dict[str, str | None] | None = None
    accepted: list[str] | None = None
    goods_words: dict[str, list[str]] | None = None
    refusals: dict[str, str | None] | None = None
    gate: list[str] | None = None
    absent: list[str] | None = None
    now_ms: NowMs = field(default=system_now_ms, repr=False)
    _gateway: Gateway = field(init=False, repr=False, compare=False)
    _orders: OrderReader = field(init=False, repr=False, compare=False)
    _fields: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _refusals: Mapping[str, Refusal] = field(init=False, repr=False, compare=False)
    _gate: frozenset[str] = field(init=False, repr=False, compare=False)
    _absent: frozenset[str] = field(init=False, repr=False, compare=False)
    _goods_words: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = None

    def __post_init__(self) -> None:
        check_credentials(PROVIDER, app_key=self.app_key, app_secret=self.app_secret)
        if len(self.app_secret) != KEY_BYTES:
            raise ConfigError(f"{PROVIDER}.app_secret")
        if not is_base(self.url):
            raise ConfigError(f"{PROVIDER}.url")
        if type(self.signed_answers) is not bool:
            raise ConfigError(f"{PROVIDER}.signed_answers")
        if self.card_padding not in PADDINGS:
            raise ConfigError(f"{PROVIDER}.card_padding")
        check_times(PROVIDER, self.settlement_hours, self.read_timeout_s)
        statuses = laid_over(STATUSES, self.statuses, Meaning, f"{PROVIDER}.statuses")
        accepted = words(ACCEPTED, self.accepted, f"{PROVIDER}.accepted")
        gate = words(AT_THE_GATE, self.gate, f"{PROVIDER}.gate")
        if accepted & gate:
            raise ConfigError(f"{PROVIDER}.gate")
        for name, value in (
            ("_gateway", self._new_gateway(accepted)),
            ("_orders", OrderReader(statuses, self.app_secret, self.card_padding)),
            ("_goods_words", word_lists(GOODS_WORDS, self.goods_words, f"{PROVIDER}.goods_words")),
            ("_fields", names(ACCOUNT_FIELDS, self.account_fields, FIELDS, f"{PROVIDER}.account_fields")),
            ("_refusals", refusals(REFUSALS, self.refusals, accepted, f"{PROVIDER}.refusals")),
            ("_gate", gate),
            ("_absent", words(ABSENT, self.absent, f"{PROVIDER}.absent")),
        ):
            object.__setattr__(self, name, value)

    def _new_gateway(self, accepted: frozenset[str]) -> Gateway:
        signing = Signing(**flags(asdict(Signing()), self.signing, f"{PROVIDER}.signing"))
        return Gateway(
            self.url,
            self.app_key,
            self.app_secret,
            signing,
            accepted,
            self.read_timeout_s,
            self.signed_answers,
            self.now_ms,
        )

    @property
    def settlement_ms(self) -> int:
        return self.settlement_hours * HOUR_MS

    def place(self, wanted: Wanted) -> Outcome:
        account = renamed(wanted.account, self._fields)
        if account is None or not account.get(ACCOUNT):
            return DefiniteFailure(said="account_fields", refusal=Refusal.BAD_ACCOUNT)
        return self._order(DIRECT, wanted, account, of_keys=False)

    def buy_keys(self, wanted: Wanted) -> Outcome:
        """They hand cards out when they are asked about the order, so a success is never at once."""
        return self._order(CARDS, wanted, {}, of_keys=True)

    def _order(self, method: str, wanted: Wanted, account: Mapping[str, str], *, of_keys: bool) -> Outcome:
        refused = self._passed_over(wanted, of_keys=of_keys)
        if refused is not None:
            return refused
        content: dict[str, object] = {
            "product_id": int(wanted.item),
            "customer_order_no": wanted.reference,
            "buy_num": wanted.quantity,
            **account,
        }
        answer = self._gateway.order(method, content)
        if not isinstance(answer, Answer):
            return answer
        if answer.accepted:
            return self._orders.accepted(answer.found, wanted.reference)
        return self._refused(answer, wanted.reference)

    def _passed_over(self, wanted: Wanted, *, of_keys: bool) -> DefiniteFailure | None:
        """Why nothing is ordered at all. An order takes no limit, so what it would cost is looked up right before."""
        is_item = wanted.item.isascii() and wanted.item.isdigit() and len(wanted.item) <= MAX_ITEM_LENGTH
        if not is_item or not 0 < wanted.quantity <= MAX_QUANTITY or wanted.limit.currency != CURRENCY:
            return DefiniteFailure(said="not_orderable", refusal=Refusal.NOT_ORDERABLE)
        answer = self._gateway.ask(GOODS, {"product_id": wanted.item}, LOOK_TIMEOUT_S)
        if isinstance(answer, Unknown):
            return DefiniteFailure(said=f"goods_{answer.said}", refusal=Refusal.NOT_SENT)
        if not answer.accepted:
            found = listed(self._refusals, answer.code, answer.message)
            refusal = found[1] if found else Refusal.REFUSED
            return DefiniteFailure(said=f"goods_{said(answer.code)}", refusal=refusal)
        if text(answer.found, "product_id") != wanted.item:
            return DefiniteFailure(said="no_goods", refusal=Refusal.SOLD_OUT)
        return self._unfit(answer.found, wanted, of_keys=of_keys)

    def _unfit(self, goods: Document, wanted: Wanted, *, of_keys: bool) -> DefiniteFailure | None:
        if text(goods, "product_type") not in self._goods_words["keys" if of_keys else "recharges"]:
            return DefiniteFailure(said="another_kind", refusal=Refusal.NOT_ORDERABLE)
        if not self._is_on_sale(goods):
            return DefiniteFailure(said="off_sale", refusal=Refusal.SOLD_OUT)
        exact = amount(goods, "purchase_price")
        cost = None if exact is None else money(exact * wanted.quantity, CURRENCY, up=True)
        if cost is None or cost.amount_minor > wanted.limit.amount_minor:
            return DefiniteFailure(said="price", refusal=Refusal.PRICE_CHANGED)
        return None

    def _is_on_sale(self, goods: Document) -> bool:
        words = self._goods_words
        return text(goods, "sales_status") in words["on_sale"] and text(goods, "stock_status") in words["in_stock"]

    def _refused(self, answer: Answer, reference: str) -> Outcome:
        """A refusal counts once they say too that there is no order of that reference: whoever stands between may have
        sent ours twice, and then it is the second that is refused.
        """
        if answer.code in self._gate:
            return DefiniteFailure(said=said(answer.code), refusal=Refusal.REFUSED)
        found = listed(self._refusals, answer.code, answer.message)
        if found is None:
            return Unknown(said=said(answer.code))
        known = self._gateway.ask(INFO, {"customer_order_no": reference}, LOOK_TIMEOUT_S)
        if isinstance(known, Answer) and known.code in self._absent:
            return DefiniteFailure(said=found[0], refusal=found[1])
        return Unknown(said="unconfirmed")

    def query(self, placed: Placed) -> Outcome:
        """That they have no such order says nothing: it may come into being for two hours after it was asked for."""
        answer = self._gateway.ask(INFO, {"customer_order_no": placed.reference})
        if isinstance(answer, Unknown):
            return answer
        return self._orders.one(answer.found, placed) if answer.accepted else Unknown(said=said(answer.code))

    def balance(self) -> Money:
        have = balance(_had(self._gateway.ask(USER, {})).found, "balance", CURRENCY)
        if have is None:
            raise SupplierUnavailable
        return have

    def catalog(self) -> Iterator[Offer]:
        """All in one answer. What cannot be read of an item leaves that one out."""
        goods = _had(self._gateway.ask(GOODS_LIST, {}, max_reply_bytes=MAX_CATALOG_BYTES)).result
        if not isinstance(goods, list):
            raise SupplierUnavailable
        yield from filter(None, (self._offer(item) for item in goods if isinstance(item, dict)))

    def _offer(self, goods: Document) -> Offer | None:
        item, costs = number(goods, "product_id"), list_price(goods, "purchase_price", CURRENCY)
        if item is None or costs is None:
            return None
        return Offer(item=item, name=title(goods, "product_name"), price=costs, on_sale=self._is_on_sale(goods))

    def statement(self, day: date) -> Iterator[SupplierLine]:  # noqa: ARG002 - there is one of no day
        """There is one only as a file, which is asked for and laid down elsewhere later; and which words its column of
        states has, nobody says. Raises SupplierStatementMissing.

        """
        raise SupplierStatementMissing

    def parse_callback(self, callback: Callback, now_ms: int) -> str:  # noqa: ARG002 - nothing says when it was signed
        """An old one cannot be told from a new one, and is as harmless: it only has the order asked about."""
        ours = number(self._gateway.verified(callback), "customer_order_no")
        if ours is None:
            raise SignatureInvalid
        return str(ours)


def _had(answer: Answer | Unknown) -> Answer:
    """Raises SupplierUnavailable."""
    if isinstance(answer, Unknown) or not answer.accepted:
        raise SupplierUnavailable
    return answer
