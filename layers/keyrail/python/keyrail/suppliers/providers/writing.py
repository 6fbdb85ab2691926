"""JSON as PHP writes it, to the byte: what is signed is a text, and the other side writes its own of the same members.

Source: php.net/json_encode. U+2028 and U+2029 stay escaped where the rest of Unicode does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keyrail.platform import json_objects

MAX_DEPTH = 32
_DELETE = "\x7f"  # Python escapes it with the rest of Unicode, PHP never does

_LINE_TERMINATORS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


class Number(str):
    """A number as it was written: 3.10 and 3.1 are one amount, and two texts to sign."""

    __slots__ = ()


def members(raw: bytes) -> dict[str, Any]:
    """Of a JSON object, its numbers as `Number`. Raises ValueError as `json_objects` does, and for a very deep one."""
    read = json_objects.json_object(raw, parse_int=Number, parse_float=Number)
    _check_depth(read, MAX_DEPTH)
    return read


def filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without the members that are empty, as some sign; null is empty too, 0 and false are not."""
    return {name: value for name, value in given.items() if value not in (None, "")}


def _check_depth(value: object, left: int) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        if not left:
            raise ValueError("nested too deeply")
        _check_depth(each, left - 1)


@dataclass(frozen=True, kw_only=True)
class Style:
    """`sorts` is `top` for the names of the object itself, `all` for those of the objects in it too."""

    sorts: str = "top"
    spaces: bool = False
    escape_slashes: bool = False
    escape_unicode: bool = False

    def write(self, value: Mapping[str, Any]) -> str:
        return self._object(value, is_sorted=True)

    def _object(self, value: Mapping[str, Any], *, is_sorted: bool) -> str:
        comma, colon = (", ", ": ") if self.spaces else (",", ":")
        names = sorted(value) if is_sorted else list(value)
        return "{" + comma.join(f"{self._text(name)}{colon}{self._value(value[name])}" for name in names) + "}"

    def _value(self, value: object) -> str:
        match value:
            case Number():
                return str(value)
            case str():
                return self._text(value)
            case dict():
                return self._object(value, is_sorted=self.sorts == "all")
            case list():
                return "[" + (", " if self.spaces else ",").join(map(self._value, value)) + "]"
            case _:
                return json.dumps(value)

    def _text(self, value: str) -> str:
        parts = [json.dumps(part, ensure_ascii=self.escape_unicode)[1:-1] for part in value.split(_DELETE)]
        written = f'"{_DELETE.join(parts)}"'
        for character, escape in _LINE_TERMINATORS.items():
            written = written.replace(character, escape)
        return written.replace("/", "\\/") if self.escape_slashes else written
