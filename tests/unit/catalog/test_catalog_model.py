"""Names on the shelf, and what is told of their changes."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import Product, Shelf, Sku, check_slug, events_between
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money

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
