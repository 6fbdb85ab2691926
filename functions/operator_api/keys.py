"""Single keys behind their mask, with all that is on record of them."""

from functools import cache

from functions.operator_api.access import AFTER_SALES, MONEY, READ, NotInGroup, allow, is_in
from functions.operator_api.app import api, audit, batches, keys, orders
from functions.operator_api.schemas.keys import FindKeyIn, KeyOut
from keyrail.catalog.model import UnknownSku
from keyrail.fulfilment.service.tracing import KeyStory, Tracing
from keyrail.inventory.model.keys import KeyNotFound
from keyrail.inventory.service.lookup import KeyLookup
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@cache
def tracing() -> Tracing:
    return Tracing(orders(), KeyLookup(keys()), audit())


@api.operation(
    "GET",
    "/ops/v1/keys/{key_id}",
    summary="A key behind its mask, with all that is on record of it",
    answer=KeyOut,
    raises=(KeyNotFound, NotInGroup),
)
def get_key(call: Call) -> KeyOut:
    allow(call, READ)
    return _told(call, tracing().story(batches().key(call.path["key_id"])))


@api.operation(
    "POST",
    "/ops/v1/keys/find",
    summary="The key of a code that somebody presents, with all that is on record of it",
    body=FindKeyIn,
    answer=KeyOut,
    raises=(Invalid, UnknownSku, KeyNotFound, NotInGroup),
)
def find_key(call: Call) -> KeyOut:
    allow(call, READ)
    presented: FindKeyIn = call.body
    found = batches().find(presented.sku_id, presented.code)
    return _told(call, tracing().story(found, sold_to=presented.order_id))


def _told(call: Call, story: KeyStory) -> KeyOut:
    return KeyOut.of(story, with_cost=is_in(call, MONEY), with_buyer=is_in(call, AFTER_SALES))
