"""Records are chained as they are written, and what is done to the table shows when they are verified."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from keyrail.inventory.model.keys import Key
from keyrail.platform.audit import AuditRecord
from keyrail.platform.audit_chain import Verdict
from keyrail.platform.audit_verification import AuditVerification, Place, SubjectNotFound
from keyrail.platform.audit_walk import Part, walk
from keyrail.platform.audit_writing import AuditChain
from keyrail.platform.documents import to_attributes
from keyrail.platform.errors import Invalid
from tests.faults.breaking import Wire
from tests.stream_of_keys import after, change, leased, looked_at, new_key, sold
from tests.world import CHAIN_SECRET, World

Life = list[Key]


def life(number: int, versions: int = 3) -> Life:
    keys = [new_key(number), leased(new_key(number)), sold(leased(new_key(number)))][:versions]
    while len(keys) < versions:
        keys.append(after(keys[-1], revealed_at_ms=keys[-1].changed_at_ms))
    return keys


def lived(world: World, *lives: Life, chain: AuditChain | None = None) -> None:
    """The items as they stand in the end, and a record of each step."""
    for keys in lives:
        stored(world, keys[-1])
        recorded(world, keys, chain)


def stored(world: World, key: Key) -> None:
    world.dynamodb.put_item(TableName=world.names["keys"], Item=to_attributes(key))


def recorded(world: World, keys: Life, chain: AuditChain | None = None) -> None:
    for old, new in zip([None, *keys], keys, strict=False):
        (chain or world.chain).write(change(old, new).record, old)


def verification(world: World) -> AuditVerification:
    keys = world.names["keys"]
    places = (
        Place("key", keys, lambda name: {"key_id": name}, lambda key: key["key_id"] if _is_key(key) else None),
        Place("batch", keys, lambda name: {"key_id": name}, lambda _: None),
        Place("order", world.names["orders"], lambda name: {"order_id": name}, lambda key: key["order_id"]),
    )
    return AuditVerification(world.dynamodb, world.names["audit"], CHAIN_SECRET, places, world.now_ms)


def _is_key(key: Any) -> bool:
    return str(key["key_id"]).startswith("key_")


def subject(number: int) -> str:
    return f"key:key_01{number:026d}"


def found(world: World, number: int = 1) -> list[tuple[int, str]]:
    return [(each.version, each.problem.value) for each in judged(world, number).findings]


def judged(world: World, number: int = 1) -> Verdict:
    return verification(world).of(subject(number), limit=100).verdict


def place(record: AuditRecord) -> dict[str, Any]:
    return {"subject": {"S": record.subject}, "at_id": {"S": record.at_id}}


def taken_away(world: World, *keys: Key) -> None:
    for key in keys:
        world.dynamodb.delete_item(TableName=world.names["audit"], Key=place(change(None, key).record))


def changed(world: World, key: Key, name: str, value: dict[str, Any]) -> None:
    world.dynamodb.update_item(
        TableName=world.names["audit"],
        Key=place(change(None, key).record),
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


# as it is written


def test_each_record_follows_the_one_before_it(world: World) -> None:
    lived(world, life(1, 5))
    records = {int(item["version"]["N"]): item for item in world.scan("audit")}
    assert "previous" not in records[1]
    assert [records[version]["previous"] for version in range(2, 6)] == [records[v]["mac"] for v in range(1, 5)]
    assert found(world) == []


def test_processes_that_remember_nothing_of_each_other_write_one_chain(world: World) -> None:
    keys = life(1, 4)
    stored(world, keys[-1])
    for old, new in zip([None, *keys], keys, strict=False):
        world.another_process().chain.write(change(old, new).record, old)
    assert found(world) == []
    assert judged(world).records == 4


def test_a_redelivered_change_leaves_the_trail_as_it_is(world: World) -> None:
    keys = life(1, 3)
    lived(world, keys)
    before = world.scan("audit")
    recorded(world, keys, world.another_process().chain)
    told_otherwise = replace(change(keys[0], keys[1]).record, what=("key.called_otherwise",))
    world.another_process().chain.write(told_otherwise, keys[0])
    assert world.scan("audit") == before


def test_the_chain_goes_on_behind_what_stands_there_and_not_behind_what_came_again(world: World) -> None:
    keys = life(1, 3)
    recorded(world, keys[:2])
    again = world.another_process().chain
    again.write(replace(change(keys[0], keys[1]).record, what=("key.called_otherwise",)), keys[0])
    again.write(change(keys[1], keys[2]).record, keys[1])
    stored(world, keys[2])
    assert found(world) == []


def test_a_first_record_is_written_without_a_read_and_a_later_one_with_at_most_one(world: World) -> None:
    keys, wire = life(1, 3), Wire()
    with wire.carrying(world.dynamodb):
        for number in range(1, 4):
            world.chain.write(change(None, new_key(number)).record, None)
        world.chain.write(change(keys[0], keys[1]).record, keys[0])
        world.another_process().chain.write(change(keys[1], keys[2]).record, keys[1])
    assert wire.requests == ["dynamodb.PutItem"] * 4 + ["dynamodb.GetItem", "dynamodb.PutItem"]


def test_a_change_whose_clock_is_behind_that_of_the_one_before_is_linked_all_the_same(world: World) -> None:
    first = new_key(1)
    second = replace(leased(first), changed_at_ms=first.changed_at_ms - 5_000)
    third = sold(second)
    lived(world, [first, second, third])
    assert found(world) == []


def test_a_write_that_takes_an_item_on_by_two_versions_is_one_link(world: World) -> None:
    first = new_key(1)
    second = replace(sold(leased(first)), version=3)
    lived(world, [first, second, looked_at(second)])
    assert found(world) == []
    taken_away(world, second)
    assert found(world) == [(2, "missing"), (3, "missing")]


def test_a_record_that_was_set_aside_is_chained_over_and_missed(world: World) -> None:
    keys = life(1, 5)
    stored(world, keys[-1])
    for old, new in zip([None, *keys], keys, strict=False):
        if new.version != 3:
            world.another_process().chain.write(change(old, new).record, old)
    assert found(world) == [(3, "missing")]
    previous = {item["version"]["N"]: item.get("previous") for item in world.scan("audit")}
    macs = {item["version"]["N"]: item["mac"] for item in world.scan("audit")}
    assert previous["4"] == macs["2"]
    world.another_process().chain.write(change(keys[1], keys[2]).record, keys[1])
    assert found(world) == []


# as it is read again


def test_what_was_taken_away_shows_wherever_it_stood(world: World) -> None:
    for number, gone in enumerate((0, 1, 2, -1), 1):
        keys = life(number, 5)
        lived(world, keys)
        taken_away(world, keys[gone])
    assert [found(world, number) for number in range(1, 5)] == [
        [(1, "missing")], [(2, "missing")], [(3, "missing")], [(5, "end_missing")],
    ]  # fmt: skip


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("by", {"S": "somebody else"}),
    ("address", {"S": "203.0.113.1"}),
    ("what", {"L": [{"S": "key.released"}]}),
    ("at_ms", {"N": "1"}),
    ("order_id", {"S": "ord_of_somebody_else"}),
    ("reason", {"S": "none was given"}),
    ("mac", {"B": b"m" * 32}),
    ("previous", {"B": b"p" * 32}),
    ("by", {"L": []}),
    ("version", {"S": "two"}),
    ("mac", {"S": "m" * 32}),
]


@pytest.mark.parametrize(("name", "value"), CHANGES, ids=lambda each: str(each)[:30])
def test_a_changed_record_shows_even_where_it_is_no_record_any_more(
    world: World, name: str, value: dict[str, Any]
) -> None:
    keys = life(1, 3)
    lived(world, keys)
    changed(world, keys[1], name, value)
    assert (2, "changed") in found(world)


def test_what_stands_beside_a_record_and_not_in_it_may_change(world: World) -> None:
    keys = life(1, 3)
    lived(world, keys)
    changed(world, keys[1], "lot", {"S": "another"})
    assert found(world) == []


def test_records_that_were_moved_to_another_subject_show(world: World) -> None:
    lived(world, life(1, 3), life(2, 3))
    other = next(i for i in world.scan("audit") if i["subject"]["S"] == subject(2) and i["version"]["N"] == "2")
    world.dynamodb.put_item(TableName=world.names["audit"], Item={**other, "subject": {"S": subject(1)}})
    assert found(world) == [(2, "changed"), (3, "unlinked")]


def test_an_item_that_is_gone_or_was_put_back_shows(world: World) -> None:
    lived(world, life(1), life(2))
    world.dynamodb.delete_item(TableName=world.names["keys"], Key={"key_id": {"S": new_key(1).key_id}})
    stored(world, leased(new_key(2)))
    assert (found(world, 1), found(world, 2)) == ([(3, "item_missing")], [(3, "item_behind")])


def test_what_changed_a_moment_ago_may_be_on_its_way(world: World) -> None:
    keys = life(1)
    recorded(world, keys[:2])
    stored(world, replace(keys[2], changed_at_ms=world.now_ms()))
    verdict = judged(world)
    assert (verdict.pending, verdict.problems) == (1, 0)


def test_a_subject_that_nobody_knows_is_not_found_and_a_kind_that_nobody_audits_is_refused(world: World) -> None:
    with pytest.raises(SubjectNotFound):
        judged(world, 9)
    for unknown in ("pool:game-100", "keys", ""):
        with pytest.raises(Invalid):
            verification(world).of(unknown, limit=1)


# all of it


def parts(world: World, limit: int, between: Callable[[], None] | None = None) -> list[Part]:
    walked = [walk(verification(world), limit, None)]
    while walked[-1].following is not None:
        if between and len(walked) == 1:
            between()
        walked.append(walk(verification(world), limit, walked[-1].following))
    return walked


def everything(walked: list[Part]) -> set[tuple[str, int, str]]:
    return {(name, each.version, each.problem.value) for part in walked for name, each in part.findings}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 100])
def test_all_of_it_is_walked_in_whatever_parts(world: World, limit: int) -> None:
    lived(world, *(life(number, number) for number in range(1, 7)))
    walked = parts(world, limit)
    assert everything(walked) == set()
    assert sum(part.problems for part in walked) == 0
    assert sum(part.records for part in walked) == 1 + 2 + 3 + 4 + 5 + 6


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_what_is_wrong_shows_in_whatever_parts_it_is_walked(world: World, limit: int) -> None:
    lives = [life(number, 5) for number in range(1, 7)]
    lived(world, *lives)
    taken_away(world, lives[0][0], lives[1][2], lives[2][4], *lives[3])
    changed(world, lives[4][3], "by", {"S": "somebody else"})
    walked = parts(world, limit)
    assert everything(walked) == {
        (subject(1), 1, "missing"),
        (subject(2), 3, "missing"),
        (subject(3), 5, "end_missing"),
        *((subject(4), version, "end_missing") for version in range(1, 6)),
        (subject(5), 4, "changed"),
    }
    assert sum(part.problems for part in walked) == 9


def test_a_subject_that_grows_while_the_trail_is_walked_is_not_judged_by_its_end_alone(world: World) -> None:
    keys = life(1, 5)
    lived(world, keys[:3], life(2, 2))

    def goes_on() -> None:
        for old, new in pairwise(keys[2:]):
            world.another_process().chain.write(change(old, new).record, old)
        stored(world, keys[4])

    assert everything(parts(world, 3, between=goes_on)) == set()


def test_items_of_all_tables_are_looked_at(world: World) -> None:
    lived(world, life(1))
    unrecorded = {"order_id": "ord_1", "version": 2, "changed_at_ms": 1}
    item = {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in unrecorded.items()}
    world.dynamodb.put_item(TableName=world.names["orders"], Item=item)
    assert everything(parts(world, 2)) == {("order:ord_1", 1, "end_missing"), ("order:ord_1", 2, "end_missing")}
