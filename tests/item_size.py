"""How large DynamoDB takes an item to be: a write unit is for up to 1,024 bytes of it.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from typing import Any

UNIT_BYTES = 1_024
_OF_A_CONTAINER, _OF_A_MEMBER = 3, 1


def item_bytes(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: dict[str, Any]) -> int:
    tag: str
    value: Any
    ((tag, value),) = attribute.items()
    match tag:
        case "S" | "B":
            return len(value.encode() if tag == "S" else value)
        case "N":
            # About a byte for two significant digits and one more; a sign is a byte.
            digits = str(value).lstrip("-").strip("0") or "0"
            return (len(digits) + 1) // 2 + 1 + str(value).startswith("-")
        case "SS":
            return sum(len(text.encode()) for text in value)
        case "L":
            return _OF_A_CONTAINER + sum(_OF_A_MEMBER + _value_bytes(member) for member in value)
        case "M":
            return _OF_A_CONTAINER + _OF_A_MEMBER * len(value) + item_bytes(value)
        case _:
            return 1
