"""Whatever 卡速售 says of an order: it failed, or it is done, only where the answer says so in every part."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrail.platform.errors import SignatureInvalid
from keyrail.suppliers.model.outcomes import DefiniteFailure, Success
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.providers.kasushou.answers import OrderReader
from keyrail.suppliers.providers.kasushou.dialect import dialect
from keyrail.suppliers.providers.reading import json_object, objects
from keyrail.suppliers.providers.writing import Style, members
from tests.kasushou_house import NOW_MS, REFERENCE, THEIRS, account, order, placed

READER = OrderReader(dialect=dialect({}), currency="CNY")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
SUMS = st.sampled_from(["9.50", "9.5000", 9.5, "9.49", "0", "-9.5", "", "1e1"])
CARDS = st.lists(
    st.fixed_dictionaries(
        {"card_no": st.sampled_from(["A", "B", ""]), "card_password": st.sampled_from(["p", "q", ""])}
    ),
    max_size=3,
)
ORDERS = st.builds(
    order,
    st.sampled_from([3, "3", 4, "4", 5, "5", 1, -1, "3 "]),
    total_price=SUMS,
    has_back_money=SUMS,
    card_list=CARDS,
    external_orderno=st.sampled_from([REFERENCE, REFERENCE, REFERENCE, "", REFERENCE[:-1] + "2"]),
    ordersn=st.sampled_from([THEIRS, THEIRS, THEIRS, "", "D2"]),
)
SPOILT = st.none() | st.tuples(st.sampled_from(sorted(order(3))), ANYTHING)


def exactly(said: object) -> Decimal | None:
    try:
        return Decimal(str(said))
    except ArithmeticError:
        return None


@settings(max_examples=300)
@given(said=ORDERS, spoilt=SPOILT, of_keys=st.booleans(), quantity=st.integers(1, 2))
def test_nothing_is_over_unless_every_part_of_the_answer_says_so(
    said: dict[str, Any], spoilt: tuple[str, Any] | None, of_keys: bool, quantity: int
) -> None:
    said = {**said, **dict([spoilt] if spoilt else [])}
    listed = objects(json_object(json.dumps({"data": [said]}).encode()), "data")
    assert listed is not None
    outcome = READER.one(listed, placed(of_keys=of_keys, quantity=quantity))
    if not isinstance(outcome, Success | DefiniteFailure):
        return
    assert (said["external_orderno"], said["ordersn"]) == (REFERENCE, THEIRS)
    total, back = exactly(said.get("total_price")), exactly(said.get("has_back_money"))
    if isinstance(outcome, DefiniteFailure):
        assert str(said["status"]) in {"4", "5"}
        assert total is not None
        assert back == total
        assert total > 0
        return
    assert str(said["status"]) == "3"
    assert said.get("has_back_money") is None or back == 0
    assert len(set(outcome.cards)) == len(outcome.cards) == (quantity if of_keys else 0)


@given(data=ANYTHING)
def test_an_answer_of_any_shape_breaks_nothing(data: object) -> None:
    listed = objects(json_object(json.dumps({"data": data}).encode()), "data")
    if listed is not None:
        assert not isinstance(READER.one(listed, placed()), Success | DefiniteFailure)


@given(body=st.binary() | st.dictionaries(st.text(), ANYTHING).map(lambda said: json.dumps(said).encode()))
def test_a_callback_of_any_shape_is_refused_and_breaks_nothing(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        account().parse_callback(Callback("POST", "", body, {}), NOW_MS)


@given(said=st.dictionaries(st.text(), ANYTHING), spaces=st.booleans(), slashes=st.booleans(), everything=st.booleans())
def test_what_is_written_to_be_signed_reads_the_same(
    said: dict[str, Any], spaces: bool, slashes: bool, everything: bool
) -> None:
    style = Style(spaces=spaces, escape_slashes=slashes, escape_unicode=True, sorts="all" if everything else "top")
    assert json.loads(style.write(members(json.dumps(said).encode()))) == said
