"""Redemption: one write of one unit, no read, and what guards it costs nothing."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bench.figures import Bench, Figure
from keyrail.catalog.model import Terms
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.redemption.model import Presented, Redeemed
from tests.item_size import UNIT_BYTES, item_bytes
from tests.racing import at_once
from tests.redeeming import CARD, HOLDER, ONCE, issue, name, redeem
from tests.world import BUYER, World

TILLS = 100
DAY_MS = 86_400_000
REPEATS = 20


def figures(bench: Bench) -> Iterator[Figure]:
    yield from _one_use(bench)
    yield from _guesses(bench)
    yield _race(bench)


def fullest_terms(world: World) -> Terms:
    """All that a SKU can ask for at once, for one use, as a chain of ten shops would."""
    return replace(
        ONCE,
        valid_from_ms=world.now_ms() - DAY_MS,
        valid_to_ms=world.now_ms() + 90 * DAY_MS,
        weekdays=(1, 2, 3, 4, 5, 6, 7),
        opens=0,
        closes=1_440,
        places=tuple(f"shop-{number:03d}" for number in range(10)),
    )


def _one_use(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    full = issue(world, fullest_terms(world), REPEATS + 1)
    for key in map(world.keys.get, full.key_ids):
        world.keys.reveal(key.key_id, key.order_id or "", BUYER, world.now_ms())
    used = partial(redeem, world, location="shop-007", actor="cashier-3")
    used(full.clear[-1])  # from here on every cache is warm
    with bench.meter.tally() as tally:
        for code in full.clear[:REPEATS]:
            used(code)
    yield Figure("redemption: DynamoDB requests", tally.dynamodb_requests / REPEATS, 1, "every cache warm")
    yield Figure("redemption: write units", tally.write_units / REPEATS, 1, "single use, with indexes")
    yield Figure("redemption: reads", sum(tally.requests[read] for read in ("GetItem", "BatchGetItem", "Query")), 0)
    size = max(item_bytes(item) for item in world.scan("keys") if item["key_id"]["S"] in full.key_ids)
    yield Figure("redemption: bytes of the item after it", size, UNIT_BYTES, "revealed, all terms set, ten shops")
    card = issue(world, CARD)
    redeem(world, card.code, amount=Money(1, "CNY"))
    with bench.meter.tally() as tally:
        redeem(world, card.code, amount=Money(1_500, "CNY"))
    yield Figure("redemption of a part of a value card: DynamoDB requests", tally.dynamodb_requests, 1)
    yield Figure("redemption of a part of a value card: write units", tally.write_units, 1)


def _guesses(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    code = issue(world, ONCE).code
    world.redemption.verify(Presented(code=code), None, HOLDER)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    with bench.meter.tally() as tally, suppress(KeyrailError):
        redeem(world, wrong)
    yield Figure("a mistyped code: DynamoDB requests", tally.dynamodb_requests, 1, "its count; no look at any key")


def _race(bench: Bench) -> Figure:
    world = bench.world()
    code = issue(world, ONCE).code
    tills = [world.another_process() for _ in range(TILLS)]
    results = at_once([partial(redeem, till, code, name()) for till in tills])
    redeemed = [result for result in results if isinstance(result, Redeemed)]
    named = [r for r in results if isinstance(r, KeyrailError) and r.facts.get("redemption_id") == _first(redeemed)]
    why = f"{len(named)} refusals that name the first"
    return Figure(f"{TILLS} tills on a code with one use left: uses", len(redeemed), 1, why)


def _first(redeemed: list[Redeemed]) -> str | None:
    return redeemed[0].redemption_id if redeemed else None
