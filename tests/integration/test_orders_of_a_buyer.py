"""A buyer's orders, found by what they gave at checkout."""

import secrets

import pytest

from keyrail.ordering.model.orders import Contact, Line, Order
from keyrail.ordering.service.checkout import Wanted, WayToPay
from keyrail.platform.cursor import encode_cursor
from keyrail.platform.errors import Invalid
from tests.world import BUYER, SKU, World

ALL = 100


@pytest.fixture
def email(world: World) -> str:
    world.stock_up(12)
    return f"Ann.{secrets.token_hex(6)}@Example.com"


def buy(world: World, contact: Contact) -> Order:
    wanted = Wanted(
        store_id="main",
        lines=(Line(SKU, 1),),
        contact=contact,
        way=WayToPay(provider="epay", method="alipay", return_url="https://shop.example/thanks"),
    )
    world.ahead_ms += 1_000
    return world.checkout.place(wanted, secrets.token_hex(16), BUYER).order


def found(world: World, contact: Contact) -> list[str]:
    return [order.order_id for order in world.orders.of_contact(contact, ALL, None)[0]]


def test_orders_are_found_by_address_however_it_is_typed_newest_first(world: World, email: str) -> None:
    mine = [buy(world, Contact(email=spelling)) for spelling in (email, email.lower(), email.upper())]
    buy(world, Contact(email=f"not-{email}"))
    buy(world, Contact())
    newest_first = [order.order_id for order in reversed(mine)]
    for typed in (email, f"  {email.upper()} ", email.casefold()):
        assert found(world, Contact(email=typed)) == newest_first


def test_orders_are_found_by_number_whatever_stands_between_its_digits(world: World, email: str) -> None:
    number = f"1380{secrets.randbelow(10**7):07d}"
    abroad = buy(world, Contact(phone=f"+86 {number[:3]}-{number[3:]}"))
    at_home = buy(world, Contact(email=email, phone=f"{number[:3]} {number[3:7]} {number[7:]}"))
    assert found(world, Contact(phone=f"+86{number}")) == [abroad.order_id]
    assert found(world, Contact(phone=f"{number[:7]}-{number[7:]}")) == [at_home.order_id]
    assert found(world, Contact(email=email)) == [at_home.order_id]


def test_an_order_is_found_as_it_stands_after_it_was_paid(world: World, email: str) -> None:
    order = buy(world, Contact(email=email))
    world.pay(order.attempts[0])
    (paid,) = world.orders.of_contact(Contact(email=email), ALL, None)[0]
    assert paid == world.orders.of_operator(order.order_id)
    assert paid.paid_attempt() is not None


def test_pages_follow_each_other_without_gap_or_repetition(world: World, email: str) -> None:
    mine = [buy(world, Contact(email=email)).order_id for _ in range(7)]
    pages: list[list[str]] = []
    cursor: str | None = None
    while cursor or not pages:
        page, cursor = world.orders.of_contact(Contact(email=email), 2, cursor)
        pages.append([order.order_id for order in page])
    assert [order_id for page in pages for order_id in page] == mine[::-1]
    assert len(pages) == 4


def test_a_cursor_opens_no_other_buyers_orders(world: World, email: str) -> None:
    for _ in range(2):
        buy(world, Contact(email=email))
    stranger = buy(world, Contact(email=f"other-{email}"))
    _, cursor = world.orders.of_contact(Contact(email=email), 1, None)
    page, _ = world.orders.of_contact(Contact(email=f"other-{email}"), ALL, cursor)
    assert {order.order_id for order in page} <= {stranger.order_id}


@pytest.mark.parametrize("contact", [Contact(), Contact(email=" "), Contact(phone="--"), Contact(email="a", phone="1")])
def test_exactly_one_of_address_and_number_is_asked_for(world: World, contact: Contact) -> None:
    with pytest.raises(Invalid):
        world.orders.of_contact(contact, ALL, None)


@pytest.mark.parametrize(
    "position", ["", "1", "#", f"12#ord_{'x' * 26}", f"-1#ord_{'0' * 26}", f"{'9' * 40}#ord_{'0' * 26}", "1#tok_secret"]
)
def test_a_cursor_of_no_page_is_refused(world: World, position: str) -> None:
    with pytest.raises(Invalid):
        world.orders.of_contact(Contact(email="a@example.com"), ALL, encode_cursor(position))
