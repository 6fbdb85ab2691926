"""What 卡速售 says of an order, and what it comes to: reviewed words and readable sums, or nobody knows."""

from typing import Any

import pytest

from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Placed
from keyrail.suppliers.providers.kasushou.answers import OrderReader
from keyrail.suppliers.providers.kasushou.dialect import dialect
from keyrail.suppliers.providers.reading import json_object, objects
from tests.kasushou_house import REFERENCE, THEIRS, answer, order, placed

KEYS = placed(of_keys=True, quantity=2)
TWO = [{"card_no": "A-1", "card_password": "p1"}, {"card_no": "A-2", "card_password": "p2"}]


def said(*orders: dict[str, Any], of: Placed | None = None, **settings: Any) -> Outcome:
    """As they come: through the reading of a reply."""
    listed = objects(json_object(answer(list(orders))), "data")
    assert listed is not None
    return OrderReader(dialect=dialect(settings), currency="CNY").one(listed, of or placed())


@pytest.mark.parametrize("status", [1, "1", 2, "2"])
def test_an_order_at_work_is_processing(status: object) -> None:
    assert said(order(status)) == Processing(said=str(status), their_reference=THEIRS)


@pytest.mark.parametrize("status", [3, "3"])
def test_an_order_that_is_done_has_succeeded_at_what_it_cost(status: object) -> None:
    assert said(order(status)) == Success(said="3", their_reference=THEIRS, cost=Money(950, "CNY"))


@pytest.mark.parametrize("status", [4, 5])
@pytest.mark.parametrize(("total", "back"), [("9.50", "9.5000"), (9.5, "9.50"), ("1.0525", 1.0525), (1, 1)])
def test_an_order_given_up_has_failed_when_all_money_came_back(status: int, total: object, back: object) -> None:
    outcome = said(order(status, total_price=total, has_back_money=back))
    assert outcome == DefiniteFailure(said=str(status), refusal=Refusal.REFUSED, their_reference=THEIRS)


@pytest.mark.parametrize("status", [4, 5])
@pytest.mark.parametrize(
    ("total", "back"),
    [
        ("9.50", "0.00"),
        ("9.50", "9.49"),
        ("9.5000", "9.4999"),
        ("9.50", "9.51"),
        ("0.00", "0.00"),
        ("9.50", None),
        (None, "9.50"),
        (None, None),
        ("", ""),
        ("-9.50", "-9.50"),
        ("9,50", "9,50"),
        ("9.5e0", "9.5e0"),
        ("九", "九"),
        ("９.50", "９.50"),
        ([9.5], [9.5]),
        ({}, {}),
        (True, True),
        ("1" * 40, "1" * 40),
    ],
)
def test_an_order_given_up_is_unknown_while_some_money_may_be_with_them(
    status: int, total: object, back: object
) -> None:
    assert isinstance(said(order(status, total_price=total, has_back_money=back)), Unknown)


@pytest.mark.parametrize(
    ("ours", "told", "is_ours"),
    [
        ("2909", 2909, True),
        ("2909", "2909", True),
        ("2909", None, True),
        ("2909", 2910, False),
        ("2909", [2909], False),
        ("2909-a", 2910, True),
        (None, 2910, True),
    ],
)
@pytest.mark.parametrize("status", [3, 4])
def test_an_order_of_other_goods_says_nothing_of_ours(status: int, ours: str, told: object, is_ours: bool) -> None:
    one = order(status, goods_id=told, **({"has_back_money": "9.5000"} if status == 4 else {}))
    assert (said(one, of=placed(item=ours)).said != "another_order") is is_ours


@pytest.mark.parametrize("status", [0, -1, 6, 33, "", " 3", "３", "done", True, None, [3], {"3": 3}, "3" * 5000])
def test_a_status_that_nobody_reviewed_is_unknown(status: object) -> None:
    assert isinstance(said(order(status, has_back_money="9.5000")), Unknown)


def test_an_account_in_the_place_of_a_status_is_not_kept() -> None:
    assert said(order("13800138000")) == Unknown(said="status_not_understood", their_reference=THEIRS)


@pytest.mark.parametrize("back", ["0.01", "9.50", "", "-1", [], "x"])
def test_what_is_done_in_part_is_unknown(back: object) -> None:
    assert isinstance(said(order(3, has_back_money=back)), Unknown)


@pytest.mark.parametrize("total", ["", "-1", "x", [], {}, True, "1e3", "9" * 13, "99999999999.99", "1.123456789"])
def test_what_is_done_for_a_sum_that_cannot_be_read_is_unknown(total: object) -> None:
    assert isinstance(said(order(3, total_price=total)), Unknown)


def test_a_house_that_tells_no_sums_is_believed_that_it_is_done() -> None:
    assert said(order(3, total_price=None, has_back_money=None)) == Success(said="3", their_reference=THEIRS)


