"""The secret that holds our accounts at the providers: taken as it was meant, or refused at the start."""

import json
from typing import Any

import pytest

from keyrail.payments.model.attempts import AccountGone, PaymentAttempt, Route, UnknownProvider, attempt_id
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.providers import Callback
from keyrail.payments.providers.epay import Epay
from keyrail.payments.service.accounts import (
    LOOK_AGAIN_MS,
    SECRET_LASTS_MS,
    PaymentAccounts,
    UnknownAccount,
    payment_accounts,
    watched_accounts,
)
from keyrail.payments.service.credentials import MAX_VERSIONS, VersionedAccount
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.platform.secrets import SecretsUnavailable
from tests.world import epay_query

OLD, NEW = "the-old-key-of-the-test", "the-new-key-of-the-test"
EPAY = {"pid": "1001", "key": OLD, "gateway_url": "https://pay.example"}
RENEWED = {**EPAY, "key": NEW}
ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "accounts"), 1),
    provider="epay",
    account="main",
    credential="2026-10",
    merchant="1001",
    amount=Money(1990, "CNY"),
)


def secret(**settings: Any) -> str:
    return json.dumps({"epay": {"main": {**EPAY, **settings}}})


def versioned(current: str = "2026-11", versions: Any = None) -> str:
    both = {"2026-10": EPAY, "2026-11": RENEWED}
    return json.dumps({"epay": {"main": {"current": current, "versions": versions or both, "stores": ["main"]}}})


def paid(key: str) -> Callback:
    said = {"pid": "1001", "trade_no": "T-1", "out_trade_no": ATTEMPT.attempt_id, "money": "19.90"}
    return Callback("GET", epay_query({**said, "trade_status": "TRADE_SUCCESS"}, key), b"", {})


def takes(accounts: PaymentAccounts, key: str) -> bool:
    try:
        return isinstance(accounts.confirm("epay", "main", paid(key), 0), Confirmation)
    except SignatureInvalid:
        return False


class Shelf:
    """The secret as it lies in Secrets Manager, and a clock."""

    def __init__(self, text: str) -> None:
        self.text: str | Exception = text
        self.reads = 0
        self.now_ms = 1_790_000_000_000

    def read(self) -> str:
        self.reads += 1
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def watched(self) -> PaymentAccounts:
        return watched_accounts(self.read, lambda: self.now_ms)


def test_an_account_serves_the_stores_it_names_and_without_names_every_store() -> None:
    assert payment_accounts(secret(stores=["north", "south"])).account_for("epay", "south") == "main"
    with pytest.raises(UnknownProvider):
        payment_accounts(secret(stores=["north", "south"])).account_for("epay", "main")
    assert payment_accounts(secret()).account_for("epay", "anywhere") == "main"
    assert payment_accounts(secret(stores=[])).account_for("epay", "anywhere") == "main"


