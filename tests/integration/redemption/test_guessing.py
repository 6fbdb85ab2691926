"""Guessing is slowed by credential, address and prefix, and told; what succeeds writes nothing of it."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from keyrail.catalog.model import Terms
from keyrail.platform import logs
from keyrail.platform.errors import KeyrailError
from keyrail.redemption.model import PUBLIC, Caller, Presented
from keyrail.risk import model as risk
from keyrail.risk.model import BLOCK_MS, LIMITS, WINDOW_MS, Dimension, TooManyAttempts, Weight, by_address
from keyrail.risk.service import LIST_CACHE_MS
from keyrail.vault.codes import grouped, new_code
from tests.racing import at_once, refusals
from tests.redeeming import HOLDER, ONCE, OTHER_TILL, TILL, issue, redeem
from tests.world import World

TRIES = LIMITS[Dimension.ADDRESS] // Weight.UNKNOWN
Metrics = Callable[[], list[str]]
PATIENCE = 10 * TRIES
MANY = Terms(uses=50)


def address(number: int) -> Caller:
    return Caller(PUBLIC, f"198.51.100.{number}")


def guess(world: World, caller: Caller = HOLDER, code: str | None = None, issuer: str | None = None) -> str:
    """What the guesser is told."""
    with pytest.raises(KeyrailError) as refused:
        redeem(world, code or grouped(new_code("TST")), caller=caller, issuer=issuer)
    return refused.value.code


def guess_until_blocked(world: World, caller: Caller, code: str | None = None, issuer: str | None = None) -> int:
    """How many tries they had."""
    for tries in range(PATIENCE):
        if guess(world, caller, code, issuer) == "too_many_attempts":
            return tries
    raise AssertionError("nobody stops a guesser")


@pytest.fixture
def world(world: World) -> World:
    """At the beginning of a window, so that none ends within a test."""
    world.ahead_ms += WINDOW_MS - world.now_ms() % WINDOW_MS
    return world


@pytest.fixture(scope="module", autouse=True)
def log_of_the_process() -> None:
    """Made before a test's own output is, which it would outlive."""
    logs.logger()


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The counters that were written since the last look."""

    def counted() -> list[str]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [name for line in lines if "_aws" in line for name in line if name == "GuessingSuspected"]

    counted()
    return counted


def test_a_guesser_gets_a_handful_of_tries_and_waits(world: World, metrics: Metrics) -> None:
    issued = issue(world, ONCE)
    assert guess_until_blocked(world, HOLDER) == TRIES
    assert metrics() == ["GuessingSuspected"]
    with pytest.raises(TooManyAttempts) as refused:
        redeem(world, issued.code, caller=HOLDER)
    assert refused.value.retry_after_s == pytest.approx(BLOCK_MS / 1_000, abs=5)
    assert world.keys.get(issued.key_id).uses is None
    for ask in (partial(world.redemption.verify, location=None), partial(world.redemption.activate, actor=None)):
        with pytest.raises(TooManyAttempts):
            ask(Presented(code=issued.code), caller=HOLDER)


def test_others_go_on_and_the_guesser_may_come_back(world: World) -> None:
    issued = issue(world, MANY)
    guess_until_blocked(world, HOLDER)
    assert redeem(world, issued.code, caller=address(200)).uses_left == 49
    assert redeem(world, issued.code, caller=TILL).uses_left == 48
    world.ahead_ms += BLOCK_MS + 1_000
    assert redeem(world, issued.code, caller=HOLDER).uses_left == 47


def test_every_process_knows_within_two_seconds(world: World) -> None:
    issued = issue(world, MANY)
    other = world.another_process()
    assert redeem(other, issued.code, caller=HOLDER).uses_left == 49
    guess_until_blocked(world, HOLDER)
    other.ahead_ms += LIST_CACHE_MS
    with pytest.raises(TooManyAttempts):
        redeem(other, issued.code, caller=HOLDER)


def test_failures_of_yesterday_do_not_count(world: World) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert guess(world) == "code_unknown"
        world.ahead_ms += WINDOW_MS
    assert guess(world) == "code_unknown"


def test_a_credential_is_one_caller_wherever_it_calls_from(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(risk.LIMITS, Dimension.CREDENTIAL, 5 * Weight.UNKNOWN)
    for number in range(5):
        assert guess(world, Caller(TILL.by, f"203.0.113.{number}")) == "code_unknown"
    assert guess(world, TILL) == "too_many_attempts"
    assert guess(world, OTHER_TILL) == "code_unknown"


def test_a_prefix_that_is_guessed_from_everywhere_is_closed_to_strangers_and_open_to_tills(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(risk.LIMITS, Dimension.PREFIX, 6 * Weight.UNKNOWN)
    issued = issue(world, MANY)
    for number in range(6):
        assert guess(world, address(number)) == "code_unknown"
    with pytest.raises(TooManyAttempts):
        redeem(world, issued.code, caller=address(200))
    assert redeem(world, issued.code, caller=TILL).uses_left == 49
    elsewhere = grouped(new_code("ZZZ"))
    assert guess(world, address(201), elsewhere) == "code_unknown"


def test_a_prefix_at_rest_is_no_part_of_a_code(world: World) -> None:
    issue(world, ONCE)
    code = grouped(new_code("TST"))
    guess(world, HOLDER, code)
    assert code[:4] not in json.dumps(world.scan("guards"))


def test_codes_of_another_issuer_count_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(risk.LIMITS, Dimension.PREFIX, 3 * Weight.UNKNOWN_WITHOUT_CHECK_SYMBOL)
    issue(world, ONCE, issuer="mall", clear=("SPRING-0001",))
    for number in range(3):
        assert guess(world, address(number), f"SPRING-{number + 2:04d}", "mall") == "code_unknown"
    assert guess(world, address(9), "SPRING-0001", "mall") == "too_many_attempts"


def test_a_clumsy_shop_mistypes_a_hundred_codes_and_goes_on(world: World) -> None:
    issued = issue(world, MANY)
    wrong = issued.code[:-1] + next(symbol for symbol in "0123" if symbol != issued.code[-1])
    for _ in range(LIMITS[Dimension.ADDRESS] - 1):
        assert guess(world, HOLDER, wrong) == "mistyped_code"
    assert redeem(world, issued.code, caller=HOLDER).uses_left == 49
    assert guess(world, HOLDER, wrong) == "mistyped_code"
    assert guess(world, HOLDER, wrong) == "too_many_attempts", "somebody tries all check symbols"


def test_a_code_that_nobody_has_bought_was_not_found_on_the_street(world: World) -> None:
    issued = issue(world, ONCE, sold=False)
    assert guess_until_blocked(world, HOLDER, issued.code) == TRIES


def test_refusals_of_a_known_code_are_no_guesses(world: World) -> None:
    issued = issue(world, ONCE)
    redeem(world, issued.code)
    for _ in range(2 * TRIES):
        assert guess(world, HOLDER, issued.code) == "already_redeemed"
    assert world.scan("guards") == []


def test_what_succeeds_writes_nothing_of_it_and_every_guard_ends(world: World) -> None:
    issued = issue(world, MANY)
    redeem(world, issued.code)
    world.redemption.verify(Presented(code=issued.code), None, HOLDER)
    assert world.scan("guards") == []
    guess_until_blocked(world, HOLDER)
    kinds = {item["pk"]["S"].partition("#")[0] for item in world.scan("guards")}
    assert kinds == {"guesses", "blocked"}
    now_s = world.now_ms() // 1_000
    for item in world.scan("guards"):
        assert now_s < int(item["expires_at"]["N"]) <= now_s + 25 * 60 * 60


def test_the_blocked_are_refused_before_any_table_is_touched(world: World) -> None:
    issued = issue(world, ONCE)
    guess_until_blocked(world, HOLDER)
    asked: list[str] = []
    world.dynamodb.meta.events.register("before-send.dynamodb.*", lambda **sent: asked.append(sent["event_name"]))
    for _ in range(20):
        assert guess(world, HOLDER, issued.code) == "too_many_attempts"
        assert guess(world, HOLDER) == "too_many_attempts"
    assert asked == []


def test_guesses_from_many_threads_are_all_counted_and_alarm_once(world: World, metrics: Metrics) -> None:
    issue(world, ONCE)
    codes = [grouped(new_code("TST")) for _ in range(4 * TRIES)]
    results = at_once([partial(redeem, world.another_process(), code, caller=HOLDER) for code in codes])
    assert set(refusals(results)) <= {"code_unknown", "too_many_attempts"}
    assert guess(world.another_process()) == "too_many_attempts"
    assert metrics() == ["GuessingSuspected"]
    listed = [item for item in world.scan("guards") if item["pk"]["S"] == "blocked"]
    assert list(listed[0]["until_ms"]["M"]) == [by_address(HOLDER.address).listed_as]


def test_several_guessers_at_once_are_all_listed(world: World) -> None:
    issue(world, ONCE)
    at_once([partial(guess_until_blocked, world.another_process(), address(number)) for number in range(6)])
    fresh = world.another_process()
    assert {guess(fresh, address(number)) for number in range(6)} == {"too_many_attempts"}


def test_a_name_is_spent_once_and_our_own_request_sent_again_is_no_second_one(world: World) -> None:
    assert world.guards.spend("nonce#kc_a#1234", 60_000)
    assert not world.guards.spend("nonce#kc_a#1234", 60_000)
    assert world.guards.spend("nonce#kc_b#1234", 60_000)
    assert world.guards.store.spend("again", "mark", world.now_ms())
    assert world.guards.store.spend("again", "mark", world.now_ms())
