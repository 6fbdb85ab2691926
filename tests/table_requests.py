"""Requests to a table of whatever kind stores make, good and bad, for two engines that must agree about them."""

from typing import Any

from botocore.exceptions import ClientError
from hypothesis import strategies as st
from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from keyrail.platform.dynamo import IntegerAttribute, Table, Write
from tests.expressions import comparable

Request = tuple[str, dict[str, Any]]  # of a client's method
TABLE = "things"
BY_WORD, BY_NUMBER, BY_OTHER = "by_word", "by_number", "by_other"


def create_things(client: Any, name: str = TABLE) -> None:
    """Two keys, and an index of each kind: sorted by a number or by a text or not at all, with all, some or no
    attributes.
    """
    kinds = {"pk": "S", "sk": "S", "word": "S", "number": "N", "other": "N"}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_schema("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        GlobalSecondaryIndexes=[
            _index(BY_WORD, {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["tags"]}, "word", "number"),
            _index(BY_NUMBER, {"ProjectionType": "ALL"}, "number"),
            _index(BY_OTHER, {"ProjectionType": "KEYS_ONLY"}, "other", "word"),
        ],
    )


def _index(name: str, projection: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _schema(*keys), "Projection": projection}


def _schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


class More(MapAttribute[Any, Any]):
    count = IntegerAttribute()
    tags = UnicodeSetAttribute()


class Thing(Model):
    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    word = UnicodeAttribute()
    number = IntegerAttribute()
    other = IntegerAttribute()
    tags = UnicodeSetAttribute()
    log: ListAttribute[Any] = ListAttribute()
    more: Any = More()  # type: ignore[no-untyped-call]


class Confused(Model):
    """As somebody sees it who takes one type for another."""

    word = IntegerAttribute()
    number = UnicodeAttribute()
    tags = UnicodeAttribute()


def _length(path: Any) -> Any:
    return size(path)  # type: ignore[no-untyped-call]


NUMBERS = st.integers(-3, 12)
WORDS = st.sampled_from(["a", "ab", "b", "B", "ä"])
TAGS = st.sets(WORDS, min_size=1, max_size=3)
KEYS = st.builds(lambda pk, sk: {"pk": pk, "sk": sk}, st.sampled_from("ab"), WORDS)
_SIMPLE: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from([Thing.pk.exists(), Thing.word.exists(), Thing.tags.does_not_exist()]),
    st.sampled_from([Thing.number < Thing.other, Thing.number.exists() & (Thing.number == Thing.other)]),
    st.builds(lambda n: Thing.number == n, NUMBERS),
    st.builds(lambda n: Thing.number != n, NUMBERS),
    st.builds(lambda n: Thing.number < n, NUMBERS),
    st.builds(lambda n: Thing.number > n, NUMBERS),
    st.builds(lambda n: Thing.other <= n, NUMBERS),
    st.builds(lambda n: Thing.other >= n, NUMBERS),
    st.builds(lambda word: Confused.number != word, WORDS),
    st.builds(lambda n: Confused.word == n, NUMBERS),
    st.builds(lambda n, m: Thing.number.between(min(n, m), max(n, m)), NUMBERS, NUMBERS),
    st.builds(Thing.word.is_in, WORDS, WORDS),
    st.builds(Thing.word.startswith, WORDS),
    st.builds(Thing.word.contains, WORDS),
    st.builds(Thing.tags.contains, WORDS),
    st.builds(lambda tags: Thing.tags == tags, TAGS),
    st.builds(lambda n: Thing.more.count == n, NUMBERS),
    st.builds(lambda n: Thing.more.count.does_not_exist() | (Thing.more.count > n), NUMBERS),
    st.builds(Thing.more.tags.contains, WORDS),
    st.sampled_from([Thing.log[0].exists(), Thing.log[1].does_not_exist(), Thing.log[0] == "a"]),
    st.builds(lambda n: Thing.tags.does_not_exist() | (_length(Thing.tags) < n), st.integers(0, 3)),
    st.builds(lambda n: Thing.log.exists() & (_length(Thing.log) >= n), st.integers(0, 3)),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=4,
)
_SURE: st.SearchStrategy[Action] = st.one_of(
    st.builds(Thing.number.set, NUMBERS),
    st.builds(lambda n: Thing.number.set((Thing.number | 0) + n), NUMBERS),
    st.builds(lambda n: Thing.number.set((Thing.number | 1) - n), NUMBERS),
    st.builds(Thing.number.add, NUMBERS),
    st.just(Thing.number.remove()),
    st.builds(Thing.word.set, WORDS),
    st.builds(lambda word: Thing.word.set(Thing.word | word), WORDS),
    st.just(Thing.word.remove()),
    st.builds(Thing.other.set, NUMBERS),
    st.builds(Thing.tags.set, TAGS),
)
# What of them can be done depends on what stands there.
_UNSURE: st.SearchStrategy[Action] = st.one_of(
    st.builds(lambda n: Thing.number.set(Thing.other + n), NUMBERS),
    st.just(Thing.other.set(Thing.number)),
    st.builds(Thing.tags.add, TAGS),
    st.builds(Thing.tags.delete, TAGS),
    st.builds(lambda word: Thing.log.set((Thing.log | []).append([word])), WORDS),
    st.just(Thing.log.set((Thing.log | []).prepend([1]))),
    st.just(Thing.log[0].remove()),
    st.builds(Confused.tags.set, WORDS),
)
ATTRIBUTES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "word": WORDS.map(lambda word: {"S": word}),
        "number": NUMBERS.map(lambda number: {"N": str(number)}),
        "other": NUMBERS.map(lambda number: {"N": str(number)}),
        "tags": TAGS.map(lambda tags: {"SS": sorted(tags)}),
        "log": st.lists(WORDS.map(lambda word: {"S": word}), max_size=2).map(lambda some: {"L": some}),
        "blob": st.binary(max_size=3).map(lambda some: {"B": some}),
        "more": st.fixed_dictionaries(
            {},
            optional={
                "count": NUMBERS.map(lambda number: {"N": str(number)}),
                "tags": TAGS.map(lambda tags: {"SS": sorted(tags)}),
                "sure": st.booleans().map(lambda sure: {"BOOL": sure}),
            },
        ).map(lambda some: {"M": some}),
        "none": st.just({"NULL": True}),
    },
)


