"""What holds for each supplier, whatever it speaks: accepted is not done, no answer is no failure, and what nobody has
reviewed is not guessed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from tests.provider_server import Answer, Sent, address_of_nobody, serving
from tests.supplier_houses import ANOTHER, HOUSES, ITEM, KEY, OURS, PHONE, SECRET, THEIRS, House

NONSENSE: tuple[object, ...] = ([], {}, "", " ", None, True, "1e2", "9" * 30, "9.5元", "９", [1], {"a": 1}, "-", "--1")
BELOW_NOTHING = (-7, "-0.01")


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with serving() as server:
        yield HOUSES[request.param](server)


def place(house: House, **changes: object) -> Outcome:
    return house.supplier().place(house.wanted(**changes))


def query(house: House, **changes: object) -> Outcome:
    return house.supplier().query(house.placed(**changes))


def times_placed(house: House) -> int:
    return house.asked.count(house.placing)


def test_what_is_accepted_is_not_done(house: House) -> None:
    assert place(house) == Processing(said="accepted", their_reference=THEIRS)
    assert times_placed(house) == 1


@pytest.mark.parametrize("reference", [ANOTHER, "", None, [OURS], 7])
def test_an_answer_for_another_reference_says_nothing_of_ours(house: House, reference: object) -> None:
    name = "customer_order_no" if "fulu" in house.placing else "out_trade_num"
    house.says[house.placing] = house.accepts(**{name: reference})
    assert place(house) == Unknown(said="another_order")
    house.has_one(house.states["failed"], **{name: reference})
    assert query(house) == Unknown(said="another_order")


def test_another_order_of_theirs_says_nothing_of_ours(house: House) -> None:
    house.has_one(house.states["failed"])
    assert query(house, their_reference="S-2") == Unknown(said="another_order")
    assert isinstance(query(house, their_reference=None), DefiniteFailure)


@pytest.mark.parametrize("state", ["success", "failed"])
def test_an_order_of_another_item_says_nothing_of_ours(house: House, state: str) -> None:
    for item, is_ours in ((int(ITEM), True), (ITEM, True), (1002, False), ("", False), ([ITEM], False)):
        house.has_one(house.states[state], product_id=item)
        assert (query(house, item=ITEM).said != "another_order") is is_ours
    house.has_one(house.states[state], product_id=None)
    assert query(house, item=ITEM).said == house.states[state]


def test_each_reviewed_word_is_understood(house: House) -> None:
    house.has_one(house.states["success"])
    done = query(house)
    assert (type(done), done.their_reference) == (Success, THEIRS)
    house.has_one(house.states["processing"])
    assert query(house) == Processing(said=house.states["processing"], their_reference=THEIRS)
    house.has_one(house.states["failed"])
    assert query(house) == DefiniteFailure(said=house.states["failed"], refusal=Refusal.REFUSED, their_reference=THEIRS)


@pytest.mark.parametrize("state", ["3", "7", "-2"])
def test_a_word_that_nobody_has_reviewed_is_unknown(house: House, state: str) -> None:
    house.has_one(state)
    assert query(house) == Unknown(said=state, their_reference=THEIRS)


def test_an_account_in_the_place_of_a_word_is_not_kept(house: House) -> None:
    house.has_one(PHONE)
    assert query(house) == Unknown(said="not_understood", their_reference=THEIRS)


def test_that_they_have_no_such_order_is_unknown(house: House) -> None:
    assert isinstance(query(house), Unknown)


def test_a_reviewed_refusal_is_one_once_they_have_no_such_order(house: House) -> None:
    house.says[house.placing] = house.refuses(listed=True)
    refused = place(house)
    assert isinstance(refused, DefiniteFailure)
    assert PHONE not in refused.said
    house.has_one(house.states["processing"])
    assert place(house) == Unknown(said="unconfirmed")


def test_a_refusal_that_nobody_has_reviewed_is_unknown(house: House) -> None:
    house.says[house.placing] = house.refuses(listed=False)
    assert place(house) == Unknown(said="3000" if "fulu" in house.placing else "1")
    assert house.asked[-1] == house.placing


def test_a_reviewed_list_can_be_changed_for_one_house(house: House) -> None:
    house.has_one(house.states["failed"])
    doubtful = house.supplier(statuses={house.states["failed"]: None})
    assert isinstance(doubtful.query(house.placed()), Unknown)
    house.says[house.placing] = house.refuses(listed=False)
    house.says[house.asking] = house.has_none()
    reviewed = house.supplier(refusals={"3000": "sold_out", "1:已经存在": "sold_out"}).place(house.wanted())
    assert (type(reviewed), getattr(reviewed, "refusal", None)) == (DefiniteFailure, Refusal.SOLD_OUT)


def reset(_: Sent, connection: BaseHTTPRequestHandler) -> None:
    connection.connection.close()


def saying(body: bytes, status: int = 200) -> Callable[[Sent, BaseHTTPRequestHandler], Answer]:
    return lambda _, __: Answer(status, body)


@pytest.mark.parametrize(
    "trouble",
    [
        reset,
        saying(b"<html>maintenance</html>"),
        saying(b'{"code": 1016, "errno": 1, "errmsg": "\xe7\xad\xbe"}', 500),
        saying(b'{"code": 0, "errno": 0, "data": {"out_'),
        saying(b""),
        saying(b"[]"),
        saying(b"{}"),
        saying(b'{"code": [], "errno": {}, "result": [], "data": 7}'),
        saying(b'{"code": "", "errno": "", "result": "", "data": ""}'),
    ],
)
def test_an_answer_that_is_none_is_unknown_and_nothing_is_sent_again(house: House, trouble: object) -> None:
    house.says[house.placing] = trouble
    assert isinstance(place(house), Unknown)
    assert times_placed(house) == 1
    house.says[house.asking] = trouble
    assert isinstance(query(house), Unknown)


def test_an_answer_that_does_not_come_is_unknown(house: House) -> None:
    release = threading.Event()
    house.says[house.placing] = lambda *_: release.wait(10) and None
    assert place(house) == Unknown(said="too_slow")
    release.set()
    assert times_placed(house) == 1


def test_what_was_surely_not_sent_has_failed(house: House) -> None:
    nowhere = house.supplier(address_of_nobody())
    refused = nowhere.place(house.wanted())
    assert (type(refused), getattr(refused, "refusal", None)) == (DefiniteFailure, Refusal.NOT_SENT)
    assert isinstance(nowhere.query(house.placed()), Unknown)


@pytest.mark.parametrize(
    "account",
    [
        {},
        {"phone": PHONE, "qq": "10001"},
        {"phone": PHONE, "iban": "1"},
        {"region": "x"},
        {"phone": " "},
        {"phone": f"{PHONE}\n"},
        {"phone": "\ud800"},
        {"phone": "1" * 257},
    ],
)
def test_an_account_that_cannot_be_said_is_not_asked_for(house: House, account: dict[str, str]) -> None:
    assert place(house, account=account) == DefiniteFailure(said="account_fields", refusal=Refusal.BAD_ACCOUNT)
    assert not house.asked


@pytest.mark.parametrize(
    "changes", [{"item": ""}, {"item": "1" * 30}, {"quantity": 0}, {"quantity": -1}, {"limit": Money(990, "USD")}]
)
def test_what_cannot_be_ordered_is_not_asked_for(house: House, changes: dict[str, object]) -> None:
    assert place(house, **changes) == DefiniteFailure(said="not_orderable", refusal=Refusal.NOT_ORDERABLE)
    assert not house.asked


def test_a_balance_is_rounded_down_and_a_price_up(house: House) -> None:
    house.says["index/product"] = house.says["fulu.goods.list.get"] = house.catalog(
        "0.9851", "9.5000", *NONSENSE, *BELOW_NOTHING, "1,234.50", 0, "0.0000"
    )
    assert house.supplier().balance() == Money(34_428_316, "CNY")
    offers = list(house.supplier().catalog())
    assert [(offer.item, offer.price.amount_minor, offer.on_sale) for offer in offers] == [
        (ITEM, 99, True),
        ("1002", 950, True),
    ]
    assert [offer.name for offer in offers] == ["话费快充" + "!" * 196] * 2


@pytest.mark.parametrize("amount", BELOW_NOTHING)
def test_what_we_owe_a_supplier_is_no_balance_that_could_be_spent(house: House, amount: object) -> None:
    house.says["index/user"] = house.says["fulu.user.info.get"] = house.balance(amount)
    assert house.supplier().balance() == Money(0, "CNY")


@pytest.mark.parametrize("amount", NONSENSE, ids=range(len(NONSENSE)))
def test_a_balance_that_is_none_is_not_guessed(house: House, amount: object) -> None:
    house.says["index/user"] = house.says["fulu.user.info.get"] = house.balance(amount)
    with pytest.raises(SupplierUnavailable):
        house.supplier().balance()


@pytest.mark.parametrize("answer", [b"{}", b"<html>", b'{"code": 4012, "errno": 1, "data": [], "result": "[]"}'])
def test_a_catalogue_that_is_none_is_not_an_empty_one(house: House, answer: bytes) -> None:
    house.says["index/product"] = house.says["fulu.goods.list.get"] = answer
    with pytest.raises(SupplierUnavailable):
        list(house.supplier().catalog())


def test_nothing_of_an_order_that_is_not_understood_makes_it_fall_over(house: House) -> None:
    names = house.order(house.states["success"])
    for name in names:
        for value in (*NONSENSE, *BELOW_NOTHING):
            house.has_one(house.states["success"], **{name: value})
            assert not isinstance(query(house), DefiniteFailure)
            house.says[house.asking] = house.orders(value)
            assert isinstance(query(house), Unknown)


def test_nothing_secret_is_printed(house: House) -> None:
    printed = repr(house.supplier()) + repr(house.wanted())
    assert not [secret for secret in (KEY, SECRET, PHONE) if secret in printed]
