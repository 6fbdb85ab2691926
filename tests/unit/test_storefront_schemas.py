"""What the storefront takes from a stranger, before anything is read or held for it."""

import json
from typing import Any

import pytest

from functions.storefront_api.schemas import OrderIn
from keyrail.platform.documents import from_json
from keyrail.platform.errors import Invalid


def order(return_url: str) -> str:
    wanted: dict[str, Any] = {
        "items": [{"sku_id": "steam-100", "quantity": 1}],
        "payment": {"provider": "stripe", "return_url": return_url},
    }
    return json.dumps(wanted)


@pytest.mark.parametrize(
    "return_url",
    [
        "https://shop.example/thanks?order=1#done",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
        "https://用户.example/谢谢",
    ],
)
def test_a_page_that_a_browser_can_go_to_is_taken(return_url: str) -> None:
    assert from_json(OrderIn, order(return_url)).payment.return_url == return_url


@pytest.mark.parametrize(
    "return_url",
    ["https://[", "https://]x", "https://", "https:///x", "https://:443/", "https://shop.example:99999", "ftp://x", ""],
)
def test_a_page_that_no_browser_can_go_to_is_refused_before_any_key_is_held(return_url: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(OrderIn, order(return_url))
    assert [error.field for error in refused.value.fields] == ["payment.return_url"]
