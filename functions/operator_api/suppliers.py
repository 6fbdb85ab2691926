"""Where SKUs come from, and the suppliers that they come from."""

from functools import cache

from functions.operator_api.access import READ, STOCK, NotInGroup, allow
from functions.operator_api.app import api, catalog, suppliers, zone
from functions.operator_api.schemas.suppliers import (
    BreakerIn,
    FiguresOfSupplierOut,
    NoticeOut,
    NoticesOut,
    SourcingIn,
    SourcingOut,
    SupplierIn,
    SupplierOut,
    SuppliersOut,
    SupplierWithFiguresOut,
)
from keyrail.catalog.model import UnknownSku
from keyrail.platform.changes import stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import view
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call
from keyrail.suppliers.model.errors import TooManySuppliers, UnknownSourcing, UnknownSupplier
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import Sourcing
from keyrail.suppliers.service.desk import SupplierDesk, delivering
from keyrail.suppliers.service.notices import MAX_SHOWN, Notices
from keyrail.suppliers.service.routing import Routing


@cache
def desk() -> SupplierDesk:
    return SupplierDesk(suppliers(), catalog(), system_now_ms)


@cache
def routing() -> Routing:
    return Routing(suppliers(), zone(), system_now_ms)


@api.operation(
    "PUT",
    "/ops/v1/skus/{sku_id}/sourcing",
    summary="Say where a SKU comes from, all of it anew",
    body=SourcingIn,
    answer=SourcingOut,
    raises=(Invalid, UnknownSku, NotInGroup),
)
def save_sourcing(call: Call) -> SourcingOut:
    wanted: SourcingIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    sourcing = view(
        Sourcing,
        wanted,
        sku_id=call.path["sku_id"],
        sources=tuple(each.source() for each in wanted.sources),
        **stamp(origin, system_now_ms()),
    )
    return _shown(desk().save_sourcing(sourcing, origin))


@api.operation(
    "GET",
    "/ops/v1/skus/{sku_id}/sourcing",
    summary="Where a SKU comes from, and what is in the way of each source at this moment",
    answer=SourcingOut,
    raises=(UnknownSku, UnknownSourcing, NotInGroup),
)
def get_sourcing(call: Call) -> SourcingOut:
    allow(call, READ)
    return _shown(desk().sourcing(call.path["sku_id"]))


def _shown(sourcing: Sourcing) -> SourcingOut:
    sku = catalog().sku(sourcing.sku_id)
    need = Need(sku_id=sku.sku_id, quantity=1, paid=sku.price, kinds=delivering(sku), reference="")
    return SourcingOut.of(sourcing, routing().passed_over(sourcing, need))


@api.operation(
    "GET",
    "/ops/v1/suppliers",
    summary="All suppliers with their health, by name; there are at most 100",
    answer=SuppliersOut,
    raises=(NotInGroup,),
)
def list_suppliers(call: Call) -> SuppliersOut:
    allow(call, READ)
    return SuppliersOut(suppliers=tuple(SupplierOut.of(health) for health in desk().suppliers()))


@api.operation(
    "GET",
    "/ops/v1/suppliers/{supplier}",
    summary="A supplier with its health, and how it did in the last 24 hours",
    answer=SupplierWithFiguresOut,
    raises=(UnknownSupplier, NotInGroup),
)
def get_supplier(call: Call) -> SupplierWithFiguresOut:
    allow(call, READ)
    health, tally = desk().supplier(call.path["supplier"])
    return SupplierWithFiguresOut(supplier=SupplierOut.of(health), figures=FiguresOfSupplierOut.of(tally))


@api.operation(
    "GET",
    "/ops/v1/suppliers/{supplier}/notices",
    summary=f"Genuine callbacks of a supplier's for which nobody waited, at most {MAX_SHOWN}",
    answer=NoticesOut,
    raises=(UnknownSupplier, NotInGroup),
)
def list_notices(call: Call) -> NoticesOut:
    allow(call, READ)
    notices = Notices(suppliers(), system_now_ms)
    return NoticesOut(notices=tuple(map(NoticeOut.of, notices.of(call.path["supplier"]))))


@api.operation(
    "PUT",
    "/ops/v1/suppliers/{supplier}",
    summary="Make a supplier known, disable it or enable it again",
    body=SupplierIn,
    answer=SupplierOut,
    raises=(Invalid, TooManySuppliers, NotInGroup),
)
def save_supplier(call: Call) -> SupplierOut:
    wanted: SupplierIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    return SupplierOut.of(desk().save(call.path["supplier"], origin, disabled=wanted.disabled))


@api.operation(
    "POST",
    "/ops/v1/suppliers/{supplier}/breaker",
    summary="Open a supplier's breaker for a while, or close it",
    body=BreakerIn,
    answer=SupplierOut,
    raises=(Invalid, UnknownSupplier, NotInGroup),
)
def set_breaker(call: Call) -> SupplierOut:
    wanted: BreakerIn = call.body
    origin = allow(call, STOCK, wanted.reason)
    return SupplierOut.of(desk().set_breaker(call.path["supplier"], wanted.breaker, origin))
