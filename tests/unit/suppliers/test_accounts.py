"""The secret that holds our accounts with suppliers: taken as it was meant, or refused at the start."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.secrets import SecretsUnavailable
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.sources import MAX_SUPPLIERS
from keyrail.suppliers.providers import Callback
from keyrail.suppliers.service import accounts
from keyrail.suppliers.service.accounts import (
    LOOK_AGAIN_MS,
    SECRET_LASTS_MS,
    SupplierAccounts,
    supplier_accounts,
    watched_suppliers,
)
from tests.logged import logged

OLD, NEW = "the-old-key-of-the-test", "the-new-key-of-the-test"
CALLBACK = Callback("POST", "", NEW.encode(), {})


@dataclass(frozen=True, kw_only=True)
class House:
    """A supplier whose callbacks are its key, and whose settings have to be whole."""

    key: str = field(repr=False)
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not self.key:
            raise ConfigError("house.key")

    def parse_callback(self, callback: Callback, _now_ms: int) -> str:
        if callback.raw_body.decode() != self.key:
            raise SignatureInvalid
        return "a reference"


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(accounts.ADAPTERS, "house", House)


def secret(**suppliers: Any) -> str:
    return json.dumps(suppliers or {"main": {"adapter": "house", "key": OLD}})


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

    def watched(self) -> SupplierAccounts:
        return watched_suppliers(self.read, lambda: self.now_ms)


def test_a_supplier_is_found_by_the_merchants_own_name_for_it() -> None:
    two = supplier_accounts(secret(b={"adapter": "house", "key": NEW}, a={"adapter": "house", "key": OLD}))
    assert two.names() == ["a", "b"]
    assert two.at("b").parse_callback(CALLBACK, 0) == "a reference"
    with pytest.raises(UnknownSupplier):
        two.at("house")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"adapter": "house", "key": ""}, "SUPPLIER_ACCOUNTS.second: house.key"),
        ({"adapter": "house", "key": OLD, OLD: 1}, "SUPPLIER_ACCOUNTS.second"),
        ({"adapter": "house"}, "SUPPLIER_ACCOUNTS.second"),
        ({"adapter": OLD}, "SUPPLIER_ACCOUNTS.second"),
        ({"key": OLD}, "SUPPLIER_ACCOUNTS.second"),
        (OLD, "SUPPLIER_ACCOUNTS.second"),
    ],
)
def test_whose_settings_are_wrong_is_said_and_nothing_of_what_is_in_them(settings: object, named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        supplier_accounts(secret(main={"adapter": "house", "key": OLD}, second=settings))
    assert str(refused.value) == named


def test_a_change_that_is_unusable_says_whose_settings_are_wrong() -> None:
    shelf = Shelf(secret())
    watched = shelf.watched()
    shelf.text = secret(main={"adapter": "house", "key": NEW}, second={"adapter": "house", "key": ""})
    with logged() as lines:
        assert watched.names() == ["main"]
    (line,) = lines()
    assert (line["code"], line["setting"]) == ("K0010", "SUPPLIER_ACCOUNTS.second: house.key")
    assert NEW not in repr(line)


def test_a_shop_without_suppliers_starts() -> None:
    none = supplier_accounts("{}")
    assert none.names() == []
    with pytest.raises(UnknownSupplier):
        none.at("main")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        " ",
        OLD,
        "[]",
        "null",
        json.dumps({"main": OLD}),
        json.dumps({"main": {"key": OLD}}),
        json.dumps({"main": {"adapter": "nobody", "key": OLD}}),
        json.dumps({"main": {"adapter": ["house"], "key": OLD}}),
        json.dumps({"main": {"adapter": "house"}}),
        json.dumps({"main": {"adapter": "house", "key": ""}}),
        json.dumps({"main": {"adapter": "house", "key": OLD, "keys": [OLD]}}),
        json.dumps({"main": {"adapter": "house", "key": OLD, "now_ms": 1}}),
        json.dumps({"main": {"adapter": "house", "key": OLD, "stage": "local"}}),
        json.dumps({"": {"adapter": "house", "key": OLD}}),
        json.dumps({"a/b": {"adapter": "house", "key": OLD}}),
        json.dumps({"a#b": {"adapter": "house", "key": OLD}}),
        json.dumps({"n" * 65: {"adapter": "house", "key": OLD}}),
        json.dumps({"main": {"adapter": "house", "key": "\ud800" + OLD}}),
        json.dumps({f"s{number}": {"adapter": "house", "key": OLD} for number in range(MAX_SUPPLIERS + 1)}),
        f'{{"main": {{"adapter": "house", "key": "{OLD}"}}, "main": {{"adapter": "house", "key": "{OLD}"}}}}',
        f'{{"main": {{"adapter": "house", "key": "{OLD}", "key": "{NEW}"}}}}',
        "[" * 100_000,
    ],
)
def test_a_broken_secret_stops_the_start_and_is_not_quoted(broken: str) -> None:
    with pytest.raises(ConfigError) as refused:
        supplier_accounts(broken)
    assert OLD not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_nothing_of_a_secret_is_printed() -> None:
    shelf = Shelf(secret())
    assert OLD not in repr(shelf.watched())


def test_a_secret_that_cannot_be_had_is_not_one_without_suppliers() -> None:
    shelf = Shelf(secret())
    shelf.text = SecretsUnavailable()
    with pytest.raises(SecretsUnavailable):
        shelf.watched()


def test_a_new_supplier_is_known_as_soon_as_it_is_asked_for_and_a_stranger_costs_no_read_each() -> None:
    shelf = Shelf(secret())
    watched = shelf.watched()
    shelf.text = secret(second={"adapter": "house", "key": NEW})
    for name in ("second", "third", "fourth"):
        with pytest.raises(UnknownSupplier):
            watched.at(name)
    assert shelf.reads == 1
    shelf.now_ms += LOOK_AGAIN_MS
    assert watched.at("second") is watched.suppliers["second"]
    for _ in range(3):
        with pytest.raises(UnknownSupplier):
            watched.at("main")
    assert shelf.reads == 2


def test_a_supplier_that_is_gone_is_gone_after_five_minutes() -> None:
    shelf = Shelf(secret())
    watched = shelf.watched()
    shelf.text = "{}"
    shelf.now_ms += SECRET_LASTS_MS - 1
    watched.at("main")
    shelf.now_ms += 1
    with pytest.raises(UnknownSupplier):
        watched.at("main")


def test_whoever_goes_round_them_goes_round_those_of_now() -> None:
    shelf = Shelf(secret())
    watched = shelf.watched()
    shelf.text = secret(second={"adapter": "house", "key": NEW})
    assert watched.names() == ["second"]


def test_a_callback_signed_with_a_key_of_this_minute_is_taken() -> None:
    shelf = Shelf(secret())
    watched = shelf.watched()
    shelf.text = secret(main={"adapter": "house", "key": NEW})
    with pytest.raises(SignatureInvalid):
        watched.parse_callback("main", CALLBACK, 0)
    shelf.now_ms += LOOK_AGAIN_MS
    assert watched.parse_callback("main", CALLBACK, 0) == "a reference"


@pytest.mark.parametrize("unusable", [" ", "{", '{"main": {}}', SecretsUnavailable(), ConfigError("arn")])
def test_a_process_goes_on_with_what_it_knows_where_a_change_is_unusable(unusable: str | Exception) -> None:
    shelf = Shelf(secret(main={"adapter": "house", "key": NEW}))
    watched = shelf.watched()
    shelf.text = unusable
    assert watched.names() == ["main"]
    assert watched.parse_callback("main", CALLBACK, 0) == "a reference"
