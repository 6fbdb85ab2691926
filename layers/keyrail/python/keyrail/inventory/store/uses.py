"""The `keys` table where a key is used: the rules of `model.redeeming` as the condition of one write.

Everything that a use depends on lies on the key, so that nothing has to be read first. A refused write brings the image
that refused it, and that says why.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from keyrail.catalog.model import Activation
from keyrail.inventory.model.keys import AVAILABLE_FROM_S, Key, KeyState, claim_order, claimable_until, left_pool
from keyrail.inventory.model.redeeming import FOREVER_MS, Asked, Tried, entry_of, given_back, obstacle
from keyrail.inventory.model.uses import MAX_ENTRIES, Moment, Use, use_id
from keyrail.inventory.store.keys import KeyItem, changed, is_let_go, moving
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.documents import from_attributes, to_attributes
from keyrail.platform.dynamo import ConditionFailed, Table, Write
from keyrail.platform.money import Money

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_FOR_A_PART, _FOR_ALL = 0, 1
"""Of the states that the uses of a value card lead to."""


class _Item:
    """Where the key's item says how it is redeemed."""

    terms = Path("terms")
    activation = terms["activation"]
    after_use = Path("after_use")
    value_left = Path("value_left")
    active_until_ms = Path("active_until_ms")
    uses = Path("uses")
    use_ids = Path("use_ids")


class UseStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def get(self, key_id: str) -> Key | None:
        attributes = self._table.get(key_id=key_id)
        return from_attributes(Key, attributes) if attributes else None

    def use(self, key_id: str, asked: Asked, origin: Origin, at: Moment, still: Collection[str]) -> Tried:
        """Make the use, if the key allows it: one request; all that is left of a value takes a second one.

        A key that nobody has bought leaves the pool in the same write. Raises StoreUnavailable.
        """
        condition = _all(_may(at, still), _fits(asked))
        tried = self._try(key_id, _actions(asked, origin, at), _all(condition, _more_left(asked)))
        if tried.refused and asked.amount and tried.key and _takes_all(tried.key, asked, at, still):
            actions = _actions(asked, origin, at, after=_FOR_ALL)
            return self._try(key_id, actions, _all(condition, _just_left(asked.amount)))
        return tried

    def activate(
        self, key_id: str, origin: Origin, at: Moment, still: Collection[str], *, over_the_counter: bool
    ) -> Tried:
        """Let it be redeemed for as long as its terms say, from now on, unless it is active already."""
        on_demand = _all(KeyItem.state == KeyState.SOLD, _Item.activation == Activation.ON_DEMAND.value)
        printed = _all(_is_printed(), _Item.activation != Activation.ON_IMPORT.value)
        idle = _any(_Item.active_until_ms.does_not_exist(), _Item.active_until_ms < at.now_ms)
        wanted = moving(_any(on_demand, printed) if over_the_counter else on_demand, still)
        actions = [
            _Item.active_until_ms.set((_Item.terms["active_ms"] | FOREVER_MS) + at.now_ms),
            *changed(origin, at.now_ms),
        ]
        return self._try(key_id, actions, _all(wanted, is_let_go(), idle, _Item.after_use[0].exists(), _is_in_time(at)))

    def give_back(self, key: Key, use: Use, origin: Origin, now_ms: int, still: Collection[str]) -> Tried:
        """Take the use back: refused if anything of the key has changed since it was read."""
        back = replace(key, **given_back(key, use, now_ms), **stamp(origin, now_ms, key.version + 1))
        condition = moving(KeyItem.version == key.version, still)
        return self._send(self._table.put(back, condition))

    def free_lapsed(self, key: Key, origin: Origin, now_ms: int) -> None:
        """Its lease is given back, if anybody may take it over by now."""
        lapsed = (KeyItem.state == KeyState.LEASED) & (KeyItem.claim_order <= claimable_until(now_ms))
        actions = [
            KeyItem.state.set(KeyState.AVAILABLE),
            KeyItem.order_id.remove(),
            KeyItem.claim_order.set(claim_order(AVAILABLE_FROM_S, key.label)),
            *changed(origin, now_ms),
        ]
        self._try(key.key_id, actions, lapsed)

    def _try(self, key_id: str, actions: Sequence[Action], condition: Condition) -> Tried:
        return self._send(self._table.update({"key_id": key_id}, actions, condition))

    def _send(self, write: Write) -> Tried:
        try:
            return Tried(from_attributes(Key, self._table.send(write)), refused=False)
        except ConditionFailed as refused:
            return Tried(from_attributes(Key, refused.current) if refused.current else None, refused=True)


