"""Where units come from, on the engine: quotas, breakers and probes are decided by conditional writes."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keyrail.platform.changes import stamp
from keyrail.platform.clock import epoch_ms
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import SupplyAttempt, SupplyState
from keyrail.suppliers.model.breaker import (
    ASIDE_LASTS_MS,
    FAILURE_STRAINS,
    FIRST_OPEN_MS,
    LET_DOWN,
    LET_DOWN_LIMIT,
    MAX_OPEN_MS,
    MAX_UNANSWERED,
    PROBE_LASTS_MS,
    SHORT_LASTS_MS,
    SLOW_MS,
    STRAIN_LIMIT,
    TOLD_FROM,
    Breaker,
    Health,
    closed,
    new_supplier,
    opened,
)
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source, SourceKind, Sourcing
from keyrail.suppliers.service.routing import FIGURES_WAIT_MS, Choice
from keyrail.suppliers.store import Quota
from tests.engines import Engine
from tests.faults.breaking import Way, Wire
from tests.promises import check_promises
from tests.racing import at_once
from tests.world import BUSINESS_TIME_ZONE, OPERATOR, SYSTEM, World

RACERS = 64
ORDERS_EACH = 6
PAID = Money(1000, "CNY")
DONE = Success(said="4", cost=Money(900, "CNY"))
TAKEN = Processing(said="3")
SILENCE = Unknown(said="no_answer")
BAD_ACCOUNT = DefiniteFailure(said="1007", refusal=Refusal.BAD_ACCOUNT)
REFUSED = DefiniteFailure(said="1006", refusal=Refusal.REFUSED)
SOLD_OUT = DefiniteFailure(said="1005", refusal=Refusal.SOLD_OUT)
SKU = "phone-10"
DEADLY = STRAIN_LIMIT // FAILURE_STRAINS


def source(source_id: str, supplier: str, **fields: Any) -> Source:
    return Source(
        source_id=source_id,
        kind=SourceKind.RECHARGE,
        supplier=supplier,
        item="1001",
        cost=Money(900, "CNY"),
        **fields,
    )


@dataclass
class Shop:
    """One SKU whose sources are at suppliers that are known."""

    world: World

    def sell(self, *sources: Source) -> None:
        now = stamp(OPERATOR, self.world.now_ms())
        for name in {each.supplier for each in sources if each.supplier}:
            self.world.suppliers.add(new_supplier(name, OPERATOR, self.world.now_ms()))
        assert self.world.suppliers.put_sourcing(Sourcing(sku_id=SKU, sources=sources, **now))

    def need(self, **fields: Any) -> Need:
        usual = {"sku_id": SKU, "quantity": 1, "paid": PAID, "kinds": RECHARGE_KINDS}
        return Need(**{**usual, "reference": secrets.token_hex(15), **fields})

    def choose(self, **fields: Any) -> Choice:
        return self.world.routing.choose(self.need(**fields), SYSTEM)

    def hear(self, choice: Choice, outcome: Outcome) -> None:
        self.world.routing.heard(choice, outcome, 200, SYSTEM, stored=True)

    def ask(self, outcome: Outcome) -> str | None:
        choice = self.choose()
        if choice.source:
            self.hear(choice, outcome)
        return choice.decision.chosen

    def health(self, supplier: str = "main") -> Health:
        found = self.world.suppliers.health(supplier)
        assert found is not None
        return found

    def kill(self, supplier: str = "main") -> None:
        while self.health(supplier).breaker is Breaker.CLOSED:
            self.ask(SILENCE)

    def wait(self, ms: int) -> None:
        self.world.ahead_ms += ms


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def attempted(choice: Choice, **fields: Any) -> SupplyAttempt:
    assert choice.source
    return SupplyAttempt(
        reference=choice.need.reference,
        source_id=choice.source.source_id,
        supplier=choice.source.supplier or "",
        item="1001",
        quantity=1,
        limit=PAID,
        asked_at_ms=choice.decision.at_ms,
        until_ms=choice.decision.at_ms + 1,
        **fields,
    )


def later(shop: Shop, choice: Choice, outcome: Outcome) -> None:
    """What becomes of an order that was taken."""
    shop.world.routing.heard_later(SKU, attempted(choice, state=SupplyState.PROCESSING), outcome)


def chosen(choices: Sequence[object]) -> list[str | None]:
    return [choice.decision.chosen for choice in choices if isinstance(choice, Choice)]


def test_a_sku_without_sourcing_comes_from_nowhere(shop: Shop) -> None:
    choice = shop.choose()
    assert (choice.source, choice.decision.chosen, choice.decision.passed_over) == (None, None, {})


def test_a_choice_is_kept_with_its_reasons(shop: Shop) -> None:
    shop.sell(source("first", "main"), source("second", "other", enabled=False))
    choice = shop.choose()
    assert (choice.decision.chosen, choice.decision.passed_over) == ("first", {"second": "disabled"})
    assert (choice.limit, choice.probing) == (PAID, False)


# the breaker


def test_a_dead_supplier_is_left_within_twenty_calls_and_the_next_one_asked(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    asked = [shop.ask(SILENCE if number < DEADLY else DONE) for number in range(DEADLY + 5)]
    assert asked == ["first"] * DEADLY + ["second"] * 5
    assert DEADLY <= 20


@pytest.mark.parametrize("alive", [0, 7], ids=["from the first call", "after some that it answered"])
def test_of_any_number_at_once_no_more_call_a_dead_supplier_than_open_its_breaker(shop: Shop, alive: int) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    assert [shop.ask(DONE) for _ in range(alive)] == ["first"] * alive
    calls: list[str | None] = []

    def order() -> None:
        for _ in range(ORDERS_EACH):
            choice = shop.choose()
            calls.append(choice.decision.chosen)
            shop.hear(choice, SILENCE if choice.decision.chosen == "first" else DONE)

    at_once([order] * RACERS)
    health = shop.health()
    assert (health.breaker, health.openings, health.version) == (Breaker.OPEN, 1, 2)
    assert DEADLY <= calls.count("first") <= MAX_UNANSWERED <= 20
    assert shop.choose().decision.passed_over == {"first": "breaker_open"}


def test_while_nothing_is_heard_of_those_at_a_supplier_others_go_elsewhere(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    choices = at_once([shop.choose for _ in range(RACERS)])
    assert chosen(choices).count("first") == chosen(choices).count("second") == MAX_UNANSWERED
    waiting = shop.choose()
    assert waiting.source is None
    assert waiting.decision.passed_over == {"first": "unanswered", "second": "unanswered"}
    assert shop.world.routing.usable_kinds(shop.need()) == {SourceKind.RECHARGE}


def test_one_that_answers_slowly_is_sent_as_many_again_behind_its_latest_answer(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    out = [shop.choose() for _ in range(MAX_UNANSWERED)]
    for _ in range(3):
        assert shop.choose().source is None
        shop.hear(out.pop(), DONE)
        out += [shop.choose() for _ in range(MAX_UNANSWERED)]
    assert chosen(out) == ["first"] * (4 * MAX_UNANSWERED - 3)
    assert shop.health().strain == 0


@pytest.mark.parametrize("told", [1, -1], ids=["in their order", "backwards"])
def test_answers_of_before_its_death_let_no_more_be_sent_to_it_than_one_would(shop: Shop, told: int) -> None:
    shop.sell(source("first", "main"))
    sent = 0
    for choice in [shop.choose() for _ in range(MAX_UNANSWERED)][::told]:
        shop.hear(choice, DONE)
        sent += chosen([shop.choose() for _ in range(MAX_UNANSWERED + 1)]).count("first")
    assert sent == MAX_UNANSWERED


def test_a_call_that_is_not_made_lets_one_more_be_made(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    out = [shop.choose() for _ in range(MAX_UNANSWERED)]
    shop.world.routing.not_begun(out[3], SYSTEM)
    assert [shop.ask(SILENCE), shop.ask(SILENCE)] == ["first", None]
    shop.hear(out[9], DONE)
    shop.world.routing.not_begun(out[4], SYSTEM)  # it waited for an answer no more
    assert chosen([shop.choose() for _ in range(MAX_UNANSWERED)]).count("first") == 10 - 1


def test_calls_that_died_with_their_processes_leave_one_to_find_out(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    lost = [shop.choose() for _ in range(MAX_UNANSWERED)]
    shop.wait(PROBE_LASTS_MS // 2)
    assert shop.choose().source is None
    shop.wait(PROBE_LASTS_MS // 2)
    found_out = at_once([shop.choose for _ in range(RACERS)])
    assert chosen(found_out).count("first") == 1
    (probe,) = [choice for choice in found_out if isinstance(choice, Choice) and choice.probing]
    shop.hear(lost[0], SILENCE)
    shop.hear(probe, DONE)
    assert (shop.health().breaker, shop.ask(DONE)) == (Breaker.CLOSED, "first")


def test_a_person_is_given_nothing_that_a_supplier_will_do_once_it_has_answered_others(shop: Shop) -> None:
    by_hand = Source(source_id="desk", kind=SourceKind.MANUAL, priority=900)
    shop.sell(source("first", "main"), by_hand)
    out = [shop.choose() for _ in range(MAX_UNANSWERED)]
    assert shop.choose().source is None
    for choice in out:
        shop.hear(choice, SILENCE)
    assert shop.choose().decision.chosen == "desk"


def test_so_many_failures_at_once_as_it_takes_are_all_counted(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    choices = [shop.choose() for _ in range(DEADLY)]
    at_once([partial(shop.hear, choice, SILENCE) for choice in choices[1:]])
    assert (shop.health().breaker, shop.health().strain) == (Breaker.CLOSED, STRAIN_LIMIT - FAILURE_STRAINS)
    shop.hear(choices[0], SILENCE)
    assert shop.health().breaker is Breaker.OPEN


def test_exactly_one_of_all_who_come_is_the_probe(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    shop.kill()
    shop.wait(FIRST_OPEN_MS)
    choices = at_once([shop.choose for _ in range(RACERS)])
    assert (chosen(choices).count("first"), chosen(choices).count("second")) == (1, MAX_UNANSWERED)
    (probe,) = [choice for choice in choices if isinstance(choice, Choice) and choice.probing]
    assert shop.health().probe == probe.need.reference


@pytest.mark.parametrize("answer", [DONE, Processing(said="3"), SOLD_OUT])
def test_a_supplier_that_answers_again_is_taken_back_by_itself(shop: Shop, answer: Outcome) -> None:
    shop.sell(source("first", "main"))
    shop.kill()
    assert shop.ask(DONE) is None
    shop.wait(FIRST_OPEN_MS)
    assert [shop.ask(answer), shop.ask(DONE)] == ["first", "first"]
    assert (shop.health().breaker, shop.health().openings) == (Breaker.CLOSED, 0)


def test_one_that_does_not_is_left_for_twice_as_long(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.kill()
    shop.wait(FIRST_OPEN_MS)
    assert shop.ask(SILENCE) == "first"
    shop.wait(FIRST_OPEN_MS)
    assert shop.ask(DONE) is None
    shop.wait(FIRST_OPEN_MS)
    assert shop.ask(DONE) == "first"


def test_a_probe_that_is_never_heard_of_does_not_shut_it_for_ever(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.kill()
    shop.wait(FIRST_OPEN_MS)
    lost = shop.choose()
    assert shop.choose().decision.passed_over == {"first": "breaker_open"}
    shop.wait(PROBE_LASTS_MS)
    assert shop.ask(DONE) == "first"
    shop.hear(lost, SILENCE)
    assert shop.health().breaker is Breaker.CLOSED


def test_what_was_asked_before_it_opened_says_nothing_after_it(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    early = [shop.choose() for _ in range(3)]
    shop.kill()
    before = shop.health()
    answers: list[Outcome] = [SILENCE, DONE, SILENCE]
    for choice, outcome in zip(early, answers, strict=True):
        shop.hear(choice, outcome)
    assert shop.health() == before


def test_an_answer_relieves_a_supplier_and_a_mixed_one_opens_in_the_end(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    for _ in range(30):
        shop.ask(SILENCE)
        shop.ask(DONE)
        shop.ask(DONE)
    assert (shop.health().breaker, shop.health().strain) == (Breaker.CLOSED, 0)
    asked = [shop.ask(outcome) for _ in range(STRAIN_LIMIT) for outcome in (SILENCE, DONE)]
    assert None in asked


# quotas


def test_a_quota_is_never_passed_and_wholly_used(shop: Shop) -> None:
    by_hand = [Source(source_id=name, kind=SourceKind.MANUAL) for name in ("first", "second")]
    shop.sell(replace(by_hand[0], quota=20), by_hand[1])
    choices = at_once([lambda: shop.choose(quantity=2, paid=PAID.times(2)) for _ in range(RACERS)])
    assert sorted(map(str, chosen(choices))) == ["first"] * 10 + ["second"] * (RACERS - 10)
    assert {choice.decision.passed_over["first"] for choice in choices if isinstance(choice, Choice)
            if choice.decision.chosen == "second"} == {"quota_used_up"}  # fmt: skip


def test_more_than_a_quota_is_not_taken_from_a_day_that_has_not_begun(shop: Shop) -> None:
    shop.sell(source("first", "main", quota=1))
    assert shop.choose(quantity=2).decision.passed_over == {"first": "quota_used_up"}


@pytest.mark.parametrize(("outcome", "comes_back"), [(SOLD_OUT, True), (SILENCE, False), (DONE, False)])
def test_what_definitely_failed_gives_its_quota_back(shop: Shop, outcome: Outcome, comes_back: bool) -> None:
    shop.sell(source("first", "main", quota=1))
    assert [shop.ask(outcome), shop.ask(DONE)] == ["first", "first" if comes_back else None]


def test_what_failed_later_gives_back_to_the_day_that_it_was_of(shop: Shop) -> None:
    shop.sell(source("first", "main", quota=1))
    local = datetime.fromtimestamp(shop.world.now_ms() // 1000, ZoneInfo(BUSINESS_TIME_ZONE))
    evening = (local + timedelta(days=1)).replace(hour=23, minute=59)
    shop.wait(epoch_ms(evening) - shop.world.now_ms())
    choice = shop.choose()
    shop.wait(2 * 60_000)
    assert shop.ask(DONE) == "first"
    shop.world.routing.failed_later(SKU, attempted(choice))
    assert shop.ask(DONE) is None
    shop.wait(-2 * 60_000)
    assert shop.ask(DONE) == "first"


def test_what_is_not_begun_leaves_no_trace(shop: Shop) -> None:
    shop.sell(source("first", "main", quota=DEADLY + 1))
    shop.kill()
    shop.wait(FIRST_OPEN_MS)
    for _ in range(3):
        shop.world.routing.not_begun(shop.choose(), SYSTEM)
    assert shop.ask(DONE) == "first"
    assert shop.choose().decision.passed_over == {"first": "quota_used_up"}


# balance and figures


def test_a_supplier_whose_balance_is_short_is_left_until_it_is_known_to_do(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    assert shop.ask(DefiniteFailure(said="9", refusal=Refusal.BALANCE_SHORT)) == "first"
    assert shop.choose().decision.passed_over == {"first": "balance_short"}
    shop.wait(SHORT_LASTS_MS)
    assert shop.ask(DefiniteFailure(said="9", refusal=Refusal.BALANCE_SHORT)) == "first"
    shop.world.suppliers.put_balance("main", PAID, shop.world.now_ms())
    assert shop.ask(DONE) == "first"
    shop.world.suppliers.put_balance("main", Money(0, "CNY"), shop.world.now_ms())
    assert shop.ask(DONE) is None


def test_a_look_of_earlier_does_not_stand_over_a_later_one(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    now_ms = shop.world.now_ms()
    shop.world.suppliers.put_balance("main", PAID, now_ms)
    shop.world.suppliers.put_balance("main", Money(0, "CNY"), now_ms - 1)
    assert shop.health().balance == PAID


def test_figures_say_how_it_goes_and_cost_one_write_in_a_while(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    for outcome in (DONE, SOLD_OUT, SILENCE, DONE):
        shop.ask(outcome)
    shop.wait(FIGURES_WAIT_MS)
    shop.ask(Processing(said="3"))
    tally = shop.world.suppliers.figures("main", shop.world.now_ms())
    assert (tally.calls, tally.taken, tally.refused, tally.unanswered, tally.failed) == (5, 3, 1, 1, 1)
    assert (tally.taken_share, tally.mean_latency_ms) == (0.6, 200)


@pytest.mark.parametrize("way", ["refused", "slow", "taken in vain"])
def test_a_supplier_that_does_poorly_is_asked_after_the_others_until_it_lets_nobody_down(shop: Shop, way: str) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))

    def ask(**fields: Any) -> str | None:
        choice = shop.choose(**fields)
        if choice.decision.chosen == "first":
            outcomes: dict[str, Outcome] = {"refused": REFUSED, "slow": DONE}
            outcome = outcomes.get(way, TAKEN)
            latency_ms = SLOW_MS + 1 if way == "slow" else SLOW_MS
            shop.world.routing.heard(choice, outcome, latency_ms, SYSTEM, stored=True)
            if way == "taken in vain":
                shop.wait(1)
                later(shop, choice, REFUSED)
        return choice.decision.chosen

    assert [ask() for _ in range(DEADLY)] == ["first"] * DEADLY
    assert shop.choose().decision.passed_over == {"first": "does_poorly"}
    shop.wait(ASIDE_LASTS_MS // 2)
    assert ask() == "second"
    assert ask(tried=frozenset({"second"})) == "first"
    shop.wait(ASIDE_LASTS_MS)
    assert [ask(), ask()] == ["first", "second"]
    shop.wait(ASIDE_LASTS_MS)
    assert [shop.ask(DONE) for _ in range(3)] == ["first"] * 3
    assert shop.health().let_downs == LET_DOWN_LIMIT - 3


def test_whom_it_serves_while_it_stands_aside_counts_and_does_not_bring_it_back_before_its_time(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    for _ in range(DEADLY):
        shop.ask(REFUSED)
    for _ in range(3):
        choice = shop.choose(tried=frozenset({"second"}))
        shop.hear(choice, TAKEN)
        later(shop, choice, DONE)
        shop.hear(shop.choose(tried=frozenset({"second"})), DONE)
    assert (shop.health().let_downs, shop.choose().decision.chosen) == (LET_DOWN_LIMIT - 6, "second")
    shop.wait(ASIDE_LASTS_MS // 2)
    shop.hear(shop.choose(tried=frozenset({"second"})), REFUSED)
    assert shop.choose().decision.passed_over == {"first": "does_poorly"}
    shop.wait(ASIDE_LASTS_MS // 2)
    assert shop.choose().decision.chosen == "first", "one of many does not keep it aside"


def test_what_is_only_taken_makes_up_for_nothing_and_what_is_done_then_does(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.ask(REFUSED)
    choice = shop.choose()
    shop.hear(choice, TAKEN)
    assert shop.health().let_downs == LET_DOWN
    later(shop, choice, DONE)
    shop.ask(SILENCE)
    assert shop.health().let_downs == LET_DOWN - 1


@pytest.mark.parametrize("outcome", [SILENCE, BAD_ACCOUNT, SOLD_OUT])
def test_a_supplier_does_not_stand_aside_for_silence_nor_for_a_matter_of_account_or_item(
    shop: Shop, outcome: Outcome
) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    for _ in range(3):
        for _ in range(DEADLY):
            shop.ask(outcome)
        shop.wait(FIRST_OPEN_MS)
        assert shop.ask(DONE) == "first"
    assert (shop.health().let_downs, shop.ask(DONE)) == (0, "first")


@pytest.mark.parametrize(
    ("fields", "outcome", "let_downs"),
    [
        ({"state": SupplyState.PROCESSING}, SOLD_OUT, LET_DOWN),
        ({"state": SupplyState.PROCESSING}, BAD_ACCOUNT, 0),
        ({"state": SupplyState.UNKNOWN, "their_reference": "R-1"}, REFUSED, LET_DOWN),
        ({"state": SupplyState.UNKNOWN}, REFUSED, 0),
        ({"state": SupplyState.UNKNOWN}, replace(REFUSED, their_reference="R-1"), LET_DOWN),
    ],
)
def test_what_it_had_taken_counts_whatever_the_reason_but_for_the_account(
    shop: Shop, fields: dict[str, Any], outcome: DefiniteFailure, let_downs: int
) -> None:
    shop.sell(source("first", "main"))
    shop.world.routing.heard_later(SKU, attempted(shop.choose(), **fields), outcome)
    assert shop.health().let_downs == let_downs


def test_what_was_asked_before_its_health_was_moved_says_nothing_of_it(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    before = [shop.choose() for _ in range(DEADLY)]
    shop.wait(1)
    assert shop.world.suppliers.move(closed(shop.health(), OPERATOR, shop.world.now_ms())) is None
    for choice in before:
        shop.hear(choice, REFUSED)
        later(shop, choice, REFUSED)
    assert (shop.health().let_downs, shop.choose().decision.chosen) == (0, "first")
    shop.ask(REFUSED)
    for choice in before:
        shop.hear(replace(choice, health=replace(choice.health or shop.health(), let_downs=1)), DONE)
        later(shop, choice, DONE)
    assert shop.health().let_downs == LET_DOWN


def test_of_any_number_at_once_that_are_let_down_each_counts_and_none_beyond_the_limit(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    health, now_ms = shop.health(), shop.world.now_ms()
    let_down = partial(shop.world.suppliers.count_let_down, health, now_ms)
    served = partial(shop.world.suppliers.count_served, health)
    at_once([let_down] * (DEADLY - 1))
    assert (shop.health().let_downs, shop.health().aside_until_ms) == (LET_DOWN_LIMIT - LET_DOWN, None)
    at_once([served] * (LET_DOWN_LIMIT - LET_DOWN - 1))
    assert shop.health().let_downs == 1
    at_once([let_down] * DEADLY)
    assert (shop.health().let_downs, shop.health().aside_until_ms) == (LET_DOWN_LIMIT, now_ms + ASIDE_LASTS_MS)
    at_once([served] * (2 * LET_DOWN_LIMIT))
    assert shop.health().let_downs == 0


def test_of_a_supplier_that_is_not_there_nothing_is_counted(shop: Shop) -> None:
    nobody = new_supplier("nobody", SYSTEM, shop.world.now_ms())
    with pytest.raises(StoreUnavailable):
        shop.world.suppliers.count_let_down(nobody, shop.world.now_ms())
    with pytest.raises(StoreUnavailable):
        shop.world.suppliers.count_served(nobody)
    assert shop.world.suppliers.health("nobody") is None


def test_a_supplier_of_before_there_were_such_counts_is_counted_from_none(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.world.dynamodb.update_item(
        TableName=shop.world.names["suppliers"],
        Key={"pk": {"S": "supplier#main"}, "sk": {"S": "health"}},
        UpdateExpression="REMOVE let_downs, #called, may_call",
        ExpressionAttributeNames={"#called": "called"},
    )
    choices = [shop.choose() for _ in range(MAX_UNANSWERED)]
    assert chosen(choices) == ["first"] * MAX_UNANSWERED
    assert shop.choose().decision.passed_over == {"first": "unanswered"}
    shop.hear(choices[TOLD_FROM - 1], REFUSED)
    health = shop.health()
    assert (health.let_downs, health.called, health.may_call) == (LET_DOWN, MAX_UNANSWERED, MAX_UNANSWERED + TOLD_FROM)


def test_a_move_that_is_repeated_is_done_also_where_somebody_was_let_down_since(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    moved = closed(shop.health(), OPERATOR, shop.world.now_ms())
    assert shop.world.suppliers.move(moved) is None
    shop.world.suppliers.count_let_down(moved, shop.world.now_ms())
    assert shop.world.suppliers.move(moved) is None


def test_the_health_of_a_supplier_that_is_moved_keeps_its_balance(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.world.suppliers.put_balance("main", PAID, shop.world.now_ms())
    shop.kill()
    assert replace(shop.health()).balance == PAID


def test_a_supplier_dead_for_ten_minutes_loses_nothing_and_is_taken_back(shop: Shop) -> None:
    shop.sell(source("first", "main", priority=1), source("second", "other", priority=2))
    every_ms, dead_from_ms, dead_until_ms, ends_ms = 5_000, 60_000, 660_000, 1_020_000
    asked: list[tuple[int, str | None]] = []
    for at_ms in range(0, ends_ms, every_ms):
        choice = shop.choose()
        is_dead = choice.decision.chosen == "first" and dead_from_ms <= at_ms < dead_until_ms
        shop.hear(choice, SILENCE if is_dead else DONE)
        asked.append((at_ms, choice.decision.chosen))
        shop.wait(every_ms)
    assert {chosen for _, chosen in asked} == {"first", "second"}
    lost = [at_ms for at_ms, chosen in asked if chosen == "first" and dead_from_ms <= at_ms < dead_until_ms]
    probes = [FIRST_OPEN_MS, 3 * FIRST_OPEN_MS, 7 * FIRST_OPEN_MS]
    assert len(lost) <= DEADLY + len(probes) + 1
    back = next(at_ms for at_ms, chosen in asked if chosen == "first" and at_ms >= dead_until_ms)
    assert back - dead_until_ms <= MAX_OPEN_MS
    assert {chosen for at_ms, chosen in asked if at_ms > back} == {"first"}


# what it costs


@pytest.mark.parametrize(
    ("fields", "taken"), [({}, []), ({"quota": 9}, ["TransactWriteItems"])], ids=["without a quota", "with one"]
)
def test_a_choice_is_two_reads_the_call_one_write_and_what_else_it_takes_another(
    shop: Shop, fields: dict[str, Any], taken: list[str]
) -> None:
    shop.sell(source("first", "main", **fields), source("second", "other", **fields))
    shop.ask(DONE)
    sent = requests_of(shop.world)
    choice = shop.choose()
    assert sent == ["GetItem", "BatchGetItem", "UpdateItem", *taken]
    sent.clear()
    shop.hear(choice, DONE)
    assert sent == []
    shop.hear(choice, SILENCE)
    assert sent == ["UpdateItem"]


def requests_of(world: World) -> list[str]:
    """What the world asks its engine for from now on."""
    sent: list[str] = []
    world.dynamodb.meta.events.register(
        "before-send.dynamodb.*", lambda **told: sent.append(told["event_name"].rpartition(".")[2])
    )
    return sent


def test_of_answers_one_in_five_is_a_write(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.ask(DONE)
    sent = requests_of(shop.world)
    for _ in range(4 * TOLD_FROM):
        shop.ask(DONE)
    assert sent.count("UpdateItem") == 4 * TOLD_FROM + 4


# answers that are lost, and processes that die


def taken(world: World) -> int:
    return sum(int(item["taken"]["N"]) for item in world.scan("suppliers") if item["sk"]["S"].startswith("quota#"))


def test_a_lost_answer_takes_a_quota_once_and_makes_one_probe(shop: Shop, engine: Engine) -> None:
    shop.sell(source("first", "main", quota=DEADLY + 5))
    shop.kill()
    for number in range(4):
        shop.wait(MAX_OPEN_MS)
        before, need = taken(shop.world), shop.need()
        process = shop.world.another_process(engine.dynamodb())
        with Wire(number, Way.ANSWER_LOST).carrying(process.dynamodb):
            choice = process.routing.choose(need, SYSTEM)
        assert (choice.decision.chosen, choice.probing) == ("first", True)
        assert shop.health().probe == need.reference
        assert taken(shop.world) == before + 1
    check_promises(shop.world)


@pytest.mark.parametrize("number", range(2))
def test_a_lost_answer_gives_a_quota_back_once(shop: Shop, engine: Engine, number: int) -> None:
    shop.sell(source("first", "main", quota=5))
    others = [shop.choose() for _ in range(3)]
    choice = others.pop()
    process = shop.world.another_process(engine.dynamodb())
    with Wire(number, Way.ANSWER_LOST).carrying(process.dynamodb):
        process.routing.heard(choice, SOLD_OUT, 200, SYSTEM, stored=True)
    shop.hear(choice, SOLD_OUT)
    assert taken(shop.world) == len(others)


def test_who_dies_after_taking_and_chooses_again_takes_once(shop: Shop) -> None:
    shop.sell(source("first", "main", quota=1))
    need = shop.need()
    for _ in range(3):
        assert shop.world.routing.choose(need, SYSTEM).decision.chosen == "first"
    assert shop.choose().source is None
    choice = shop.world.routing.choose(need, SYSTEM)
    shop.world.routing.not_begun(choice, SYSTEM)
    assert taken(shop.world) == 0
    assert shop.world.routing.choose(need, SYSTEM).decision.chosen == "first"
    assert taken(shop.world) == 1


def test_all_who_take_and_give_back_at_once_leave_nothing_taken(shop: Shop) -> None:
    shop.sell(source("first", "main", quota=RACERS))

    def round_trip() -> None:
        shop.hear(shop.choose(), SOLD_OUT)

    at_once([round_trip] * 32)
    assert taken(shop.world) == 0
    check_promises(shop.world)


def test_what_was_chosen_before_there_was_a_quota_gives_nothing_back(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    early = shop.choose()
    standing = shop.world.suppliers.sourcing(SKU)
    assert standing
    limited = replace(standing, sources=(source("first", "main", quota=2),), version=2)
    assert shop.world.suppliers.put_sourcing(limited)
    assert shop.ask(DONE) == "first"
    shop.world.routing.failed_later(SKU, attempted(early))
    assert taken(shop.world) == 1


def test_who_dies_as_the_probe_and_chooses_again_is_the_probe(shop: Shop) -> None:
    shop.sell(source("first", "main"))
    shop.kill()
    shop.wait(FIRST_OPEN_MS)
    need = shop.need()
    assert shop.world.routing.choose(need, SYSTEM).probing
    again = shop.world.routing.choose(need, SYSTEM)
    assert (again.probing, shop.choose().source) == (True, None)
    shop.hear(again, DONE)
    assert shop.health().breaker is Breaker.CLOSED


def test_a_probe_whose_quota_is_used_up_meanwhile_leaves_the_supplier_to_others(shop: Shop, engine: Engine) -> None:
    shop.sell(source("first", "main", priority=1, quota=1), source("second", "main", priority=2))
    shop.world.suppliers.move(opened(shop.health(), SYSTEM, shop.world.now_ms()))
    shop.wait(FIRST_OPEN_MS)
    process = shop.world.another_process(engine.dynamodb())
    today = datetime.fromtimestamp(shop.world.now_ms() // 1000, ZoneInfo(BUSINESS_TIME_ZONE)).date().isoformat()

    def somebody_is_faster(**_: object) -> None:
        shop.world.suppliers.take(Quota(SKU, "first", today), "another", 1, 1)

    process.dynamodb.meta.events.register("before-send.dynamodb.TransactWriteItems", somebody_is_faster)
    choice = process.routing.choose(shop.need(), SYSTEM)
    assert (choice.decision.chosen, choice.probing) == ("second", True)
    assert choice.decision.passed_over == {"first": "quota_used_up"}
    shop.hear(choice, DONE)
    assert shop.health().breaker is Breaker.CLOSED
    check_promises(shop.world)
