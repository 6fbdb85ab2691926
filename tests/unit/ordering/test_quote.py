"""What an order costs: price times quantity, within each SKU's limit, in one currency."""

from dataclasses import replace

import pytest

from keyrail.catalog.model import Sku
from keyrail.ordering.model.orders import Contact, Line
from keyrail.ordering.service.checkout import Wanted, WayToPay, quote
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Invalid
from keyrail.platform.money import Money


def sku(sku_id: str, price: Money, max_quantity: int = 10) -> Sku:
    return Sku(
        sku_id=sku_id,
        product_id="game",
        store_id="main",
        name=sku_id,
        price=price,
        issuer="game",
        max_quantity=max_quantity,
        **stamp(Origin("operator:test", "192.0.2.1"), 0),
    )


def test_each_line_costs_its_price_times_its_quantity() -> None:
    skus = [sku("a", Money(199, "CNY")), sku("b", Money(1, "CNY"))]
    assert quote((Line("a", 3), Line("b", 10)), skus) == [Money(597, "CNY"), Money(10, "CNY")]


def test_a_limit_is_the_last_quantity_that_may_be_bought() -> None:
    assert quote((Line("a", 5),), [sku("a", Money(2, "CNY"), max_quantity=5)]) == [Money(10, "CNY")]


def test_every_line_over_its_limit_is_named() -> None:
    skus = [sku("a", Money(1, "CNY"), 2), sku("b", Money(1, "CNY"), 9), sku("c", Money(1, "CNY"), 4)]
    with pytest.raises(Invalid) as refused:
        quote((Line("a", 3), Line("b", 9), Line("c", 5)), skus)
    assert [(error.field, error.reason) for error in refused.value.fields] == [
        ("items.0.quantity", "over_limit_2"),
        ("items.2.quantity", "over_limit_4"),
    ]


def test_currencies_are_never_added_up() -> None:
    with pytest.raises(Invalid) as refused:
        quote((Line("a", 1), Line("b", 1)), [sku("a", Money(1, "CNY")), sku("b", Money(1, "USD"))])
    assert [error.reason for error in refused.value.fields] == ["currencies_mixed"]


def test_a_request_is_known_again_by_all_that_it_asks_for() -> None:
    first = Wanted(
        store_id="main",
        lines=(Line("a", 1),),
        contact=Contact(email="a@example.com"),
        way=WayToPay(provider="epay", method="alipay"),
    )
    assert first.fingerprint() == replace(first).fingerprint()
    others = [
        replace(first, store_id="other"),
        replace(first, lines=(Line("a", 2),)),
        replace(first, lines=(Line("b", 1),)),
        replace(first, contact=Contact(phone="a@example.com")),
        replace(first, way=replace(first.way, provider="stripe")),
        replace(first, way=replace(first.way, method="wxpay")),
        replace(first, way=replace(first.way, return_url="https://shop.example")),
        replace(first, expected_total=Money(1, "CNY")),
    ]
    assert len({first.fingerprint(), *(other.fingerprint() for other in others)}) == len(others) + 1
