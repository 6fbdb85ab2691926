"""Supply: what suppliers offer, the rules of prices and purchases, and the purchases themselves."""

from functools import cache

from functions.operator_api.access import BUYS, PAYS_BACK, READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, audit, catalog, keys, settings, suppliers, zone
from functions.operator_api.schemas.common import ReasonIn
from functions.operator_api.schemas.supply import (
    BudgetIn,
    BudgetOut,
    GuardIn,
    GuardOut,
    OffersOut,
    OffersQuery,
    PurchaseIn,
    PurchaseOut,
    PurchaseResolutionIn,
    PurchasesOut,
    PurchaseTraceOut,
    RuleIn,
    RuleOut,
    WatchIn,
    WatchOut,
)
from keyrail.catalog.model import UnknownSku
from keyrail.inventory.service.pooling import takes_bought_keys
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.documents import view
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.http import Call
from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.guarding import NoGuard, PriceGuard, TooManyGuards, WrongCurrency
from keyrail.suppliers.model.purchases import (
    BudgetSpent,
    NoBudget,
    NoRule,
    NotBuyable,
    NotOffered,
    OwnPurchase,
    PurchaseDecided,
    PurchaseNotFound,
    PurchaseUnderWay,
    TooManyPurchases,
    TooManyRules,
)
from keyrail.suppliers.service.purchases import Purchases
from keyrail.suppliers.service.supply_desk import SupplyDesk, check_wanted, currency_named
from keyrail.suppliers.supply_store import SupplyStore


@cache
def store() -> SupplyStore:
    return SupplyStore(client("dynamodb"), settings().suppliers_table)


@cache
def desk() -> SupplyDesk:
    return SupplyDesk(store(), suppliers(), catalog(), system_now_ms)


@cache
def purchases() -> Purchases:
    return Purchases(store(), suppliers(), zone(), system_now_ms)


@api.operation(
    "PUT",
    "/ops/v1/supply/suppliers/{supplier}",
    summary="Say below which balance with a supplier the alarm rings",
    body=WatchIn,
    answer=WatchOut,
    raises=(Invalid, UnknownSupplier, NotInGroup),
)
def watch_supplier(call: Call) -> WatchOut:
    wanted: WatchIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    return WatchOut.of(desk().set_threshold(call.path["supplier"], wanted.threshold, origin))


@api.operation(
    "GET",
    "/ops/v1/supply/suppliers/{supplier}",
    summary="When a supplier's catalogue was looked at, and whether our balance there does",
    answer=WatchOut,
    raises=(UnknownSupplier, NotInGroup),
)
def get_watch(call: Call) -> WatchOut:
    origin = allow(call, READ)
    return WatchOut.of(desk().watch(call.path["supplier"], origin))


@api.operation(
    "GET",
    "/ops/v1/supply/suppliers/{supplier}/offers",
    summary="What a supplier offers, by item, as it was looked at last",
    query=OffersQuery,
    answer=OffersOut,
    raises=(Invalid, UnknownSupplier, NotInGroup),
)
def list_offers(call: Call) -> OffersOut:
    allow(call, READ)
    wanted: OffersQuery = call.query
    found, behind = desk().offers(call.path["supplier"], wanted.limit, decode_cursor(wanted.cursor))
    return OffersOut.of(found, encode_cursor(behind))


@api.operation(
    "PUT",
    "/ops/v1/supply/skus/{sku_id}/guard",
    summary="Set the price rule of a SKU: its sources pause while they are too dear, or its price follows them",
    body=GuardIn,
    answer=GuardOut,
    raises=(Invalid, UnknownSku, WrongCurrency, TooManyGuards, NotInGroup),
)
def save_guard(call: Call) -> GuardOut:
    wanted: GuardIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    known = stamp(origin, system_now_ms())
    guard = view(PriceGuard, wanted, sku_id=call.path["sku_id"], withheld=None, **known)
    return GuardOut.of(desk().save_guard(guard, origin))


@api.operation(
    "GET",
    "/ops/v1/supply/skus/{sku_id}/guard",
    summary="The price rule of a SKU, and which sources stand aside by it",
    answer=GuardOut,
    raises=(UnknownSku, NoGuard, NotInGroup),
)
def get_guard(call: Call) -> GuardOut:
    allow(call, READ)
    return GuardOut.of(desk().guard(call.path["sku_id"]))


@api.operation(
    "PUT",
    "/ops/v1/supply/skus/{sku_id}/purchasing",
    summary="Say what is bought by itself when the stock of a SKU runs low",
    body=RuleIn,
    answer=RuleOut,
    raises=(Invalid, UnknownSku, NotBuyable, TooManyRules, NotInGroup),
)
def save_rule(call: Call) -> RuleOut:
    wanted: RuleIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    sku_id = call.path["sku_id"]
    _check_buyable(sku_id)
    saved = desk().save_rule(wanted.wanted(sku_id), up_to=wanted.up_to, enabled=wanted.enabled, origin=origin)
    return RuleOut.of(saved)


@api.operation(
    "GET",
    "/ops/v1/supply/skus/{sku_id}/purchasing",
    summary="What is bought by itself when the stock of a SKU runs low",
    answer=RuleOut,
    raises=(UnknownSku, NoRule, NotInGroup),
)
def get_rule(call: Call) -> RuleOut:
    allow(call, READ)
    return RuleOut.of(desk().rule(call.path["sku_id"]))


