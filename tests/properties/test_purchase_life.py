"""A purchase under any order of answers, decisions and time: begun once, over for good, and its budget adds up."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.changes import Origin
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import DefiniteFailure, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.purchases import (
    Purchase,
    PurchaseStatus,
    Resolution,
    Stocked,
    approved,
    begun,
    heard,
    rejected,
    resolved,
    stocked,
    unspent,
)
from tests.supply_changes import PIECES, PRICE, waiting_purchase

ALICE, BOB, CLOCK = (Origin(by, "192.0.2.1") for by in ("operator:alice", "operator:bob", "system:supply"))
WINDOW_MS, NOW = 1_000, 1_000_000
OVER = {PurchaseStatus.REJECTED, PurchaseStatus.STOCKED, PurchaseStatus.SETTLED, PurchaseStatus.FAILED}
ANSWERS = [
    Unknown(said="no_answer"),
    Processing(said="2", their_reference="S-1"),
    Success(said="4"),
    DefiniteFailure(said="5", refusal=Refusal.SOLD_OUT),
]
STEPS = st.one_of(
    st.sampled_from(["approve", "approve_own", "reject", "begin"]),
    st.sampled_from(ANSWERS),
    st.integers(0, PIECES + 1),
    st.sampled_from(list(Resolution)),
)


COMMANDS: dict[str, Callable[[Purchase, int], Purchase]] = {
    "approve": lambda purchase, now_ms: approved(purchase, BOB, now_ms),
    "approve_own": lambda purchase, now_ms: approved(purchase, ALICE, now_ms),
    "reject": lambda purchase, now_ms: rejected(purchase, BOB, now_ms),
    "begin": lambda purchase, now_ms: begun(purchase, WINDOW_MS, CLOCK, now_ms),
}


def after(purchase: Purchase, step: object, now_ms: int) -> Purchase:
    """Raises KeyrailError where that is refused."""
    if type(step) is str:
        return COMMANDS[step](purchase, now_ms)
    match step:
        case Resolution():
            return resolved(purchase, step, WINDOW_MS, BOB, now_ms)
        case int():
            stock = Stocked(batch_id="bat_1", told=step, accepted=step, duplicate=0, rejected=0)
            success = Success(said="4", cost=Money(PRICE.amount_minor * PIECES - step, "CNY"))
            return stocked(purchase, success, stock, CLOCK, now_ms)
        case _:
            return heard(purchase, step, CLOCK, now_ms)  # type: ignore[arg-type]


@given(st.lists(st.tuples(STEPS, st.integers(0, WINDOW_MS)), max_size=20))
def test_a_purchase_is_begun_once_is_over_for_good_and_keeps_what_it_spent(steps: list[tuple[object, int]]) -> None:
    purchase, now_ms, begins = waiting_purchase(ALICE, NOW), NOW, 0
    taken = reserved = purchase.reserved.amount_minor
    for step, later_ms in steps:
        now_ms += later_ms
        try:
            changed = after(purchase, step, now_ms)
        except KeyrailError:
            continue
        if changed is purchase:
            continue
        assert purchase.status not in OVER
        assert changed.version == purchase.version + 1
        assert step != "approve_own"
        begins += step == "begin"
        taken -= unspent(purchase, changed)
        purchase = changed
    assert begins <= 1
    assert (purchase.asked_at_ms is not None) is (begins == 1)
    if purchase.status in {PurchaseStatus.REJECTED, PurchaseStatus.FAILED}:
        assert taken == 0
    elif purchase.cost is not None:
        assert taken == purchase.cost.amount_minor
    else:
        assert taken == reserved
