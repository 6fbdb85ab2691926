"""The quick tables are held to a real engine: whatever stores write or read, both take, refuse and answer the same."""

import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines import Engine
from tests.quick_tables import QuickTables
from tests.table_requests import CHANGES, ODD, READS, Request, answer, create_things

# It neither compares the paths of an update nor misses a value; moto does.
MINISTACK_TAKES = {"two changes of one attribute", "a value that is not said"}


@pytest.fixture(scope="module")
def theirs(engine: Engine) -> Any:
    return engine.dynamodb()


def test_both_take_and_refuse_and_find_the_same(theirs: Any) -> None:
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(CHANGES, max_size=12), st.lists(READS, max_size=8))
    def agree(changes: list[Request], reads: list[Request]) -> None:
        ours, table = QuickTables(), f"things-{secrets.token_hex(6)}"
        for client in (theirs, ours):
            create_things(client, table)
        for request in (*changes, *reads):
            assert answer(ours, request, table) == answer(theirs, request, table), request

    agree()


@pytest.mark.parametrize("name", sorted(ODD.keys() - MINISTACK_TAKES))
def test_both_say_the_same_at_the_limits(theirs: Any, name: str) -> None:
    ours, table = QuickTables(), f"things-{secrets.token_hex(6)}"
    for client in (theirs, ours):
        create_things(client, table)
    assert answer(ours, ODD[name], table) == answer(theirs, ODD[name], table)
