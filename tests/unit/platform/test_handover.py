"""A file is handed out once: marked first, and only then there is an address."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.platform.handover import (
    FILE_LIFETIME_MS,
    AlreadyHandedOut,
    FileExpired,
    Handover,
    Link,
    hand_out,
    object_name,
)

NOW_MS = 1_767_225_600_000
FILE = Handover(object_name="files/x", size_bytes=1, made_at_ms=NOW_MS)


class Signer:
    """S3 as whoever signs sees it; remembers what it signed."""

    def __init__(self) -> None:
        self.signed: list[dict[str, Any]] = []

    def generate_presigned_url(self, method: str, **asked: Any) -> str:
        self.signed.append({"method": method, **asked})
        return "https://s3.example/?X-Amz-Signature=5ecre7"


def ask(file: Handover, mark: Any, signer: Signer, now_ms: int = NOW_MS) -> Link:
    return hand_out(file, mark, signer, "bucket", "codes.p7m", now_ms)  # type: ignore[arg-type]  # speaks as S3


def test_the_record_is_marked_before_anything_is_signed() -> None:
    signer = Signer()

    def mark(taken: Handover) -> Handover:
        assert signer.signed == []
        assert taken.taken_at_ms == NOW_MS
        return taken

    link = ask(FILE, mark, signer)
    (signed,) = signer.signed
    assert signed["method"] == "get_object"
    assert (signed["Params"]["Bucket"], signed["Params"]["Key"]) == ("bucket", "files/x")
    assert signed["ExpiresIn"] <= 60
    assert link.expires_at_ms == NOW_MS + signed["ExpiresIn"] * 1000


def test_whoever_was_not_the_first_gets_no_address() -> None:
    signer = Signer()
    for standing in (FILE.taken(NOW_MS), FILE.taken(NOW_MS + 1)):
        with pytest.raises(AlreadyHandedOut):
            ask(FILE, lambda _taken, standing=standing: standing, signer)
    with pytest.raises(AlreadyHandedOut):
        ask(FILE.taken(NOW_MS), lambda taken: taken, signer)
    assert signer.signed == []


def test_a_mark_that_fails_leaves_nothing_signed() -> None:
    signer = Signer()

    def broken(_: Handover) -> Handover:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ask(FILE, broken, signer)
    assert signer.signed == []


def test_two_calls_at_the_same_moment_are_two() -> None:
    assert FILE.taken(NOW_MS) != FILE.taken(NOW_MS)


def test_a_file_of_yesterday_is_gone() -> None:
    FILE.taken(NOW_MS + FILE_LIFETIME_MS - 1)
    with pytest.raises(FileExpired):
        FILE.taken(NOW_MS + FILE_LIFETIME_MS)
    with pytest.raises(AlreadyHandedOut):
        replace(FILE, taken_as="somebody").taken(NOW_MS + FILE_LIFETIME_MS)


def test_an_address_does_not_print_and_a_name_is_chance() -> None:
    assert "5ecre7" not in repr(ask(FILE, lambda taken: taken, Signer()))
    names = {object_name("files/") for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) == len("files/") + 64 for name in names)
