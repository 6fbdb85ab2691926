"""One converter: what goes into a table comes out as it was, and no float goes either way."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from keyrail.platform.documents import (
    MAX_STRING_LENGTH,
    Count,
    Text,
    from_attributes,
    from_json,
    from_strings,
    incoming,
    to_attributes,
    to_json,
)
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import MINOR_DIGITS, Money


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    number: int
    price: Money


@dataclass(frozen=True)
class Thing:
    name: str
    colour: Colour
    count: int
    on: bool
    raw: bytes
    parts: tuple[Part, ...] = ()
    marks: dict[str, int] = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True)
class Loose:
    value: Any


@incoming
class Sent:
    name: str
    count: int = 1


moneys = st.builds(Money, st.integers(0, 10**12), st.sampled_from(sorted(MINOR_DIGITS)))
things = st.builds(
    Thing,
    name=st.text(),
    colour=st.sampled_from(Colour),
    count=st.integers(),
    on=st.booleans(),
    raw=st.binary(),
    parts=st.lists(st.builds(Part, st.integers(), moneys), max_size=4).map(tuple),
    marks=st.dictionaries(st.text(), st.integers(), max_size=4),
    note=st.none() | st.text(),
)


@given(things)
def test_an_item_comes_back_as_it_was(thing: Thing) -> None:
    assert from_attributes(Thing, to_attributes(thing)) == thing


def test_none_is_left_out_of_an_item() -> None:
    assert "note" not in to_attributes(Thing("a", Colour.RED, 1, on=True, raw=b""))


def test_attributes_that_only_indexes_use_are_passed_over() -> None:
    thing = Thing("a", Colour.RED, 1, on=True, raw=b"\x00")
    assert from_attributes(Thing, to_attributes(thing) | {"claim_partition": {"S": "x#1"}}) == thing


def test_an_item_is_spelled_in_dynamodb_s_types() -> None:
    thing = Thing("a", Colour.RED, 2**70, on=False, raw=b"\x01", parts=(Part(1, Money(5, "CNY")),))
    assert to_attributes(thing) == {
        "name": {"S": "a"},
        "colour": {"S": "red"},
        "count": {"N": str(2**70)},
        "on": {"BOOL": False},
        "raw": {"B": b"\x01"},
        "parts": {"L": [{"M": {"number": {"N": "1"}, "price": {"M": {"amount_minor": {"N": "5"},
                                                                  "currency": {"S": "CNY"}}}}}]},
        "marks": {"M": {}},
    }  # fmt: skip


@pytest.mark.parametrize("value", [1.5, 2.0, [0.1], {"a": 1e3}])
def test_no_float_goes_into_a_table(value: object) -> None:
    with pytest.raises(TypeError):
        to_attributes(Loose(value))


@pytest.mark.parametrize("number", ["1.5", "2.0", "1E3", "NaN"])
def test_no_float_comes_out_of_a_table(number: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        from_attributes(Loose, {"value": {"N": number}})


@pytest.mark.parametrize("amount", ["5.0", "5e0", '"5"', "true", "null"])
def test_an_amount_on_the_wire_is_a_whole_number(amount: str) -> None:
    with pytest.raises(Invalid):
        from_json(Money, f'{{"amount_minor": {amount}, "currency": "CNY"}}')


def test_json_leaves_none_out_and_reads_back() -> None:
    assert to_json(Sent(name="卡")) == '{"name":"卡","count":1}'.encode()
    read = from_json(Sent, to_json(Sent(name="卡", count=2)))
    assert (read.name, read.count) == ("卡", 2)


def test_a_field_that_nobody_declared_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        from_json(Sent, '{"name": "a", "coutn": 2}')
    assert [f.field for f in refused.value.fields] == ["coutn"]


def test_a_text_beyond_the_limit_is_refused() -> None:
    assert from_json(Sent, f'{{"name": "{"x" * MAX_STRING_LENGTH}"}}').count == 1
    with pytest.raises(Invalid):
        from_json(Sent, f'{{"name": "{"x" * (MAX_STRING_LENGTH + 1)}"}}')


def test_query_strings_are_read_as_the_types_they_stand_for() -> None:
    read = from_strings(Sent, {"name": "7", "count": "7"})
    assert (read.name, read.count) == ("7", 7)
    with pytest.raises(Invalid):
        from_strings(Sent, {"name": "7", "count": "7.5"})


@given(st.text() | st.binary())
def test_any_body_is_parsed_or_refused_without_repeating_it(raw: str | bytes) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(Sent, raw)
    assert str(refused.value) == "invalid_request"
    assert refused.value.__cause__ is None


def test_a_text_that_does_not_match_is_refused_by_name() -> None:
    @incoming
    class Named:
        name: Annotated[str, Text("^[a-z]{2,4}$")]

    assert from_json(Named, '{"name": "till"}').name == "till"
    for wrong in ('"tills"', '"T"', '""', '"ab\\n"', "12", "null"):
        with pytest.raises(Invalid) as refused:
            from_json(Named, f'{{"name": {wrong}}}')
        assert [f.field for f in refused.value.fields] == ["name"]


def _no_spam(text: str) -> str:
    if text == "spam":
        raise ValueError("none of that")
    return text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ('{"name": ""}', "string_too_short"),
        ('{"name": "hamsters"}', "string_too_long"),
        ('{"name": "spam"}', "value_error"),
        ('{"name": "ham", "size": 0}', "greater_than_equal"),
        ('{"name": "ham", "size": 9}', "less_than_equal"),
        ('{"name": "ham", "size": "3"}', "int_type"),
        ('{"name": "ham", "size": 3.0}', "int_type"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_a_reason_of_its_own(wrong: str, reason: str) -> None:
    @incoming
    class Ordered:
        name: Annotated[str, Text(min_length=1, max_length=5, check=_no_spam)]
        size: Annotated[int, Count(1, 8)] = 1

    assert from_json(Ordered, '{"name": "ham", "size": 8}').size == 8
    assert from_strings(Ordered, {"name": "ham", "size": "8"}).size == 8
    with pytest.raises(Invalid) as refused:
        from_json(Ordered, wrong)
    assert [f.reason for f in refused.value.fields] == [reason]
    assert "none of that" not in str(refused.value.fields)


@pytest.mark.parametrize(
    ("wrong", "field", "reason", "allowed"),
    [
        ('{"colour": "green"}', "colour", "enum", "'red' or 'blue'"),
        ('{"colour": "red", "size": 9}', "size", "less_than_equal", "at most 8"),
        ('{"colour": "red", "size": 0}', "size", "greater_than_equal", "at least 1"),
        ('{"colour": "red", "name": "hamsters"}', "name", "string_too_long", "at most 5"),
        ('{"colour": "red", "name": "H"}', "name", "string_pattern_mismatch", "^[a-z]+$"),
        ('{"colour": "red", "parts": ["a", "b", "c"]}', "parts", "too_long", "at most 2"),
        ('{"colour": "red", "size": "8"}', "size", "int_type", None),
        ('{"colour": "red", "price": {"amount_minor": -1, "currency": "CNY"}}', "price.amount_minor", "out_of_range",
         "0 to 1000000000000"),
        ('{"colour": "red", "price": {"amount_minor": 1, "currency": "RMB"}}', "price.currency", "unknown_currency",
         ", ".join(sorted(MINOR_DIGITS))),
    ],
)  # fmt: skip
def test_a_refusal_tells_the_rule_that_was_broken_and_not_the_value(
    wrong: str, field: str, reason: str, allowed: str | None
) -> None:
    @incoming
    class Wanted:
        colour: Colour
        name: Annotated[str, Text("^[a-z]+$", max_length=5)] = "ham"
        size: Annotated[int, Count(1, 8)] = 1
        parts: Annotated[tuple[str, ...], Field(max_length=2)] = ()
        price: Money = Money(1, "CNY")

    with pytest.raises(Invalid) as refused:
        from_json(Wanted, wrong)
    assert refused.value.fields == (FieldError(field, reason, allowed),)


@pytest.mark.parametrize("body", ['{"name": "a", "name": "b"}', '{"count": 2, "name": "a", "na\\u006de": "a"}'])
def test_a_name_that_comes_twice_is_refused_whichever_of_the_two_a_reader_would_take(body: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(Sent, body)
    assert refused.value.fields == (FieldError("name", "repeated"),)


def test_a_name_that_comes_twice_is_refused_wherever_it_is() -> None:
    @incoming
    class Order:
        items: tuple[Sent, ...]
        account: dict[str, str]

    whole = '{"items": [{"name": "a"}, {"name": "a"}], "account": {"phone": "1", "name": "2"}}'
    assert from_json(Order, whole).account == {"phone": "1", "name": "2"}
    for twice in ('"phone": "1", "phone": "2"', '"phone": "1", "phone": "1"'):
        with pytest.raises(Invalid):
            from_json(Order, f'{{"items": [], "account": {{{twice}}}}}')


@given(st.frozensets(st.text(min_size=1), min_size=1))
def test_a_set_of_texts_comes_back_as_it_was(names: frozenset[str]) -> None:
    @dataclass(frozen=True)
    class Marked:
        names: frozenset[str] = frozenset()

    stored = to_attributes(Marked(names))
    assert stored == {"names": {"SS": sorted(names)}}
    assert from_attributes(Marked, stored) == Marked(names)


def test_an_empty_set_is_left_out_and_comes_back_empty() -> None:
    @dataclass(frozen=True)
    class Marked:
        names: frozenset[str] = frozenset()

    assert to_attributes(Marked()) == {}
    assert from_attributes(Marked, {}) == Marked()
