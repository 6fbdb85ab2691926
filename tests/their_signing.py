"""How suppliers sign, written from their side of the wire and from what they publish, with nothing of ours in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


class Num(str):
    """A number as somebody wrote it."""

    __slots__ = ()


_WORDS = {None: "null", True: "true", False: "false"}
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def php_json(value: Any, *, sort: int = 0, slashes: bool = False, unicode: bool = False) -> str:
    """As `json_encode` has it: `sort` is how deep names are sorted, `slashes` and `unicode` what is escaped."""

    def text(said: str) -> str:
        return '"' + "".join(_character(one, slashes, unicode) for one in said) + '"'

    def written(each: Any, depth: int) -> str:
        if isinstance(each, dict):
            names = sorted(each) if depth > 0 else each
            return "{" + ",".join(f"{text(name)}:{written(each[name], depth - 1)}" for name in names) + "}"
        if isinstance(each, list):
            return "[" + ",".join(written(one, depth) for one in each) + "]"
        return str(each) if isinstance(each, Num) else _WORDS[each] if each in _WORDS else text(each)

    return written(value, sort)


def _character(one: str, slashes: bool, unicode: bool) -> str:
    if one in _SHORT or (one == "/" and slashes):
        return _SHORT.get(one, "\\/")
    if one < " " or one in "\u2028\u2029" or (unicode and not one.isascii()):
        halves = one.encode("utf-16-be").hex()
        return "".join(f"\\u{halves[at : at + 4]}" for at in range(0, len(halves), 4))
    return one


def without_empty(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None and value != ""}


def kasushou(time: str, text: str, key: str, *, order: str = "tbk") -> str:
    parts = {"t": time, "b": text, "k": key}
    return hashlib.sha1("".join(parts[part] for part in order).encode()).hexdigest()


def fulu(text: str, secret: str) -> str:
    return hashlib.md5("".join(sorted(text)).encode() + secret.encode()).hexdigest()


def dayuanren(form: Mapping[str, str], key: str, *, joint: str = "&apikey=") -> str:
    query = "&".join("=".join(pair) for pair in sorted(form.items()) if pair[0] != "sign")
    return hashlib.md5((query + joint + key).encode()).hexdigest().upper()
