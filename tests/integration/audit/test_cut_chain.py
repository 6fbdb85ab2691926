"""A subject with more records than one call reads: what is wrong shows wherever it is cut, and nothing else does."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from keyrail.platform.audit_chain import LOOKED_BESIDE, MAX_RELAY_LAG_S
from keyrail.platform.audit_walk import Part, walk, walk_subject
from keyrail.platform.documents import to_attributes
from keyrail.platform.errors import Invalid
from tests.faults.breaking import Wire
from tests.integration.audit.test_chain import (
    Life,
    changed,
    everything,
    life,
    lived,
    place,
    stored,
    subject,
    taken_away,
    verification,
)
from tests.stream_of_keys import change, looked_at
from tests.world import World

LIMIT = 40
LENGTH = 4 * LIMIT  # judged in three parts: up to 40, up to 80, and the rest
LAST = LENGTH
MAX_BATCH_PUTS = 25  # DynamoDB's


def parts(world: World, between: Callable[[], object] | None = None, behind: int = 1) -> list[Part]:
    """All of them; `between` happens once so many are read."""
    walked = [walk_subject(verification(world), subject(1), LIMIT, None)]
    while walked[-1].following is not None:
        if between and len(walked) == behind:
            between()
        walked.append(walk_subject(verification(world), subject(1), LIMIT, walked[-1].following))
    return walked


def long_life(world: World) -> Life:
    return written(world, life(1, LENGTH))


def written(world: World, keys: Life) -> Life:
    """As `lived`, many records at once."""
    stored(world, keys[-1])
    records = [world.chain.sealed(change(old, new).record, old) for old, new in zip([None, *keys], keys, strict=False)]
    for first in range(0, len(records), MAX_BATCH_PUTS):
        puts: Any = [{"PutRequest": {"Item": to_attributes(r)}} for r in records[first : first + MAX_BATCH_PUTS]]
        assert not world.dynamodb.batch_write_item(RequestItems={world.names["audit"]: puts})["UnprocessedItems"]
    return keys


def found(walked: list[Part]) -> list[tuple[int, str]]:
    return sorted((version, problem) for _, version, problem in everything(walked))


def test_it_is_read_in_parts_and_each_record_is_judged_once(world: World) -> None:
    long_life(world)
    walked = parts(world)
    assert [part.records for part in walked] == [LIMIT, LIMIT, 2 * LIMIT]
    assert [part.subjects for part in walked] == [0, 0, 1]
    assert found(walked) == []


def test_no_call_reads_more_records_than_it_says(world: World) -> None:
    long_life(world)
    cursor = None
    for _ in range(3):
        wire = Wire()
        with wire.carrying(world.dynamodb):
            part = walk_subject(verification(world), subject(1), LIMIT, cursor)
        cursor = part.following
        assert wire.requests.count("dynamodb.Query") <= 2
        assert part.records <= LIMIT + LOOKED_BESIDE


@pytest.mark.parametrize("gone", [1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 2 * LIMIT + 1, LIMIT + LOOKED_BESIDE])
def test_a_record_that_is_gone_shows_once_wherever_the_subject_is_cut(world: World, gone: int) -> None:
    keys = long_life(world)
    taken_away(world, keys[gone - 1])
    walked = parts(world)
    assert found(walked) == [(gone, "missing")]
    assert sum(part.problems for part in walked) == 1
    assert sum(part.records for part in walked) == LENGTH - 1


def test_all_records_of_a_part_that_are_gone_show(world: World) -> None:
    keys = long_life(world)
    taken_away(world, *keys[LIMIT - 5 : 2 * LIMIT + 5])
    assert found(parts(world)) == [(version, "missing") for version in range(LIMIT - 4, 2 * LIMIT + 6)]


@pytest.mark.parametrize("at", [1, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 2, 2 * LIMIT, LAST])
def test_a_changed_record_shows_once_before_and_behind_the_cut(world: World, at: int) -> None:
    keys = long_life(world)
    changed(world, keys[at - 1], "by", {"S": "somebody else"})
    walked = parts(world)
    assert found(walked) == [(at, "changed")]
    assert sum(part.problems for part in walked) == 1


def test_records_that_are_missing_in_the_end_show_against_the_item(world: World) -> None:
    keys = long_life(world)
    taken_away(world, *keys[-3:])
    assert found(parts(world)) == [(version, "end_missing") for version in range(LAST - 2, LAST + 1)]


def test_all_that_follows_the_cut_is_gone_between_two_parts(world: World) -> None:
    keys = long_life(world)
    walked = parts(world, between=lambda: taken_away(world, *keys[LIMIT:]))
    assert set(found(walked)) < {(version, "end_missing") for version in range(LIMIT + 1, LAST + 1)}
    assert sum(part.problems for part in walked) == LAST - LIMIT


def test_what_was_judged_may_go_and_the_rest_is_held_to_what_was_reached(world: World) -> None:
    """All records before the last part are gone, and its first: it knows how far the chain was LOOKED_BESIDE ago."""
    keys = long_life(world)
    walked = parts(world, between=lambda: taken_away(world, *keys[: 2 * LIMIT + 1]), behind=2)
    left = range(2 * LIMIT - LOOKED_BESIDE + 1, 2 * LIMIT + 2)
    assert found(walked) == [(version, "missing") for version in left]


def test_a_record_of_another_history_shows_right_behind_the_cut(world: World) -> None:
    keys = long_life(world)
    other = replace(keys[LIMIT - 1], changed_by="somebody else")
    genuine = change(keys[LIMIT - 1], keys[LIMIT]).record
    taken_away(world, keys[LIMIT])
    sealed_otherwise = world.another_process().chain
    sealed_otherwise.remember(genuine.subject, other.version, b"m" * 32)
    sealed_otherwise.write(genuine, other)
    assert found(parts(world)) == [(LIMIT + 1, "unlinked"), (LIMIT + 2, "unlinked")]


def test_a_subject_that_grows_between_two_parts_is_not_broken(world: World) -> None:
    keys = long_life(world)

    def goes_on() -> None:
        later = [keys[-1]]
        while len(later) < 2 * LIMIT:
            later.append(looked_at(later[-1]))
        for old, new in pairwise(later):
            world.chain.write(change(old, new).record, old)
        stored(world, later[-1])

    walked = parts(world, between=goes_on)
    assert found(walked) == []
    assert sum(part.records for part in walked) == LENGTH + 2 * LIMIT - 1


def test_a_version_that_is_on_its_way_when_the_end_is_reached_is_pending(world: World) -> None:
    keys = long_life(world)
    newest = replace(looked_at(keys[-1]), changed_at_ms=world.now_ms() - MAX_RELAY_LAG_S * 500)
    walked = parts(world, between=lambda: stored(world, newest))
    assert (found(walked), walked[-1].pending) == ([], 1)


def test_clocks_that_disagree_at_the_cut_break_nothing(world: World) -> None:
    keys = life(1, LENGTH)
    for at in (LIMIT - 1, 2 * LIMIT - 1, 2 * LIMIT):
        early = keys[at - 12].changed_at_ms - 1
        keys[at] = replace(keys[at], changed_at_ms=early)
    written(world, keys)
    walked = parts(world)
    assert found(walked) == []
    assert sum(part.records for part in walked) == LENGTH


def test_a_gap_at_the_cut_that_was_filled_late_is_none(world: World) -> None:
    keys = life(1, LENGTH)
    stored(world, keys[-1])
    late = range(LIMIT - 2, LIMIT + 4)
    for old, new in zip([None, *keys], keys, strict=False):
        if new.version not in late:
            world.chain.write(change(old, new).record, old)
    assert found(parts(world)) == [(version, "missing") for version in late]
    for version in late:
        again = world.another_process().chain
        again.write(change(keys[version - 2], keys[version - 1]).record, keys[version - 2])
    assert found(parts(world)) == []


def test_a_version_that_nobody_ever_reached_is_no_measure_for_what_follows(world: World) -> None:
    keys = long_life(world)
    made_up = {**place(change(None, keys[5]).record), "version": {"N": "99999999"}, "by": {"L": []}}
    made_up["at_id"]["S"] += "x"
    world.dynamodb.put_item(TableName=world.names["audit"], Item=made_up)
    taken_away(world, keys[2 * LIMIT])
    walked = parts(world)
    assert (2 * LIMIT + 1, "missing") in found(walked)
    assert "unlinked" not in {problem for _, problem in found(walked)}


# the whole trail


@pytest.mark.parametrize("limit", [1, 3, LIMIT, 1000])
def test_a_long_subject_among_short_ones_is_walked_in_parts(world: World, limit: int) -> None:
    keys = long_life(world)
    lived(world, *(life(number, number) for number in range(2, 5)))
    taken_away(world, keys[LIMIT])
    walked = [walk(verification(world), limit, None)]
    while walked[-1].following is not None:
        walked.append(walk(verification(world), limit, walked[-1].following))
    assert everything(walked) == {(subject(1), LIMIT + 1, "missing")}
    assert sum(part.records for part in walked) == LENGTH - 1 + 2 + 3 + 4
    assert max(part.records for part in walked) <= limit + LOOKED_BESIDE


# who may say where it goes on


def forged(cursor: str) -> list[str]:
    """What somebody makes of a cursor who wants to have the first hundred versions passed over."""
    mac, (table, key, (_, _, last_mac)) = cursor[:64], json.loads(cursor[64:])
    further = json.dumps([table, key, ["9", 100, last_mac]])
    return [further, f"{mac}{further}", f"{'0' * 64}{further}", f"{mac[::-1]}{cursor[64:]}", cursor[64:], "", "é" * 80]


def test_a_position_that_was_made_up_is_refused(world: World) -> None:
    keys = long_life(world)
    taken_away(world, *keys[: LIMIT + 5])
    cursor = parts(world)[0].following
    assert cursor is not None
    for made_up in forged(cursor):
        with pytest.raises(Invalid):
            walk_subject(verification(world), subject(1), LIMIT, made_up)
        with pytest.raises(Invalid):
            walk(verification(world), LIMIT, made_up)


def test_a_position_in_one_subject_is_none_in_another_nor_in_all(world: World) -> None:
    long_life(world)
    lived(world, life(2))
    cursor = parts(world)[0].following
    with pytest.raises(Invalid):
        walk_subject(verification(world), subject(2), LIMIT, cursor)
    with pytest.raises(Invalid):
        walk(verification(world), LIMIT, cursor)
    in_all = walk(verification(world), 1, None).following
    with pytest.raises(Invalid):
        walk_subject(verification(world), subject(1), LIMIT, in_all)


def test_with_another_secret_a_position_is_none(world: World) -> None:
    long_life(world)
    cursor = parts(world)[0].following
    with pytest.raises(Invalid):
        walk_subject(replace(verification(world), secret="another"), subject(1), LIMIT, cursor)


def test_a_kind_that_nobody_audits_stops_no_walk(world: World) -> None:
    """Whoever can write to the trail cannot keep it from being verified by that."""
    for number in range(LOOKED_BESIDE + 5):
        stray = {"subject": {"S": "nothing:1"}, "at_id": {"S": f"{number:013d}"}}
        world.dynamodb.put_item(TableName=world.names["audit"], Item=stray)
    lived(world, life(1))
    walked = [walk(verification(world), 2, None)]
    while walked[-1].following is not None:
        walked.append(walk(verification(world), 2, walked[-1].following))
    assert "nothing:1" in {name for name, _, _ in everything(walked)}
    assert sum(part.records for part in walked) == LOOKED_BESIDE + 5 + 3
