"""A unit's source chosen and heard of, and what operators say of sources."""

import secrets
from dataclasses import replace

from keyrail.platform.changes import stamp
from keyrail.suppliers.model.breaker import MAX_OPEN_MS, PROBE_LASTS_MS, Breaker, Health, new_supplier, opened
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Refusal, Success, Unknown
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source, SourceKind, Sourcing
from keyrail.suppliers.service.desk import SupplierDesk
from tests.faults.use_cases.case import Case, Step, expect, later
from tests.world import OPERATOR, PRICE, SYSTEM, World

QUOTA = 5
SOLD_OUT = DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)
DONE = Success(said="4")
SILENCE = Unknown(said="no_answer")


def _names() -> tuple[str, str]:
    mark = secrets.token_hex(6)
    return f"sku-{mark}", f"supplier-{mark}"


def _sourcing(world: World, sku_id: str, supplier: str) -> Sourcing:
    source = Source(
        source_id="first", kind=SourceKind.RECHARGE, supplier=supplier, item="1001", cost=PRICE, quota=QUOTA
    )
    return Sourcing(sku_id=sku_id, sources=(source,), **stamp(OPERATOR, world.now_ms()))


def _sold(world: World, health: Health) -> Need:
    sku_id, _ = _names()
    world.suppliers.add(replace(health, version=1))
    world.suppliers.put_sourcing(_sourcing(world, sku_id, health.supplier))
    reference = secrets.token_hex(15)
    return Need(sku_id=sku_id, quantity=1, paid=PRICE, kinds=RECHARGE_KINDS, reference=reference)


def _supplied(need: Need, outcome: Outcome) -> Step:
    """As fulfilment does where nobody else is at work on the unit."""

    def supply(process: World) -> None:
        choice = process.routing.choose(need, SYSTEM)
        if choice.source is not None:
            process.routing.heard(choice, outcome, 200, SYSTEM, stored=True)

    return supply


def _health(world: World, supplier: str) -> Health:
    found = world.suppliers.health(supplier)
    assert found is not None
    return found


def _still_to_have(world: World, need: Need) -> int:
    """How many pieces others can still have of today's quota, once any probe is given up."""
    others = later(world, MAX_OPEN_MS + PROBE_LASTS_MS)
    had = 0
    while others.routing.choose(replace(need, reference=secrets.token_hex(15)), SYSTEM).source is not None:
        had += 1
    return had


def a_refusal_that_gives_its_quota_back(world: World) -> Case:
    need = _sold(world, new_supplier(_names()[1], OPERATOR, world.now_ms()))

    def check(world: World) -> None:
        expect(_still_to_have(world, need) == QUOTA, "a quota is not wholly given back, or twice")

    return Case(_supplied(need, SOLD_OUT), check, [], [])


def a_success_that_keeps_its_quota(world: World) -> Case:
    need = _sold(world, new_supplier(_names()[1], OPERATOR, world.now_ms()))

    def check(world: World) -> None:
        expect(_still_to_have(world, need) == QUOTA - 1, "a quota is taken twice, or not at all")

    return Case(_supplied(need, DONE), check, [], [])


def a_probe_that_is_answered(world: World) -> Case:
    shut = opened(new_supplier(_names()[1], OPERATOR, 0), OPERATOR, 0)
    need = _sold(world, shut)

    def check(world: World) -> None:
        _supplied(replace(need, reference=secrets.token_hex(15)), DONE)(later(world, MAX_OPEN_MS + PROBE_LASTS_MS))
        expect(_health(world, shut.supplier).breaker is Breaker.CLOSED, "a supplier that answers is not taken back")

    return Case(_supplied(need, DONE), check, [], [])


def a_failure_that_opens_the_breaker(world: World) -> Case:
    worn = replace(new_supplier(_names()[1], OPERATOR, 0), strain=18)
    need = _sold(world, worn)

    def check(world: World) -> None:
        _supplied(replace(need, reference=secrets.token_hex(15)), SILENCE)(world)
        expect(_health(world, worn.supplier).breaker is Breaker.OPEN, "a supplier that is silent is not left")
        expect(_health(world, worn.supplier).openings == 1, "opened more than once")

    return Case(_supplied(need, SILENCE), check, [], [])


def an_operator_who_says_where_a_sku_comes_from(world: World) -> Case:
    sku_id, supplier = _names()
    world.stock_up(0, sku_id)
    sku = world.catalog.sku(sku_id)
    plan = replace(_sourcing(world, sku_id, supplier), sources=(Source(source_id="ours", kind=SourceKind.POOL),))

    def act(process: World) -> None:
        desk = SupplierDesk(process.suppliers, process.catalog, process.now_ms)
        desk.save(supplier, OPERATOR, disabled=False)
        desk.save(supplier, OPERATOR, disabled=True)
        desk.save_sourcing(plan, OPERATOR)

    def check(world: World) -> None:
        desk = SupplierDesk(world.suppliers, world.catalog, world.now_ms)
        expect(desk.sourcing(sku.sku_id).sources == plan.sources, "what was said is not what stands")
        expect(_health(world, supplier).disabled, "a supplier gets units that a person keeps from it")
        expect(supplier in {each.supplier for each in desk.suppliers()}, "a supplier is known and on no list")

    return Case(act, check, [], [])


USE_CASES = (
    a_refusal_that_gives_its_quota_back,
    a_success_that_keeps_its_quota,
    a_probe_that_is_answered,
    a_failure_that_opens_the_breaker,
    an_operator_who_says_where_a_sku_comes_from,
)
