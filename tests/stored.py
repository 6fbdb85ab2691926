"""What the quick tables hold: items in their places, and the indexes over them, always up to date."""

import marshal
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.expressions import Item, Refused, comparable
from tests.item_size import item_bytes

__all__ = ["Found", "StoredTable", "checked", "comparable", "stored_table"]

MAX_ITEM_BYTES = 400 * 1024
MAX_PAGE_BYTES = 1024 * 1024
MAX_KEY_BYTES = (2048, 1024)  # hash key, range key
MAX_DIGITS = 38

Place = tuple[str, str]  # of an item in its table; the range is empty where there is none
Entry = tuple[Any, Place]  # of an index: where in its partition, and whose


@dataclass(frozen=True)
class Found:
    """One page; `last_key` is where the next one begins, if there may be one."""

    items: list[Item]
    last_key: Item | None


@dataclass(frozen=True)
class Index:
    """The order of a table itself is one too."""

    keys: tuple[str, ...]
    kept: frozenset[str] | None  # None for all
    partitions: dict[Any, dict[Place, Any]] = field(default_factory=dict)

    def ordered(self, partition: Any) -> list[Entry]:
        return sorted((in_range, place) for place, in_range in self.partitions.get(partition, {}).items())

    def move(self, place: Place, before: Item | None, after: Item | None) -> None:
        if before is not None and self.has(before):
            del self.partitions[self._partition(before)][place]
        if after is not None and self.has(after):
            self.partitions.setdefault(self._partition(after), {})[place] = self.in_range(after)

    def has(self, item: Item) -> bool:
        return all(key in item for key in self.keys)

    def in_range(self, item: Item) -> Any:
        return comparable(item[self.keys[1]])[1] if len(self.keys) > 1 else ""

    def _partition(self, item: Item) -> Any:
        return comparable(item[self.keys[0]])[1]


@dataclass(frozen=True)
class StoredTable:
    """Items lie frozen, so that nobody changes them from outside."""

    keys: tuple[str, ...]
    types: dict[str, str]
    indexes: dict[str | None, Index]
    items: dict[Place, bytes] = field(default_factory=dict)

    def all(self) -> Iterator[Item]:
        return (marshal.loads(frozen) for frozen in self.items.values())

    def at(self, place: Place) -> Item | None:
        frozen = self.items.get(place)
        return None if frozen is None else marshal.loads(frozen)

    def place(self, key: Item) -> Place:
        """Of exactly this key."""
        if key.keys() != set(self.keys):
            raise Refused("another key than the table's")
        return self.place_of(key)

    def place_of(self, item: Item) -> Place:
        if any(key not in item for key in self.keys):
            raise Refused("an item without its key")
        self._check_keys(self.keys, item)
        return item[self.keys[0]]["S"], item[self.keys[1]]["S"] if len(self.keys) > 1 else ""

    def put(self, place: Place, before: Item | None, after: Item | None) -> None:
        if after is None:
            self.items.pop(place, None)
        else:
            self.items[place] = marshal.dumps(after, 0)
        for index in self.indexes.values():
            index.move(place, before, after)

    def check(self, item: Item) -> None:
        for index in self.indexes.values():
            self._check_keys(index.keys, item)
        # What is frozen is never smaller than what DynamoDB counts, and quicker to know.
        if len(marshal.dumps(item, 0)) > MAX_ITEM_BYTES < item_bytes(item):
            raise Refused("the item is too large")

    def _check_keys(self, keys: tuple[str, ...], item: Item) -> None:
        for key, most in zip(keys, MAX_KEY_BYTES, strict=False):
            value = item.get(key)
            if value is not None and not 0 < len(value.get(self.types[key], "").encode()) <= most:
                raise Refused(f"{key} is of another type, is empty, or too long")

    def page(
        self,
        index: Index | None,
        entries: list[Entry],
        start: Item | None,
        limit: int | None,
        *,
        backwards: bool = False,
    ) -> Found:
        """Of these, as far as one answer goes; without an index, of the whole table in its order."""
        if limit is not None and limit < 1:
            raise Refused("a page of nothing")
        keys = dict.fromkeys((*(index.keys if index else ()), *self.keys))
        if start is not None:
            if start.keys() != keys.keys():
                raise Refused("no key to go on from")
            place = self.place_of(start)
            begin: Entry = (index.in_range(start) if index else place, place)
            entries = entries[: bisect_left(entries, begin)] if backwards else entries[bisect_right(entries, begin) :]
        ordered = entries[::-1] if backwards else entries
        frozen = [self.items[place] for _, place in ordered[:limit]]
        items = [marshal.loads(each) for each in frozen]
        if sum(map(len, frozen)) > MAX_PAGE_BYTES:
            items = list(_fitting(items))
        full = len(items) == limit or len(items) < len(ordered)
        last_key = {key: items[-1][key] for key in keys} if full and items else None
        if index is not None and index.kept is not None:
            items = [{name: value for name, value in item.items() if name in index.kept} for item in items]
        return Found(items, last_key)


def _fitting(items: Sequence[Item]) -> Iterator[Item]:
    left = MAX_PAGE_BYTES
    for item in items:
        left -= item_bytes(item)
        if left < 0:
            return
        yield item


def stored_table(request: Item) -> StoredTable:
    """As `CreateTable` describes it."""
    keys = _keys(request)
    types = {said["AttributeName"]: said["AttributeType"] for said in request["AttributeDefinitions"]}
    if any(types[key] != "S" for key in keys) or set(types.values()) > {"S", "N"}:
        raise NotImplementedError(types)
    indexes: dict[str | None, Index] = {None: Index(keys, None)}
    for said in request.get("GlobalSecondaryIndexes", []):
        projection = said["Projection"]
        kept = frozenset((*keys, *_keys(said), *projection.get("NonKeyAttributes", ())))
        everything = projection["ProjectionType"] == "ALL"
        indexes[said["IndexName"]] = Index(_keys(said), None if everything else kept)
    return StoredTable(keys, types, indexes)


def _keys(said: Item) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in sorted(said["KeySchema"], key=lambda key: str(key["KeyType"])))


def checked(attribute: Item) -> Item:
    """It as DynamoDB keeps it. Raises Refused."""
    if len(attribute) != 1:
        raise Refused("an attribute of one type has one member")
    ((tag, value),) = attribute.items()
    return {tag: _KEPT[tag](value)}


def _number(text: str) -> str:
    value = int(text)
    if len(str(abs(value)).rstrip("0")) > MAX_DIGITS:
        raise Refused("a number with too many digits")
    return str(value)


def _set(members: list[str]) -> list[str]:
    if not members or len(set(members)) < len(members):
        raise Refused("an empty set, or one with a member twice")
    return sorted(members)


_KEPT: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "B": bytes,
    "BOOL": bool,
    "NULL": bool,
    "L": lambda some: [checked(each) for each in some],
    "M": lambda some: {str(name): checked(each) for name, each in some.items()},
    "SS": lambda some: _set([str(each) for each in some]),
    "NS": lambda some: _set([_number(each) for each in some]),
}
