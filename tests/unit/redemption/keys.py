"""A key of our own as it is sold, and what a test changes of it."""

from dataclasses import replace
from typing import Any

from keyrail.catalog.model import Terms
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.model.redeeming import redeemable
from keyrail.inventory.model.uses import Moment
from keyrail.platform.changes import Origin, stamp

NOW_MS = 1_767_225_600_000
MONDAY_NOON = Moment(now_ms=NOW_MS, date="2026-01-05", weekday=1, weekday_before=7, minute=720)
SYSTEM = Origin("system:test", "test")


def sold_key(terms: Terms | None, **changes: Any) -> Key:
    key = Key(
        key_id="key_01" + "0" * 26,
        batch_id="bat_a",
        sku_id="voucher",
        state=KeyState.SOLD,
        sealed=b"",
        data_key=0,
        mask="••••",
        line=1,
        claim_partition="voucher#bat_a##0",
        left_pool="0",
        order_id="ord_a",
        sold_at_ms=1,
        **redeemable(terms),
        **stamp(SYSTEM, 0),
    )
    return replace(key, **changes)


def printed_key(terms: Terms, **changes: Any) -> Key:
    never_sold: dict[str, Any] = {"claim_partition": None, "order_id": None, "sold_at_ms": None}
    fields = {**redeemable(terms, for_print=True), **never_sold, "state": KeyState.AVAILABLE, **changes}
    return replace(sold_key(terms), **fields)


def unsold_key(terms: Terms, **changes: Any) -> Key:
    pooled: dict[str, Any] = {"claim_order": "0000000000#A", "left_pool": None, "order_id": None, "sold_at_ms": None}
    return sold_key(terms, **{**pooled, "state": KeyState.AVAILABLE, **changes})
