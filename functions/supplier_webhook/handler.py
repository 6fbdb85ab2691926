"""`/webhooks/suppliers/{supplier}`: verify, bind, store that there is news, and only then acknowledge.

What the news is, whoever waits for it asks the supplier: a callback is a reason to ask, never the truth.
"""

from dataclasses import dataclass
from functools import cache

from keyrail.fulfilment.service.supplier_news import SupplierNews
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform import logs, metrics, workflows
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import SignatureInvalid, Unavailable
from keyrail.platform.http import Call, HttpApi, RawReply
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric
from keyrail.platform.secrets import read_secret
from keyrail.platform.slices import send_rest
from keyrail.risk.service import News
from keyrail.risk.store import GuardStore
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.purchases import PurchaseNotFound
from keyrail.suppliers.service.accounts import Callback, SupplierAccounts, watched_suppliers
from keyrail.suppliers.service.notices import Notices
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import SupplyStore

api = HttpApi("keyrail supplier callbacks")
handler = api


@dataclass(frozen=True)
class Settings:
    orders_table: str
    guards_table: str
    suppliers_table: str
    supplier_accounts_secret_arn: str
    direct_recharge_arn: str
    supply_queue_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def suppliers() -> SupplierAccounts:
    return watched_suppliers(lambda: read_secret(settings().supplier_accounts_secret_arn), system_now_ms)


@cache
def news() -> SupplierNews:
    dynamodb, names = client("dynamodb"), settings()
    return SupplierNews(
        Orders(OrderStore(dynamodb, names.orders_table)),
        suppliers(),
        News(GuardStore(dynamodb, names.guards_table), system_now_ms),
        Notices(SuppliersStore(dynamodb, names.suppliers_table), system_now_ms),
        workflows.go_on,
        start,
        ask_about,
        system_now_ms,
    )


def start(name: str, order_id: str, unit_id: str) -> bool:
    return workflows.start(settings().direct_recharge_arn, name, {"order_id": order_id, "unit_id": unit_id})


def ask_about(purchase_id: str, supplier: str) -> bool:
    """Sent for a purchase that is over as well, and does nothing then."""
    try:
        purchase = SupplyStore(client("dynamodb"), settings().suppliers_table).purchase(purchase_id)
    except PurchaseNotFound:
        return False
    if purchase.supplier != supplier:
        return False
    send_rest(settings().supply_queue_url, {"purchase_id": purchase_id})
    return True


def hear(call: Call) -> RawReply:
    supplier = call.path["supplier"]
    callback = Callback(call.method, call.raw_query, call.raw_body, call.headers)
    try:
        news().hear(supplier, callback)
    except (SignatureInvalid, UnknownSupplier) as refused:
        metrics.count(Metric.CALLBACK_REFUSED)
        known = None if isinstance(refused, UnknownSupplier) else supplier  # else anybody could write into the log
        logs.warn(Entry.CALLBACK_REFUSED, refusal=refused.code, supplier=known)
        raise
    acknowledgement = suppliers().at(supplier).acknowledgement
    return RawReply(acknowledgement.body, content_type=acknowledgement.content_type)


for method in ("GET", "POST"):
    api.operation(
        method,
        "/webhooks/suppliers/{supplier}",
        summary="A supplier's callback, in the supplier's own format",
        raises=(SignatureInvalid, UnknownSupplier, Unavailable),
    )(hear)
