"""DynamoDB's tables in a dict, without a socket and without a wait: the operations that stores use, and their errors.

`tests/properties/test_quick_tables.py` holds them to moto, `tests/integration/test_quick_tables.py` to MiniStack: they
take, refuse and find the same. A parameter or an expression that is not known here is an error, never a guess. They
know nothing of

- threads that wait for each other: one request is done after the other, so nothing is proven about races here, and no
  transaction is ever contended;
- time: an index shows a write at once, and nothing expires;
- capacity, streams, backups and whatever else is no item: tables are made, and that is all about tables;
- numbers that are no integers, table keys that are no texts, paths into documents, filters;
- the words of errors: there are their codes, the reasons of a cancelled transaction, and the items that stand there.
"""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from tests.expressions import (
    Item,
    Names,
    Refused,
    check_placeholders,
    condition,
    key_condition,
)
from tests.stored import Found, StoredTable, checked, comparable, stored_table
from tests.updates import check_update, updated

MAX_TRANSACTION = 100
MAX_BATCH_GET = 100
CONDITION_FAILED, INVALID = "ConditionalCheckFailed", "ValidationError"

_EXPRESSIONS = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_CONDITIONAL = {"TableName", "ConditionExpression", "ReturnValuesOnConditionCheckFailure", *_EXPRESSIONS}
_PAGE = {"TableName", "Limit", "ExclusiveStartKey", "ConsistentRead"}
_KNOWN: dict[str, set[str]] = {
    "CreateTable": {"TableName", "BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"},
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "BatchGetItem": {"RequestItems"},
    "KeysAndAttributes": {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"},
    "Put": {"Item", *_CONDITIONAL},
    "Update": {"Key", "UpdateExpression", *_CONDITIONAL},
    "Delete": {"Key", *_CONDITIONAL},
    "ConditionCheck": {"Key", *_CONDITIONAL},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "Query": {"KeyConditionExpression", "IndexName", "ScanIndexForward", "Select", *_PAGE, *_EXPRESSIONS},
    "Scan": _PAGE,
}


class TransactionCanceledException(ClientError):
    pass


class ResourceInUseException(ClientError):
    pass


class _Exceptions:
    TransactionCanceledException = TransactionCanceledException
    ResourceInUseException = ResourceInUseException


class _Failed(Exception):
    """The condition did not hold; `said` is what stands there, if that was asked for."""

    def __init__(self, said: Item) -> None:
        super().__init__(CONDITION_FAILED)
        self.said = said


class _Paginator:
    def __init__(self, ask: Callable[..., Item]) -> None:
        self._ask = ask

    def paginate(self, **request: Any) -> Iterator[Item]:
        page = self._ask(**request)
        yield page
        while start := page.get("LastEvaluatedKey"):
            page = self._ask(**request, ExclusiveStartKey=start)
            yield page


class QuickTables:
    """A client of botocore's shape."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self._tables: dict[str, StoredTable] = {}
        self._done: dict[str, Item] = {}  # transactions, by the tokens that botocore gives them
        self._lock = Lock()

    def items(self, table: str) -> Iterator[Item]:
        return self._tables[table].all()

    def create_table(self, **request: Any) -> Item:
        return self._answer("CreateTable", self._create, request)

    def get_item(self, **request: Any) -> Item:
        return self._answer("GetItem", self._get, request)

    def batch_get_item(self, **request: Any) -> Item:
        return self._answer("BatchGetItem", self._get_batch, request)

    def put_item(self, **request: Any) -> Item:
        self._answer("PutItem", self._write_alone, {"Put": request})
        return {}

    def update_item(self, ReturnValues: str = "NONE", **request: Any) -> Item:  # noqa: N803  # as botocore has it
        if ReturnValues not in {"NONE", "ALL_NEW"}:
            raise NotImplementedError(ReturnValues)
        after = self._answer("UpdateItem", self._write_alone, {"Update": request})
        return {"Attributes": after} if ReturnValues == "ALL_NEW" else {}

    def delete_item(self, **request: Any) -> Item:
        self._answer("DeleteItem", self._write_alone, {"Delete": request})
        return {}

    def transact_write_items(self, **request: Any) -> Item:
        return self._answer("TransactWriteItems", self._write_once, request)

    def query(self, **request: Any) -> Item:
        return self._answer("Query", self._query, request)

    def scan(self, **request: Any) -> Item:
        return self._answer("Scan", self._scan, request)

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator({"query": self.query, "scan": self.scan}[operation])

    def _answer(self, operation: str, act: Callable[[Item], Item], request: Item) -> Item:
        """Errors come out as botocore's."""
        try:
            with self._lock:
                return act(request)
        except Refused as refused:
            raise _error(operation, "ValidationException", str(refused)) from None
        except _Failed as failed:
            raise _error(operation, "ConditionalCheckFailedException", "", **failed.said) from None

    def _table(self, request: Item) -> StoredTable:
        try:
            return self._tables[request["TableName"]]
        except KeyError:
            raise _error("", "ResourceNotFoundException", request["TableName"]) from None

    def _create(self, request: Item) -> Item:
        _check_known("CreateTable", request)
        if request["TableName"] in self._tables:
            answer: Any = {"Error": {"Code": "ResourceInUseException"}}
            raise ResourceInUseException(answer, "CreateTable")
        self._tables[request["TableName"]] = stored_table(request)
        return {}

    def _get(self, request: Item) -> Item:
        _check_known("GetItem", request)
        table = self._table(request)
        item = table.at(table.place(request["Key"]))
        return {} if item is None else {"Item": item}

    def _get_batch(self, request: Item) -> Item:
        _check_known("BatchGetItem", request)
        found: dict[str, list[Item]] = {}
        if not 0 < sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values()) <= MAX_BATCH_GET:
            raise Refused("too many keys, or none")
        for name, wanted in request["RequestItems"].items():
            _check_known("KeysAndAttributes", wanted)
            table = self._table({"TableName": name})
            places = [table.place(key) for key in wanted["Keys"]]
            if len(set(places)) < len(places):
                raise Refused("a key twice")
            items = (table.at(place) for place in places)
            kept = _projected(wanted)
            found[name] = [_only(item, kept) for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _write_alone(self, member: Item) -> Item:
        """The item as it stands after it."""
        table, place, before, after = self._decided(member)
        table.put(place, before, after)
        return after or {}

    def _write_once(self, request: Item) -> Item:
        """Whatever comes again under its token is done already."""
        _check_known("TransactWriteItems", request)
        token = request.get("ClientRequestToken")
        if token is None or token not in self._done:
            self._write_together(request["TransactItems"])
        elif self._done[token] != request:
            raise _error("TransactWriteItems", "IdempotentParameterMismatchException", token)
        if token is not None:
            self._done[token] = request
        return {}

    def _write_together(self, members: list[Item]) -> None:
        if not 0 < len(members) <= MAX_TRANSACTION:
            raise Refused("too many members, or none")
        targets = [self._target(member) for member in members]
        if len({(id(table), place) for table, place in targets}) < len(targets):
            raise Refused("one item twice")
        decided, reasons = [], []
        for member in members:
            try:
                decided.append(self._decided(member))
                reasons.append({"Code": "None"})
            except Refused as refused:
                reasons.append({"Code": INVALID, "Message": str(refused)})
            except _Failed as failed:
                reasons.append({"Code": CONDITION_FAILED, "Message": "", **failed.said})
        if len(decided) < len(members):
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise TransactionCanceledException(answer, "TransactWriteItems")
        for table, place, before, after in decided:
            table.put(place, before, after)

    def _target(self, member: Item) -> tuple[StoredTable, Any]:
        """Raises Refused for what no item could make right."""
        ((verb, request),) = member.items()
        _check_known(verb, request)
        test, change = request.get("ConditionExpression"), request.get("UpdateExpression")
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        check_placeholders([each for each in (test, change) if each], names, values)
        if change is not None:
            check_update(change, names)
        table = self._table(request)
        return table, table.place_of(request["Item"]) if verb == "Put" else table.place(request["Key"])

    def _decided(self, member: Item) -> tuple[StoredTable, Any, Item | None, Item | None]:
        """Where, what stands there, and what will. Raises _Failed, Refused."""
        ((verb, request),) = member.items()
        table, place = self._target(member)
        before = table.at(place)
        names = request.get("ExpressionAttributeNames", {})
        values = {name: checked(value) for name, value in request.get("ExpressionAttributeValues", {}).items()}
        test = request.get("ConditionExpression")
        if test is not None and not condition(test)((before or {}, names, values)):
            asked = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise _Failed({"Item": before} if asked and before is not None else {})
        after = _after(verb, request, before, names, values)
        if after is not None:
            table.check(after)
        return table, place, before, after

    def _query(self, request: Item) -> Item:
        _check_known("Query", request)
        table, index_name = self._table(request), request.get("IndexName")
        if index_name not in table.indexes or (index_name and request.get("ConsistentRead")):
            raise Refused("no such index, or none that reads what was written just now")
        index = table.indexes[index_name]
        expression, names, values = (request[name] for name in ("KeyConditionExpression", *sorted(_EXPRESSIONS)))
        check_placeholders([expression], names, values)
        wanted = key_condition(expression, tuple(one for one, name in names.items() if name == index.keys[0]))
        kind, partition = comparable(values[wanted.partition])
        if kind != table.types[index.keys[0]]:
            raise Refused("the partition is named by another type")
        found = index.ordered(partition)
        if wanted.test is not None:
            range_key = names[str(wanted.range_key)]
            if range_key not in index.keys[1:]:
                raise Refused("a condition on what is no range key")
            kind = table.types[range_key]
            found = [one for one in found if wanted.test(({range_key: {kind: str(one[0])}}, names, values))]
        backwards = not request.get("ScanIndexForward", True)
        page = table.page(index, found, request.get("ExclusiveStartKey"), request.get("Limit"), backwards=backwards)
        return _shown(page, counted=request.get("Select") == "COUNT")

    def _scan(self, request: Item) -> Item:
        _check_known("Scan", request)
        table = self._table(request)
        found = sorted((place, place) for place in table.items)
        return _shown(table.page(None, found, request.get("ExclusiveStartKey"), request.get("Limit")))


def _after(verb: str, request: Item, before: Item | None, names: Names, values: Item) -> Item | None:
    if verb == "Put":
        return {name: checked(value) for name, value in request["Item"].items()}
    if verb == "Update":
        key = request["Key"]
        after = updated(request["UpdateExpression"], key if before is None else before, names, values)
        if any(after.get(name) != value for name, value in key.items()):
            raise Refused("a key cannot be changed")
        return after
    return before if verb == "ConditionCheck" else None


def _shown(page: Found, *, counted: bool = False) -> Item:
    shown: Item = {} if counted else {"Items": page.items}
    if page.last_key is not None:
        shown["LastEvaluatedKey"] = page.last_key
    return {**shown, "Count": len(page.items), "ScannedCount": len(page.items)}


def _projected(wanted: Item) -> set[str] | None:
    names = wanted.get("ExpressionAttributeNames", {})
    if "ProjectionExpression" not in wanted:
        return None
    check_placeholders([wanted["ProjectionExpression"]], names, {})
    return {names[placeholder.strip()] for placeholder in wanted["ProjectionExpression"].split(",")}


def _only(item: Item, kept: set[str] | None) -> Item:
    return item if kept is None else {name: value for name, value in item.items() if name in kept}


def _check_known(what: str, request: Item) -> None:
    if unknown := request.keys() - _KNOWN[what]:
        raise NotImplementedError(f"{what} with {sorted(unknown)}")


def _error(operation: str, code: str, message: str, **said: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **said}
    return ClientError(answer, operation)
