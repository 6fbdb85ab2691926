"""Secrets at rest, and names for codes that tell nothing about them."""

import os
from dataclasses import dataclass, field

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.errors import Unavailable
from keyrail.vault.codes import OWN_ISSUER
from keyrail.vault.model import Place, Secret, SecretUnreadable, mask, normalised
from keyrail.vault.service import sealing as vault
from keyrail.vault.service.files import open_file, seal_file
from keyrail.vault.service.fingerprints import FINGERPRINT_CONTEXT, Fingerprints
from keyrail.vault.service.sealing import BatchKey, Opener, new_batch_key, seal

PLACE = Place("key_01A", "bat_1", "sku-1")
SECRET = Secret("CODE-1234", "pass 密")


@dataclass
class MemoryWrapper:
    """A master key in memory, and a count of how often it was asked."""

    master: AESGCM = field(default_factory=lambda: AESGCM(AESGCM.generate_key(256)))
    unwrapped: int = 0

    def generate(self, context: dict[str, str]) -> tuple[bytes, bytes]:
        plain, nonce = os.urandom(32), os.urandom(12)
        return plain, nonce + self.master.encrypt(nonce, plain, repr(sorted(context.items())).encode())

    def generate_wrapped(self, context: dict[str, str]) -> bytes:
        return self.generate(context)[1]

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        self.unwrapped += 1
        try:
            return self.master.decrypt(wrapped[:12], wrapped[12:], repr(sorted(context.items())).encode())
        except InvalidTag:
            raise Unavailable from None


@dataclass
class Clock:
    ms: int = 0

    def __call__(self) -> int:
        return self.ms


@dataclass
class Bench:
    wrapper: MemoryWrapper
    clock: Clock
    key: BatchKey
    opener: Opener

    def batch_key(self, batch_id: str) -> BatchKey:
        return new_batch_key(self.wrapper, batch_id, PLACE.sku_id)


@pytest.fixture
def bench() -> Bench:
    wrapper, clock = MemoryWrapper(), Clock()
    return Bench(wrapper, clock, new_batch_key(wrapper, PLACE.batch_id, PLACE.sku_id), Opener(wrapper, clock))


def test_a_sealed_secret_opens_where_it_belongs(bench: Bench) -> None:
    assert bench.opener.open(bench.key.wrapped, PLACE, seal(bench.key, PLACE, SECRET)) == SECRET
    alone = Secret("CODE-1234")
    assert bench.opener.open(bench.key.wrapped, PLACE, seal(bench.key, PLACE, alone)) == alone


def test_a_sealed_secret_opens_nowhere_else(bench: Bench) -> None:
    sealed = seal(bench.key, PLACE, SECRET)
    with pytest.raises(SecretUnreadable):
        bench.opener.open(bench.key.wrapped, Place("key_01B", PLACE.batch_id, PLACE.sku_id), sealed)
    for elsewhere in (Place(PLACE.key_id, "bat_2", PLACE.sku_id), Place(PLACE.key_id, PLACE.batch_id, "sku-2")):
        # A warm process still has the data key at hand; a fresh one is not even given it.
        with pytest.raises(SecretUnreadable):
            bench.opener.open(bench.key.wrapped, elsewhere, sealed)
        with pytest.raises(Unavailable):
            Opener(bench.wrapper, bench.clock).open(bench.key.wrapped, elsewhere, sealed)


@given(position=st.integers(0, 200), bit=st.integers(0, 7))
def test_one_changed_bit_makes_a_secret_unreadable(position: int, bit: int) -> None:
    wrapper = MemoryWrapper()
    key = new_batch_key(wrapper, PLACE.batch_id, PLACE.sku_id)
    sealed = bytearray(seal(key, PLACE, SECRET))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SecretUnreadable):
        Opener(wrapper, Clock()).open(key.wrapped, PLACE, bytes(sealed))


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_a_ciphertext_cut_short_is_unreadable(bench: Bench, length: int) -> None:
    with pytest.raises(SecretUnreadable):
        bench.opener.open(bench.key.wrapped, PLACE, seal(bench.key, PLACE, SECRET)[:length])


def test_the_same_secret_is_sealed_differently_each_time(bench: Bench) -> None:
    assert len({seal(bench.key, PLACE, SECRET) for _ in range(50)}) == 50


def test_nothing_readable_is_left_in_a_ciphertext_or_in_what_is_printed(bench: Bench) -> None:
    sealed = seal(bench.key, PLACE, SECRET)
    assert b"CODE" not in sealed
    assert "CODE" not in repr(SECRET)
    assert "pass" not in repr(SECRET)
    assert repr(bench.key.plain) not in repr(bench.key)


def test_a_data_key_is_unwrapped_once_for_many_secrets_but_not_for_ever(bench: Bench) -> None:
    sealed = seal(bench.key, PLACE, SECRET)
    for _ in range(vault.MAX_USES_OF_CACHED_KEY):
        bench.opener.open(bench.key.wrapped, PLACE, sealed)
    assert bench.wrapper.unwrapped == 1
    bench.opener.open(bench.key.wrapped, PLACE, sealed)
    assert bench.wrapper.unwrapped == 2


def test_an_unwrapped_data_key_is_forgotten_after_its_minutes(bench: Bench) -> None:
    sealed = seal(bench.key, PLACE, SECRET)
    bench.opener.open(bench.key.wrapped, PLACE, sealed)
    bench.clock.ms += vault.MAX_AGE_OF_CACHED_KEY_MS
    bench.opener.open(bench.key.wrapped, PLACE, sealed)
    assert bench.wrapper.unwrapped == 1
    bench.clock.ms += 1
    bench.opener.open(bench.key.wrapped, PLACE, sealed)
    assert bench.wrapper.unwrapped == 2


