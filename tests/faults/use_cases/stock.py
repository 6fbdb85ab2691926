"""Stock that runs low by time alone, and the clock that finds it."""

import secrets
from dataclasses import replace

from keyrail.inventory.model.figures import no_figures
from keyrail.inventory.model.moves import Tally
from keyrail.platform.clock import utc_date
from tests.faults.use_cases.case import Case, expect
from tests.world import World

DAY_MS = 24 * 60 * 60 * 1000


def stock_that_expires(world: World) -> Case:
    sku, now_ms = f"sku-{secrets.token_hex(6)}", world.now_ms()
    bare = replace(no_figures(sku, now_ms - DAY_MS), tally=Tally(imported=50, on_hand=50))
    yesterday = utc_date(now_ms - DAY_MS)
    stocked = replace(bare, last_days=bare.last_days.after({yesterday: 45}, yesterday))
    world.figures.replace(stocked.with_threshold(10, 1, now_ms - DAY_MS))

    def check(process: World) -> None:
        figures = process.figures.get(sku)
        expect(figures and (figures.low, figures.version) == (True, 1), "told twice, or not at all")
        expect(figures and figures.on_hand(figures.counted_at_ms) == 5, "miscounted")

    return Case(lambda process: process.shelf_watch.go_round(), check, [], [])


USE_CASES = (stock_that_expires,)