@api.operation(
    "PUT",
    "/ops/v1/supply/budgets/{currency}",
    summary="Say what purchases may cost a day, and what one may without a second person",
    body=BudgetIn,
    answer=BudgetOut,
    raises=(Invalid, NotInGroup),
)
def save_budget(call: Call) -> BudgetOut:
    wanted: BudgetIn = call.body
    origin = allow(call, PAYS_BACK, wanted.reason)
    currency = currency_named(call.path["currency"])
    desk().save_budget(Money(wanted.a_day_minor, currency), Money(wanted.alone_minor, currency), origin)
    return _budget(currency)


@api.operation(
    "GET",
    "/ops/v1/supply/budgets/{currency}",
    summary="What purchases may cost a day, and what today's have",
    answer=BudgetOut,
    raises=(Invalid, NoBudget, NotInGroup),
)
def get_budget(call: Call) -> BudgetOut:
    allow(call, READ)
    return _budget(currency_named(call.path["currency"]))


def _budget(currency: str) -> BudgetOut:
    return BudgetOut.of(desk().budget(currency), desk().spent(currency, purchases().today()))


@api.operation(
    "POST",
    "/ops/v1/supply/purchases",
    summary="Have keys bought for the pool; above the limit a second person decides",
    headers=("Idempotency-Key",),
    body=PurchaseIn,
    answer=PurchaseOut,
    status=201,
    raises=(
        Invalid,
        UnknownSku,
        NotBuyable,
        NotOffered,
        NoBudget,
        BudgetSpent,
        PurchaseUnderWay,
        TooManyPurchases,
        IdempotencyConflict,
        NotInGroup,
    ),
)
def request_purchase(call: Call) -> PurchaseOut:
    said: PurchaseIn = call.body
    origin = allow(call, STOCK, said.reason)
    wanted = said.wanted()
    check_wanted(wanted)
    _check_buyable(wanted.sku_id)
    return PurchaseOut.of(purchases().request(wanted, call.idempotency_key(), origin))


def _check_buyable(sku_id: str) -> None:
    """Raises UnknownSku, NotBuyable."""
    if not takes_bought_keys(catalog().sku(sku_id), keys(), system_now_ms):
        raise NotBuyable


@api.operation(
    "GET",
    "/ops/v1/supply/purchases",
    summary="Purchases that are not over, oldest first: those that wait for a person among them",
    answer=PurchasesOut,
    raises=(NotInGroup,),
)
def list_purchases(call: Call) -> PurchasesOut:
    allow(call, READ)
    return PurchasesOut.of(purchases().open())


@api.operation(
    "GET",
    "/ops/v1/supply/skus/{sku_id}/purchases",
    summary="The last 20 purchases of a SKU, newest first",
    answer=PurchasesOut,
    raises=(UnknownSku, NotInGroup),
)
def list_of_sku(call: Call) -> PurchasesOut:
    allow(call, READ)
    return PurchasesOut.of(purchases().of_sku(catalog().sku(call.path["sku_id"]).sku_id))


@api.operation(
    "GET",
    "/ops/v1/supply/purchases/{purchase_id}",
    summary="A purchase with its trace",
    answer=PurchaseTraceOut,
    raises=(PurchaseNotFound, NotInGroup),
)
def get_purchase(call: Call) -> PurchaseTraceOut:
    allow(call, READ)
    purchase = purchases().find(call.path["purchase_id"])
    return PurchaseTraceOut.of(purchase, audit().of(f"purchase:{purchase.purchase_id}"))


@api.operation(
    "POST",
    "/ops/v1/supply/purchases/{purchase_id}/approve",
    summary="Approve a purchase that somebody else asked for, by a rule that somebody else set",
    body=ReasonIn,
    answer=PurchaseOut,
    raises=(Invalid, PurchaseNotFound, OwnPurchase, PurchaseDecided, NotInGroup),
)
def approve_purchase(call: Call) -> PurchaseOut:
    origin: Origin = allow(call, PAYS_BACK, call.body.reason)
    return PurchaseOut.of(purchases().approve(call.path["purchase_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/supply/purchases/{purchase_id}/reject",
    summary="Turn down a purchase that no supplier was asked for yet, or take one's own back",
    body=ReasonIn,
    answer=PurchaseOut,
    raises=(Invalid, PurchaseNotFound, PurchaseDecided, NotInGroup),
)
def reject_purchase(call: Call) -> PurchaseOut:
    origin = allow(call, BUYS, call.body.reason)
    return PurchaseOut.of(purchases().reject(call.path["purchase_id"], origin))


@api.operation(
    "POST",
    "/ops/v1/supply/purchases/{purchase_id}/resolve",
    summary="Say what became of a purchase that nobody knew of, or that what differed was dealt with",
    body=PurchaseResolutionIn,
    answer=PurchaseOut,
    raises=(Invalid, PurchaseNotFound, PurchaseDecided, NotInGroup),
)
def resolve_purchase(call: Call) -> PurchaseOut:
    said: PurchaseResolutionIn = call.body
    origin = allow(call, BUYS, said.reason)
    return PurchaseOut.of(purchases().resolve(call.path["purchase_id"], said.resolution, origin))
