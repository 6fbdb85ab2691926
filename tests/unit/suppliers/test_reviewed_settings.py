"""Settings of suppliers whose words are data: checked at the start, and never quoted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyrail.platform.config import ConfigError
from keyrail.suppliers.model.outcomes import Refusal
from keyrail.suppliers.providers import Supplier
from keyrail.suppliers.providers.dayuanren import Dayuanren
from keyrail.suppliers.providers.fulu import Fulu
from keyrail.suppliers.providers.lists import listed
from keyrail.suppliers.service.accounts import supplier_accounts
from tests.supplier_houses import KEY, SECRET

ADAPTERS: dict[str, tuple[Callable[..., Supplier], dict[str, Any]]] = {
    "fulu": (Fulu, {"app_key": "app", "app_secret": SECRET, "url": "https://supplier.example/api"}),
    "dayuanren": (Dayuanren, {"base_url": "https://supplier.example/yrapi.php", "userid": "1", "apikey": KEY}),
}
BAD: dict[str, list[object]] = {
    "settlement_hours": [0, -1, 10_000, "72", 1.5, True, None],
    "read_timeout_s": [0, 11, "8", None],
    "statuses": [[], "x", {"": "success"}, {"a": "done"}, {"a": ["success"]}, {" a": "failed"}, {"a" * 99: None}],
    "accepted": [[], "0", [0], [""]],
    "refusals": [{"0": "sold_out"}, {"0:x": "sold_out"}, {"7": "not_sent"}, {"7": "?"}, [], {"7": 1}],
    "account_fields": [{"phone": "mobile_phone"}, {"phone": 7}, []],
}
OWN: dict[str, dict[str, list[object]]] = {
    "fulu": {
        "app_key": ["", " app", None, "应用", 7],
        "app_secret": ["", SECRET[:-1], SECRET + "0", SECRET[:-1] + "密", None, 7],
        "url": ["", "http://supplier.example", "ftp://supplier.example", "https://a@supplier.example", None],
        "signed_answers": [None, "yes", 1],
        "gate": [[], ["0"], [7], "1016", {}],
        "signing": [[], {"upper": 1}, {"key_joint": "&key="}],
        "card_padding": ["", "none", None, 7],
        "goods_words": [[], {"on_sale": []}, {"on_sale": "上架"}, {"sold": ["x"]}],
        "absent": [[], [""], "4011"],
    },
    "dayuanren": {
        "userid": ["", " 1", None, 7],
        "apikey": ["", None, "钥"],
        "base_url": ["", "http://supplier.example/yrapi.php", "https://supplier.example/yrapi.php?a=1", None],
        "signing": [[], {"key_joint": "&secret="}, {"upper": 1}, {"lower": True}, {"drops_empty": None}],
        "paths": [[], {"check": "index/check"}, {"check": "/a?b"}, {"check": None}, {"else": "/x"}],
        "own_statuses": [[], {"1": []}, {"1": "4"}, {"9": ["4"]}],
        "limit": ["", "none", None],
        "gate": [{"0:x": "refused"}, ["1:x"], {"1:x": "gone"}],
    },
}
CASES = [
    (adapter, name, value)
    for adapter in ADAPTERS
    for name, values in {**BAD, **OWN[adapter]}.items()
    for value in values
]


@pytest.mark.parametrize(("adapter", "name", "value"), CASES)
def test_a_setting_that_cannot_be_used_stops_the_start_and_is_not_quoted(
    adapter: str, name: str, value: object
) -> None:
    build, settings = ADAPTERS[adapter]
    with pytest.raises(ConfigError) as stopped:
        build(**{**settings, name: value})
    assert str(stopped.value) == f"{adapter}.{name}"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_supplier_is_asked_for_three_days_unless_it_says_otherwise(adapter: str) -> None:
    build, settings = ADAPTERS[adapter]
    assert build(**settings).settlement_ms == 72 * 3_600_000
    assert build(**settings, settlement_hours=1).settlement_ms == 3_600_000


def test_of_two_entries_the_one_that_says_more_counts() -> None:
    words = {"1": Refusal.REFUSED, "1:成本": Refusal.PRICE_CHANGED, "10": Refusal.SOLD_OUT}
    assert listed(words, "1", "成本限制") == ("1:成本", Refusal.PRICE_CHANGED)
    assert listed(words, "1", "系统错误 成本") == ("1", Refusal.REFUSED)
    assert listed(words, "", "成本限制") is None
    assert listed(words, "100", "") is None


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_supplier_is_built_from_the_secret_by_its_adapters_name(adapter: str) -> None:
    build, settings = ADAPTERS[adapter]
    secret = json.dumps({"main": {"adapter": adapter, **settings}})
    assert isinstance(supplier_accounts(secret).at("main"), type(build(**settings)))
    with pytest.raises(ConfigError, match=r"^SUPPLIER_ACCOUNTS\.main$"):
        supplier_accounts(json.dumps({"main": {"adapter": adapter, **settings, "nonsense": 1}}))
