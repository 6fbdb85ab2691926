"""Names on the shelf, and what is told of their changes."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import (
    MAX_CODE_LENGTH,
    MAX_PATTERN_LENGTH,
    CodeFormat,
    Issuer,
    Product,
    Shelf,
    Sku,
    check_code_format,
    check_slug,
    events_between,
    issuer_events_between,
)
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money
from keyrail.platform.patterns import is_pattern

NOW = stamp(Origin("operator:test", "192.0.2.1"), 0)
PRODUCT = Product(product_id="game", store_id="main", name="Game", **NOW)
SKU = Sku(
    sku_id="game-100", product_id="game", store_id="main", name="100", price=Money(990, "CNY"), issuer="game", **NOW
)


@pytest.mark.parametrize("slug", ["a", "0", "game-100", "a" * 63])
def test_a_slug_is_lower_case_letters_digits_and_dashes(slug: str) -> None:
    assert check_slug("sku_id", slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "A", "a b", "a_b", "a#b", "a\n", "游戏", "é", "a" * 64])
def test_anything_else_is_no_slug_and_the_refusal_names_the_field(slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_slug("sku_id", slug)
    assert [(error.field, error.reason) for error in refused.value.fields] == [("sku_id", "not_a_slug")]


def test_what_is_new_is_created_and_what_stood_is_changed() -> None:
    (created,) = events_between(None, SKU)
    (changed,) = events_between(PRODUCT, replace(PRODUCT, shelf=Shelf.OFF, version=2))
    assert (created.name, created.subject) == ("sku.created", "sku:game-100")
    assert (changed.name, changed.subject, changed.data["shelf"]) == ("product.changed", "product:game", Shelf.OFF)


def test_nothing_to_nothing_is_no_event() -> None:
    assert events_between(None, None) == []


@pytest.mark.parametrize("lengths", [(1, 1), (16, 20), (1, MAX_CODE_LENGTH)])
def test_codes_may_be_as_long_as_a_key_file_takes_them(lengths: tuple[int, int]) -> None:
    check_code_format(CodeFormat(min_length=lengths[0], max_length=lengths[1]), is_pattern=is_pattern)


@pytest.mark.parametrize("lengths", [(0, 1), (9, 8), (1, MAX_CODE_LENGTH + 1)])
def test_lengths_that_no_code_can_have_are_refused(lengths: tuple[int, int]) -> None:
    with pytest.raises(Invalid) as refused:
        check_code_format(CodeFormat(min_length=lengths[0], max_length=lengths[1]), is_pattern=is_pattern)
    assert [error.field for error in refused.value.fields] == ["code_format.min_length"]


@pytest.mark.parametrize("pattern", ["", "(", "A" * (MAX_PATTERN_LENGTH + 1)])
def test_what_is_no_pattern_is_refused_and_not_repeated(pattern: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_code_format(CodeFormat(pattern=pattern), is_pattern=is_pattern)
    assert [(error.field, error.reason) for error in refused.value.fields] == [
        ("code_format.pattern", "not_a_pattern_of_re2")
    ]


def test_an_issuer_is_told_of_once() -> None:
    issuer = Issuer(issuer_id="game", case_sensitive=True, **NOW)
    (created,) = issuer_events_between(None, issuer)
    assert (created.name, created.subject) == ("issuer.created", "issuer:game")
    assert issuer_events_between(issuer, issuer) == []
