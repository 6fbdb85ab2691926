"""Codes of our own on their way into the pool, or through two people's hands to the printer."""

import secrets
from contextlib import suppress

import pytest

from keyrail.inventory.model.batches import BatchStatus
from keyrail.inventory.model.exports import ExportStatus
from keyrail.inventory.service import generating
from keyrail.platform.handover import AlreadyHandedOut
from tests.faults.use_cases.case import POOLS_ARE_READ_AGAIN_MS, Case, expect, later, revealed
from tests.own_codes import ALICE, BOB, Workshop
from tests.world import SYSTEM, World

CODES = 3


def _sku(world: World) -> str:
    """A SKU of our own, and behind it the key of all fingerprints, which the first code ever would make."""
    shop = Workshop(world)
    if world.keys.get_fingerprint_key(1) is None:
        shop.filled(1, sku_id=shop.sku("own-first"), for_print=True)
    return shop.sku(f"own-{secrets.token_hex(6)}")


def codes_for_the_pool(world: World) -> Case:
    """In two chunks."""
    sku, known = _sku(world), list[str]()
    batch_id = Workshop(world).open(CODES, sku_id=sku).batch_id

    def check(world: World) -> None:
        shop = Workshop(world)
        known.extend(shop.codes(batch_id).values())
        batch = world.keys.get_batch(batch_id)
        expect(batch.status is BatchStatus.GENERATED, "never finished")
        expect(batch.report and batch.report.accepted == shop.own_codes.generated(batch) == CODES, "miscounted")
        expect(sorted(shop.codes(batch_id)) == [*range(1, CODES + 1)], "more codes than wanted, or fewer")
        process = later(world, POOLS_ARE_READ_AGAIN_MS)
        everything = process.order(CODES, sku_id=sku)
        process.pay(everything.attempt)
        expect(sorted(revealed(process, everything)) == sorted(known), "other codes than were made")

    def fill(process: World) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(generating, "CODES_A_CHUNK", CODES - 1)
            Workshop(process).fill(batch_id)

    return Case(fill, check, known, [sku])


def codes_that_are_wanted_by_name(world: World) -> Case:
    sku, name = _sku(world), secrets.token_hex(16)

    def check(world: World) -> None:
        shop = Workshop(world)
        batch = shop.fill(shop.open(CODES, name, sku_id=sku).batch_id)
        expect(
            len([key for key in world.stored_keys() if key.sku_id == sku]) == batch.wanted, "made twice, or not at all"
        )

    return Case(lambda process: Workshop(process).open(CODES, name, sku_id=sku), check, [], [sku])


def _printable(world: World) -> tuple[Workshop, str, list[str]]:
    shop = Workshop(world)
    batch_id = shop.filled(CODES, sku_id=_sku(world), for_print=True).batch_id
    return shop, batch_id, list(shop.codes(batch_id).values())


def export_that_is_requested_by_name(world: World) -> Case:
    _, batch_id, codes = _printable(world)
    name = secrets.token_hex(16)

    def check(world: World) -> None:
        export = Workshop(world).request(batch_id, name)
        expect(
            [e.export_id for e in Workshop(world).exports.of_batch(batch_id)] == [export.export_id], "not one request"
        )
        expect(export.status is ExportStatus.REQUESTED, "it went further by itself")

    return Case(lambda process: Workshop(process).request(batch_id, name), check, codes, [])


def export_that_is_approved(world: World) -> Case:
    shop, batch_id, codes = _printable(world)
    export_id = shop.request(batch_id).export_id

    def check(world: World) -> None:
        export = Workshop(world).exports.export(export_id)
        expect((export.status, export.approved_by) == (ExportStatus.APPROVED, BOB.by), "not approved")
        expect(export.version == 2, "approved twice")

    return Case(lambda process: Workshop(process).exports.approve(export_id, BOB), check, codes, [])


def export_whose_file_is_made(world: World) -> Case:
    shop, batch_id, codes = _printable(world)
    export_id = shop.approved(batch_id).export_id

    def make(process: World) -> None:
        Workshop(process, shop.bucket).printing.make(export_id, SYSTEM)

    def check(world: World) -> None:
        export = Workshop(world).exports.export(export_id)
        expect((export.status, export.keys) == (ExportStatus.MADE, CODES), "no file")
        rows = Workshop(world, shop.bucket).printed(export)
        expect(sorted(code for _, code, _ in rows) == sorted(codes), "other codes than were made")

    return Case(make, check, codes, [])


def export_that_is_handed_out(world: World) -> Case:
    shop, batch_id, codes = _printable(world)
    export_id = shop.made(batch_id).export_id
    links: list[object] = []

    def fetch(process: World) -> None:
        with suppress(AlreadyHandedOut):
            links.append(Workshop(process).exports.hand_out(export_id, ALICE))

    def check(world: World) -> None:
        fetch(world)
        expect(len(links) <= 1, "handed out twice")
        export = Workshop(world).exports.export(export_id)
        expect(export.status is ExportStatus.HANDED_OUT, "handed out, and not on record")

    return Case(fetch, check, codes, [])


USE_CASES = (
    codes_for_the_pool,
    codes_that_are_wanted_by_name,
    export_that_is_requested_by_name,
    export_that_is_approved,
    export_whose_file_is_made,
    export_that_is_handed_out,
)
