"""The supplier sandbox as a supplier: each magic account, supplied once whatever is sent twice, and asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from functions.supplier_sandbox import handler as function
from functions.supplier_sandbox.scenarios import NUMBERS, Scenario
from keyrail.platform import aws
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import signed_header
from keyrail.platform.telling import WAITS_S
from keyrail.suppliers.model.attempts import unit_of
from keyrail.suppliers.model.errors import SupplierUnavailable
from keyrail.suppliers.model.outcomes import DefiniteFailure, Processing, Refusal, Success, Unknown
from keyrail.suppliers.model.statements import Moved, SupplierStatementMissing, SupplierStatementUnreadable
from keyrail.suppliers.providers.sandbox.account import HEADER, asking
from tests.integration.payments.sandbox_street import event
from tests.integration.suppliers.house_street import SECRET, Street
from tests.local_cloud import LocalCloud
from tests.provider_server import serving
from tests.racing import at_once, refusals
from tests.tables import create_table

DONE, WAITS = "done", "processing"
# By scenario: the first answer, what a question finds at the end, pieces supplied, good callbacks, bad ones.
PLAYED: dict[str, tuple[str, str, int, int, int]] = {
    "success": (DONE, DONE, 2, 0, 0),
    "slow": (WAITS, DONE, 2, 1, 0),
    "accept_then_fail": (WAITS, "failed", 0, 1, 0),
    "timeout_then_success": ("http_504", DONE, 2, 1, 0),
    "timeout_then_nothing": ("http_504", "no_such_order", 0, 0, 0),
    "partial": (WAITS, "partial", 1, 1, 0),
    "callback_first": (WAITS, DONE, 2, 1, 0),
    "callback_twice": (WAITS, DONE, 2, 2, 0),
    "callback_never": (WAITS, DONE, 2, 0, 0),
    "callback_forged": (WAITS, DONE, 2, 0, 1),
    "callback_misdirected": (WAITS, DONE, 2, 1, 0),
    "price_changed": ("price_changed", "price_changed", 0, 0, 0),
    "balance_short": ("balance_short", "balance_short", 0, 0, 0),
    "sold_out": ("sold_out", "sold_out", 0, 0, 0),
    "bad_account": ("bad_account", "bad_account", 0, 0, 0),
    "html_page": ("html", DONE, 2, 0, 0),
    "money_kept": (WAITS, "failed", 0, 1, 0),
    "new_word": (WAITS, "under_review", 0, 0, 0),
}


@pytest.fixture(scope="module")
def built(local_cloud: LocalCloud) -> Iterator[Street]:
    """The street, with everything on it that costs time to build."""
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        name = f"house-{server.url.rpartition(':')[2]}"
        create_table(local_cloud.client("dynamodb"), "house", name)
        queue = local_cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        street = Street(local_cloud, server, queue)
        arn = local_cloud.client("secretsmanager").create_secret(Name=name, SecretString=street.accounts())["ARN"]
        settings = {
            **local_cloud.environment,
            "KEYRAIL_STAGE": "local",
            "HOUSE_TABLE": name,
            "SUPPLIER_SANDBOX_QUEUE_URL": queue,
            "SUPPLIER_ACCOUNTS_SECRET_ARN": arn,
            "PUBLIC_API_URL": server.url,
        }
        for variable, value in settings.items():
            patch.setenv(variable, value)
        forget()
        yield street
        forget()
        local_cloud.client("dynamodb").delete_table(TableName=name)
        local_cloud.client("sqs").delete_queue(QueueUrl=queue)


@pytest.fixture
def street(built: Street, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    street = Street(built.cloud, built.server, built.queue_url)
    monkeypatch.setattr(function, "system_now_ms", street.now_ms)
    monkeypatch.setattr(function, "sleep", street.slept_s.append)
    function.house.cache_clear()
    built.server.requests.clear()
    built.server.answer = street.serve
    yield street
    street.clear(function.settings().house_table)


def forget() -> None:
    remembered: tuple[Any, ...] = (function.settings, function.house, aws.client, aws.session)
    for each in remembered:
        each.cache_clear()


# magic accounts


@pytest.mark.parametrize("scenario", Scenario)
def test_a_magic_account_plays_its_part_and_a_reference_is_supplied_once(street: Street, scenario: Scenario) -> None:
    (number,) = (number for number, named in NUMBERS.items() if named is scenario)
    wanted = street.wanted(quantity=2, limit=Money(19_80, "CNY"), account={"phone": f"138000000{number}"})
    first, at_the_end, pieces, good, bad = PLAYED[scenario]

    answered = street.account.place(wanted)
    assert answered.said == first
    street.account.place(wanted)
    for _ in range(2):
        street.later(60)
        street.bring(wanted)

    known = street.query(wanted)
    assert known.said == at_the_end
    assert isinstance(known, Success) == (at_the_end == DONE)
    assert isinstance(known, DefiniteFailure) == (scenario in {"accept_then_fail", *Refusal})
    assert street.tally(wanted) == ("2", str(pieces))
    assert (len(street.heard), len(street.refused)) == (good, bad)
    is_ours = {scenario is not Scenario.CALLBACK_MISDIRECTED}
    assert {reference == wanted.reference for reference in street.heard} <= is_ours
    assert street.slept_s == ([10, 10] if first == "http_504" else [])


def test_an_account_that_is_not_magic_is_credited_at_once(street: Street) -> None:
    bought = street.account.place(street.wanted())
    assert isinstance(bought, Success)
    assert bought.cost == Money(9_50, "CNY")
    assert street.waiting() == 0


def test_a_callback_comes_before_the_answer_where_it_is_to(street: Street) -> None:
    heard_before: list[int] = []
    serve = street.serve

    def watched(sent: Any, connection: Any) -> Any:
        answer = serve(sent, connection)
        if sent.path.endswith("/place"):
            heard_before.append(len(street.heard))
        return answer

    street.server.answer = watched
    assert isinstance(street.place("callback_first"), Processing)
    assert heard_before == [1]


def test_a_misdirected_callback_names_a_unit_that_nobody_has(street: Street) -> None:
    street.place("callback_misdirected")
    street.later(5)
    street.bring(street.wanted())
    (reference,) = street.heard
    assert unit_of(reference) not in {None, unit_of(street.wanted().reference)}


# once


def test_orders_sent_at_once_under_one_reference_are_one_sale(street: Street) -> None:
    house, wanted = function.house(), street.wanted(item="recharge-10.slow")
    asked = json.loads(json.dumps({**_sent(wanted), "account": dict(wanted.account)}))
    sales = at_once([partial(house.order, "shop_1", asked, of_keys=False) for _ in range(8)])
    assert refusals(sales) == []
    street.later(60)
    assert street.tally(wanted) == ("8", "1")
    assert street.ask("balance")["balance"] == "9990.50"


def test_a_reference_stands_for_one_order_for_ever(street: Street) -> None:
    street.account.place(street.wanted())
    for changed in ({"item": "recharge-30", "limit": Money(99_00, "CNY")}, {"account": {"phone": "13911112222"}}):
        assert street.account.place(street.wanted(**changed)) == Unknown(said="refused")
    assert street.tally(street.wanted()) == ("1", "1")


def test_a_look_is_asked_for_before_a_sale_is_written(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two leaves a message about nothing; the other way round it would leave a callback out."""

    def unsent(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr("functions.supplier_sandbox.house.send_rest", unsent)
    assert street.place("slow") == Unknown(said="http_500")
    assert street.tally(street.wanted()) == ("0", "0")
    street.bring(street.wanted())


# callbacks


def test_a_shop_that_does_not_answer_is_told_again_until_it_does(street: Street) -> None:
    wanted = street.wanted(item="recharge-10.callback_twice")
    street.account.place(wanted)
    street.bring(wanted)
    assert street.heard == []
    street.later(5)
    street.shop_is_open = False
    street.bring(wanted, asked=3)
    street.shop_is_open = True
    street.bring(wanted, asked=4)
    street.bring(wanted, asked=5)
    assert street.heard == [wanted.reference] * 2
    assert street.waiting() == 3


def test_a_shop_that_never_answers_is_not_told_for_ever(street: Street) -> None:
    wanted = street.wanted(item="recharge-10.slow")
    street.account.place(wanted)
    street.later(60)
    street.shop_is_open = False
    street.bring(wanted, asked=len(WAITS_S))
    assert street.waiting() == 1


# keys


def test_keys_are_bought_whole_and_are_the_same_when_asked_again(street: Street) -> None:
    wanted = street.wanted(item="card-10", quantity=3, limit=Money(30_00, "CNY"), account={})
    bought, known = street.account.buy_keys(wanted), street.query(wanted)
    assert isinstance(bought, Success)
    assert bought == known
    assert len({card.code for card in bought.cards}) == 3
    assert bought.cost == Money(28_20, "CNY")
    stored = json.dumps(street.cloud.client("dynamodb").scan(TableName=function.settings().house_table), default=str)
    assert not [card for card in bought.cards if card.code in stored or str(card.password) in stored]


def test_every_magic_item_plays_its_part_for_keys_too_for_many_at_once_and_across_a_cold_start(street: Street) -> None:
    orders = {
        scenario: street.wanted(number, item=f"card-10.{scenario}", quantity=2, limit=Money(18_80, "CNY"), account={})
        for number, scenario in enumerate(Scenario, start=1)
    }
    answers = at_once([partial(street.account.buy_keys, wanted) for wanted in orders.values()])
    assert [getattr(answer, "said", answer) for answer in answers] == [PLAYED[scenario][0] for scenario in orders]

    forget()
    street.later(60)
    sold: list[str] = []
    for scenario, wanted in orders.items():
        _, at_the_end, pieces, *_ = PLAYED[scenario]
        street.bring(wanted)
        known = street.query(wanted)
        assert (known.said, street.tally(wanted)) == (at_the_end, ("1", str(pieces)))
        assert isinstance(known, Success) == (at_the_end == DONE)
        sold += [card.code for card in known.cards] if isinstance(known, Success) else []
    assert len(set(sold)) == len(sold) == 2 * sum(end == DONE for _, end, *_ in PLAYED.values())
    assert len(street.heard) == sum(good for *_, good, _ in PLAYED.values())
    assert len(street.refused) == 1


# refused


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"item": "nothing"}, Refusal.SOLD_OUT),
        ({"item": "card-10"}, Refusal.SOLD_OUT),
        ({"item": "recharge-10.nonsense"}, Refusal.SOLD_OUT),
        ({"limit": Money(9_49, "CNY")}, Refusal.PRICE_CHANGED),
        ({"limit": Money(9_90, "USD")}, Refusal.PRICE_CHANGED),
    ],
)
def test_what_is_not_sold_or_costs_more_is_refused_for_good(
    street: Street, changed: dict[str, Any], refusal: Refusal
) -> None:
    answered = street.account.place(street.wanted(**changed))
    assert isinstance(answered, DefiniteFailure)
    assert answered.refusal is refusal


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": 0},
        {"quantity": 101},
        {"reference": ""},
        {"reference": "r" * 65},
        {"account": {}},
        {"account": {"phone": "1" * 65}},
        {"callback_url": "https://elsewhere.example/webhooks/suppliers/sandbox"},
    ],
)
def test_a_malformed_order_sells_nothing_and_is_no_failure(street: Street, changed: dict[str, Any]) -> None:
    assert street.account.place(street.wanted(**changed)) == Unknown(said="http_422")
    assert function.house().store.page(None) == ([], None)


