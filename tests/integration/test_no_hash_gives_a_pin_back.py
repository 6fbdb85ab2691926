"""Who has all tables and knows the format can try every PIN there is: nothing that is stored tells the right one."""

import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.tables import TABLES
from tests.world import SKU, World

PIN, CODE = "4711", "K7"
ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s")
ENOUGH = 8  # bytes of a digest that do not come together by chance


def binaries(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from binaries(each)


def stored(world: World) -> bytes:
    """Every byte of every table, binaries both as they are and as they are written."""
    items = [item for kind in TABLES for item in world.scan(kind)]
    written = [json.dumps(item, default=repr).casefold().encode() for item in items]
    return b"\n".join([*binaries(items), *written])


def guesses() -> Iterator[bytes]:
    """What somebody would hash who knows which card they look for, or its PIN."""
    for code, pin in product((CODE, CODE.casefold(), ""), (PIN, "")):
        for between, before in product(("", " ", "----", ",", "\t", "\n", ":", "\0", "|"), ("", f"{SKU}:", "steam:")):
            yield f"{before}{code}{between}{pin}".encode()


def traces(guess: bytes) -> Iterator[bytes]:
    for name in ALGORITHMS:
        digest = hashlib.new(name, guess).digest()
        yield digest[:ENOUGH]
        yield digest.hex()[: 2 * ENOUGH].encode()
        yield base64.b64encode(digest)[: ENOUGH + 2].decode().casefold().encode()
        yield base64.b32encode(digest)[: ENOUGH + 2].decode().casefold().encode()


def test_no_digest_of_a_card_or_its_pin_is_stored(world: World) -> None:
    world.stock_up(0)
    raw, batch = world.import_codes([f"{CODE}----{PIN}"])
    assert batch.report is not None
    assert batch.report.accepted == 1, raw
    placed = world.order()
    world.pay(placed.attempt)
    dump = stored(world)
    found = [guess for guess in set(guesses()) if guess and any(trace in dump for trace in traces(guess))]
    assert found == []
    # The search does find what lies there: the hash of the access token, which nobody can guess.
    assert any(trace in dump for trace in traces(placed.token.encode()))