@pytest.mark.parametrize("stores", ["main", "", {"main": 1}, ["main", 1], [""], [["main"]], None, 1, True])
def test_stores_that_are_no_list_of_names_are_refused_at_the_start(stores: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        payment_accounts(secret(stores=stores))
    assert EPAY["key"] not in repr(refused.value)


# versions


def test_the_current_version_starts_payments_and_each_is_taken() -> None:
    accounts = payment_accounts(versioned())
    route = Route(provider="epay", account="main", credential="2026-11", merchant="1001")
    assert accounts.route_for("epay", "main") == route
    assert [takes(accounts, key) for key in (OLD, NEW, "another")] == [True, True, False]
    assert payment_accounts(versioned("2026-10")).route_for("epay", "main").credential == "2026-10"
    assert payment_accounts(secret()).route_for("epay", "main").credential is None


def test_an_attempt_stays_with_its_own_version_and_goes_on_with_the_current_one_after_that() -> None:
    both, late = payment_accounts(versioned()).of(ATTEMPT), payment_accounts(versioned(versions={"2026-11": RENEWED}))
    assert isinstance(both, VersionedAccount)
    used = both._of(ATTEMPT)
    assert isinstance(used, Epay)
    assert used.key == OLD
    gone = late.of(ATTEMPT)
    assert isinstance(gone, VersionedAccount)
    used = gone._of(ATTEMPT)
    assert isinstance(used, Epay)
    assert used.key == NEW
    plain = payment_accounts(secret()).of(ATTEMPT)
    assert isinstance(plain, Epay)


@pytest.mark.parametrize(
    "now",
    [
        secret(pid="1002"),
        json.dumps({"epay": {"other": EPAY}}),
        json.dumps({"stripe": {"main": {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": "w"}}}),
    ],
)
def test_an_account_that_is_gone_or_another_merchants_today_says_nothing_of_an_attempt(now: str) -> None:
    accounts = payment_accounts(now)
    with pytest.raises(AccountGone):
        accounts.of(ATTEMPT)
    assert accounts.merchant_of(ATTEMPT) == "1001"


@pytest.mark.parametrize(
    "account",
    [
        {"versions": {"a": EPAY}},
        {"current": "a"},
        {"current": "b", "versions": {"a": EPAY}},
        {"current": "", "versions": {"": EPAY}},
        {"current": None, "versions": {"a": EPAY}},
        {"current": "a", "versions": {}},
        {"current": "a", "versions": [EPAY]},
        {"current": "a", "versions": {"a": None}},
        {"current": "a", "versions": {"a": {}}},
        {"current": "a", "versions": {"a": EPAY, "b": {}}},
        {"current": "a", "versions": {"a": EPAY, "b": {**EPAY, "pid": "1002"}}},
        {"current": "a", "versions": {"a": EPAY, "b c": EPAY}},
        {"current": "a", "versions": {"a": {**EPAY, "stores": []}}},
        {"current": "a", "versions": {"a": {"current": "a", "versions": {"a": EPAY}}}},
        {"current": "a", "versions": {"a": EPAY}, "key": OLD},
        {"current": "v0", "versions": {f"v{number}": EPAY for number in range(MAX_VERSIONS + 1)}},
    ],
)
def test_versions_that_could_be_read_in_two_ways_are_refused_at_the_start(account: Any) -> None:
    with pytest.raises(ConfigError):
        payment_accounts(json.dumps({"epay": {"main": account}}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "{",
        '{"epay": {}}',
        '{"epay": []}',
        '{"epay": {"main": []}}',
        json.dumps({"epay": {"": EPAY}}),
        json.dumps({"epay": {"a/b": EPAY}}),
        '{"cash": {"main": {}}}',
        secret()[:-2] + ", " + secret()[len('{"epay": {') :],
        '{"epay": {"main": {"pid": "1001", "pid": "1002", "key": "k", "gateway_url": "https://pay.example"}}}',
        "[" * 100_000,
    ],
)
def test_a_secret_that_is_none_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ConfigError):
        payment_accounts(text)


@pytest.mark.parametrize(
    "gateway", ["https://pay.example", "https://pay.example/", "https://PAY.example", "https://pay.example:443/"]
)
def test_two_accounts_of_one_merchant_number_are_refused_at_the_start(gateway: str) -> None:
    with pytest.raises(ConfigError):
        payment_accounts(json.dumps({"epay": {"main": EPAY, "second": {**RENEWED, "gateway_url": gateway}}}))
    versions = {"current": "a", "versions": {"a": {**EPAY, "pid": "7"}, "b": {**EPAY, "pid": "7"}}}
    assert payment_accounts(json.dumps({"epay": {"main": EPAY, "second": versions}})).accounts
    with pytest.raises(ConfigError):
        payment_accounts(json.dumps({"epay": {"main": {**EPAY, "pid": "7"}, "second": versions}}))


def test_a_number_is_one_merchant_whether_or_not_the_address_is_written_out() -> None:
    stripe = {"account_id": "acct_1", "secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    again = {**stripe, "api_base": "https://api.stripe.com"}
    with pytest.raises(ConfigError):
        payment_accounts(json.dumps({"stripe": {"main": stripe, "second": again}}))


def test_one_number_at_two_gateways_is_two_merchants() -> None:
    elsewhere = {**RENEWED, "gateway_url": "https://other.example"}
    assert len(payment_accounts(json.dumps({"epay": {"main": EPAY, "second": elsewhere}})).accounts) == 2


# a process that lives on while the secret changes


def test_a_changed_secret_is_known_to_a_running_process_after_a_while() -> None:
    shelf = Shelf(secret(stores=["main"]))
    accounts = shelf.watched()
    shelf.text = versioned()
    shelf.now_ms += SECRET_LASTS_MS - 1
    assert accounts.route_for("epay", "main").credential is None
    shelf.now_ms += 1
    assert accounts.route_for("epay", "main").credential == "2026-11"
    assert shelf.reads == 2


def test_whoever_goes_round_all_accounts_has_those_that_there_are_now() -> None:
    shelf = Shelf(secret())
    accounts = shelf.watched()
    shelf.text = json.dumps({"epay": {"main": EPAY, "second": {**EPAY, "pid": "1002"}}})
    shelf.now_ms += 1
    assert accounts.names() == [("epay", "main"), ("epay", "second")]


def test_a_credential_that_was_taken_away_is_believed_no_longer_than_that() -> None:
    shelf = Shelf(versioned())
    accounts = shelf.watched()
    shelf.text = versioned(versions={"2026-11": RENEWED})
    shelf.now_ms += SECRET_LASTS_MS
    assert not takes(accounts, OLD)


def test_a_callback_under_new_credentials_need_not_wait() -> None:
    shelf = Shelf(secret())
    accounts = shelf.watched()
    shelf.text = versioned()
    shelf.now_ms += LOOK_AGAIN_MS
    assert takes(accounts, NEW)
    assert shelf.reads == 2


def test_forged_callbacks_and_made_up_accounts_read_the_secret_once_in_a_while() -> None:
    shelf = Shelf(secret())
    accounts = shelf.watched()
    for _ in range(50):
        assert not takes(accounts, "forged")
        with pytest.raises(UnknownAccount):
            accounts.at("epay", "made-up")
        shelf.now_ms += LOOK_AGAIN_MS // 50
    assert shelf.reads == 1
    for _ in range(50):
        assert not takes(accounts, "forged")
    assert shelf.reads == 2


def test_an_attempt_under_credentials_that_are_not_known_here_yet_has_them_looked_for() -> None:
    shelf = Shelf(secret(pid="7"))
    accounts = shelf.watched()
    shelf.text = versioned()
    shelf.now_ms += LOOK_AGAIN_MS
    assert accounts.of(ATTEMPT).merchant == "1001"
    for _ in range(9):
        accounts.of(ATTEMPT)
    assert shelf.reads == 2


@pytest.mark.parametrize(
    "text", ["{}", "no json", secret(key=""), ConfigError("arn"), SecretsUnavailable(), json.dumps({"epay": {}})]
)
def test_a_secret_that_becomes_unusable_leaves_a_running_process_with_what_it_knows(text: Any) -> None:
    shelf = Shelf(secret())
    accounts = shelf.watched()
    shelf.text = text
    for _ in range(3):
        shelf.now_ms += SECRET_LASTS_MS
        assert takes(accounts, OLD)
    assert shelf.reads == 4
    shelf.text = versioned()
    shelf.now_ms += SECRET_LASTS_MS
    assert takes(accounts, NEW)


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_a_start_with_an_unusable_secret_fails(text: str) -> None:
    with pytest.raises(ConfigError):
        Shelf(text).watched()


def test_no_secret_shows_in_what_is_kept() -> None:
    shown = repr(Shelf(versioned()).watched())
    assert OLD not in shown
    assert NEW not in shown


SANDBOX = {"merchant": "sbx_1", "base_url": "https://api.example/sandbox", "secrets": ["s" * 32]}


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_payments_may_be_pretended_where_the_stage_says_so(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    monkeypatch.setenv("KEYRAIL_STAGE", stage)
    assert payment_accounts(json.dumps({"sandbox": {"main": SANDBOX}})).at("sandbox", "main").merchant == "sbx_1"


@pytest.mark.parametrize("stage", [None, "", "prod", "production", "LOCAL"])
def test_a_secret_that_names_the_sandbox_stops_the_start_in_production_whatever_else_it_holds(
    monkeypatch: pytest.MonkeyPatch, stage: str | None
) -> None:
    monkeypatch.delenv("KEYRAIL_STAGE", raising=False)
    if stage is not None:
        monkeypatch.setenv("KEYRAIL_STAGE", stage)
    with pytest.raises(ConfigError, match=r"^sandbox\.stage$"):
        payment_accounts(json.dumps({"epay": {"main": EPAY}, "sandbox": {"main": SANDBOX}}))


def test_no_account_says_of_itself_at_which_stage_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRAIL_STAGE", "prod")
    with pytest.raises(ConfigError):
        payment_accounts(json.dumps({"sandbox": {"main": {**SANDBOX, "stage": "local"}}}))