def test_nobody_is_heard_who_did_not_sign(street: Street) -> None:
    body = json.dumps({"merchant": "shop_1", **_sent(street.wanted())}).encode()
    at_s = street.now_ms() // 1000
    for header, sent in (
        ("", body),
        (signed_header("another-secret-of-nobody-0123456789", asking("place"), at_s, body), body),
        (signed_header(SECRET, asking("query"), at_s, body), body),
        (signed_header(SECRET, asking("place"), at_s, body), body.replace(b"shop_1", b"shop_2")),
        (signed_header(SECRET, asking("place"), at_s - 301, body), body),
        (signed_header(SECRET, asking("place"), at_s, b"["), b"["),
    ):
        answer = function.handler(event("POST", "/sandbox/supplier/place", "", sent, {HEADER: header}), None)
        assert answer["statusCode"] == 401
    assert function.house().store.page(None) == ([], None)


def test_a_question_that_there_is_not_is_refused(street: Street) -> None:
    assert street.account._ask("anything", {}) == Unknown(said="http_404")
    street.server.always(200, b'{"balance": "1.005", "currency": "CNY"}')
    with pytest.raises(SupplierUnavailable):
        street.account.balance()


# books


def test_the_balance_falls_by_what_was_taken_and_rises_by_what_came_back(street: Street) -> None:
    assert street.account.balance() == Money(10_000_00, "CNY")
    for number, scenario in enumerate(("success", "accept_then_fail", "money_kept", "sold_out", "partial"), start=1):
        street.place(scenario, number)
    assert street.account.balance() == Money(10_000_00 - 4 * 9_50, "CNY")
    street.later(5)
    assert street.account.balance() == Money(10_000_00 - 3 * 9_50, "CNY")


