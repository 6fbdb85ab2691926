"""Codes used, made active, taken back, and guessed."""

import secrets
from contextlib import suppress
from dataclasses import replace

from keyrail.catalog.model import Activation, Product, Sku, Terms
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.platform.changes import stamp
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.redemption.model import PUBLIC, Caller, CodeUnknown, Presented, Redeemed
from keyrail.risk.model import LIMITS, Dimension, TooManyAttempts, Weight
from tests.faults.use_cases.case import Case, Step, expect
from tests.redeeming import HOLDER, TILL, redeem
from tests.world import OPERATOR, PRICE, World, new_codes

ISSUER = "mall"
ONCE = Terms(uses=1, reversal_ms=600_000)
CARD = Terms(value=Money(1_000, "CNY"), reversal_ms=600_000)


def _stocked(world: World, terms: Terms) -> tuple[str, str]:
    """A SKU of its own with one code; the SKU's id and the code."""
    now, sku_id = stamp(OPERATOR, world.now_ms()), f"sku-{secrets.token_hex(6)}"
    world.catalog.save_product(Product(product_id="voucher", store_id="main", name="Voucher", **now), OPERATOR)
    sku = Sku(
        sku_id=sku_id,
        product_id="voucher",
        store_id="main",
        name="Voucher",
        price=PRICE,
        issuer=ISSUER,
        terms=terms,
        **now,
    )
    world.catalog.save_sku(sku, OPERATOR)
    (code,) = world.import_codes(new_codes(1), sku_id)[0]
    return sku_id, code


def _sold(world: World, terms: Terms) -> tuple[str, str]:
    sku_id, code = _stocked(world, terms)
    world.pay(world.order(sku_id=sku_id).attempt)
    return sku_id, code


def _key(world: World, sku_id: str) -> Key:
    (key,) = (key for key in world.stored_keys() if key.sku_id == sku_id)
    return key


def _redeeming(code: str, name: str, amount: Money | None = None) -> Step:
    return lambda process: redeem(process, code, name, issuer=ISSUER, amount=amount)


def _again(world: World, code: str, name: str, amount: Money | None = None) -> Redeemed:
    return redeem(world, code, name, issuer=ISSUER, amount=amount)


def _refusal(world: World, code: str, amount: Money | None = None) -> str:
    try:
        redeem(world, code, issuer=ISSUER, amount=amount)
    except KeyrailError as refused:
        return f"{refused.code} {refused.facts.get('redemption_id', '')}"
    return "none"


def redemption_of_the_last_use(world: World) -> Case:
    sku, code = _sold(world, ONCE)
    name = f"till-7-{secrets.token_hex(4)}"

    def check(world: World) -> None:
        expect(_again(world, code, name).uses_left == 0, "not redeemed")
        expect(_refusal(world, code) == f"already_redeemed {name}", "redeemed, and nobody is told by what")
        expect(len(_key(world, sku).uses or ()) == 1, "redeemed by its own repetition")

    return Case(_redeeming(code, name), check, [code], [sku])


def redemption_of_all_that_a_card_is_worth(world: World) -> Case:
    sku, code = _sold(world, CARD)
    name = f"till-7-{secrets.token_hex(4)}"

    def check(world: World) -> None:
        expect(_again(world, code, name, CARD.value).value_left == Money(0, "CNY"), "not redeemed")
        expect(_key(world, sku).state is KeyState.REDEEMED, "nothing is left, and it does not say so")

    return Case(_redeeming(code, name, CARD.value), check, [code], [sku])


def redemption_of_a_code_that_nobody_bought(world: World) -> Case:
    sku, code = _stocked(world, replace(ONCE, activation=Activation.ON_IMPORT))
    name = f"till-7-{secrets.token_hex(4)}"

    def check(world: World) -> None:
        key = _key(world, sku)
        expect((key.state, key.claim_order) == (KeyState.REDEEMED, None), "used, and still for sale")
        expect(len(key.uses or ()) == 1, "redeemed by its own repetition")

    return Case(_redeeming(code, name), check, [code], [sku])


def redemption_of_a_code_whose_lease_has_lapsed(world: World) -> Case:
    sku, code = _stocked(world, replace(ONCE, activation=Activation.ON_IMPORT))
    name = f"till-7-{secrets.token_hex(4)}"
    world.order(sku_id=sku)

    def check(world: World) -> None:
        key = _key(world, sku)
        expect((key.state, key.order_id, key.claim_order) == (KeyState.REDEEMED, None, None), "still an order's")

    return Case(_redeeming(code, name), check, [code], [sku], ahead_ms=20 * 60_000)


def reversal_of_the_last_use(world: World) -> Case:
    sku, code = _sold(world, ONCE)
    name = f"till-7-{secrets.token_hex(4)}"
    _again(world, code, name)

    def take_back(process: World) -> None:
        process.redemption.reverse(Presented(code=code, issuer=ISSUER), name, None, TILL)

    def check(world: World) -> None:
        key = _key(world, sku)
        expect((key.state, [use.spent for use in key.uses or ()]) == (KeyState.SOLD, [1, -1]), "not given back once")
        expect(_refusal(world, code) == "none", "given back, and not to be used")

    return Case(take_back, check, [code], [sku])


def activation_on_demand(world: World) -> Case:
    sku, code = _sold(world, replace(ONCE, activation=Activation.ON_DEMAND, active_ms=300_000))

    def activate(process: World) -> None:
        process.redemption.activate(Presented(code=code, issuer=ISSUER), None, HOLDER)

    def check(world: World) -> None:
        key = _key(world, sku)
        expect(key.active_until_ms is not None, "asked for, and not active")
        expect(_refusal(world, code) == "none", "active, and not to be used")

    return Case(activate, check, [code], [sku])


def the_guess_that_is_one_too_many(world: World) -> Case:
    sku, code = _sold(world, ONCE)
    guesser = Caller(PUBLIC, f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}")

    def guess(process: World) -> None:
        with suppress(CodeUnknown, TooManyAttempts):
            redeem(process, new_codes(1)[0], caller=guesser, issuer=ISSUER)

    for _ in range(LIMITS[Dimension.ADDRESS] // Weight.UNKNOWN_WITHOUT_CHECK_SYMBOL - 1):
        guess(world)

    def check(world: World) -> None:
        guess(world)  # a count that was lost is made up for by the next
        try:
            redeem(world, code, caller=guesser, issuer=ISSUER)
        except TooManyAttempts:
            return
        raise AssertionError("went on guessing")

    return Case(guess, check, [code], [sku])


USE_CASES = (
    redemption_of_the_last_use,
    redemption_of_all_that_a_card_is_worth,
    redemption_of_a_code_that_nobody_bought,
    redemption_of_a_code_whose_lease_has_lapsed,
    reversal_of_the_last_use,
    activation_on_demand,
    the_guess_that_is_one_too_many,
)
