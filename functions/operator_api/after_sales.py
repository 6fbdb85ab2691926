"""The desk of complaints: the keys of an order, another key for a bad one, and what the sources owe for it."""

from functools import cache
from urllib.parse import unquote

from functions.operator_api.access import AFTER_SALES, MONEY, READ, NotInGroup, allow, is_in
from functions.operator_api.app import api, keys, orders, settings
from functions.operator_api.keys import tracing
from functions.operator_api.schemas.after_sales import (
    FindInOrderIn,
    OrderKeysOut,
    ReplacedOut,
    ReplaceIn,
    SourceOut,
    SourcesOut,
    SourcesQuery,
)
from functions.operator_api.schemas.keys import KeySummary
from keyrail.fulfilment.model import Complaint
from keyrail.fulfilment.service.after_sales import AfterSales
from keyrail.inventory.model.faults import SourceNotFound
from keyrail.inventory.model.keys import (
    KeyFrozen,
    KeyNotFound,
    KeyRedeemed,
    LabelTaken,
    NotSold,
    PoolContended,
    SoldOut,
)
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.faulty_keys import FaultyKeys
from keyrail.inventory.service.lookup import KeyLookup
from keyrail.inventory.service.sources import SourceReport, SourceReports
from keyrail.inventory.store.figures import FigureStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.ordering.model.orders import OrderNotFound, ReplacedTooOften
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def after_sales() -> AfterSales:
    return AfterSales(
        orders(),
        KeyLookup(keys()),
        Claims(keys(), system_now_ms),
        FaultyKeys(keys(), system_now_ms),
        client("dynamodb"),
        system_now_ms,
    )


@cache
def sources() -> SourceReports:
    return SourceReports(SourceStore(keys()), FigureStore(client("dynamodb"), settings().keys_table))


@api.operation(
    "GET",
    "/ops/v1/orders/{order_id}/keys",
    summary="The keys of an order behind their masks, replaced ones too",
    answer=OrderKeysOut,
    raises=(OrderNotFound, NotInGroup),
)
def keys_of_order(call: Call) -> OrderKeysOut:
    allow(call, READ)
    order_id = call.path["order_id"]
    return OrderKeysOut(order_id=order_id, keys=tuple(map(KeySummary.of, tracing().of_order(order_id))))


@api.operation(
    "POST",
    "/ops/v1/orders/{order_id}/keys/find",
    summary="Those keys of an order that end as the buyer says",
    body=FindInOrderIn,
    answer=OrderKeysOut,
    raises=(Invalid, OrderNotFound, NotInGroup),
)
def find_in_order(call: Call) -> OrderKeysOut:
    allow(call, READ)
    order_id, said = call.path["order_id"], call.body.mask
    return OrderKeysOut(order_id=order_id, keys=tuple(map(KeySummary.of, tracing().with_mask(order_id, said))))


@api.operation(
    "POST",
    "/ops/v1/keys/{key_id}/replace",
    summary="Give the buyer another key for a bad one; asking again gives the same",
    body=ReplaceIn,
    answer=ReplacedOut,
    raises=(
        Invalid,
        KeyNotFound,
        NotSold,
        KeyFrozen,
        KeyRedeemed,
        ReplacedTooOften,
        LabelTaken,
        SoldOut,
        PoolContended,
        NotInGroup,
    ),
)
def replace_key(call: Call) -> ReplacedOut:
    wanted: ReplaceIn = call.body
    origin = allow(call, AFTER_SALES, wanted.reason)
    return ReplacedOut.of(after_sales().replace(call.path["key_id"], view(Complaint, wanted), origin))


@api.operation(
    "GET",
    "/ops/v1/sources",
    summary="Who we have keys from, by name, and what of theirs was bad",
    query=SourcesQuery,
    answer=SourcesOut,
    raises=(Invalid, NotInGroup),
)
def list_sources(call: Call) -> SourcesOut:
    allow(call, READ)
    wanted: SourcesQuery = call.query
    found, behind = sources().page(wanted.limit, wanted.cursor)
    return SourcesOut(sources=tuple(_source(call, report) for report in found), next_cursor=behind)


@api.operation(
    "GET",
    "/ops/v1/sources/{source}",
    summary="A source of keys, and what of theirs was bad",
    answer=SourceOut,
    raises=(SourceNotFound, NotInGroup),
)
def get_source(call: Call) -> SourceOut:
    allow(call, READ)
    return _source(call, sources().of(unquote(call.path["source"])))


def _source(call: Call, report: SourceReport) -> SourceOut:
    return SourceOut.of(report, with_money=is_in(call, MONEY))
