"""DynamoDB as the stores use it: PynamoDB spells the conditions, botocore sends them, failures come back typed.

PynamoDB's own transaction sorts its members, so that cancellation reasons no longer line up with the calls, and its
`save` drops the item that stood in the way. Here a write is a value: the same one goes out alone or in a transaction,
and a refused one brings the image that refused it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action, Update

from keyrail.platform.documents import Attributes, from_attributes, to_attributes
from keyrail.platform.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")
MAX_TRANSACTION_WRITES = 100
MAX_READS = 100  # of one request
MAX_CONTENDED_TRIES = 5
CONTENDED_WAIT_S = 0.02  # doubled each time
MAX_KEY_BYTES = 1024  # a sort key's limit, the smaller of the two


class IntegerAttribute(Attribute[int]):
    """PynamoDB's NumberAttribute is a float in disguise; ours is an integer."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(int(value))


def has_room(names: Attribute[Any], at_most: int) -> Condition:
    """Whether a set has fewer members than that; one that there is not has none."""
    few: Condition = size(names) < at_most  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    room: Condition = names.does_not_exist() | few
    return room


class StoreUnavailable(Unavailable):
    """The table did not answer, or not in time. A write may have happened; every use case can be repeated."""

    code = "store_unavailable"


class ConditionFailed(Exception):
    """The condition of a single write did not hold; `current` is the item that stands there, or None."""

    def __init__(self, current: Attributes | None) -> None:
        super().__init__("condition failed")
        self.current = current


class TransactionFailed(Exception):
    """No write of the transaction happened. `failed` maps each refused write's position to what stands there.

    `contended` are the positions whose items another transaction held at that moment: nothing is decided about them,
    so read again and decide anew.
    """

    def __init__(self, failed: dict[int, Attributes | None], contended: frozenset[int]) -> None:
        super().__init__("transaction failed")
        self.failed = failed
        self.contended = contended


class _Contended(Exception):
    """A running transaction holds the item of a single write."""


@dataclass(frozen=True)
class Write:
    """One conditional write, ready to be sent alone or as a member of a transaction."""

    verb: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Read:
    """One consistent read by primary key, ready to be sent alone or together with reads of other tables."""

    table: str
    key: Attributes


@dataclass(frozen=True)
class Page:
    items: list[Attributes]
    count: int
    last_key: Attributes | None


