"""Changes from the stream onto the audit trail and into the figures, and figures that are counted out."""

import secrets
from contextlib import suppress
from dataclasses import replace

from keyrail.catalog.model import Sku
from keyrail.inventory.model.batches import Batch, BatchStatus
from keyrail.inventory.model.figures import StockMoving
from keyrail.inventory.service.counting import UNKNOWN_SOURCE, KeyChange
from keyrail.platform.audit_chain import Live, verdict
from keyrail.platform.audit_verification import AuditVerification
from keyrail.platform.changes import stamp
from tests.faults.use_cases.case import Case, expect, stocked
from tests.stream_of_keys import NOW_MS, changes, leased, looked_at, new_key, sold, stands
from tests.world import CHAIN_SECRET, OPERATOR, PRICE, World


def _lives(sku: str) -> list[KeyChange]:
    """Two keys: one is bought and looked at, one only comes in."""
    first = secrets.randbelow(10**20)
    bought = new_key(first, sku)
    lives = [bought, leased(bought), sold(leased(bought)), looked_at(sold(leased(bought)))]
    return [*changes(*lives), *changes(new_key(first + 1, sku))]


def _are_counted_once(world: World, sku: str, some: list[KeyChange]) -> None:
    keys = {change.new.key_id: change.new for change in some}
    figures = world.figures.get(sku)
    expect(figures and figures.tally == stands(keys.values(), UNKNOWN_SOURCE).tally, "counted twice, or not at all")
    verification = AuditVerification(world.dynamodb, world.names["audit"], CHAIN_SECRET, (), world.now_ms)
    trail = world.scan("audit")
    for key in keys.values():
        stored = [item for item in trail if item["subject"]["S"] == f"key:{key.key_id}"]
        records = [verification.seen(item) for item in stored]
        found = verdict(records, Live(key.version, key.changed_at_ms), world.now_ms())
        expect((found.records, found.problems) == (key.version, 0), "the trail is not whole")


def changes_that_come_together(world: World) -> Case:
    sku = f"sku-{secrets.token_hex(6)}"
    some = _lives(sku)
    return Case(
        lambda process: process.counting.put_on_record(sku, some),
        lambda process: _are_counted_once(process, sku, some),
        [],
        [],
    )


def changes_that_come_again_in_parts(world: World) -> Case:
    sku = f"sku-{secrets.token_hex(6)}"
    some = _lives(sku)

    def in_parts(process: World) -> None:
        for part in (some[:2], some[2:]):
            process.counting.put_on_record(sku, part)

    return Case(
        lambda process: process.counting.put_on_record(sku, some),
        lambda process: _are_counted_once(process, sku, some),
        [],
        [],
        repeat=in_parts,
    )


def threshold_that_is_learnt(world: World) -> Case:
    sku = Sku(
        sku_id=f"sku-{secrets.token_hex(6)}",
        product_id="game",
        store_id="main",
        name="100 points",
        price=PRICE,
        issuer="game",
        low_stock=7,
        **stamp(OPERATOR, NOW_MS),
    )

    def check(process: World) -> None:
        figures = process.figures.get(sku.sku_id)
        expect(figures and (figures.low_stock, figures.revision) == (7, 1), "learnt twice, or not at all")

    return Case(lambda process: process.counting.learn_threshold(None, sku), check, [], [])


def batch_that_is_on_its_way(world: World) -> Case:
    sku, batch_id = f"sku-{secrets.token_hex(6)}", f"bat_{secrets.token_hex(13)}"
    waiting = Batch(batch_id=batch_id, sku_id=sku, source="supplier", created_at_ms=NOW_MS, **stamp(OPERATOR, NOW_MS))
    importing = replace(waiting, status=BatchStatus.IMPORTING)

    def check(process: World) -> None:
        figures = process.figures.get(sku)
        expect(figures and (figures.moving, figures.revision) == ((batch_id,), 1), "known twice, or not at all")

    return Case(lambda process: process.counting.learn_batch(waiting, importing), check, [], [])


def figures_that_are_counted_out(world: World) -> Case:
    sku, codes = stocked(world, 3)

    def recount(process: World) -> None:
        # What was corrected a moment ago still moves.
        with suppress(StockMoving):
            process.stock_figures.recount(sku, OPERATOR)

    def check(process: World) -> None:
        figures = process.figures.get(sku)
        expect(figures and (figures.tally.on_hand, figures.corrections) == (3, 1), "corrected twice, or not at all")

    return Case(recount, check, codes, [sku])


USE_CASES = (
    changes_that_come_together,
    changes_that_come_again_in_parts,
    threshold_that_is_learnt,
    batch_that_is_on_its_way,
    figures_that_are_counted_out,
)
