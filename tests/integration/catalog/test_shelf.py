"""The shelf, page by page: a product is on one of them, with all of its SKUs."""

from dataclasses import replace

import pytest

from keyrail.catalog.service import Listing
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, World

# Names of which one begins another come one after the other, and not mixed.
SKUS = {"card": ("a", "a-1", "a1", "b"), "card-2": ("c",), "card2": ("d", "e")}


@pytest.fixture(scope="module")
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    for product_id, sku_ids in SKUS.items():
        product = replace(world.catalog.product("game"), product_id=product_id)
        world.catalog.save_product(product, OPERATOR)
        for sku_id in sku_ids:
            sku = replace(world.catalog.sku(SKU), sku_id=sku_id, product_id=product_id)
            world.catalog.save_sku(sku, OPERATOR)
    return world


@pytest.mark.parametrize("limit", range(1, 12))
def test_every_product_is_on_one_page_with_all_of_its_skus(world: World, limit: int) -> None:
    found: list[Listing] = []
    after: str | None = None
    while True:
        page, after = world.catalog.shelf("main", limit, after)
        found += page
        if after is None:
            break
    shown = [(each.product.product_id, tuple(sku.sku_id for sku in each.skus)) for each in found]
    assert [each for each in shown if each[0] in SKUS] == list(SKUS.items())
    assert len(shown) == len(SKUS) + 1
