"""Whatever is offered, known and wanted: what is chosen breaks no rule, what is passed over breaks the one named."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import Money
from keyrail.suppliers.model.breaker import (
    BALANCE_LASTS_MS,
    MAX_UNANSWERED,
    Breaker,
    Health,
)
from keyrail.suppliers.model.routing import Known, Need, PassedOver, limit_of, route
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing, Strategy

ORIGIN = stamp(Origin("operator:test", "192.0.2.1"), 0)
NOW = 10 * BALANCE_LASTS_MS
SUPPLIERS = ("one", "two")
KINDS = st.sampled_from(SourceKind)
MONEY = st.builds(Money, st.integers(0, 30), st.sampled_from(["CNY", "CNY", "CNY", "USD"]))
TIMES = st.none() | st.integers(NOW - 2, NOW + 2) | st.just(NOW - BALANCE_LASTS_MS)
MINUTES = st.integers(0, 6)
NAMES = [f"source-{number}" for number in range(6)]


def sources_of(drawn: list[dict[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(source_id=name, **fields) for name, fields in zip(NAMES, drawn, strict=False))


SOURCE = st.fixed_dictionaries(
    {
        "kind": KINDS,
        "supplier": st.sampled_from(SUPPLIERS),
        "item": st.just("1001"),
        "cost": st.none() | MONEY,
        "priority": st.integers(0, 2),
        "quota": st.none() | st.integers(1, 6),
        "withheld": st.sampled_from([None, None, None, "too_dear", "not_on_sale"]),
        "enabled": st.sampled_from([True, True, True, False]),
    },
    optional={"opens": MINUTES, "closes": MINUTES},
)
SOURCING = st.builds(
    Sourcing,
    sku_id=st.just("sku"),
    strategy=st.sampled_from(Strategy),
    min_margin=st.none() | MONEY,
    sources=st.lists(SOURCE, max_size=len(NAMES)).map(sources_of),
    **{name: st.just(value) for name, value in ORIGIN.items()},
)
HEALTH = st.builds(
    Health,
    supplier=st.just("any"),
    disabled=st.sampled_from([False, False, False, True]),
    breaker=st.sampled_from(Breaker),
    until_ms=TIMES,
    probe=st.sampled_from([None, "reference", "another"]),
    called=st.sampled_from([0, 0, MAX_UNANSWERED - 1, MAX_UNANSWERED]),
    given_up_ms=TIMES,
    balance=st.none() | MONEY,
    balance_at_ms=TIMES,
    short_until_ms=TIMES,
    aside_until_ms=TIMES,
    **{name: st.just(value) for name, value in ORIGIN.items()},
)
NEED = st.builds(
    Need,
    sku_id=st.just("sku"),
    quantity=st.integers(1, 3),
    paid=st.builds(Money, st.integers(0, 60), st.just("CNY")),
    kinds=st.frozensets(KINDS, min_size=1),
    reference=st.just("reference"),
    tried=st.frozensets(st.sampled_from(NAMES), max_size=2),
    patient_until_ms=TIMES,
)
KNOWN = st.builds(
    Known,
    now_ms=st.just(NOW),
    minute=MINUTES,
    health=st.dictionaries(st.sampled_from(SUPPLIERS), HEALTH),
    taken=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 6)),
)


def broken(sourcing: Sourcing, source: Source, need: Need, known: Known) -> set[PassedOver]:
    """All rules that the source breaks, said once more and otherwise."""
    rules = {
        PassedOver.DISABLED: not source.enabled,
        PassedOver.DOES_NOT_FIT: source.kind not in need.kinds,
        PassedOver.TRIED: source.source_id in need.tried,
        PassedOver.TOO_DEAR: source.withheld == "too_dear",
        PassedOver.NOT_ON_SALE: source.withheld == "not_on_sale",
        PassedOver.OUT_OF_HOURS: known.minute not in minutes_of(source),
        PassedOver.BELOW_MARGIN: not pays(sourcing, source, need),
        PassedOver.QUOTA_USED_UP: (source.quota or 99) - known.taken.get(source.source_id, 0) < need.quantity,
    }
    if source.kind in {SourceKind.KEYS, SourceKind.RECHARGE}:
        rules |= of_supplier(known.health.get(source.supplier or ""), source, need)
    return {rule for rule, is_broken in rules.items() if is_broken}


def minutes_of(source: Source) -> set[int]:
    if source.opens is None or source.closes is None:
        return set(range(7))
    if source.opens < source.closes:
        return set(range(source.opens, source.closes))
    return set(range(source.opens, 7)) | set(range(source.closes))


def pays(sourcing: Sourcing, source: Source, need: Need) -> bool:
    parts = [part for part in (source.cost, sourcing.min_margin) if part is not None]
    if any(part.currency != "CNY" for part in parts):
        return False
    left = need.paid.amount_minor - need.quantity * sum(part.amount_minor for part in parts)
    return sourcing.min_margin is None or left >= 0


def of_supplier(health: Health | None, source: Source, need: Need) -> dict[PassedOver, bool]:
    if health is None:
        return {PassedOver.UNKNOWN_SUPPLIER: True}
    is_ours = (health.breaker, health.probe) == (Breaker.HALF_OPEN, "reference")
    waits = health.breaker is not Breaker.CLOSED and (health.until_ms or 0) > NOW and not is_ours
    is_news = (health.balance_at_ms or 0) > NOW - BALANCE_LASTS_MS
    comparable = source.cost and health.balance and source.cost.currency == health.balance.currency
    lacks = bool(
        comparable
        and source.cost
        and health.balance
        and health.balance.amount_minor < need.quantity * source.cost.amount_minor
    )
    return {
        PassedOver.SUPPLIER_DISABLED: health.disabled,
        PassedOver.BREAKER_OPEN: waits,
        PassedOver.UNANSWERED: (
            health.breaker is Breaker.CLOSED and health.called == health.may_call and (health.given_up_ms or 0) > NOW
        ),
        PassedOver.BALANCE_SHORT: (health.short_until_ms or 0) > NOW or (is_news and lacks),
    }


def rank(sourcing: Sourcing, source: Source) -> tuple[int, int, int]:
    cost = source.cost.amount_minor if source.cost else 0
    return (cost if sourcing.strategy is Strategy.CHEAPEST else 0, source.priority, sourcing.sources.index(source))


def place(sourcing: Sourcing, source: Source, known: Known) -> tuple[int, bool, bool, tuple[int, int, int]]:
    """Where it stands in the line: after the people who come before it, and after who does better."""
    own = rank(sourcing, source)
    people = [each for each in sourcing.sources if each.kind is SourceKind.MANUAL and rank(sourcing, each) < own]
    return (len(people), source.kind is SourceKind.MANUAL, is_poor(source, known), own)


def is_poor(source: Source, known: Known) -> bool:
    health = known.health.get(source.supplier or "")
    if health is None or source.kind in {SourceKind.POOL, SourceKind.MANUAL}:
        return False
    return (health.aside_until_ms or 0) > NOW


@given(SOURCING, NEED, KNOWN)
def test_a_choice_keeps_every_rule_and_a_refusal_names_one_that_is_broken(
    sourcing: Sourcing, need: Need, known: Known
) -> None:
    routed = route(sourcing, need, known)
    chosen = routed.source
    wrong = {each.source_id: broken(sourcing, each, need, known) for each in sourcing.sources}
    assert set(routed.passed_over) == set(wrong) - ({chosen.source_id} if chosen else set())
    line = sorted(sourcing.sources, key=lambda each: place(sourcing, each, known))
    fit = [each for each in line if not wrong[each.source_id]]
    patient = [each for each in line if wrong[each.source_id] == {PassedOver.UNANSWERED}]
    if chosen is None and fit:
        assert fit[0].kind is SourceKind.MANUAL
        assert line.index(patient[0]) < line.index(fit[0])
        assert need.patient_until_ms is None or need.patient_until_ms > NOW
    elif chosen is None:
        assert fit == []
    else:
        assert wrong[chosen.source_id] == set()
        assert chosen == fit[0]
    for each in sourcing.sources:
        reason = routed.passed_over.get(each.source_id)
        if reason is not None and not wrong[each.source_id]:
            assert reason is (PassedOver.DOES_POORLY if is_poor(each, known) else PassedOver.LATER_IN_LINE)
        else:
            assert reason is None or reason in wrong[each.source_id]


@given(SOURCING, NEED, KNOWN)
def test_what_it_may_cost_keeps_the_floor_and_covers_what_it_is_known_to_cost(
    sourcing: Sourcing, need: Need, known: Known
) -> None:
    chosen = route(sourcing, need, known).source
    if chosen is None:
        return
    limit = limit_of(sourcing, chosen, need).amount_minor
    assert limit >= (chosen.cost.amount_minor * need.quantity if chosen.cost else 0)
    if sourcing.min_margin is not None:
        assert limit + need.quantity * sourcing.min_margin.amount_minor <= need.paid.amount_minor
