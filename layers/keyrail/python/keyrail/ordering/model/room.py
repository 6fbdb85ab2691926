"""How much of its item an order takes, and how much of that may be tries and words. Pure.

An item that has outgrown its table takes no step any more, not even the one that gives the money back. So nobody is
asked a further time, and nothing long is said, once that would take the room which the steps that end an order need.
"""

from dataclasses import fields, is_dataclass
from typing import Any

from keyrail.ordering.model.orders import Order

MAX_ITEM_BYTES = 400 * 1024  # of DynamoDB
ROOM_FOR_TRIES = 200_000  # bytes of an order, from which on a unit that was asked for before is not again
ROOM_FOR_WORDS = 260_000  # bytes of an order with what a person says; what is short may be said of a larger one too
SHORT_BYTES = 400
_NUMBER_BYTES = 12  # of any that we keep, at most
_OF_A_CONTAINER, _OF_A_MEMBER = 3, 1


def has_room_for_tries(order: Order) -> bool:
    return reckoned_bytes(order) < ROOM_FOR_TRIES


def has_room_for_words(order: Order, *words: str | None) -> bool:
    said = sum(len(word.encode()) for word in words if word)
    return said <= SHORT_BYTES or reckoned_bytes(order) + said < ROOM_FOR_WORDS


def reckoned_bytes(value: Any) -> int:
    """Of a stored value, and nearly those of its attributes: never fewer.

    docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case str() | bytes():
            return len(value.encode() if isinstance(value, str) else value)
        case int():
            return _NUMBER_BYTES
        case _ if is_dataclass(value):
            named = [(field.name, getattr(value, field.name)) for field in fields(value)]
        case dict():
            named = list(value.items())
        case _:
            named = [("", each) for each in value]
    kept = ((name, each) for name, each in named if each is not None)
    return _OF_A_CONTAINER + sum(_OF_A_MEMBER + len(name.encode()) + reckoned_bytes(each) for name, each in kept)