def _actions(asked: Asked, origin: Origin, at: Moment, after: int = _FOR_A_PART) -> list[Action]:
    entry = to_attributes(asked.entry(at.now_ms))
    spend = _Item.value_left.set(_Item.value_left - asked.amount.amount_minor) if asked.amount else None
    return [
        Path("state").set(_Item.after_use[after]),
        spend or _Item.after_use[0].remove(),
        _Item.uses.set((_Item.uses | {"L": []}).append({"L": [{"M": entry}]})),
        _Item.use_ids.add({"SS": [use_id(asked.by, asked.name)]}),
        KeyItem.claim_order.remove(),
        KeyItem.left_pool.set(KeyItem.left_pool | left_pool(at.now_ms)),
        *changed(origin, at.now_ms),
    ]


def _all(*conditions: Condition) -> Condition:
    return reduce(and_, conditions)


def _any(*conditions: Condition) -> Condition:
    return reduce(or_, conditions)


def _may(at: Moment, still: Collection[str]) -> Condition:
    """Active, in time and not standing still."""
    return _all(moving(_is_active(at.now_ms), still), is_let_go(), _is_in_time(at), _is_open(at))


def _fits(asked: Asked) -> Condition:
    """This use, where it is to be made, and that it was not made before."""
    places = _Item.terms["places"]
    anywhere = places.does_not_exist()
    here = anywhere if asked.place is None else _any(anywhere, places.contains(asked.place))
    unseen = ~_Item.use_ids.contains(use_id(asked.by, asked.name))
    return _all(here, unseen, _Item.uses[MAX_ENTRIES - 1].does_not_exist())


def _more_left(asked: Asked) -> Condition:
    """A use, or more of the value than is asked for."""
    if asked.amount is None:
        return _all(_Item.value_left.does_not_exist(), _Item.after_use[0].exists())
    return _all(_is_in(asked.amount.currency), _Item.value_left > asked.amount.amount_minor)


def _just_left(amount: Money) -> Condition:
    return _all(_is_in(amount.currency), _Item.value_left == amount.amount_minor)


def _is_in(currency: str) -> Condition:
    return _Item.terms["value"]["currency"] == currency


def _takes_all(key: Key, asked: Asked, at: Moment, still: Collection[str]) -> bool:
    """Nothing else was in the way of the use but that no part is left behind it."""
    unseen = entry_of(key, asked.by, asked.name) is None
    return unseen and bool(key.value_left) and obstacle(key, asked, at, still) is None


def _is_printed() -> Condition:
    return _all(KeyItem.state == KeyState.AVAILABLE, KeyItem.claim_partition.does_not_exist())


def _is_active(now_ms: int) -> Condition:
    is_sold, by_ask = KeyItem.state == KeyState.SOLD, _Item.active_until_ms >= now_ms
    known = KeyItem.state.is_in(KeyState.AVAILABLE, KeyState.SOLD)
    return _any(
        _all(_Item.activation == Activation.ON_IMPORT.value, known),
        _all(_Item.activation == Activation.ON_SALE.value, is_sold),
        _all(_Item.activation == Activation.ON_REVEAL.value, is_sold, KeyItem.revealed_at_ms.exists()),
        _all(_Item.activation == Activation.ON_DEMAND.value, is_sold, by_ask),
        _all(_is_printed(), by_ask),
    )


def _is_in_time(at: Moment) -> Condition:
    valid_from, valid_to = _Item.terms["valid_from_ms"], _Item.terms["valid_to_ms"]
    return _all(
        _any(valid_from.does_not_exist(), valid_from <= at.now_ms),
        _any(valid_to.does_not_exist(), valid_to > at.now_ms),
        _any(KeyItem.expires_on.does_not_exist(), KeyItem.expires_on >= at.date),
    )


def _is_open(at: Moment) -> Condition:
    """Hours that end after midnight belong to the day on which they began."""
    opens, closes = _Item.terms["opens"], _Item.terms["closes"]
    today, day_before = _is_day(at.weekday), _is_day(at.weekday_before)
    has_opened, closes_later = opens <= at.minute, closes > at.minute
    return _any(
        _all(opens.does_not_exist(), today),
        _all(opens < closes, has_opened, closes_later, today),
        _all(opens > closes, has_opened, today),
        _all(opens > closes, closes_later, day_before),
    )


def _is_day(weekday: int) -> Condition:
    weekdays = _Item.terms["weekdays"]
    return _any(weekdays.does_not_exist(), weekdays.contains(weekday))
