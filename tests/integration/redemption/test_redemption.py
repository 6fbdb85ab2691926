"""Redemption on a real engine: what it does to the key, what it answers, and what it answers again."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.batches import Held, Standing
from keyrail.inventory.model.keys import KeyState
from keyrail.inventory.service.batches import NewBatch
from keyrail.platform.changes import stamp
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import to_attributes
from keyrail.platform.dynamo import TransactionFailed, transact
from keyrail.platform.errors import Invalid, KeyrailError
from keyrail.platform.ids import CROCKFORD
from keyrail.platform.money import Money
from keyrail.redemption.model import Activated, Caller, Presented, Verified
from keyrail.vault.codes import grouped, new_code
from tests.item_size import UNIT_BYTES, item_bytes
from tests.redeeming import CARD, HOLDER, ONCE, OTHER_TILL, TILL, check_account, issue, name, redeem, reverse, sell
from tests.world import OPERATOR, SYSTEM, World

MINUTE_MS, DAY_MS = 60_000, 86_400_000
HELD_BACK_MS = 3_000  # until the list of what stands still is read again
THRICE = Terms(uses=3, reversal_ms=10 * MINUTE_MS)
CNY = "CNY"


def refused(world: World, code: str, redemption_id: str | None = None, **wanted: Any) -> KeyrailError:
    with pytest.raises(KeyrailError) as error:
        redeem(world, code, redemption_id, **wanted)
    return error.value


def activate(world: World, code: str, caller: Caller = HOLDER) -> Activated:
    return world.redemption.activate(Presented(code=code), None, caller)


def verify(world: World, code: str, location: str | None = None, caller: Caller = HOLDER) -> Verified:
    return world.redemption.verify(Presented(code=code), location, caller)


# single and multi use


def test_a_code_is_redeemed_once_and_whoever_comes_later_is_told_by_what(world: World) -> None:
    issued = issue(world, ONCE)
    first = redeem(world, issued.code, "till-7-000418", location="shop-12")
    assert (first.uses_left, first.location, first.amount, first.reversed_at_ms) == (0, "shop-12", None, None)
    later = refused(world, issued.code)
    assert later.code == "already_redeemed"
    assert later.facts["redemption_id"] == "till-7-000418"
    assert later.facts["location"] == "shop-12"
    assert str(later.facts["redeemed_at"]).startswith("20")
    key = world.keys.get(issued.key_id)
    assert (key.state, key.after_use) == (KeyState.REDEEMED, ())
    assert (key.changed_by, key.changed_from) == (f"partner:{TILL.by}", TILL.address)


def test_a_code_is_the_same_however_it_is_typed(world: World) -> None:
    issued = issue(world, ONCE)
    typed = issued.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert redeem(world, f" {typed} ", "till-7-000418").uses_left == 0
    assert redeem(world, issued.code, "till-7-000418").uses_left == 0


def test_a_multiple_use_code_counts_down_and_ends(world: World) -> None:
    issued = issue(world, THRICE)
    assert [redeem(world, issued.code).uses_left for _ in range(3)] == [2, 1, 0]
    assert refused(world, issued.code).code == "already_redeemed"
    check_account(world.keys.get(issued.key_id), THRICE)


def test_the_same_call_gets_the_same_answer_also_after_ten_more_uses(world: World) -> None:
    issued = issue(world, replace(THRICE, uses=12))
    first = redeem(world, issued.code, "till-7-000418", location="shop-1")
    for _ in range(10):
        redeem(world, issued.code)
    assert redeem(world, issued.code, "till-7-000418", location="shop-1") == first
    assert redeem(world.another_process(), issued.code, "till-7-000418", location="shop-1") == first
    assert verify(world, issued.code).uses_left == 1


def test_the_same_call_gets_the_same_answer_when_the_code_has_become_invalid_or_stands_still(world: World) -> None:
    issued = issue(world, replace(THRICE, valid_to_ms=world.now_ms() + DAY_MS))
    first = redeem(world, issued.code, "till-7-000418")
    world.ahead_ms += 2 * DAY_MS
    assert refused(world, issued.code).code == "no_longer_valid"
    assert redeem(world, issued.code, "till-7-000418") == first
    hold(world, issued.batch.batch_id)
    assert redeem(world, issued.code, "till-7-000418") == first


def test_a_name_belongs_to_the_credential_that_gave_it(world: World) -> None:
    issued = issue(world, THRICE)
    assert redeem(world, issued.code, "till-7-000418", caller=TILL).uses_left == 2
    assert redeem(world, issued.code, "till-7-000418", caller=OTHER_TILL).uses_left == 1
    assert redeem(world, issued.code, "till-7-000418", caller=HOLDER).uses_left == 0


@pytest.mark.parametrize("other", [{"location": "shop-2"}, {}, {"location": "shop-1", "amount": Money(1, CNY)}])
def test_a_name_that_stands_for_another_request_is_refused(world: World, other: dict[str, Any]) -> None:
    issued = issue(world, THRICE)
    redeem(world, issued.code, "till-7-000418", location="shop-1")
    assert refused(world, issued.code, "till-7-000418", **other).code == "idempotency_conflict"
    assert verify(world, issued.code).uses_left == 2


# value cards


def test_a_value_card_is_used_in_parts_to_the_last_minor_unit(world: World) -> None:
    issued = issue(world, CARD)
    first = redeem(world, issued.code, "till-7-000418", amount=Money(2_500, CNY))
    assert (first.amount, first.value_left, first.uses_left) == (Money(2_500, CNY), Money(7_500, CNY), None)
    assert redeem(world, issued.code, amount=Money(7_499, CNY)).value_left == Money(1, CNY)
    assert refused(world, issued.code, amount=Money(2, CNY)).facts == {"left_minor": 1, "currency": CNY}
    assert world.keys.get(issued.key_id).state is KeyState.SOLD
    assert redeem(world, issued.code, amount=Money(1, CNY)).value_left == Money(0, CNY)
    assert world.keys.get(issued.key_id).state is KeyState.REDEEMED
    assert refused(world, issued.code, amount=Money(1, CNY)).code == "already_redeemed"
    assert redeem(world, issued.code, "till-7-000418", amount=Money(2_500, CNY)) == first


def test_all_of_a_value_is_taken_at_once(world: World) -> None:
    issued = issue(world, CARD)
    whole = redeem(world, issued.code, "till-7-000418", amount=CARD.value)
    assert whole.value_left == Money(0, CNY)
    assert redeem(world, issued.code, "till-7-000418", amount=CARD.value) == whole


@pytest.mark.parametrize(
    ("terms", "amount", "code", "field"),
    [
        (CARD, None, "invalid_request", "amount"),
        (CARD, Money(1, "USD"), "invalid_request", "amount"),
        (CARD, Money(0, CNY), "invalid_request", "amount.amount_minor"),
        (ONCE, Money(1, CNY), "invalid_request", "amount"),
        (CARD, Money(10_001, CNY), "value_insufficient", None),
    ],
)
def test_an_amount_that_does_not_fit_is_refused(
    world: World, terms: Terms, amount: Money | None, code: str, field: str | None
) -> None:
    issued = issue(world, terms)
    refusal = refused(world, issued.code, amount=amount)
    assert refusal.code == code
    assert [f.field for f in refusal.fields] == ([field] if field else [])
    assert world.keys.get(issued.key_id).uses is None


def test_another_amount_under_the_same_name_is_refused_and_takes_nothing(world: World) -> None:
    issued = issue(world, CARD)
    redeem(world, issued.code, "till-7-000418", amount=Money(2_500, CNY))
    for amount in (Money(2_501, CNY), Money(7_500, CNY)):
        assert refused(world, issued.code, "till-7-000418", amount=amount).code == "idempotency_conflict"
    assert verify(world, issued.code).value_left == Money(7_500, CNY)


# when and where


@pytest.mark.parametrize("code", ["not_yet_valid", "no_longer_valid", "wrong_day", "wrong_hour", "wrong_place"])
def test_a_code_is_refused_at_the_wrong_time_and_place(world: World, code: str) -> None:
    at = world.redemption._moment()
    in_an_hour = (at.minute + 60) % 1_440
    elsewhen: dict[str, Any] = {
        "not_yet_valid": {"valid_from_ms": world.now_ms() + DAY_MS},
        "no_longer_valid": {"valid_to_ms": world.now_ms() - DAY_MS},
        "wrong_day": {"weekdays": (at.weekday % 7 + 1,)},
        "wrong_hour": {"opens": in_an_hour, "closes": (in_an_hour + 30) % 1_440 or 1_440},
        "wrong_place": {"places": ("shop-1",)},
    }
    issued = issue(world, replace(ONCE, **elsewhen[code]))
    assert refused(world, issued.code, location="shop-2").code == code
    assert verify(world, issued.code, "shop-2").refusal == code
    assert world.keys.get(issued.key_id).uses is None


def test_the_last_day_of_use_is_a_day_where_the_business_is(world: World) -> None:
    today = world.redemption._moment().date
    issued = issue(world, THRICE, expires_on=today)
    assert redeem(world, issued.code).uses_left == 2
    world.ahead_ms += DAY_MS
    late = refused(world, issued.code)
    assert (late.code, late.facts) == ("no_longer_valid", {"last_day": today})


# activation


def test_on_sale_a_code_is_worth_nothing_before_somebody_has_bought_it(world: World) -> None:
    issued = issue(world, ONCE, sold=False)
    assert refused(world, issued.code).code == "not_sold"
    sell(world, issued.key_id)
    assert redeem(world, issued.code).uses_left == 0


def test_on_reveal_a_code_is_worth_nothing_before_its_buyer_has_seen_it(world: World) -> None:
    issued = issue(world, replace(ONCE, activation=Activation.ON_REVEAL))
    assert refused(world, issued.code).code == "not_active"
    world.keys.reveal(issued.key_id, world.keys.get(issued.key_id).order_id or "", SYSTEM, world.now_ms())
    assert redeem(world, issued.code).uses_left == 0


def test_on_demand_a_code_is_worth_nothing_until_its_buyer_asks_and_then_for_minutes(world: World) -> None:
    issued = issue(world, replace(ONCE, activation=Activation.ON_DEMAND, active_ms=5 * MINUTE_MS))
    assert refused(world, issued.code).code == "not_active"
    first = activate(world, issued.code)
    assert first.active_until_ms == pytest.approx(world.now_ms() + 5 * MINUTE_MS, abs=2_000)
    world.ahead_ms += MINUTE_MS
    assert activate(world, issued.code) == first
    world.ahead_ms += 5 * MINUTE_MS
    assert refused(world, issued.code).code == "not_active"
    again = activate(world, issued.code)
    assert again.active_until_ms is not None
    assert first.active_until_ms is not None
    assert again.active_until_ms > first.active_until_ms + 5 * MINUTE_MS
    assert redeem(world, issued.code).uses_left == 0
    with pytest.raises(KeyrailError, match="already_redeemed"):
        activate(world, issued.code)


def test_on_demand_nobody_activates_what_nobody_has_bought(world: World) -> None:
    issued = issue(world, replace(ONCE, activation=Activation.ON_DEMAND), sold=False)
    for caller in (HOLDER, TILL):
        with pytest.raises(KeyrailError, match="not_sold"):
            activate(world, issued.code, caller)
    assert world.keys.get(issued.key_id).active_until_ms is None


def test_a_printed_card_is_activated_over_a_counter_that_signs_and_by_nobody_else(world: World) -> None:
    issued = issue(world, ONCE, for_print=True)
    assert refused(world, issued.code).code == "not_active"
    with pytest.raises(KeyrailError, match="not_active"):
        activate(world, issued.code, HOLDER)
    assert activate(world, issued.code, TILL).active_until_ms is None
    assert activate(world, issued.code, TILL).active_until_ms is None
    assert rfc3339(world.keys.get(issued.key_id).active_until_ms or 0).startswith("99")
    world.ahead_ms += 400 * DAY_MS
    assert redeem(world, issued.code).uses_left == 0


def test_what_is_active_by_itself_is_told_so_and_not_changed(world: World) -> None:
    issued = issue(world, ONCE)
    version = world.keys.get(issued.key_id).version
    assert activate(world, issued.code).activation is Activation.ON_SALE
    assert world.keys.get(issued.key_id).version == version


# on_import: before anybody has bought it


@pytest.mark.parametrize("uses", [1, 3])
def test_a_code_used_while_unsold_leaves_the_pool_and_is_never_sold(world: World, uses: int) -> None:
    issued = issue(world, replace(THRICE, activation=Activation.ON_IMPORT, uses=uses), sold=False)
    redeem(world, issued.code, "till-7-000418")
    for _ in range(2):
        key = world.keys.get(issued.key_id)
        assert (key.claim_order, key.left_pool is not None) == (None, True)
        assert not world.keys.lease(issued.key_id, "ord_a", world.now_ms() + 1, SYSTEM, world.now_ms())
        with pytest.raises(TransactionFailed):
            transact(world.dynamodb, [world.keys.sale(issued.key_id, "ord_a", "unt_a", SYSTEM, world.now_ms())])
        reverse(world, issued.code, "till-7-000418")
    check_account(key, key.terms or ONCE)


def test_a_code_that_an_order_holds_is_refused_and_one_whose_lease_has_lapsed_is_taken(world: World) -> None:
    issued = issue(world, replace(ONCE, activation=Activation.ON_IMPORT), sold=False)
    assert world.keys.lease(issued.key_id, "ord_a", world.now_ms() + MINUTE_MS, SYSTEM, world.now_ms())
    assert refused(world, issued.code).code == "not_sold"
    world.ahead_ms += 2 * MINUTE_MS
    assert redeem(world, issued.code).uses_left == 0
    key = world.keys.get(issued.key_id)
    assert (key.state, key.order_id, key.claim_order) == (KeyState.REDEEMED, None, None)


# batches that stand still


def hold(world: World, batch_id: str) -> None:
    """As a freeze puts it on the list, seen by processes that read the list anew."""
    held = Held(frozen=(batch_id,), **stamp(SYSTEM, world.now_ms()))
    world.dynamodb.put_item(TableName=world.names["keys"], Item={**to_attributes(held), "key_id": {"S": "holds"}})
    world.ahead_ms += HELD_BACK_MS


def test_a_frozen_batch_redeems_nothing_before_its_keys_follow(world: World) -> None:
    issued, other = issue(world, ONCE), issue(world, ONCE)
    redeem(world, issue(world, ONCE).code)
    hold(world, issued.batch.batch_id)
    assert refused(world, issued.code).code == "key_frozen"
    assert verify(world, issued.code).refusal == "key_frozen"
    assert redeem(world, other.code).uses_left == 0


@pytest.mark.parametrize(
    ("state", "code"), [(KeyState.FROZEN, "key_frozen"), (KeyState.VOID, "key_void")], ids=["frozen", "void"]
)
def test_a_key_that_was_stopped_redeems_nothing(world: World, state: KeyState, code: str) -> None:
    issued = issue(world, ONCE)
    change(world, issued.key_id, state=state)
    assert refused(world, issued.code).code == code


def change(world: World, key_id: str, **changes: Any) -> None:
    """As another command leaves the key."""
    key = replace(world.keys.get(key_id), **changes)
    world.dynamodb.put_item(TableName=world.names["keys"], Item=to_attributes(key))


# reversal


def test_a_redemption_is_taken_back_once_and_the_code_is_what_it_was(world: World) -> None:
    issued = issue(world, ONCE)
    before = world.keys.get(issued.key_id)
    redeem(world, issued.code, "till-7-000418", location="shop-1")
    back = reverse(world, issued.code, "till-7-000418")
    assert (back.uses_left, back.location) == (1, "shop-1")
    assert back.reversed_at_ms is not None
    assert reverse(world, issued.code, "till-7-000418") == back
    after = world.keys.get(issued.key_id)
    assert (after.state, after.after_use, after.left_pool) == (before.state, before.after_use, before.left_pool)
    assert redeem(world, issued.code).uses_left == 0
    assert reverse(world, issued.code, "till-7-000418") == back, "also after somebody else has used it"


def test_a_redemption_that_was_taken_back_is_not_made_again_by_its_name(world: World) -> None:
    issued = issue(world, ONCE)
    first = redeem(world, issued.code, "till-7-000418")
    reversed_at_ms = reverse(world, issued.code, "till-7-000418").reversed_at_ms
    assert redeem(world, issued.code, "till-7-000418") == replace(first, reversed_at_ms=reversed_at_ms)
    assert verify(world, issued.code).uses_left == 1


def test_a_part_of_a_value_is_given_back(world: World) -> None:
    issued = issue(world, CARD)
    redeem(world, issued.code, "till-7-000418", amount=Money(4_000, CNY))
    redeem(world, issued.code, amount=Money(6_000, CNY))
    assert reverse(world, issued.code, "till-7-000418").value_left == Money(4_000, CNY)
    assert refused(world, issued.code, amount=Money(4_001, CNY)).code == "value_insufficient"
    assert redeem(world, issued.code, amount=Money(4_000, CNY)).value_left == Money(0, CNY)
    check_account(world.keys.get(issued.key_id), CARD)


def test_only_who_redeemed_takes_it_back(world: World) -> None:
    issued = issue(world, ONCE)
    redeem(world, issued.code, "till-7-000418")
    with pytest.raises(KeyrailError, match="redemption_unknown"):
        reverse(world, issued.code, "till-7-000418", OTHER_TILL)
    with pytest.raises(KeyrailError, match="redemption_unknown"):
        reverse(world, issued.code, name())
    assert world.keys.get(issued.key_id).state is KeyState.REDEEMED


@pytest.mark.parametrize("terms", [replace(ONCE, reversal_ms=None), replace(ONCE, reversal_ms=MINUTE_MS)])
def test_a_redemption_is_not_taken_back_too_late_or_where_nobody_may(world: World, terms: Terms) -> None:
    issued = issue(world, terms)
    redeem(world, issued.code, "till-7-000418")
    world.ahead_ms += MINUTE_MS + 1_000
    with pytest.raises(KeyrailError, match="not_reversible"):
        reverse(world, issued.code, "till-7-000418")


@pytest.mark.parametrize(("standing", "code"), [(Standing.FROZEN, "key_frozen"), (Standing.VOID, "key_void")])
def test_nothing_comes_back_to_life_in_a_batch_that_was_stopped_after_its_last_use(
    world: World, standing: Standing, code: str
) -> None:
    """Its keys that were used up have nothing to follow, so that the batch is off the list of what stands still."""
    issued = issue(world, ONCE)
    redeem(world, issued.code, "till-7-000418")
    world.keys.replace_batch(replace(issued.batch, standing=standing, version=2))
    with pytest.raises(KeyrailError, match=code):
        reverse(world, issued.code, "till-7-000418")
    assert world.keys.get(issued.key_id).state is KeyState.REDEEMED


# who may know what


def test_a_code_that_is_none_of_ours_is_unknown(world: World) -> None:
    issue(world, ONCE)
    assert refused(world, grouped(new_code("TST"))).code == "code_unknown"


def test_a_code_that_others_redeem_is_unknown_as_well(world: World) -> None:
    issued = issue(world, None)
    assert refused(world, issued.code).code == "code_unknown"
    with pytest.raises(KeyrailError, match="code_unknown"):
        verify(world, issued.code)


def test_codes_of_another_issuer_are_named_by_it_and_have_no_check_symbol(world: World) -> None:
    issued = issue(world, ONCE, issuer="mall", clear=("SPRING-0001", "SPRING-0002"))
    assert redeem(world, "spring 0001", issuer="mall").uses_left == 0
    for issuer, code in ((None, "mistyped_code"), ("no-such-issuer", "code_unknown")):
        assert refused(world, issued.clear[1], issuer=issuer).code == code


def test_an_answer_names_no_order_no_buyer_no_batch_and_no_key(world: World) -> None:
    issued = issue(world, replace(ONCE, places=("shop-1",)))
    key = world.keys.get(issued.key_id)
    told = [verify(world, issued.code), redeem(world, issued.code, location="shop-1"), verify(world, issued.code)]
    for secret in (key.key_id, key.order_id, key.unit_id, key.batch_id, key.mask, issued.code):
        assert secret is not None
        assert secret not in repr(told)


def test_what_stays_on_record_may_not_tell_the_code(world: World) -> None:
    issued = issue(world, ONCE)
    spelled = issued.code.replace("-", "").replace("0", "O")
    for told in ({"redemption_id": issued.code}, {"redemption_id": f"x.{spelled}"}, {"actor": spelled}):
        refusal = refused(world, issued.code, **told)
        assert (refusal.code, refusal.fields[0].reason) == ("invalid_request", "tells_the_code")
    short = issue(world, ONCE, issuer="mall", clear=("123456",))
    assert refused(world, "123456", issuer="mall", location="12-34-56").code == "invalid_request"
    assert redeem(world, short.code, issuer="mall", location="123456-7").uses_left == 0


def test_one_code_for_several_buyers_is_none_that_we_redeem(world: World) -> None:
    sku_id = issue(world, ONCE).batch.sku_id
    with pytest.raises(Invalid) as refusal:
        world.batches.open(NewBatch(sku_id=sku_id, source="own", sales_per_key=2), "a name of 16 letters", OPERATOR)
    assert [field.field for field in refusal.value.fields] == ["sales_per_key"]


# what it costs


def test_the_item_of_a_single_use_code_stays_within_one_write_unit(world: World) -> None:
    full = replace(
        ONCE,
        valid_from_ms=world.now_ms() - DAY_MS,
        valid_to_ms=world.now_ms() + 90 * DAY_MS,
        weekdays=(1, 2, 3, 4, 5, 6, 7),
        opens=0,
        closes=1_440,
        places=tuple(f"shop-{number:03d}" for number in range(10)),
    )
    issued = issue(world, full)
    world.keys.reveal(issued.key_id, world.keys.get(issued.key_id).order_id or "", SYSTEM, world.now_ms())
    redeem(world, issued.code, "till-7-00000418-a1b2", location="shop-007", actor="cashier-3")
    (item,) = (item for item in world.scan("keys") if item["key_id"]["S"] == issued.key_id)
    assert item_bytes(item) <= UNIT_BYTES


def test_every_mistake_in_one_symbol_is_refused_without_a_look_at_the_keys(world: World) -> None:
    issued = issue(world, ONCE)
    verify(world, issued.code)
    world.ahead_ms += HELD_BACK_MS
    asked = count_requests(world)
    for place in range(0, len(issued.code), 7):
        wrong = [symbol for symbol in CROCKFORD[:4] if symbol != issued.code[place]]
        for symbol in wrong:
            typed = issued.code[:place] + symbol + issued.code[place + 1 :]
            if issued.code[place] != "-":
                assert refused(world, typed).code == "mistyped_code"
    assert world.names["guards"] in asked
    assert world.names["keys"] not in asked


def count_requests(world: World) -> list[str]:
    """The tables that are asked from now on."""
    asked: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.extend(params.get("RequestItems", {params.get("TableName"): None}))

    world.dynamodb.meta.events.register("provide-client-params.dynamodb.*", note)
    return asked
