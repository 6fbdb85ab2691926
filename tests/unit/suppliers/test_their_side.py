"""A callback that a supplier signs by its own program is genuine, in whatever way its house signs; and in no other."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.errors import SignatureInvalid
from keyrail.suppliers.providers import Callback, Supplier
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.fulu import Fulu
from tests import kasushou_house, their_signing
from tests.supplier_houses import KEY, OURS, SECRET
from tests.their_signing import Num, php_json, without_empty

NOW_MS = 1_790_000_000_123
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["", "a/b", "完成", "\u2028", "😀", "0", "\\"]
)
NUMBERS = st.sampled_from(["0", "-0", "3.10", "1e5", "0.1000000000000000055", "9" * 40, "-2.50"]).map(Num)
SCALARS = TEXTS | NUMBERS | st.none() | st.booleans()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
NAMES = st.from_regex(r"[a-z_]{1,6}", fullmatch=True)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=5)


def is_heard(supplier: Supplier, body: bytes) -> bool:
    try:
        return supplier.parse_callback(Callback("POST", "", body, {}), NOW_MS) == OURS
    except SignatureInvalid:
        return False


@given(
    said=DOCUMENTS,
    flags=st.fixed_dictionaries(
        {name: st.booleans() for name in ("upper", "seconds", "drops_empty", "escape_slashes", "escape_unicode")}
    ),
    sorts=st.sampled_from(["top", "all"]),
    order=st.sampled_from(["tbk", "ktb", "tkb"]),
)
def test_a_house_of_kasushou_is_heard_however_it_signs(
    said: dict[str, Any], flags: dict[str, bool], sorts: str, order: str
) -> None:
    time = str(NOW_MS // 1000 if flags["seconds"] else NOW_MS)
    whole = {**said, "external_orderno": OURS, "time": time}
    text = php_json(
        without_empty(whole) if flags["drops_empty"] else whole,
        sort=99 if sorts == "all" else 1,
        slashes=flags["escape_slashes"],
        unicode=flags["escape_unicode"],
    )
    sign = their_signing.kasushou(time, text, KEY, order=order)
    body = php_json({**whole, "sign": sign.upper() if flags["upper"] else sign}).encode()
    parts = {"t": "time", "b": "body", "k": "key"}
    signing = {**flags, "sorts": sorts, "parts": [parts[part] for part in order]}
    assert is_heard(kasushou_house.account(key=KEY, callback_signing=signing), body)
    other = {**signing, "seconds": not flags["seconds"]}
    assert not is_heard(kasushou_house.account(key=KEY, callback_signing=other), body)
    assert not is_heard(
        kasushou_house.account(key=KEY, callback_signing={**signing, "upper": not flags["upper"]}), body
    )


@given(said=DOCUMENTS, upper=st.booleans(), drops_empty=st.booleans())
def test_fulu_is_heard_however_it_signs(said: dict[str, Any], upper: bool, drops_empty: bool) -> None:
    whole = {**said, "customer_order_no": OURS}
    sign = their_signing.fulu(php_json(without_empty(whole) if drops_empty else whole), SECRET)
    body = php_json({**whole, "sign": sign.upper() if upper else sign}).encode()
    settings: dict[str, bool] = {"upper": upper, "drops_empty": drops_empty}
    assert is_heard(Fulu(app_key="a", app_secret=SECRET, signing=settings), body)
    assert not is_heard(Fulu(app_key="a", app_secret=SECRET, signing={**settings, "upper": not upper}), body)


@given(
    said=st.dictionaries(NAMES, TEXTS.filter(lambda text: "=" not in text), max_size=5),
    upper=st.booleans(),
    drops_empty=st.booleans(),
    joint=st.sampled_from(["&apikey=", "&key="]),
)
def test_a_house_of_dayuanren_is_heard_however_it_signs(
    said: dict[str, str], upper: bool, drops_empty: bool, joint: str
) -> None:
    whole = {**said, "out_trade_num": OURS, "userid": "1"}
    sign = their_signing.dayuanren(without_empty(whole) if drops_empty else whole, KEY, joint=joint)
    body = urlencode({**whole, "sign": sign if upper else sign.lower()}).encode()
    settings = {"key_joint": joint, "upper": upper, "drops_empty": drops_empty}
    house: dict[str, Any] = {"base_url": "https://supplier.example/yrapi.php", "userid": "1", "apikey": KEY}
    assert is_heard(Dayuanren(**house, signing=settings), body)
    assert not is_heard(Dayuanren(**house, signing={**settings, "upper": not upper}), body)


@pytest.mark.parametrize("drops_empty", [True, False])
def test_what_is_empty_is_signed_where_the_house_signs_it(drops_empty: bool) -> None:
    form = {"out_trade_num": OURS, "userid": "1", "remark": "", "voucher": ""}
    sign = their_signing.dayuanren(without_empty(form), KEY)
    house = Dayuanren(
        base_url="https://supplier.example/yrapi.php", userid="1", apikey=KEY, signing={"drops_empty": drops_empty}
    )
    assert is_heard(house, urlencode({**form, "sign": sign}).encode()) is drops_empty
