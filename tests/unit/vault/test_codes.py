"""Codes of our own: what people mistype shows before any table is asked, and nobody guesses one."""

import math
import re
import secrets
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.catalog.model import MAX_CODE_PREFIX, check_code_prefix
from keyrail.platform.errors import Invalid
from keyrail.platform.ids import CROCKFORD
from keyrail.vault.codes import (
    CHECK_SYMBOLS,
    MAX_LENGTH,
    MIN_BODY,
    MIN_LENGTH,
    MistypedCode,
    body_length,
    canonical,
    check,
    check_symbol,
    folded,
    grouped,
    new_code,
)

ORDINARY, MODULUS = len(CROCKFORD), len(CHECK_SYMBOLS)
PREFIXES = ["KEYRAHVM"[:length] for length in range(MAX_CODE_PREFIX + 1)]
symbols = st.text(alphabet=CROCKFORD, min_size=MIN_LENGTH - 1, max_size=MAX_LENGTH - 1)


def with_check(payload: str) -> str:
    return payload + check_symbol(payload)


def with_check_symbol(wanted: str, length: int) -> str:
    """A code of that length whose check symbol is the one that is wanted."""
    while True:
        code = with_check("".join(secrets.choice(CROCKFORD) for _ in range(length - 1)))
        if code[-1] == wanted:
            return code


# every single mistake, for every code there is: what the other symbols add up to cancels out, so pairs of symbols at
# each position are all cases there are


@given(symbols)
def test_the_check_symbol_is_the_value_in_base_32_modulo_37(payload: str) -> None:
    value = sum(CROCKFORD.index(symbol) * ORDINARY**place for place, symbol in enumerate(reversed(payload)))
    assert check_symbol(payload) == CHECK_SYMBOLS[value % MODULUS]


def test_a_symbol_for_another_changes_the_check_symbol_at_every_position() -> None:
    for place in range(MAX_LENGTH - 1):
        weight = pow(ORDINARY, place, MODULUS)
        for one in range(ORDINARY):
            for other in set(range(ORDINARY)) - {one}:
                assert (one - other) * weight % MODULUS, (place, one, other)


def test_neighbours_that_change_places_change_the_check_symbol_at_every_position() -> None:
    for place in range(MAX_LENGTH - 2):
        right, left = pow(ORDINARY, place, MODULUS), pow(ORDINARY, place + 1, MODULUS)
        for one in range(ORDINARY):
            for other in set(range(ORDINARY)) - {one}:
                assert (one * left + other * right - other * left - one * right) % MODULUS, (place, one, other)


def test_the_last_symbol_and_the_check_symbol_that_change_places_are_told_whatever_stands_before() -> None:
    for before in range(MODULUS):
        for last in range(ORDINARY):
            check = (before * ORDINARY + last) % MODULUS
            if check in {last, *range(ORDINARY, MODULUS)}:
                continue  # nothing changes, or a symbol stands where none of its kind may
            assert (before * ORDINARY + check) % MODULUS != last, (before, last)


# the same once more through the function that buyers meet, over all 37 check symbols and every length


@pytest.mark.parametrize("length", range(MIN_LENGTH, MAX_LENGTH + 1, 4))
def test_of_mistakes_in_one_symbol_and_of_swapped_neighbours_none_passes(length: int) -> None:
    for symbol in CHECK_SYMBOLS:
        code = with_check_symbol(symbol, length)
        assert check(code)
        for place, right in enumerate(code):
            wrong = (code[:place] + other + code[place + 1 :] for other in CHECK_SYMBOLS if other != right)
            assert not any(map(check, wrong)), (code, place)
        for place, (left, right) in enumerate(pairwise(code)):
            if left != right:
                assert not check(code[:place] + right + left + code[place + 2 :]), (code, place)


def test_a_symbol_too_many_or_too_few_shows_by_the_length() -> None:
    for prefix in PREFIXES:
        code = new_code(prefix)
        for place in range(len(code)):
            assert not check(code[:place] + code[place + 1 :])
            assert not check(code[:place] + code[place] + code[place:])


# new codes


@pytest.mark.parametrize("prefix", PREFIXES, ids=len)
def test_a_new_code_has_its_prefix_full_groups_and_at_least_100_bits_of_chance(prefix: str) -> None:
    for _ in range(50):
        code = new_code(prefix)
        assert code.startswith(prefix)
        assert re.fullmatch(rf"([{CROCKFORD}]{{4}}-)*[{CROCKFORD}]{{4}}", grouped(code))
        assert canonical(code) == canonical(grouped(code)) == code
        assert MIN_LENGTH <= len(code) <= MAX_LENGTH
    body = body_length(prefix)
    assert MIN_BODY <= body < MIN_BODY + 4
    assert body * math.log2(ORDINARY) - math.log2(MODULUS / ORDINARY) >= 100


def test_codes_differ_and_every_symbol_of_the_body_is_drawn_at_every_place() -> None:
    codes = [new_code("AB") for _ in range(1_000)]
    assert len(set(codes)) == len(codes)
    for place in range(2, len(codes[0])):
        assert {code[place] for code in codes} == set(CROCKFORD), place


@pytest.mark.parametrize("prefix", PREFIXES, ids=len)
def test_the_catalog_takes_every_prefix_that_a_code_can_begin_with(prefix: str) -> None:
    check_code_prefix(prefix)


@pytest.mark.parametrize("prefix", ["ABCDEFGHJ", "ABO", "I", "L", "U", "ab", "A-B", "A B", "密", "*", "Ａ"])
def test_the_catalog_takes_no_prefix_that_would_be_typed_in_two_ways(prefix: str) -> None:
    with pytest.raises(Invalid):
        check_code_prefix(prefix)


# what people type


def test_letters_taken_for_digits_case_width_dashes_and_blanks_make_no_other_code() -> None:
    code = with_check("0123456789ABCDEFGHJKMNP")
    for typed in (
        code.lower(),
        grouped(code),
        grouped(code).replace("-", " "),
        grouped(code).replace("-", "—"),
        grouped(code).replace("-", "\u2212"),
        f" {code}\r\n",
        f"\u200b{code}\ufeff",
        "".join(chr(ord(c) + 0xFEE0) for c in grouped(code)),
        code.replace("0", "O").replace("1", "I"),
        code.replace("0", "o").replace("1", "l"),
        code.replace("1", "L"),
    ):
        assert canonical(typed) == code, typed


@pytest.mark.parametrize("typed", ["", "0", "----", "密" * 24, "0" * 20, "0" * 36, "U" * 24, "*" * 24, "0" * 25])
def test_what_is_no_code_is_mistyped(typed: str) -> None:
    with pytest.raises(MistypedCode):
        canonical(typed)


def test_all_37_check_symbols_are_taken_in_either_case() -> None:
    for symbol in CHECK_SYMBOLS:
        code = with_check_symbol(symbol, MIN_LENGTH)
        assert canonical(code.lower()) == code


@given(st.text() | st.text(alphabet=f"{CHECK_SYMBOLS}{CHECK_SYMBOLS.lower()}IiLlOo- ", max_size=MAX_LENGTH))
def test_any_text_is_a_code_or_is_told_to_be_none(typed: str) -> None:
    try:
        code = canonical(typed)
    except MistypedCode:
        assert not check(typed)
    else:
        assert check(typed)
        assert canonical(code) == code == folded(typed)