def test_a_data_key_that_nobody_asks_for_again_is_forgotten_with_the_next_call(bench: Bench) -> None:
    idle_place, idle = Place("key_01A", "bat_idle", PLACE.sku_id), bench.batch_key("bat_idle")
    bench.opener.open(idle.wrapped, idle_place, seal(idle, idle_place, SECRET))
    bench.clock.ms += vault.MAX_AGE_OF_CACHED_KEY_MS
    bench.opener.open(bench.key.wrapped, PLACE, seal(bench.key, PLACE, SECRET))
    assert set(bench.opener._cached) == {idle.wrapped, bench.key.wrapped}
    bench.clock.ms += 1
    bench.opener.open(bench.key.wrapped, PLACE, seal(bench.key, PLACE, SECRET))
    assert set(bench.opener._cached) == {bench.key.wrapped}


def test_only_so_many_data_keys_are_held_and_the_oldest_goes_first(bench: Bench) -> None:
    batches = [f"bat_{n}" for n in range(vault.MAX_CACHED_KEYS + 1)]
    stored = []
    for batch_id in batches:
        place, key = Place("key_01A", batch_id, PLACE.sku_id), bench.batch_key(batch_id)
        stored.append((key.wrapped, place, seal(key, place, SECRET)))
    for item in stored:
        bench.opener.open(*item)
    opened = bench.wrapper.unwrapped
    bench.opener.open(*stored[-1])
    bench.opener.open(*stored[1])
    assert bench.wrapper.unwrapped == opened
    bench.opener.open(*stored[0])
    assert bench.wrapper.unwrapped == opened + 1


@pytest.fixture
def names() -> Fingerprints:
    wrapper = MemoryWrapper()
    return Fingerprints(wrapper, 1, wrapper.generate_wrapped(FINGERPRINT_CONTEXT))


@pytest.mark.parametrize("spelling", ["abcd-1234", "ＡＢＣＤ－１２３４", " ABCD-1234 ", "ａBcD-1234"])
def test_case_width_and_outer_blanks_make_no_other_code(names: Fingerprints, spelling: str) -> None:
    assert names.key_id("game", spelling, case_sensitive=False) == names.key_id(
        "game", "ABCD-1234", case_sensitive=False
    )


def test_another_code_and_another_issuer_have_another_name(names: Fingerprints) -> None:
    ids = {
        names.key_id(issuer, code, case_sensitive=False) for issuer in ("game", "video") for code in ("A1", "A2", "A12")
    }
    assert len(ids) == 6


def test_one_code_has_one_name_however_it_is_grouped_and_written(names: Fingerprints) -> None:
    written = ("AB12-CD34", "ab12cd34", "AB12 CD34", " ＡＢ12－ｃｄ34 ", "A-B-1-2-C-D-3-4")
    assert len({names.key_id("game", code, case_sensitive=False) for code in written}) == 1
    assert names.key_id("game", "----", case_sensitive=False) != names.key_id("game", "", case_sensitive=False)


def test_letters_taken_for_digits_make_no_other_code_of_our_own_and_another_one_of_others(names: Fingerprints) -> None:
    assert names.key_id(OWN_ISSUER, "10AB-CDEF", case_sensitive=False) == names.key_id(
        OWN_ISSUER, "loab cdef", case_sensitive=False
    )
    assert names.key_id("game", "10AB-CDEF", case_sensitive=False) != names.key_id(
        "game", "loab cdef", case_sensitive=False
    )


def test_a_sealed_file_opens_under_its_own_key_and_name_only(names: Fingerprints) -> None:
    key, other = names.file_key("bat_1"), names.file_key("bat_2")
    sealed = seal_file(key, "rejected/1", b"lines")
    assert open_file(key, "rejected/1", sealed) == b"lines"
    assert b"lines" not in sealed
    for wrong in (
        (other, "rejected/1", sealed),
        (key, "rejected/2", sealed),
        (key, "rejected/1", sealed[:-1]),
        (key, "x", b""),
    ):
        with pytest.raises(SecretUnreadable):
            open_file(*wrong)


def test_a_name_says_the_version_of_its_key_and_tells_nothing_without_that_key(names: Fingerprints) -> None:
    wrapper = MemoryWrapper()
    others = Fingerprints(wrapper, 2, wrapper.generate_wrapped(FINGERPRINT_CONTEXT))
    assert names.key_id("game", "0000", case_sensitive=False).startswith("key_01")
    assert others.key_id("game", "0000", case_sensitive=False).startswith("key_02")
    assert (
        names.key_id("game", "0000", case_sensitive=False)[6:]
        != others.key_id("game", "0000", case_sensitive=False)[6:]
    )


def test_codes_that_differ_in_case_are_two_where_the_issuer_says_so_and_width_and_dashes_still_make_no_other(
    names: Fingerprints,
) -> None:
    def name(code: str) -> str:
        return names.key_id("game", code, case_sensitive=True)

    assert name("aBcD-1234") != name("ABCD-1234")
    assert name("aBcD-1234") == name("ａBcD 1234") == name("aBcD1234")


@given(code=st.text(), case_sensitive=st.booleans())
def test_folding_a_code_twice_changes_nothing_more(code: str, case_sensitive: bool) -> None:
    once = normalised(code, case_sensitive=case_sensitive)
    assert normalised(once, case_sensitive=case_sensitive) == once


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("ABCD-EFGH-IJKL-1234", "••••1234"),
        ("ABCD-EFGH-1234", "••••234"),
        ("12345678", "••••78"),
        ("1234", "••••4"),
        ("123", "••••"),
        ("", "••••"),
    ],
)
def test_a_mask_shows_at_most_four_characters_and_never_more_than_a_quarter(code: str, shown: str) -> None:
    assert mask(code) == shown
