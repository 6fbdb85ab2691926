"""Configuration is whole or the function does not start."""

from dataclasses import dataclass

import pytest

from keyrail.platform.config import ConfigError, load


@dataclass(frozen=True)
class Settings:
    orders_table: str
    timeout_s: int
    region: str = "eu-central-1"
    shards: int = 4


def test_variables_are_named_like_their_fields() -> None:
    env = {"ORDERS_TABLE": "orders", "TIMEOUT_S": "5", "SHARDS": "8", "HOME": "elsewhere"}
    assert load(Settings, env) == Settings("orders", 5, shards=8)


@pytest.mark.parametrize("orders_table", [None, ""])
def test_a_missing_and_an_empty_setting_are_the_same_error(orders_table: str | None) -> None:
    env = {"TIMEOUT_S": "5"} | ({} if orders_table is None else {"ORDERS_TABLE": orders_table})
    with pytest.raises(ConfigError, match=r"^ORDERS_TABLE$"):
        load(Settings, env)


def test_an_empty_setting_with_a_default_takes_the_default() -> None:
    assert load(Settings, {"ORDERS_TABLE": "o", "TIMEOUT_S": "5", "REGION": ""}).region == "eu-central-1"


def test_the_process_s_own_environment_is_read_at_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_TABLE", "first")
    monkeypatch.setenv("TIMEOUT_S", "1")
    assert load(Settings).orders_table == "first"
    monkeypatch.setenv("ORDERS_TABLE", "second")
    assert load(Settings).orders_table == "second"
