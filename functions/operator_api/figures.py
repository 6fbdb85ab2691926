"""Stock figures: what is on hand, what was sold, how long it lasts."""

from functools import cache

from functions.operator_api.access import READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, catalog, keys, settings
from functions.operator_api.schemas.common import ReasonIn
from functions.operator_api.schemas.figures import FiguresOut, StockOut, StockQuery
from keyrail.catalog.model import UnknownSku
from keyrail.inventory.model.figures import StockMoving
from keyrail.inventory.service.figures import StockFigures
from keyrail.inventory.store.figures import FigureStore
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def stock_figures() -> StockFigures:
    return StockFigures(FigureStore(client("dynamodb"), settings().keys_table), keys(), catalog(), system_now_ms)


@api.operation(
    "GET",
    "/ops/v1/stock",
    summary="Stock figures of all SKUs, those that are low first",
    query=StockQuery,
    answer=StockOut,
    raises=(Invalid, NotInGroup),
)
def list_stock(call: Call) -> StockOut:
    allow(call, READ)
    wanted: StockQuery = call.query
    found, following = stock_figures().page(wanted.limit, decode_cursor(wanted.cursor))
    now_ms = system_now_ms()
    return StockOut(skus=tuple(FiguresOut.of(figures, now_ms) for figures in found), cursor=encode_cursor(following))


@api.operation(
    "GET",
    "/ops/v1/skus/{sku_id}/figures",
    summary="Stock figures of a SKU, with a forecast",
    answer=FiguresOut,
    raises=(UnknownSku, NotInGroup),
)
def get_figures(call: Call) -> FiguresOut:
    allow(call, READ)
    return FiguresOut.of(stock_figures().of(call.path["sku_id"]), system_now_ms())


@api.operation(
    "POST",
    "/ops/v1/skus/{sku_id}/figures/recount",
    summary="Count out what is on hand, and correct the figures where they say something else",
    body=ReasonIn,
    answer=FiguresOut,
    raises=(Invalid, UnknownSku, StockMoving, NotInGroup),
)
def recount_figures(call: Call) -> FiguresOut:
    wanted: ReasonIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    return FiguresOut.of(stock_figures().recount(call.path["sku_id"], origin), system_now_ms())
