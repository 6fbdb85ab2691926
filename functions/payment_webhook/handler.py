"""`/webhooks/payments/{provider}/{account}`: verify, bind, store, issue at once, and only then acknowledge."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.refunds import Refunds
from keyrail.fulfilment.service.settlement import Settlement
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.service.accounts import Callback, PaymentAccounts, UnknownAccount, watched_accounts
from keyrail.payments.service.desk import Desk
from keyrail.payments.store import PaymentStore
from keyrail.platform import logs, metrics
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.errors import SignatureInvalid, Unavailable
from keyrail.platform.http import Call, HttpApi, RawReply
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric
from keyrail.platform.secrets import read_secret

if TYPE_CHECKING:
    from keyrail.fulfilment.service.disputes import Disputes

api = HttpApi("keyrail payment callbacks")
handler = api


@dataclass(frozen=True)
class Settings:
    catalog_table: str
    keys_table: str
    orders_table: str
    payments_table: str
    payment_accounts_secret_arn: str
    public_api_url: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def accounts() -> PaymentAccounts:
    return watched_accounts(lambda: read_secret(settings().payment_accounts_secret_arn), system_now_ms)


@cache
def settlement() -> Settlement:
    dynamodb = client("dynamodb")
    orders = Orders(OrderStore(dynamodb, settings().orders_table))
    claims = Claims(KeyStore(dynamodb, settings().keys_table), system_now_ms)
    desk = Desk(PaymentStore(dynamodb, settings().payments_table), system_now_ms)
    issuance = Issuance(orders, claims, dynamodb, system_now_ms)
    return Settlement(orders, claims, accounts(), desk, issuance, dynamodb, system_now_ms)


@cache
def refunds() -> Refunds:
    orders = Orders(OrderStore(client("dynamodb"), settings().orders_table))
    desk = Desk(PaymentStore(client("dynamodb"), settings().payments_table), system_now_ms)
    return Refunds(orders, accounts(), desk, system_now_ms, settings().public_api_url.rstrip("/"))


@cache
def disputes() -> "Disputes":
    from keyrail.catalog.service import Catalog  # only here: a dispute may pay for what no payment needs
    from keyrail.catalog.store import CatalogStore
    from keyrail.fulfilment.service.disputes import Disputes, Freezing
    from keyrail.inventory.service.withdrawals import Withdrawals

    dynamodb = client("dynamodb")
    orders = Orders(OrderStore(dynamodb, settings().orders_table))
    catalog = Catalog(CatalogStore(dynamodb, settings().catalog_table), system_now_ms)
    withdrawals = Withdrawals(KeyStore(dynamodb, settings().keys_table), catalog, system_now_ms)
    desk = Desk(PaymentStore(dynamodb, settings().payments_table), system_now_ms)
    freezing = Freezing(orders, withdrawals, dynamodb, system_now_ms)
    return Disputes(orders, accounts(), desk, freezing, system_now_ms)


def settle(call: Call) -> RawReply:
    provider_name, account = call.path["provider"], call.path["account"]
    provider = accounts().at(provider_name, account)
    callback = Callback(call.method, call.raw_query, call.raw_body, call.headers)
    try:
        said = accounts().confirm(provider_name, account, callback, system_now_ms())
    except SignatureInvalid:
        metrics.count(Metric.CALLBACK_REFUSED)
        logs.warn(Entry.CALLBACK_REFUSED, provider=provider_name, account=account)
        raise
    origin = Origin(f"provider:{provider_name}/{account}", call.address)
    match said:
        case Confirmation():
            settlement().settle(said, origin)
        case DisputeNotice():
            disputes().hear(said, origin)
        case RefundNotice() if refunds().hear_of(said, origin):
            pass
        case _:
            logs.log(Entry.CALLBACK_IGNORED, provider=provider_name, account=account)
    return RawReply(provider.acknowledgement.body, content_type=provider.acknowledgement.content_type)


for method in ("GET", "POST"):
    api.operation(
        method,
        "/webhooks/payments/{provider}/{account}",
        summary="A payment provider's callback, in the provider's own format",
        raises=(SignatureInvalid, UnknownAccount, Unavailable),
    )(settle)
