"""Whatever 福禄 and 大猿人 say of an order: it failed, or it is done, only where every part of the answer says so."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import DefiniteFailure, Success
from keyrail.suppliers.providers import Callback, Placed
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.dayuanren.orders import AGREEING, STATUSES, OrderReader
from keyrail.suppliers.providers.fulu import Fulu
from keyrail.suppliers.providers.fulu import orders as fulu
from keyrail.suppliers.providers.reading import json_object, objects
from tests.supplier_houses import ANOTHER, KEY, OURS, SECRET, THEIRS

FULU = fulu.OrderReader(fulu.STATUSES, SECRET)
DAYUANREN = OrderReader(STATUSES, AGREEING)
SUPPLIERS = (
    Fulu(app_key="app", app_secret=SECRET),
    Dayuanren(base_url="https://supplier.example/yrapi.php", userid="1", apikey=KEY),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
NUMBERS = st.sampled_from([OURS, OURS, OURS, "", ANOTHER])
THEIR_NUMBERS = st.sampled_from([THEIRS, THEIRS, THEIRS, "", "S-2"])
SEALED = ["I3xqoI0psEA/JF1AaXoIvti+cf/tplesIheUQtAen+s=", "J+boTKglSJfRBb3pDY8pRg==", "AAAA", ""]
CARDS = st.lists(st.fixed_dictionaries({"card_number": st.sampled_from(SEALED)}), max_size=3) | st.none()
OF_FULU = st.fixed_dictionaries(
    {
        "order_id": THEIR_NUMBERS,
        "customer_order_no": NUMBERS,
        "buy_num": st.sampled_from([1, 2, "1", "2", "", 0]),
        "order_price": st.sampled_from(["4.7501", 4.75, "0", "-1", "", None]),
        "order_state": st.sampled_from(["success", "success", "failed", "untreated", "refunded", ""]),
        "order_type": st.sampled_from([3, 4, "3", "4", "", 9]),
        "cards": CARDS,
    }
)
OF_DAYUANREN = st.fixed_dictionaries(
    {
        "order_number": THEIR_NUMBERS,
        "out_trade_num": NUMBERS,
        "state": st.sampled_from([0, 1, 2, 3, -1, "1", "2", "", 9]),
        "status": st.sampled_from([None, 1, 2, 3, 4, 5, 6, 7, 12, -1, "", "5"]),
        "charge_amount": st.sampled_from([None, "", 0, "0.00", "50.00", "-1"]),
    }
)


def placed(*, of_keys: bool, quantity: int) -> Placed:
    return Placed(reference=OURS, their_reference=THEIRS, quantity=quantity, of_keys=of_keys)


def read(said: object) -> list[Any] | None:
    return objects(json_object(json.dumps({"data": said}).encode()), "data")


@settings(max_examples=300)
@given(said=OF_FULU, of_keys=st.booleans(), quantity=st.integers(1, 2))
def test_fulu_has_ended_an_order_only_if_every_part_says_so(said: dict[str, Any], of_keys: bool, quantity: int) -> None:
    order = (read([said]) or [{}])[0]
    outcome = FULU.one(order, placed(of_keys=of_keys, quantity=quantity))
    if not isinstance(outcome, Success | DefiniteFailure):
        return
    assert (said["customer_order_no"], said["order_id"]) == (OURS, THEIRS)
    assert said["order_state"] == ("success" if isinstance(outcome, Success) else "failed")
    if isinstance(outcome, DefiniteFailure):
        assert not said["cards"]
        return
    assert (str(said["buy_num"]), str(said["order_type"])) == (str(quantity), "3" if of_keys else "4")
    paid = {"4.7501": (476, 951), "4.75": (475, 950), "0": (0, 0)}[str(said["order_price"])]
    assert outcome.cost == Money(paid[quantity - 1], "CNY")
    assert len(set(outcome.cards)) == len(outcome.cards)
    assert len(outcome.cards) == (quantity if of_keys or said["cards"] else 0)


@settings(max_examples=300)
@given(said=OF_DAYUANREN, of_keys=st.booleans())
def test_dayuanren_has_ended_an_order_only_if_every_part_says_so(said: dict[str, Any], of_keys: bool) -> None:
    outcome = DAYUANREN.one(read([said]) or [], placed(of_keys=of_keys, quantity=1))
    if not isinstance(outcome, Success | DefiniteFailure):
        return
    assert (said["out_trade_num"], said["order_number"]) == (OURS, THEIRS)
    agreeing = {"1": {"None", "1", "4"}, "2": {"None", "2", "5", "6"}, "-1": {"None", "-1", "7"}}
    assert str(said["status"]) in agreeing[str(said["state"])]
    if isinstance(outcome, Success):
        assert (str(said["state"]), of_keys) == ("1", False)
    else:
        assert said["charge_amount"] in (None, "", 0, "0.00")


@given(said=ANYTHING)
def test_an_answer_of_any_shape_breaks_nothing(said: object) -> None:
    listed = read(said) or []
    ended = [FULU.one(order, placed(of_keys=True, quantity=1)) for order in listed]
    ended.append(DAYUANREN.one(listed, placed(of_keys=False, quantity=1)))
    assert not [outcome for outcome in ended if isinstance(outcome, Success | DefiniteFailure)]


@given(body=st.binary() | st.dictionaries(st.text(), ANYTHING).map(lambda said: json.dumps(said).encode()))
def test_a_callback_of_any_shape_is_refused_and_breaks_nothing(body: bytes) -> None:
    for supplier in SUPPLIERS:
        with pytest.raises(SignatureInvalid):
            supplier.parse_callback(Callback("POST", "", body, {}), 0)
