"""`/v1/orders/{order_id}/reveal`: shows keys. The only function that may decrypt."""

from dataclasses import dataclass
from functools import cache

from functions.delivery_api.schemas import KeyOut, RevealOut, UnitOut
from keyrail.fulfilment.model import GivenUp, NotDelivered, NothingToReveal, RevealedUnit
from keyrail.fulfilment.service.delivery import Delivery
from keyrail.inventory.model.keys import KeyFrozen, KeyNotFound, KeyVoid
from keyrail.inventory.service.sold_keys import SoldKeys
from keyrail.inventory.store.keys import KeyStore
from keyrail.ordering.model.orders import OrderNotFound
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.store import OrderStore
from keyrail.platform.aws import client
from keyrail.platform.changes import Origin
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load
from keyrail.platform.documents import view
from keyrail.platform.http import Call, HttpApi
from keyrail.vault.model import SecretUnreadable
from keyrail.vault.providers.kms import KeyServiceUnavailable, KmsKeyWrapper
from keyrail.vault.service.sealing import Opener

api = HttpApi("keyrail delivery")
handler = api


@dataclass(frozen=True)
class Settings:
    keys_table: str
    orders_table: str
    vault_key_arn: str


@cache
def delivery() -> Delivery:
    settings = load(Settings)
    return Delivery(
        Orders(OrderStore(client("dynamodb"), settings.orders_table)),
        SoldKeys(KeyStore(client("dynamodb"), settings.keys_table), system_now_ms),
        Opener(KmsKeyWrapper(client("kms"), settings.vault_key_arn), system_now_ms),
    )


@api.operation(
    "POST",
    "/v1/orders/{order_id}/reveal",
    summary="The keys of the order, in the clear; every look is on record",
    answer=RevealOut,
    raises=(
        OrderNotFound,
        NotDelivered,
        NothingToReveal,
        GivenUp,
        KeyFrozen,
        KeyVoid,
        KeyNotFound,
        SecretUnreadable,
        KeyServiceUnavailable,
    ),
)
def reveal(call: Call) -> RevealOut:
    units = delivery().reveal(call.path["order_id"], call.bearer_token(), Origin("buyer", call.address))
    return RevealOut(units=tuple(map(_unit, units)))


def _unit(unit: RevealedUnit) -> UnitOut:
    keys = tuple(view(KeyOut, key, expires_at=key.expires_on) for key in unit.keys)
    return view(UnitOut, unit, keys=keys)