def test_the_catalogue_is_read_page_by_page(street: Street) -> None:
    offers = list(street.account.catalog())
    assert len({offer.item for offer in offers}) == len(offers) == 7 * (1 + len(Scenario))
    assert {offer.item: offer.price for offer in offers}["recharge-10.slow"] == Money(9_50, "CNY")
    asked = [sent for sent in street.server.requests if sent.path.endswith("/catalogue")]
    assert len(asked) == 3


def test_the_statement_of_a_day_has_each_movement_once(street: Street) -> None:
    for number, scenario in enumerate(("success", "accept_then_fail", "sold_out"), start=1):
        street.place(scenario, number)
    street.later(5)
    day = datetime.fromtimestamp(street.now_ms() / 1000, UTC).date()
    lines = list(street.account.statement(day))
    assert sorted((str(line.reference)[-1], line.moved, line.amount.decimal()) for line in lines) == [
        ("1", Moved.TAKEN, "9.50"),
        ("2", Moved.RETURNED, "9.50"),
        ("2", Moved.TAKEN, "9.50"),
    ]
    assert [line.line for line in lines] == [1, 2, 3]
    assert list(street.account.statement(date(2020, 1, 1))) == []
    with pytest.raises(SupplierStatementMissing):
        street.account.statement(date(2999, 1, 1))