@pytest.mark.parametrize(("total", "fen"), [("9.5001", 951), ("0.0001", 1), ("9.50", 950), ("0", 0), (12, 1200)])
def test_a_cost_with_part_of_a_fen_counts_as_the_next_whole_one(total: object, fen: int) -> None:
    outcome = said(order(3, total_price=total))
    assert isinstance(outcome, Success)
    assert outcome.cost == Money(fen, "CNY")


@pytest.mark.parametrize(
    "changed",
    [
        {"external_orderno": REFERENCE[:-1] + "2"},
        {"external_orderno": ""},
        {"external_orderno": None},
        {"external_orderno": [REFERENCE]},
        {"ordersn": "D2"},
        {"ordersn": ""},
        {"ordersn": None},
        {"ordersn": "D" * 65},
    ],
)
def test_an_answer_about_another_order_is_none(changed: dict[str, object]) -> None:
    assert said(order(3, **changed)) == Unknown(said="another_order")
    assert said(order(5, has_back_money="9.5000", **changed)) == Unknown(said="another_order")


def test_no_order_and_two_orders_of_a_reference_are_unknown() -> None:
    assert said() == Unknown(said="no_such_order")
    assert said(order(3), order(3)) == Unknown(said="several_orders")


def test_their_number_is_learnt_from_the_answer() -> None:
    assert said(order(2), of=placed(their_reference=None)).their_reference == THEIRS


def test_keys_that_were_bought_come_as_cards() -> None:
    outcome = said(order(3, card_list=TWO), of=KEYS)
    assert isinstance(outcome, Success)
    assert outcome.cards == (Card(code="A-1", password="p1"), Card(code="A-2", password="p2"))
    assert not [secret for secret in ("A-1", "p1") if secret in repr(outcome)]


def test_a_card_without_a_number_is_a_code_and_keeps_its_last_day() -> None:
    cards = [{"card_no": "", "card_password": "P-1", "end_time": "2027-01-31 23:59:59"}, {"card_no": "N-2"}]
    outcome = said(order(3, card_list=cards), of=KEYS)
    assert isinstance(outcome, Success)
    assert outcome.cards == (Card(code="P-1", expires_on="2027-01-31"), Card(code="N-2"))


@pytest.mark.parametrize("day", ["", None, "0000-00-00 00:00:00", "0000-00-00"])
def test_a_card_may_have_no_last_day(day: object) -> None:
    outcome = said(order(3, card_list=[TWO[0], {**TWO[1], "end_time": day}]), of=KEYS)
    assert isinstance(outcome, Success)
    assert [card.expires_on for card in outcome.cards] == [None, None]


@pytest.mark.parametrize(
    "cards",
    [
        [TWO[0], {**TWO[1], "end_time": "30 days"}],
        [TWO[0], {**TWO[1], "end_time": "2027-02-30"}],
        [TWO[0], {**TWO[1], "end_time": ["2027-01-31"]}],
        None,
        [],
        TWO[:1],
        [*TWO, {"card_no": "A-3"}],
        [TWO[0], TWO[0]],
        [TWO[0], {}],
        [TWO[0], {"card_no": " ", "card_password": ""}],
        [TWO[0], {"card_no": ["A-2"]}],
        [TWO[0], {"card_no": 5, "card_password": {}}],
        [TWO[0], {"card_no": "A\n2"}],
        [TWO[0], {"card_no": "x" * 2000}],
        [TWO[0], "A-2"],
        [TWO[0], None],
        {"0": TWO[0], "1": TWO[1]},
        "A-1,A-2",
    ],
)
def test_other_cards_than_were_asked_for_are_unknown_and_not_told(cards: object) -> None:
    outcome = said(order(3, card_list=cards), of=KEYS)
    assert isinstance(outcome, Unknown)
    assert outcome.their_reference == THEIRS
    assert "A-1" not in repr(outcome)


def test_half_a_character_is_no_card() -> None:
    listed = objects(json_object(answer([order(3, card_list=TWO)]).replace(b"A-2", b"\\ud800")), "data")
    assert listed is not None
    assert isinstance(OrderReader(dialect=dialect({}), currency="CNY").one(listed, KEYS), Unknown)


def test_a_house_may_have_other_words() -> None:
    settings: dict[str, Any] = {
        "statuses": {"-1": "unpaid", "9": "done", "3": None},
        "names": {"reference": "out_no", "total": "money"},
    }
    theirs = {"out_no": REFERENCE, "external_orderno": None}
    unpaid = DefiniteFailure(said="-1", refusal=Refusal.BALANCE_SHORT, their_reference=THEIRS)
    assert said(order(-1, **theirs), **settings) == unpaid
    assert isinstance(said(order(9, **theirs, money="1.00"), **settings), Success)
    assert isinstance(said(order(3, **theirs), **settings), Unknown)
