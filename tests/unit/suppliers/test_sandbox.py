"""The sandbox supplier's adapter: what is believed of its answers and callbacks, and that production has none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import TOLERANCE_S, signed_header
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Callback, Placed
from keyrail.suppliers.providers.sandbox import STAGES, Sandbox
from keyrail.suppliers.providers.sandbox.account import CALLBACK, HEADER
from keyrail.suppliers.providers.sandbox.answers import REFUSALS, outcome_of
from keyrail.suppliers.service.accounts import supplier_accounts

SECRET = "secret-of-the-sandbox-supplier-0123456789"
SETTINGS: dict[str, Any] = {
    "merchant": "shop_1",
    "base_url": "https://api.example/sandbox/supplier",
    "secrets": [SECRET],
}
OURS = "7" * 30
NOW_MS = 1_790_000_000_000
PLACED = Placed(reference=OURS, their_reference=None, quantity=2, item="card-10")
SAID = {"reference": OURS, "number": "S-1", "currency": "CNY", "taken": "9.50", "returned": "0.00", "supplied": "2"}
CARDS = [{"code": "A-1", "password": "77"}, {"code": "A-2"}]


def account(**settings: Any) -> Sandbox:
    return Sandbox(**{**SETTINGS, "stage": "local", **settings})


def said(status: object, of_keys: bool = False, **changed: object) -> object:
    return outcome_of({**SAID, "status": status, **changed}, replace(PLACED, of_keys=of_keys))


# production


@pytest.mark.parametrize("stage", ["prod", "", "Local", "staging"])
def test_a_secret_that_names_the_sandbox_stops_the_start_in_production_whatever_else_it_holds(
    monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    secret = json.dumps({"main": {"adapter": "sandbox", **SETTINGS}})
    monkeypatch.setenv("KEYRAIL_STAGE", stage)
    with pytest.raises(ConfigError) as refused:
        supplier_accounts(secret)
    assert SECRET not in repr(refused.value)


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_a_supplier_where_supplying_may_be_pretended(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    monkeypatch.setenv("KEYRAIL_STAGE", stage)
    known = supplier_accounts(json.dumps({"main": {"adapter": "sandbox", **SETTINGS}})).at("main")
    assert isinstance(known, Sandbox)
    assert SECRET not in repr(known)


@pytest.mark.parametrize(
    "wrong",
    [
        {"merchant": ""},
        {"merchant": " shop"},
        {"base_url": "http://api.example/sandbox/supplier"},
        {"base_url": "https://api.example/sandbox/supplier/"},
        {"base_url": "https://api.example/?a=1"},
        {"base_url": None},
        {"secrets": []},
        {"secrets": SECRET},
        {"secrets": ["short"]},
        {"secrets": [SECRET] * 17},
        {"read_timeout_s": 0},
        {"read_timeout_s": True},
        {"settlement_s": "60"},
        {"settle_after_s": -1},
        {"slow_after_s": 1e9},
        {"hang_s": 21},
        {"opening_minor": None},
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        account(**wrong)


# answers


def test_done_is_done_with_every_piece() -> None:
    assert said("done") == Success(said="done", their_reference="S-1", cost=Money(9_50, "CNY"))
    for pieces in ("1", "3", "0", "", 2, None):
        assert said("done", supplied=pieces) == Unknown(said="done_in_part", their_reference="S-1")


def test_keys_are_bought_with_as_many_cards_as_were_wanted() -> None:
    bought = said("done", True, cards=CARDS)
    assert isinstance(bought, Success)
    assert bought.cards == (Card(code="A-1", password="77"), Card(code="A-2"))
    for cards in (CARDS[:1], [*CARDS, {"code": "A-3"}], [CARDS[0], CARDS[0]], [CARDS[0], {"code": ""}], []):
        assert isinstance(said("done", True, cards=cards), Unknown)
    for no_cards in (None, "A-1", ["A-1", "A-2"], {"code": "A-1"}):
        assert isinstance(said("done", True, cards=no_cards), Unknown)
    assert isinstance(said("done", True), Unknown)


def test_accepted_is_not_done() -> None:
    assert said("processing") == Processing(said="processing", their_reference="S-1")


@pytest.mark.parametrize(("reason", "refusal"), REFUSALS.items())
def test_a_reviewed_reason_is_a_refusal_for_good(reason: str, refusal: Refusal) -> None:
    assert said("refused", reason=reason) == DefiniteFailure(said=reason, refusal=refusal, their_reference="S-1")


def test_a_failure_is_one_where_all_the_money_came_back() -> None:
    failed = DefiniteFailure(said="failed", refusal=Refusal.REFUSED, their_reference="S-1")
    assert said("failed", returned="9.50") == failed
    assert said("failed", taken="0.00", returned="0.00") == failed
    for returned in ("0.00", "9.49", "9.51", "", "-9.50", None, 9.5):
        assert said("failed", returned=returned) == Unknown(said="failed", their_reference="S-1")
    assert isinstance(said("failed", taken="x", returned="x"), Unknown)
    assert isinstance(said("failed", returned="9.50", currency="XXX"), Unknown)


@pytest.mark.parametrize(
    "status", ["partial", "no_such_order", "under_review", "DONE", "done ", "refused", "", None, True, {"done": 1}]
)
def test_any_other_word_leaves_it_unknown(status: object) -> None:
    assert isinstance(said(status, reason="because"), Unknown)


@pytest.mark.parametrize("reference", ["6" * 30, "", None, OURS.lower() + " "])
def test_what_is_said_of_another_order_is_not_believed(reference: object) -> None:
    for status in ("done", "processing", "refused", "failed"):
        answered = said(status, reference=reference, reason="sold_out", returned="9.50")
        assert answered == Unknown(said="another_order")


@pytest.mark.parametrize("word", ["x" * 4_000, "13800000002", "<html>", "\ud800"])
def test_a_page_of_words_and_an_account_in_their_place_are_not_kept(word: str) -> None:
    assert said(word) == Unknown(said="not_understood", their_reference="S-1")
    failed = said("failed", returned="9.50", reason=word)
    assert failed == DefiniteFailure(said="failed", refusal=Refusal.REFUSED, their_reference="S-1")


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"number": "S-2"}, "another_order"),
        ({"number": None}, "another_order"),
        ({"item": "card-50"}, "another_order"),
        ({"returned": "9.50"}, "done_and_returned"),
        ({"returned": "0.01"}, "done_and_returned"),
        ({"returned": None}, "done_and_returned"),
        ({"taken": None}, "done_and_returned"),
        ({"taken": "1e1"}, "done_and_returned"),
        ({"taken": "19.01"}, None),
        ({"item": "card-10", "taken": "19.00"}, None),
    ],
)
def test_done_is_done_as_it_was_placed(changed: dict[str, object], word: str | None) -> None:
    outcome = outcome_of({**SAID, "status": "done", **changed}, replace(PLACED, their_reference="S-1"))
    assert outcome.said == (word or "done")
    assert isinstance(outcome, Success) is (word is None)


def test_done_by_nobodys_number_is_unknown() -> None:
    assert said("done", number="") == Unknown(said="no_number")


# callbacks


def callback(body: bytes, header: str | None = None, method: str = "POST", query: str = "") -> Callback:
    signed = signed_header(SECRET, CALLBACK, NOW_MS // 1000, body)
    return Callback(method, query, body, {HEADER: signed if header is None else header})


GOOD = json.dumps({"merchant": "shop_1", "reference": OURS}).encode()


def test_a_callback_names_the_reference_that_there_is_news_of() -> None:
    assert account().parse_callback(callback(GOOD), NOW_MS) == OURS
    assert account(secrets=["n" * 32, SECRET]).parse_callback(callback(GOOD), NOW_MS) == OURS


@pytest.mark.parametrize(
    "forged",
    [
        callback(GOOD, header=""),
        callback(GOOD, header="t=1,v1=" + "0" * 64),
        callback(GOOD, header=signed_header("n" * 32, CALLBACK, NOW_MS // 1000, GOOD)),
        callback(GOOD, header=signed_header(SECRET, "ask.query", NOW_MS // 1000, GOOD)),
        callback(GOOD, header=signed_header(SECRET, CALLBACK, NOW_MS // 1000 - TOLERANCE_S - 1, GOOD)),
        callback(GOOD, header=signed_header(SECRET, CALLBACK, NOW_MS // 1000 + TOLERANCE_S + 1, GOOD)),
        callback(GOOD.replace(b"7", b"6"), header=signed_header(SECRET, CALLBACK, NOW_MS // 1000, GOOD)),
        callback(GOOD, method="GET"),
        callback(GOOD, query="reference=1"),
        callback(b"<html>maintenance</html>"),
        callback(b""),
        callback(b"[]"),
        callback(GOOD + b" " * 5_000),
        callback(json.dumps({"merchant": "shop_2", "reference": OURS}).encode()),
        callback(json.dumps({"merchant": "shop_1", "reference": ""}).encode()),
        callback(json.dumps({"merchant": "shop_1", "reference": 7}).encode()),
        callback(json.dumps({"merchant": "shop_1", "reference": OURS, "status": "done"}).encode()),
        callback(GOOD[:-1] + b', "reference": "8"}'),
    ],
)
def test_what_is_forged_stale_or_not_understood_is_refused(forged: Callback) -> None:
    with pytest.raises(SignatureInvalid):
        account().parse_callback(forged, NOW_MS)