@pytest.mark.parametrize("scenario", Scenario)
def test_a_statement_of_any_magic_account_is_understood_while_it_goes_on_and_when_it_is_over(
    street: Street, scenario: Scenario
) -> None:
    street.place(scenario)
    day = datetime.fromtimestamp(street.now_ms() / 1000, UTC).date()
    for seconds in (0, 60):
        street.later(seconds)
        lines = list(street.account.statement(day))
        assert {line.reference for line in lines} <= {street.wanted().reference}
        assert all(line.is_over == (line.status in {"done", "failed", "partial"}) for line in lines)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "gift"},
        {"status": "lost"},
        {"amount": "9.505"},
        {"currency": "XXX"},
        {"number": ""},
        {"at": ""},
        {"at": "9" * 65},
    ],
)
def test_a_statement_with_a_word_that_nobody_reviewed_is_unreadable(street: Street, changed: dict[str, str]) -> None:
    named = {"number": "sup_1", "reference": "r", "kind": "order", "status": "done", "at": "2026-11-22T00:00:00Z"}
    lines = [{**named, "amount": "9.50", "currency": "CNY"}, {**named, "amount": "9.50", "currency": "CNY", **changed}]
    street.server.always(200, json.dumps({"lines": lines, "next": None}).encode())
    read = street.account.statement(date(2026, 11, 22))
    assert next(read).amount == Money(9_50, "CNY")
    with pytest.raises(SupplierStatementUnreadable):
        next(read)
    street.server.always(200, b'{"lines": "none"}')
    with pytest.raises(SupplierUnavailable):
        list(street.account.statement(date(2026, 11, 22)))


def _sent(wanted: Any) -> dict[str, Any]:
    return {
        "reference": wanted.reference,
        "item": wanted.item,
        "quantity": wanted.quantity,
        "limit": wanted.limit.decimal(),
        "currency": wanted.limit.currency,
        "callback_url": wanted.callback_url,
    }
