"""Codes of our own in people's hands, tills that take them, and what is true of their accounts in the end."""

import secrets
from dataclasses import dataclass
from typing import Any

from keyrail.catalog.model import Product, Sku, Terms
from keyrail.inventory.model.batches import NEVER, Batch, BatchStatus
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.service.fingerprints import fingerprints
from keyrail.inventory.service.intake import Intake, NewKey
from keyrail.platform.changes import stamp
from keyrail.platform.dynamo import transact
from keyrail.platform.ids import derived_id, new_id
from keyrail.platform.money import Money
from keyrail.redemption.model import PUBLIC, Caller, Presented, Redeemed, Wanted
from keyrail.vault.codes import OWN_ISSUER, grouped, new_code
from keyrail.vault.model import Secret
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import new_batch_key
from tests.world import OPERATOR, PRICE, SYSTEM, World

TILL = Caller("kc_0a1b2c3d4e5f", "203.0.113.20")
OTHER_TILL = Caller("kc_f5e4d3c2b1a0", "203.0.113.21")
HOLDER = Caller(PUBLIC, "198.51.100.9")
ONCE = Terms(uses=1, reversal_ms=600_000)
CARD = Terms(value=Money(10_000, "CNY"), reversal_ms=600_000)


@dataclass(frozen=True)
class Codes:
    """A batch of codes with one set of terms; `sold` ones have an order, the others wait in the pool or in print."""

    batch: Batch
    clear: tuple[str, ...]
    key_ids: tuple[str, ...]

    @property
    def code(self) -> str:
        return self.clear[0]

    @property
    def key_id(self) -> str:
        return self.key_ids[0]


def issue(
    world: World,
    terms: Terms | None,
    count: int = 1,
    *,
    sold: bool = True,
    for_print: bool = False,
    expires_on: str | None = None,
    issuer: str = OWN_ISSUER,
    clear: tuple[str, ...] = (),
) -> Codes:
    """Fresh codes as a batch of them comes into being; `clear` where a test has codes of its own."""
    clear = clear or tuple(grouped(new_code("TST")) for _ in range(count))
    sku = _sku(world, terms, issuer)
    vault, names = (KmsKeyWrapper(world.kms, key) for key in (world.vault_key, world.fingerprint_key))
    batch_id = new_id("bat", world.now_ms())
    data_key = new_batch_key(vault, batch_id, sku.sku_id)
    batch = Batch(
        batch_id=batch_id,
        sku_id=sku.sku_id,
        source="own",
        status=BatchStatus.IMPORTED,
        for_print=for_print,
        data_keys=(data_key.wrapped,),
        created_at_ms=world.now_ms(),
        **stamp(OPERATOR, world.now_ms()),
    )
    assert world.keys.add_batch(batch) is None
    intake = Intake(batch, sku, data_key, fingerprints(world.keys, names), SYSTEM, world.now_ms)
    news = (NewKey(secret=Secret(code), line=n, expires_on=expires_on) for n, code in enumerate(clear, 1))
    keys = [intake.key(new, NEVER, 1) for new in news]
    for key in keys:
        assert world.keys.add(key) is None
    if sold and not for_print:
        sell(world, *(key.key_id for key in keys))
    return Codes(batch, clear, tuple(key.key_id for key in keys))


def sell(world: World, *key_ids: str) -> None:
    order_id = derived_id("ord", secrets.token_hex(8))
    for key_id in key_ids:
        sale = world.keys.sale(key_id, order_id, f"unt_{order_id[4:]}01", SYSTEM, world.now_ms())
        transact(world.dynamodb, [sale])


def _sku(world: World, terms: Terms | None, issuer: str) -> Sku:
    now = stamp(OPERATOR, world.now_ms())
    world.catalog.save_product(Product(product_id="voucher", store_id="main", name="Voucher", **now), OPERATOR)
    sku = Sku(
        sku_id=f"voucher-{secrets.token_hex(6)}",
        product_id="voucher",
        store_id="main",
        name="Voucher",
        price=PRICE,
        issuer=issuer,
        code_prefix="TST" if issuer == OWN_ISSUER else "",
        terms=terms,
        **now,
    )
    return world.catalog.save_sku(sku, OPERATOR)


def name() -> str:
    """Of a redemption, as a till makes it."""
    return f"till-7-{secrets.token_hex(6)}"


def redeem(
    world: World,
    code: str,
    redemption_id: str | None = None,
    *,
    caller: Caller = TILL,
    issuer: str | None = None,
    **wanted: Any,
) -> Redeemed:
    asked = Wanted(redemption_id=redemption_id or name(), **wanted)
    return world.redemption.redeem(Presented(code=code, issuer=issuer), asked, caller)


def reverse(world: World, code: str, redemption_id: str, caller: Caller = TILL, issuer: str | None = None) -> Redeemed:
    return world.redemption.reverse(Presented(code=code, issuer=issuer), redemption_id, None, caller)


def check_account(key: Key, terms: Terms) -> None:
    """I9: never more was used than the code allows, nothing was made up, and what is left is what the book says."""
    uses = key.uses or ()
    start = terms.value.amount_minor if terms.value else (terms.uses or 0)
    left = start
    for use in uses:
        left -= use.spent
        assert 0 <= left <= start, "more was used, or given back, than there was"
    names = [(use.by, use.name) for use in uses if use.spent > 0]
    assert len(names) == len(set(names)), "one name for two uses"
    taken_back = [(use.by, use.name) for use in uses if use.spent < 0]
    assert len(taken_back) == len(set(taken_back)), "taken back twice"
    assert set(taken_back) <= set(names), "taken back what was never taken"
    assert left == (key.value_left if terms.value else len(key.after_use or ())), "the key's account does not add up"
    was = key.state_before if key.state is KeyState.FROZEN else key.state
    if was is not KeyState.VOID:
        assert (was is KeyState.REDEEMED) == (left == 0), "used up, or not, and said to be otherwise"
