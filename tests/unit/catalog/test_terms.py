"""What a SKU may say of how its codes are redeemed."""

from typing import Any

import pytest

from functions.operator_api.schemas.terms import TermsIn, TermsOut
from keyrail.catalog.model import (
    MAX_ACTIVE_MS,
    MAX_PLACES,
    MAX_REVERSAL_MS,
    MAX_USES,
    MIN_ACTIVE_MS,
    Activation,
    Terms,
    check_terms,
)
from keyrail.platform.documents import from_attributes, from_json, to_attributes
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money

YUAN = Money(100, "CNY")

WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "neither uses nor a value": ({"uses": None}, ["terms.uses"]),
    "uses and a value": ({"value": YUAN}, ["terms.uses"]),
    "no use": ({"uses": 0}, ["terms.uses"]),
    "too many uses": ({"uses": MAX_USES + 1}, ["terms.uses"]),
    "a value of nothing": ({"uses": None, "value": Money(0, "CNY")}, ["terms.value.amount_minor"]),
    "minutes of what is active by itself": ({"active_ms": MIN_ACTIVE_MS}, ["terms.active_ms"]),
    "active too shortly": ({"activation": "on_demand", "active_ms": MIN_ACTIVE_MS - 1}, ["terms.active_ms"]),
    "active too long": ({"activation": "on_demand", "active_ms": MAX_ACTIVE_MS + 1}, ["terms.active_ms"]),
    "over before it begins": ({"valid_from_ms": 2, "valid_to_ms": 2}, ["terms.valid_to"]),
    "no day": ({"weekdays": ()}, ["terms.weekdays"]),
    "a day twice": ({"weekdays": (1, 1)}, ["terms.weekdays"]),
    "an eighth day": ({"weekdays": (7, 8)}, ["terms.weekdays"]),
    "opens and never closes": ({"opens": 60}, ["terms.closes"]),
    "closes and never opened": ({"closes": 60}, ["terms.closes"]),
    "no time at all, or all of it": ({"opens": 60, "closes": 60}, ["terms.closes"]),
    "closes after the day": ({"opens": 60, "closes": 1_441}, ["terms.closes"]),
    "opens after the day": ({"opens": 1_440, "closes": 60}, ["terms.closes"]),
    "no place": ({"places": ()}, ["terms.places"]),
    "a place twice": ({"places": ("a", "a")}, ["terms.places"]),
    "too many places": ({"places": tuple(f"p{n}" for n in range(MAX_PLACES + 1))}, ["terms.places"]),
    "a place that is none": ({"places": ("a", "b c", "-")}, ["terms.places.1", "terms.places.2"]),
    "taken back for ever": ({"reversal_ms": MAX_REVERSAL_MS + 1}, ["terms.reversal_ms"]),
    "taken back in no time": ({"reversal_ms": 0}, ["terms.reversal_ms"]),
    "two at once": ({"uses": 0, "weekdays": ()}, ["terms.uses", "terms.weekdays"]),
}


def terms(**changes: Any) -> Terms:
    if "activation" in changes:
        changes["activation"] = Activation(changes["activation"])
    return Terms(**{"uses": 1, **changes})


@pytest.mark.parametrize("case", WRONG)
def test_terms_that_contradict_themselves_are_refused_field_by_field(case: str) -> None:
    changes, fields = WRONG[case]
    with pytest.raises(Invalid) as refused:
        check_terms(terms(**changes))
    assert [field.field for field in refused.value.fields] == fields


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"uses": MAX_USES},
        {"uses": None, "value": YUAN},
        {"activation": "on_demand", "active_ms": MIN_ACTIVE_MS},
        {"activation": "on_demand"},
        {"valid_from_ms": 1, "valid_to_ms": 2},
        {"weekdays": (7, 1)},
        {"opens": 0, "closes": 1_440},
        {"opens": 1_320, "closes": 120},
        {"places": ("Shop_1.north-2",)},
        {"reversal_ms": MAX_REVERSAL_MS},
    ],
)
def test_terms_at_their_limits_are_taken(changes: dict[str, Any]) -> None:
    check_terms(terms(**changes))


def test_what_an_operator_writes_is_what_is_stored_and_shown() -> None:
    written = """{"activation": "on_demand", "value": {"amount_minor": 100, "currency": "CNY"}, "active_ms": 300000,
        "valid_from": "2026-01-01T08:00:00+08:00", "valid_to": "2026-12-31T16:00:00.250Z", "weekdays": [1, 5],
        "opens": "22:00", "closes": "02:30", "places": ["shop-1"], "reversal_ms": 60000}"""
    read = from_json(TermsIn, written).terms()
    assert read == Terms(
        activation=Activation.ON_DEMAND,
        value=YUAN,
        active_ms=300_000,
        valid_from_ms=1_767_225_600_000,
        valid_to_ms=1_798_732_800_250,
        weekdays=(1, 5),
        opens=1_320,
        closes=150,
        places=("shop-1",),
        reversal_ms=60_000,
    )
    assert from_attributes(Terms, to_attributes(read)) == read
    shown = TermsOut.of(read)
    assert shown is not None
    assert (shown.valid_from, shown.valid_to) == ("2026-01-01T00:00:00.000Z", "2026-12-31T16:00:00.250Z")
    assert (shown.opens, shown.closes, shown.weekdays) == ("22:00", "02:30", (1, 5))


def test_midnight_closes_a_day_and_opens_none() -> None:
    assert from_json(TermsIn, '{"uses": 1, "opens": "00:00", "closes": "24:00"}').terms().closes == 1_440


@pytest.mark.parametrize(
    "wrong",
    [
        '"opens": "8:00", "closes": "9:00"',
        '"opens": "25:00", "closes": "09:00"',
        '"opens": "24:30", "closes": "09:00"',
        '"valid_from": "2026-01-01T00:00:00"',
        '"valid_from": "yesterday"',
        '"uses": 1.5',
        '"uses": 0',
        '"activation": "on_monday"',
        '"use": 1',
    ],
)
def test_terms_that_cannot_be_read_are_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        from_json(TermsIn, f"{{{wrong}}}")


def test_no_terms_are_shown_of_a_sku_that_others_redeem() -> None:
    assert TermsOut.of(None) is None