class _Nobody:
    """A table needs a client only when it sends."""


_things = Table(_Nobody(), TABLE)  # type: ignore[arg-type]


def _put(key: dict[str, str], attributes: dict[str, Any], condition: Condition) -> Write:
    put = _things.check(key, condition)
    item = {**{name: {"S": value} for name, value in key.items()}, **attributes}
    request = {name: value for name, value in put.request.items() if name != "Key"}
    return Write("Put", {**request, "Item": item})


def _updates(actions: st.SearchStrategy[Action]) -> st.SearchStrategy[Write]:
    some = st.lists(actions, min_size=1, max_size=3, unique_by=lambda action: str(action.values[0]).partition("[")[0])
    return st.builds(_things.update, KEYS, some, CONDITIONS)


_PUTS = st.builds(_put, KEYS, ATTRIBUTES, CONDITIONS)
ALONE: st.SearchStrategy[Request] = st.one_of(
    _PUTS.map(lambda write: ("put_item", write.request)),
    _updates(_SURE | _UNSURE).map(lambda write: ("update_item", write.request | {"ReturnValues": "ALL_NEW"})),
)
# A transaction with a member that cannot be done is refused by each engine in words of its own.
TOGETHER: st.SearchStrategy[Request] = st.lists(
    st.one_of(_PUTS, _updates(_SURE), st.builds(_things.check, KEYS, CONDITIONS)), min_size=1, max_size=4
).map(lambda some: ("transact_write_items", {"TransactItems": [{each.verb: each.request} for each in some]}))
DELETIONS: st.SearchStrategy[Request] = st.builds(
    lambda key: ("delete_item", {"TableName": TABLE, "Key": {name: {"S": value} for name, value in key.items()}}), KEYS
)
CHANGES = st.one_of(ALONE, ALONE, TOGETHER, DELETIONS)
_RANGE_OF_WORDS = st.one_of(
    st.builds(lambda word: ("= :r", word, None), WORDS),
    st.builds(lambda sign, word: (f"{sign} :r", word, None), st.sampled_from(["<", "<=", ">", ">="]), WORDS),
    st.builds(lambda one, other: ("BETWEEN :r AND :s", *sorted((one, other))), WORDS, WORDS),
    st.builds(lambda word: ("begins_with", word, None), WORDS),
)
_RANGE_OF_NUMBERS = st.one_of(
    st.builds(lambda sign, n: (f"{sign} :r", n, None), st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(lambda one, other: ("BETWEEN :r AND :s", *sorted((one, other))), NUMBERS, NUMBERS),
)


def _query(
    of: tuple[str | None, str, str | None],
    partition: Any,
    in_range: tuple[str, Any, Any] | None,
    limit: int | None,
    more: dict[str, Any],
) -> Request:
    index, hash_key, range_key = of
    names, values, expression = {"#h": hash_key}, {":h": _value(partition)}, "#h = :h"
    if in_range is not None and range_key is not None:
        test, first, second = in_range
        names["#r"], values[":r"] = range_key, _value(first)
        if second is not None:
            values[":s"] = _value(second)
        expression += f" AND {'begins_with (#r, :r)' if test == 'begins_with' else f'#r {test}'}"
    request: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        **more,
    }
    return "query", request | ({"IndexName": index} if index else {}) | ({"Limit": limit} if limit else {})


