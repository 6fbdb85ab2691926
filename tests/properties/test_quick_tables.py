"""The quick tables are held to moto: whatever stores write or read, both take it, refuse it and answer it the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.in_memory import engine_in_memory, moto_in_memory
from tests.quick_tables import QuickTables
from tests.table_requests import CHANGES, ODD, READS, Request, answer, create_things

# MiniStack refuses these as AWS does; of the size of items moto has another idea.
MOTO_TAKES = {"an index key of another type", "a set with a member twice", "a partition of another type"}
MOTO_SAYS_OTHERWISE = {"a large item", "no such index"}


@settings(max_examples=100)
@given(st.lists(CHANGES, max_size=12), st.lists(READS, max_size=8))
def test_both_take_and_refuse_and_find_the_same(changes: list[Request], reads: list[Request]) -> None:
    with moto_in_memory() as engine:
        clients: list[Any] = [engine.dynamodb(), QuickTables()]
        for client in clients:
            create_things(client)
        for request in (*changes, *reads):
            theirs, ours = (answer(client, request) for client in clients)
            assert ours == theirs, request


@pytest.mark.parametrize("name", sorted(ODD.keys() - MOTO_TAKES - MOTO_SAYS_OTHERWISE))
def test_both_say_the_same_at_the_limits(name: str) -> None:
    with moto_in_memory() as engine:
        clients: list[Any] = [engine.dynamodb(), QuickTables()]
        for client in clients:
            create_things(client)
        theirs, ours = (answer(client, ODD[name]) for client in clients)
        assert ours == theirs


@settings(max_examples=20)
@given(st.lists(CHANGES, max_size=12), st.lists(READS, max_size=8))
def test_over_a_wire_they_say_what_they_say_at_hand(changes: list[Request], reads: list[Request]) -> None:
    with engine_in_memory() as engine:
        clients: list[Any] = [engine.dynamodb(), QuickTables()]
        for client in clients:
            create_things(client)
        for request in (*changes, *reads):
            theirs, ours = (answer(client, request) for client in clients)
            assert ours == theirs, request


def test_an_item_in_hand_is_nobody_elses() -> None:
    tables = QuickTables()
    create_things(tables)
    key = {"pk": {"S": "a"}, "sk": {"S": "a"}}
    item: Any = {**key, "more": {"M": {"tags": {"SS": ["a"]}}}}
    tables.put_item(TableName="things", Item=item)
    for held in (item, tables.get_item(TableName="things", Key=key)["Item"]):
        held["more"]["M"]["tags"]["SS"].append("b")
    (stored,) = tables.items("things")
    assert stored["more"]["M"]["tags"] == {"SS": ["a"]}


def test_a_transaction_that_is_sent_again_is_done_once() -> None:
    tables = QuickTables()
    create_things(tables)
    key = {"pk": {"S": "a"}, "sk": {"S": "a"}}
    adding = {
        "TableName": "things",
        "Key": key,
        "UpdateExpression": "ADD #n :n",
        "ExpressionAttributeNames": {"#n": "number"},
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    for token in ("one", "one", "two"):
        tables.transact_write_items(TransactItems=[{"Update": adding}], ClientRequestToken=token)
    assert tables.get_item(TableName="things", Key=key)["Item"]["number"] == {"N": "2"}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("scan", {"TableName": "things", "FilterExpression": "attribute_exists (#a)"}),
        ("put_item", {"TableName": "things", "Item": {}, "ReturnConsumedCapacity": "TOTAL"}),
        ("query", {"TableName": "things", "KeyConditionExpression": "a = b", "QueryFilter": {}}),
    ],
)
def test_what_is_not_known_is_no_guess(operation: str, parameters: dict[str, Any]) -> None:
    tables = QuickTables()
    create_things(tables)
    with pytest.raises(NotImplementedError):
        getattr(tables, operation)(**parameters)
