"""Ids, cursors and times: names that mean the same on every machine."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.platform.clock import rfc3339, system_now_ms, utc_date
from keyrail.platform.cursor import decode_cursor, encode_cursor
from keyrail.platform.errors import Invalid
from keyrail.platform.ids import BODY_LENGTH, CROCKFORD, body_of, derived_id, new_id, random_suffix, shard_of

NOW_MS = 1_767_225_600_000


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_the_same_names_give_the_same_id(names: list[str]) -> None:
    first = derived_id("ord", *names)
    assert first == derived_id("ord", *names)
    assert body_of(first, "ord") == first.removeprefix("ord_")


def test_a_derived_id_never_changes_between_releases() -> None:
    assert derived_id("ord", "main", "storefront", "0123456789abcdef") == "ord_4Q64BSMGPWHM8RRP1WKKPQEYA2"


@given(st.text(), st.text())
def test_names_do_not_run_into_each_other(left: str, right: str) -> None:
    whole = derived_id("ord", left + right)
    assert whole != derived_id("ord", left, right)
    if right:
        assert derived_id("ord", left, right) != derived_id("ord", left + right[0], right[1:])


def test_another_prefix_is_another_kind_of_the_same_name() -> None:
    assert derived_id("ord", "a")[4:] == derived_id("bat", "a")[4:]
    assert body_of(derived_id("ord", "a"), "bat") is None


def test_new_ids_sort_by_time_and_differ_within_it() -> None:
    assert new_id("unt", NOW_MS) < new_id("unt", NOW_MS + 1)
    assert len({new_id("unt", NOW_MS) for _ in range(1_000)}) == 1_000


def test_an_id_is_a_prefix_and_26_characters_that_nobody_confuses() -> None:
    prefix, _, body = new_id("bat", NOW_MS).partition("_")
    assert (prefix, len(body)) == ("bat", BODY_LENGTH)
    assert set(body) <= set(CROCKFORD)
    assert not set("ILOU") & set(CROCKFORD)


@pytest.mark.parametrize(
    "text", ["", "ord", "ord_", "ord_short", "ord_" + "I" * 26, "bat_" + "0" * 26, "ord_" + "é" * 26]
)
def test_what_is_no_id_has_no_body(text: str) -> None:
    assert body_of(text, "ord") is None


def test_what_follows_the_body_is_not_part_of_it() -> None:
    assert body_of("pay_" + "0" * 26 + "07", "pay") == "0" * 26


@given(st.text(), st.integers(1, 64))
def test_a_shard_is_one_of_those_there_are(name: str, shards: int) -> None:
    assert shard_of(name, shards) == shard_of(name, shards)
    assert 0 <= shard_of(name, shards) < shards


def test_shards_fill_evenly() -> None:
    filled = [shard_of(derived_id("ord", str(number)), 8) for number in range(8_000)]
    assert all(900 < filled.count(shard) < 1_100 for shard in range(8))


def test_a_suffix_is_ten_characters_of_chance() -> None:
    suffixes = {random_suffix() for _ in range(1_000)}
    assert {len(suffix) for suffix in suffixes} == {10}
    assert len(suffixes) == 1_000


@given(st.text(min_size=1))
def test_a_cursor_leads_back_to_where_it_was_made(position: str) -> None:
    cursor = encode_cursor(position)
    assert decode_cursor(cursor) == position
    assert cursor is not None
    assert json.dumps(cursor) == f'"{cursor}"', "goes into an address as it is"
    assert not set(cursor) & set("+/=&? ")


def test_no_cursor_is_the_beginning_and_the_end() -> None:
    assert encode_cursor(None) is None
    assert decode_cursor(None) is None


@pytest.mark.parametrize("cursor", ["", "=", "a", "%%%%", "a b c", "卡密", "_w", "a+/b"])
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(cursor)
    assert [(f.field, f.reason) for f in refused.value.fields] == [("cursor", "unknown")]


def test_times_are_rendered_in_utc_with_their_milliseconds() -> None:
    assert rfc3339(NOW_MS) == "2026-01-01T00:00:00.000Z"
    assert rfc3339(NOW_MS - 1) == "2025-12-31T23:59:59.999Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_a_day_ends_at_midnight_utc() -> None:
    assert (utc_date(NOW_MS - 1), utc_date(NOW_MS)) == ("2025-12-31", "2026-01-01")


def test_the_system_s_clock_counts_milliseconds() -> None:
    assert system_now_ms() > NOW_MS