def _value(value: Any) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


_LIMITS = st.sampled_from([None, 1, 2, 3])
_MORE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"ScanIndexForward": st.booleans()}, optional={"Select": st.just("COUNT")}
)
QUERIES: st.SearchStrategy[Request] = st.one_of(
    st.builds(_query, st.just((None, "pk", "sk")), st.sampled_from("ab"), st.none() | _RANGE_OF_WORDS, _LIMITS, _MORE),
    st.builds(_query, st.just((BY_WORD, "word", "number")), WORDS, st.none() | _RANGE_OF_NUMBERS, _LIMITS, _MORE),
    st.builds(_query, st.just((BY_NUMBER, "number", None)), NUMBERS, st.none(), _LIMITS, _MORE),
    st.builds(_query, st.just((BY_OTHER, "other", "word")), NUMBERS, st.none() | _RANGE_OF_WORDS, _LIMITS, _MORE),
)
SCANS: st.SearchStrategy[Request] = _LIMITS.map(
    lambda limit: ("scan", {"TableName": TABLE, "ConsistentRead": True} | ({"Limit": limit} if limit else {}))
)
BATCHES: st.SearchStrategy[Request] = st.lists(KEYS, min_size=1, max_size=4).map(
    lambda keys: (
        "batch_get_item",
        {
            "RequestItems": {
                TABLE: {
                    "Keys": [{name: {"S": value} for name, value in key.items()} for key in keys],
                    "ProjectionExpression": "#a, #b",
                    "ExpressionAttributeNames": {"#a": "sk", "#b": "tags"},
                }
            }
        },
    )
)
READS = st.one_of(QUERIES, QUERIES, SCANS, BATCHES)


_KEY = {"pk": {"S": "a"}, "sk": {"S": "a"}}


def _put_of(**attributes: Any) -> Request:
    return "put_item", {"TableName": TABLE, "Item": {**_KEY, **attributes}}


def _update_of(expression: str, values: dict[str, Any], *names: str, **more: Any) -> Request:
    update = {"TableName": TABLE, "Key": _KEY, "UpdateExpression": expression, **more}
    update["ExpressionAttributeNames"] = {f"#{number}": name for number, name in enumerate(names)}
    return "update_item", update | ({"ExpressionAttributeValues": values} if values else {})


def _together_of(*requests: Request) -> Request:
    verbs = {"put_item": "Put", "update_item": "Update", "delete_item": "Delete"}
    return "transact_write_items", {"TransactItems": [{verbs[name]: request} for name, request in requests]}


def _puts(count: int) -> list[Request]:
    return [("put_item", {"TableName": TABLE, "Item": {**_KEY, "sk": {"S": str(n)}}}) for n in range(count)]


def _query_of(expression: str, names: dict[str, str], values: dict[str, Any], **more: Any) -> Request:
    placeholders = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    return "query", {"TableName": TABLE, "KeyConditionExpression": expression, **placeholders, **more}


