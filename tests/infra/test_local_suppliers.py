"""The local stack's suppliers: secrets of their own, made once, that the functions understand."""

from __future__ import annotations

import json

import pytest

from infra.local import suppliers
from keyrail.suppliers.providers.sandbox import Sandbox
from keyrail.suppliers.service.accounts import supplier_accounts
from tests.infra.test_sandbox_providers import SecretsInMemory


def test_they_are_made_once_and_each_signs_with_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SecretsInMemory()
    monkeypatch.setattr(suppliers, "client", lambda *_: store)
    monkeypatch.setenv("KEYRAIL_STAGE", "local")
    card = suppliers.fill_supplier_accounts("", "arn", "http://127.0.0.1:1/api")
    first = store.secrets["arn"]
    assert suppliers.fill_supplier_accounts("", "arn", "http://127.0.0.1:1/api") == card
    assert json.loads(store.secrets["arn"]) == json.loads(first)
    read = supplier_accounts(first)
    assert read.names() == sorted(card)
    assert len({shown["secret"] for shown in card.values()}) == len({s["merchant"] for s in card.values()}) == len(card)
    for name, shown in card.items():
        account = read.at(name)
        assert isinstance(account, Sandbox)
        assert (account.merchant, account.secrets, account.base_url) == (
            shown["merchant"],
            [shown["secret"]],
            "http://127.0.0.1:1/api/sandbox/supplier",
        )
