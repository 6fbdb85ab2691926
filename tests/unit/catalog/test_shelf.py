"""What a stranger may ask the shelf for."""

from typing import Any, cast

import pytest

from keyrail.catalog.model import UnknownProduct
from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.platform.clock import system_now_ms


@pytest.mark.parametrize("product_id", ["", "Game", "game#sku", "a" * 64, "a" * 2_000, "游戏"])
def test_what_cannot_name_a_product_is_no_product_and_no_table_is_asked(product_id: str) -> None:
    no_table = CatalogStore(cast("Any", None), "catalog")
    with pytest.raises(UnknownProduct):
        Catalog(no_table, system_now_ms).product_on_shelf("main", product_id)
