"""The secret that holds our accounts at the providers: taken as it was meant, or refused at the start."""

import json
from typing import Any

import pytest

from keyrail.payments.model.attempts import UnknownProvider
from keyrail.payments.service.accounts import payment_accounts
from keyrail.platform.config import ConfigError

EPAY = {"pid": "1001", "key": "a-key-of-the-test", "gateway_url": "https://pay.example"}


def secret(**settings: Any) -> str:
    return json.dumps({"epay": {"main": {**EPAY, **settings}}})


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
