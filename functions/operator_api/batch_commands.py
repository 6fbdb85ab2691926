"""Commands on a batch of any size: answered once they work, within two seconds everywhere. Its keys follow."""

from collections.abc import Callable
from functools import cache

from functions.operator_api.access import STOCK, NotInGroup, allow
from functions.operator_api.app import api, keys, zone
from functions.operator_api.own_codes import own_codes
from functions.operator_api.schemas.batch_commands import ExtendIn, ReleaseIn
from functions.operator_api.schemas.batches import BatchOut
from functions.operator_api.schemas.common import ReasonIn
from keyrail.inventory.model.batches import Batch, BatchNotFound
from keyrail.inventory.model.commands import BatchClosed, BatchVoid, ExpiryNotLater, TooManyHeldBatches
from keyrail.inventory.service.commands import BatchCommands
from keyrail.inventory.store.batches import BatchStore
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import end_of_day_ms, epoch_ms, system_now_ms
from keyrail.platform.errors import Invalid
from keyrail.platform.http import Call
from keyrail.platform.logs import Entry


@cache
def commands() -> BatchCommands:
    return BatchCommands(BatchStore(keys()), system_now_ms)


def _command(call: Call, reason: str, give: Callable[[str, Origin], Batch]) -> BatchOut:
    origin = allow(call, STOCK, reason)
    batch = give(call.path["batch_id"], origin)
    logs.log(Entry.BATCH_COMMANDED, batch_id=batch.batch_id, standing=batch.standing, generation=batch.generation)
    return BatchOut.of(batch, generated=own_codes().generated(batch))


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/freeze",
    summary="Stop selling, showing and redeeming all keys of a batch until it is unfrozen",
    body=ReasonIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchClosed, BatchVoid, TooManyHeldBatches, NotInGroup),
)
def freeze_batch(call: Call) -> BatchOut:
    return _command(call, call.body.reason, commands().freeze)


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/unfreeze",
    summary="Let a frozen batch go on as before",
    body=ReasonIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchClosed, BatchVoid, NotInGroup),
)
def unfreeze_batch(call: Call) -> BatchOut:
    return _command(call, call.body.reason, commands().unfreeze)


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/void",
    summary="Cancel all keys of a batch that were not used up, sold or not, for good",
    body=ReasonIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchClosed, TooManyHeldBatches, NotInGroup),
)
def void_batch(call: Call) -> BatchOut:
    return _command(call, call.body.reason, commands().void)


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/close",
    summary="Sell nothing more of a batch, for good; what is sold lives on",
    body=ReasonIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchVoid, TooManyHeldBatches, NotInGroup),
)
def close_batch(call: Call) -> BatchOut:
    return _command(call, call.body.reason, commands().close)


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/extend",
    summary="Move the last day of a batch's keys; those that expired before it can be sold again",
    body=ExtendIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchClosed, BatchVoid, ExpiryNotLater, NotInGroup),
)
def extend_batch(call: Call) -> BatchOut:
    wanted: ExtendIn = call.body
    day = wanted.expires_on.isoformat()

    def extend(batch_id: str, origin: Origin) -> Batch:
        return commands().extend(batch_id, day, end_of_day_ms(day, zone()), origin)

    return _command(call, wanted.reason, extend)


@api.operation(
    "POST",
    "/ops/v1/batches/{batch_id}/release",
    summary="Put a stage of a batch on sale, now or at a time",
    body=ReleaseIn,
    answer=BatchOut,
    raises=(Invalid, BatchNotFound, BatchClosed, BatchVoid, NotInGroup),
)
def release_stage(call: Call) -> BatchOut:
    wanted: ReleaseIn = call.body
    opens_at_ms = None if wanted.opens_at is None else epoch_ms(wanted.opens_at)
    return _command(
        call, wanted.reason, lambda batch_id, origin: commands().release(batch_id, wanted.stage, opens_at_ms, origin)
    )
