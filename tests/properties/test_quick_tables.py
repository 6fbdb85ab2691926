"""The quick tables are held to the double in memory: whatever stores write, both take or refuse the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.platform.dynamo import (
    ConditionFailed,
    IntegerAttribute,
    Table,
    TransactionFailed,
    Write,
    read_together,
    transact,
)
from tests.in_memory import engine_in_memory
from tests.quick_tables import QuickTables
from tests.tables import create_table


class Thing(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    word = UnicodeAttribute()
    number = IntegerAttribute()
    other = IntegerAttribute()


NUMBERS = st.integers(-3, 12)
WORDS = st.sampled_from(["a", "ab", "b"])
KEYS = st.builds(lambda pk, sk: {"pk": pk, "sk": sk}, WORDS, WORDS)
SIMPLE = st.one_of(
    st.sampled_from([Thing.word.exists(), Thing.word.does_not_exist(), Thing.number.does_not_exist()]),
    st.builds(lambda n: Thing.number == n, NUMBERS),
    st.builds(lambda n: Thing.number != n, NUMBERS),
    st.builds(lambda n: Thing.number < n, NUMBERS),
    st.builds(lambda n: Thing.other >= n, NUMBERS),
    st.builds(lambda n, m: Thing.number.between(min(n, m), max(n, m)), NUMBERS, NUMBERS),
    st.builds(Thing.word.is_in, WORDS, WORDS),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=4,
)
ACTIONS: st.SearchStrategy[list[Action]] = st.tuples(
    st.one_of(
        st.builds(Thing.number.set, NUMBERS),
        st.builds(lambda n: Thing.number.set((Thing.number | 0) + n), NUMBERS),
        st.builds(lambda n: Thing.number.set((Thing.number | 1) - n), NUMBERS),
        st.builds(Thing.number.add, NUMBERS),
        st.just(Thing.number.remove()),
    ),
    st.one_of(st.builds(Thing.word.set, WORDS), st.just(Thing.word.remove())),
    st.builds(Thing.other.set, NUMBERS),
).map(list)
UPDATES = st.tuples(KEYS, ACTIONS, CONDITIONS)


def write(table: Table, update: tuple[dict[str, str], list[Action], Condition]) -> Write:
    return table.update(*update)


def sent(client: Any, table: Table, updates: list[Any]) -> object:
    """What came of it: alone, or all together."""
    try:
        if len(updates) == 1:
            return table.send(write(table, updates[0]))
        transact(client, [write(table, each) for each in updates])
    except ConditionFailed as refused:
        return refused.current
    except TransactionFailed as refused:
        return refused.failed
    return None


@settings(max_examples=60)
@given(st.lists(st.lists(UPDATES, min_size=1, max_size=3, unique_by=lambda each: tuple(each[0].values())), max_size=12))
def test_both_take_and_refuse_the_same(steps: list[list[Any]]) -> None:
    with engine_in_memory() as engine:
        clients: list[Any] = [engine.dynamodb(), QuickTables()]
        for client in clients:
            create_table(client, "suppliers", "things")
        tables = [Table(client, "things") for client in clients]
        for updates in steps:
            theirs, ours = (sent(*pair, updates) for pair in zip(clients, tables, strict=True))
            assert ours == theirs
        everything = [{"pk": pk, "sk": sk} for pk in ("a", "ab", "b") for sk in ("a", "ab", "b")]
        reads = [
            read_together(client, [table.read(**key) for key in everything])
            for client, table in zip(clients, tables, strict=True)
        ]
        assert reads[0] == reads[1]