class Table:
    """One table, in the hands of the store that owns it."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client: Any = client
        self.name = name

    def put(self, item: object, condition: Condition, **index_keys: str) -> Write:
        """The whole of `item` (a dataclass), with the attributes that only indexes use."""
        attributes = to_attributes(item) | {name: {"S": value} for name, value in index_keys.items()}
        return self._write("Put", {"Item": attributes}, condition, None)

    def update(self, key: dict[str, str], actions: Sequence[Action], condition: Condition) -> Write:
        return self._write("Update", {"Key": _key(key)}, condition, actions)

    def check(self, key: dict[str, str], condition: Condition) -> Write:
        """Changes nothing; for a transaction that depends on an item which it does not write."""
        return self._write("ConditionCheck", {"Key": _key(key)}, condition, None)

    def _write(
        self, verb: str, target: dict[str, Any], condition: Condition, actions: Sequence[Action] | None
    ) -> Write:
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        request = {
            "TableName": self.name,
            **target,
            "ConditionExpression": condition.serialize(names, values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if actions is not None:
            request["UpdateExpression"] = Update(*actions).serialize(names, values)
        request["ExpressionAttributeNames"] = {placeholder: path for path, placeholder in names.items()}
        if values:
            request["ExpressionAttributeValues"] = values
        return Write(verb, request)

    def get(self, **key: str) -> Attributes | None:
        """Strongly consistent read by primary key; what no key can be is not there."""
        return read_together(self._client, [self.read(**key)])[0]

    def get_all(self, keys: Sequence[dict[str, str]]) -> list[Attributes]:
        """Those of them that are there, strongly consistent, MAX_READS in one request. Raises StoreUnavailable."""
        reads = [self.read(**key) for key in keys]
        lots = (reads[first : first + MAX_READS] for first in range(0, len(reads), MAX_READS))
        return [item for lot in lots for item in read_together(self._client, lot) if item is not None]

    def read(self, **key: str) -> Read:
        return Read(self.name, _key(key))

    def look_up(self, keys: Sequence[dict[str, str]], attributes: Sequence[str]) -> list[Attributes]:
        """These attributes of those of at most MAX_READS items that are seen to be there, in no order.

        Eventually consistent, which costs half as much. Raises StoreUnavailable.
        """
        names = {f"#{number}": attribute for number, attribute in enumerate(attributes)}
        wanted: Any = {
            self.name: {
                "Keys": [_key(key) for key in keys],
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
        }
        found: list[Attributes] = []
        for _ in range(MAX_CONTENDED_TRIES):
            try:
                answer = self._client.batch_get_item(RequestItems=wanted)
            except (ClientError, BotoCoreError) as error:
                raise StoreUnavailable from error
            found += answer["Responses"].get(self.name, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        raise StoreUnavailable

    def send(self, write: Write) -> Attributes:
        """Send one write; returns the item as it stands after it. Waits for a transaction that holds the item.

        Raises ConditionFailed, StoreUnavailable.
        """
        for number in range(MAX_CONTENDED_TRIES):
            try:
                return self._send(write)
            except _Contended:
                time.sleep(SystemRandom().uniform(0, CONTENDED_WAIT_S * 2**number))
        raise StoreUnavailable

    def put_first(self, item: T, condition: Condition, **index_keys: str) -> T | None:
        """Put on condition that nothing stands there: None if it is in now, else what stands in its place.

        Raises StoreUnavailable.
        """
        try:
            self.send(self.put(item, condition, **index_keys))
        except ConditionFailed as refused:
            if refused.current is None:
                raise StoreUnavailable from None
            return from_attributes(type(item), refused.current)
        return None

    def _send(self, write: Write) -> Attributes:
        try:
            if write.verb == "Put":
                self._client.put_item(**write.request)
                item: Attributes = write.request["Item"]
                return item
            answer = self._client.update_item(**write.request, ReturnValues="ALL_NEW")
            attributes: Attributes = answer["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                response: dict[str, Any] = {**error.response}
                raise ConditionFailed(response.get("Item")) from None
            if error.response["Error"]["Code"] == "TransactionConflictException":
                raise _Contended from None
            raise StoreUnavailable from error
        except BotoCoreError as error:
            raise StoreUnavailable from error
        return attributes

    def query(  # a Query's own parameters, named
        self,
        key: Condition,
        *,
        index: str | None = None,
        limit: int | None = None,
        start: Attributes | None = None,
        newest_first: bool = False,
        count: bool = False,
        consistent: bool = False,
    ) -> Page:
        """One page; `consistent` is not for indexes. With `count` the matches are counted and not returned."""
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": key.serialize(names, values),
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        request["ExpressionAttributeNames"] = {placeholder: path for path, placeholder in names.items()}
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        if start:
            request["ExclusiveStartKey"] = start
        if count:
            request["Select"] = "COUNT"
        return self._page(self._client.query, request)

    def scan(self, *, limit: int, start: Attributes | None = None) -> Page:
        """One page of the whole table, strongly consistent; items of one partition come one behind the other."""
        request: dict[str, Any] = {"TableName": self.name, "Limit": limit, "ConsistentRead": True}
        if start:
            request["ExclusiveStartKey"] = start
        return self._page(self._client.scan, request)

    def _page(self, ask: Callable[..., Any], request: dict[str, Any]) -> Page:
        try:
            answer = ask(**request)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable from error
        return Page(answer.get("Items", []), answer["Count"], answer.get("LastEvaluatedKey"))

    def count(self, key: Condition, *, index: str) -> int:
        return sum(page.count for page in self._pages(key, index=index, count=True))

    def query_all(self, key: Condition, *, index: str | None = None, consistent: bool = False) -> Iterator[Attributes]:
        for page in self._pages(key, index=index, count=False, consistent=consistent):
            yield from page.items

    def _pages(self, key: Condition, *, index: str | None, count: bool, consistent: bool = False) -> Iterator[Page]:
        start: Attributes | None = None
        while True:
            page = self.query(key, index=index, start=start, count=count, consistent=consistent)
            yield page
            start = page.last_key
            if start is None:
                return


def read_together(client: "DynamoDBClient", reads: Sequence[Read]) -> list[Attributes | None]:
    """All of `reads` (at most MAX_READS) in one request, strongly consistent each; None for what is not there.

    Not a snapshot: each is as of its own moment. What no key can be is not there. Raises StoreUnavailable.
    """
    possible = [read for read in reads if _is_possible(read.key)]
    found = _found_together(client, possible) if len(possible) > 1 else _found_alone(client, possible)
    return [found.get(_name(read.table, read.key)) for read in reads]


_Found = dict[tuple[str, str], Attributes]


def _found_alone(client: "DynamoDBClient", reads: Sequence[Read]) -> _Found:
    found = {}
    for read in reads:
        try:
            answer = client.get_item(TableName=read.table, Key=read.key, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable from error
        if "Item" in answer:
            found[_name(read.table, read.key)] = answer["Item"]
    return found


def _found_together(client: "DynamoDBClient", reads: Sequence[Read]) -> _Found:
    """DynamoDB may leave some of them for the next request."""
    found: _Found = {}
    names = {read.table: set(read.key) for read in reads}
    wanted: Any = {
        table: {"Keys": [r.key for r in reads if r.table == table], "ConsistentRead": True} for table in names
    }
    for _ in range(MAX_CONTENDED_TRIES):
        try:
            answer = client.batch_get_item(RequestItems=wanted)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable from error
        for table, items in answer["Responses"].items():
            for item in items:
                found[_name(table, {name: item[name] for name in names[table]})] = item
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return found
    raise StoreUnavailable


def _name(table: str, key: Attributes) -> tuple[str, str]:
    return table, "\n".join(f"{name}={key[name]['S']}" for name in sorted(key))


def _is_possible(key: Attributes) -> bool:
    return all(0 < len(value["S"].encode()) <= MAX_KEY_BYTES for value in key.values())


def transact(client: "DynamoDBClient", writes: Sequence[Write]) -> None:
    """All of `writes` (at most MAX_TRANSACTION_WRITES), of any tables, or none.

    Raises TransactionFailed, StoreUnavailable.
    """
    members: list[Any] = [{write.verb: write.request} for write in writes]
    try:
        client.transact_write_items(TransactItems=members)
    except client.exceptions.TransactionCanceledException as error:
        reasons: list[Any] = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code", "None") for reason in reasons]
        if any(code not in {"None", "ConditionalCheckFailed", "TransactionConflict"} for code in codes):
            raise StoreUnavailable from error
        refused = {i: reasons[i].get("Item") for i, code in enumerate(codes) if code == "ConditionalCheckFailed"}
        contended = frozenset(i for i, code in enumerate(codes) if code == "TransactionConflict")
        raise TransactionFailed(refused, contended) from None
    except (ClientError, BotoCoreError) as error:
        raise StoreUnavailable from error


def _key(key: dict[str, str]) -> Attributes:
    return {name: {"S": value} for name, value in key.items()}
