"""Changes onto the audit trail, what they mean into the books, and those of keys into the figures of their SKUs."""

from collections.abc import Sequence

from functions.event_relay.app import books, chain, counting
from functions.event_relay.stream import Change
from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.keys import Key
from keyrail.inventory.service.counting import KeyChange
from keyrail.platform import logs
from keyrail.platform.audit_lots import MAX_LOT
from keyrail.platform.errors import Unavailable


def put_on_record(changes: Sequence[Change | None]) -> int:
    """The position of the first change that could not be put on record; their number, if all could.

    Those of keys come last, together for each SKU. So some behind that position may be on record, too: once, however
    often they come again.
    """
    waiting = {position for position, change in enumerate(changes) if change is not None}
    lots: dict[str, list[tuple[int, KeyChange]]] = {}
    try:
        for position, change in enumerate(changes):
            if change is None:
                continue
            if isinstance(change.item, Key):
                lots.setdefault(change.item.sku_id, []).append((position, _key_change(change, change.item)))
            else:
                _put_on_record(change)
                if not change.booked:
                    waiting.discard(position)
        waiting.difference_update(_book(changes))
        for sku_id, lot in lots.items():
            for start in range(0, len(lot), MAX_LOT):
                some = lot[start : start + MAX_LOT]
                counting().put_on_record(sku_id, [change for _, change in some])
                waiting.difference_update(position for position, _ in some)
    except Unavailable as error:
        logs.log_failure(error)
    return min(waiting, default=len(changes))


def _book(changes: Sequence[Change | None]) -> list[int]:
    """All together, since a page of the books takes many entries for the price of one; the positions of those booked.

    Raises StoreUnavailable; then any of them may be in, and comes again for nothing.
    """
    booked = [(position, change) for position, change in enumerate(changes) if change is not None and change.booked]
    books().post(entry for _, change in booked for entry in change.booked)
    return [position for position, _ in booked]


def _put_on_record(change: Change) -> None:
    chain().write(change.record, change.before)
    match change.item:
        case Sku() as sku:
            counting().learn_threshold(change.before if isinstance(change.before, Sku) else None, sku)
        case Batch() as batch:
            counting().learn_batch(change.before if isinstance(change.before, Batch) else None, batch)


def _key_change(change: Change, key: Key) -> KeyChange:
    return KeyChange(change.record, change.before if isinstance(change.before, Key) else None, key)
