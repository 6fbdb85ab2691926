"""Single keys behind their mask, with their trace."""

from functions.operator_api.access import READ, NotInGroup, allow
from functions.operator_api.app import api, audit, batches
from functions.operator_api.schemas.keys import FindKeyIn, KeyOut
from keyrail.catalog.model import UnknownSku
from keyrail.inventory.model import Key, KeyNotFound
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call


@api.operation(
    "GET",
    "/ops/v1/keys/{key_id}",
    summary="A key behind its mask, with its trace",
    answer=KeyOut,
    raises=(KeyNotFound, NotInGroup),
)
def get_key(call: Call) -> KeyOut:
    allow(call, READ)
    return _traced(batches().key(call.path["key_id"]))


@api.operation(
    "POST",
    "/ops/v1/keys/find",
    summary="The key of a code that somebody presents",
    body=FindKeyIn,
    answer=KeyOut,
    raises=(Invalid, UnknownSku, KeyNotFound, NotInGroup),
)
def find_key(call: Call) -> KeyOut:
    allow(call, READ)
    presented: FindKeyIn = call.body
    return _traced(batches().find(presented.sku_id, presented.code))


def _traced(key: Key) -> KeyOut:
    return KeyOut.of(key, batches().batch(key.batch_id), audit().of(f"key:{key.key_id}"))