_TEXT, _NUMBER = {"S": "a"}, {"N": "1"}
_FAILING = {"ConditionExpression": "attribute_exists (#0)"}
_HERE: tuple[str, dict[str, str], dict[str, Any]] = ("#h = :h", {"#h": "pk"}, {":h": _TEXT})
# In an empty table: each is refused, or is at a limit and done.
ODD: dict[str, Request] = {
    "no key": ("put_item", {"TableName": TABLE, "Item": {"pk": _TEXT}}),
    "an empty key": _put_of(sk={"S": ""}),
    "a key of another type": _put_of(sk=_NUMBER),
    "the longest range key": _put_of(sk={"S": "k" * 1024}),
    "too long a range key": _put_of(sk={"S": "k" * 1025}),
    "too long a hash key": _put_of(pk={"S": "k" * 2049}),
    "half a key to read": ("get_item", {"TableName": TABLE, "Key": {"pk": _TEXT}}),
    "an index key of another type": _put_of(number=_TEXT),
    "an empty index key": _put_of(word={"S": ""}),
    "an empty text": _put_of(text={"S": ""}),
    "an empty set": _put_of(tags={"SS": []}),
    "a set with a member twice": _put_of(tags={"SS": ["a", "a"]}),
    "a large item": _put_of(text={"S": "x" * (400 * 1024 - 50)}),
    "too large an item": _put_of(text={"S": "x" * (400 * 1024)}),
    "a number written long": _put_of(count={"N": "007"}),
    "no such table": ("get_item", {"TableName": "nothing", "Key": _KEY}),
    "a change of the key": _update_of("SET #0 = :0", {":0": {"S": "b"}}, "sk"),
    "two changes of one attribute": _update_of("SET #0 = :0, #0 = :1", {":0": _TEXT, ":1": {"S": "b"}}, "text"),
    "a sum with nothing": _update_of("SET #0 = #0 + :0", {":0": _NUMBER}, "count"),
    "a copy of nothing": _update_of("SET #0 = #1", {}, "count", "others"),
    "a value that is not said": _update_of("SET #0 = :0, #1 = :1", {":0": _TEXT}, "text", "more"),
    "a name that is not used": _update_of("SET #0 = :0", {":0": _TEXT}, "text", "unused"),
    "a value that is not used": _update_of("SET #0 = :0", {":0": _TEXT, ":1": _TEXT}, "text"),
    "a number added to nothing": _update_of("ADD #0 :0", {":0": _NUMBER}, "count"),
    "a text added": _update_of("ADD #0 :0", {":0": _TEXT}, "count"),
    "a set taken from nothing": _update_of("DELETE #0 :0", {":0": {"SS": ["a"]}}, "tags"),
    "one item twice": _together_of(_put_of(), _put_of(count=_NUMBER)),
    "a hundred writes together": _together_of(*_puts(100)),
    "too many writes together": _together_of(*_puts(101)),
    "one refused of two": _together_of(_puts(1)[0], _update_of("SET #1 = :0", {":0": _TEXT}, "pk", "text", **_FAILING)),
    "a key twice in one read": (
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [_KEY, _KEY]}}},
    ),
    "too many keys in one read": (
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [{**_KEY, "sk": {"S": str(number)}} for number in range(101)]}}},
    ),
    "no such index": _query_of(*_HERE, IndexName="nothing"),
    "a partition of another type": _query_of("#h = :h", {"#h": "pk"}, {":h": _NUMBER}),
    "no partition": _query_of("#r = :r", {"#r": "sk"}, {":r": _TEXT}),
    "a part of the partitions": _query_of("#h < :h", {"#h": "pk"}, {":h": _TEXT}),
    "a condition on what is no key": _query_of("#h = :h AND #o = :h", {"#h": "pk", "#o": "text"}, {":h": _TEXT}),
    "a consistent read of an index": _query_of(
        "#h = :h", {"#h": "number"}, {":h": _NUMBER}, IndexName=BY_NUMBER, ConsistentRead=True
    ),
}


def answer(client: Any, request: Request, table: str = TABLE) -> object:
    """What an engine says, as far as engines must say the same: neither the words of errors nor any order of sets.

    Pages are turned to the end; whether an empty one comes behind the last is open.
    """
    operation, parameters = request[0], _at(table, request[1])
    pages: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    try:
        while True:
            page = getattr(client, operation)(**parameters, **start)
            pages.append(_said(page))
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    except ClientError as error:
        response: dict[str, Any] = {**error.response}
        reasons = response.get("CancellationReasons", [])
        return response["Error"]["Code"], _said(response), [(reason["Code"], _said(reason)) for reason in reasons]
    return [page for page in pages if page.get("Count") != 0] or pages[:1]


def _at(table: str, some: Any) -> Any:
    if isinstance(some, dict):
        return {table if name == TABLE else name: _at(table, each) for name, each in some.items()}
    if isinstance(some, list):
        return [_at(table, each) for each in some]
    return table if some == TABLE else some


def _said(page: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if "Count" in page:
        said["Count"] = page["Count"]
    for name in ("Item", "Attributes"):
        if name in page:
            said[name] = _plain(page[name])
    if "Items" in page:
        said["Items"] = [_plain(item) for item in page["Items"]]
    for items in page.get("Responses", {}).values():
        said["Responses"] = sorted((_plain(item) for item in items), key=lambda item: str(item["sk"]))
    return said


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: comparable(value) for name, value in item.items()}
