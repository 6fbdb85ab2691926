"""What a record's MAC vouches for, and what the records of a subject say when they are read again."""

import hashlib
import hmac
from dataclasses import fields, replace
from typing import Any

import pytest

from keyrail.platform.audit import AuditRecord
from keyrail.platform.audit_chain import (
    MAX_FINDINGS,
    MAX_RELAY_LAG_S,
    Live,
    Verdict,
    canonical,
    sealed,
    seen,
    verdict,
)

SECRET = b"s" * 64
NOW_MS = 1_767_225_600_000
LONG_AGO_MS = NOW_MS - MAX_RELAY_LAG_S * 1000


def record(version: int) -> AuditRecord:
    return AuditRecord(
        subject="key:key_01",
        at_id=f"{LONG_AGO_MS:013d}#{version:08d}",
        what=("key.sold",),
        by="buyer",
        address="198.51.100.7",
        at_ms=LONG_AGO_MS,
        version=version,
    )


def behind(record: AuditRecord, previous: bytes | None, secret: bytes = SECRET) -> AuditRecord:
    """Sealed as the change of the version before."""
    return sealed(record, record.version - 1 or None, previous, secret)


def chain(count: int) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    for version in range(1, count + 1):
        records.append(behind(record(version), records[-1].mac if records else None))
    return records


def judged(records: list[AuditRecord], live: Live | None = None, now_ms: int = NOW_MS) -> Verdict:
    versions = [each.version for each in records]
    there = live or Live(max(versions, default=0), LONG_AGO_MS)
    return verdict([seen(each, SECRET) for each in records], there, now_ms)


def found(given: Verdict) -> list[tuple[int, str]]:
    return [(finding.version, finding.problem.value) for finding in given.findings]


def test_the_encoding_is_written_down_here_since_every_record_depends_on_it() -> None:
    told = replace(record(2), reason="客户投诉", order_id="ord_1", what=("order.paid", "order.delivered"))
    linked = behind(told, b"\x00\xff")
    expected = (
        b'{"address":"198.51.100.7","at_id":"1767225480000#00000002","at_ms":1767225480000,"by":"buyer","follows":1,'
        b'"order_id":"ord_1","previous":"00ff","reason":"\\u5ba2\\u6237\\u6295\\u8bc9","subject":"key:key_01",'
        b'"version":2,"what":["order.paid","order.delivered"]}'
    )
    assert canonical(linked) == expected
    assert linked.mac == hmac.digest(SECRET, b"keyrail audit record 1\n" + expected, hashlib.sha256)


OTHERWISE: dict[type, Any] = {str: "otherwise", int: 7, tuple: ("key.void",), type(None): "otherwise", bytes: b"other"}


@pytest.mark.parametrize("name", [field.name for field in fields(AuditRecord)])
def test_a_record_vouches_for_each_of_its_fields(name: str) -> None:
    genuine = chain(2)[1]
    assert seen(genuine, SECRET).is_genuine
    changed = replace(genuine, **{name: OTHERWISE[type(getattr(genuine, name))]})
    assert not seen(changed, SECRET).is_genuine


def test_a_record_vouches_for_what_it_does_not_say() -> None:
    silent, told = record(1), replace(record(1), reason="")
    assert behind(silent, None).mac != behind(told, None).mac


def test_without_the_secret_nobody_makes_a_record() -> None:
    assert not seen(behind(record(1), None, b"another secret"), SECRET).is_genuine


def test_what_was_written_in_order_is_intact_in_whatever_order_it_is_read() -> None:
    assert judged(chain(5)) == judged(chain(5)[::-1]) == Verdict(records=5, pending=0, problems=0, findings=())


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_record_that_was_taken_away_shows(gone: int) -> None:
    records = [each for each in chain(5) if each.version != gone]
    assert found(judged(records)) == [(gone, "missing")]


def test_that_the_last_records_were_taken_away_shows_against_the_item() -> None:
    given = judged(chain(5)[:3], Live(5, LONG_AGO_MS))
    assert found(given) == [(4, "end_missing"), (5, "end_missing")]
    assert given.problems == 2


def test_an_item_without_any_record_lacks_all_of_them() -> None:
    assert found(judged([], Live(2, LONG_AGO_MS))) == [(1, "end_missing"), (2, "end_missing")]


def test_what_happened_a_moment_ago_is_on_its_way_and_no_problem_until_it_should_be_there() -> None:
    records, live = chain(3), Live(5, NOW_MS - MAX_RELAY_LAG_S * 1000 + 1)
    assert judged(records, live) == Verdict(records=3, pending=2, problems=0, findings=())
    later = judged(records, live, NOW_MS + 1)
    assert (later.pending, found(later)) == (0, [(4, "end_missing"), (5, "end_missing")])


def test_a_record_missing_inside_is_no_matter_of_time() -> None:
    records = [each for each in chain(3) if each.version != 2]
    assert found(judged(records, Live(4, NOW_MS))) == [(2, "missing")]


def test_a_changed_record_shows_and_those_behind_it_do_not() -> None:
    records = chain(4)
    records[1] = replace(records[1], by="somebody else")
    assert found(judged(records)) == [(2, "changed")]


def test_a_record_that_was_made_up_shows_and_so_does_the_one_that_followed_the_true_one() -> None:
    records = chain(4)
    records[1] = behind(replace(record(2), by="somebody else"), records[0].mac, b"another secret")
    assert found(judged(records)) == [(2, "changed"), (3, "unlinked")]


def test_a_record_whose_mac_was_taken_away_is_unchained_and_the_next_one_follows_nothing_that_is_there() -> None:
    records = chain(3)
    records[1] = replace(records[1], mac=None, previous=None)
    assert found(judged(records)) == [(2, "unchained"), (3, "unlinked")]


def test_records_from_before_the_chain_show_as_such_and_the_chain_begins_behind_them() -> None:
    old = [record(1), record(2)]
    records = [*old, behind(record(3), None)]
    assert found(judged(records)) == [(1, "unchained"), (2, "unchained")]


def test_a_first_record_that_follows_another_one_shows() -> None:
    assert found(judged([behind(record(1), b"another")])) == [(1, "unlinked")]


def test_a_second_record_of_one_version_shows() -> None:
    records = chain(3)
    twin = behind(replace(record(2), at_id=f"{NOW_MS:013d}#00000002"), records[0].mac)
    assert found(judged([*records, twin])) == [(2, "unlinked")]


def test_a_gap_that_was_chained_over_shows_and_the_records_behind_it_are_sound() -> None:
    one, two, _, _ = chain(4)
    four = behind(record(4), two.mac)
    five = behind(record(5), four.mac)
    assert found(judged([one, two, four, five])) == [(3, "missing")]


def test_a_gap_that_was_filled_late_is_none() -> None:
    one, two, three, _ = chain(4)
    four = behind(record(4), two.mac)
    assert found(judged([one, two, three, four])) == []


def test_a_write_that_took_the_item_on_by_more_than_one_version_leaves_no_gap() -> None:
    """Paid and delivered in one write, say."""
    one = behind(record(1), None)
    three = sealed(record(3), 1, one.mac, SECRET)
    four = behind(record(4), three.mac)
    assert found(judged([one, three, four])) == []
    assert found(judged([one, four])) == [(2, "missing"), (3, "missing")]
    assert found(judged([three, four])) == [(1, "missing")]


def test_a_record_that_follows_another_history_than_the_one_that_is_there_shows() -> None:
    one, two, three = chain(3)
    of_a_restored_table = sealed(record(4), 2, two.mac, SECRET)
    assert found(judged([one, two, three, of_a_restored_table])) == [(4, "unlinked")]


@pytest.mark.parametrize("follows", [None, -1, 2, 10**9])
def test_what_a_changed_record_says_that_it_follows_is_not_believed(follows: int | None) -> None:
    records = chain(3)
    records[1] = replace(records[1], follows=follows)
    assert found(judged(records)) == [(2, "changed")]


def test_an_item_that_is_gone_shows() -> None:
    given = verdict([seen(each, SECRET) for each in chain(2)], None, NOW_MS)
    assert found(given) == [(2, "item_missing")]


def test_an_item_that_was_put_back_to_an_earlier_state_shows() -> None:
    assert found(judged(chain(3), Live(2, LONG_AGO_MS))) == [(3, "item_behind")]


def test_a_trail_that_is_gone_for_the_most_part_is_counted_and_not_listed() -> None:
    last = behind(record(99_999_999), None)
    given = judged([last])
    assert given.problems == 99_999_998
    assert len(given.findings) == MAX_FINDINGS
    assert given.findings[-1].version == MAX_FINDINGS


def test_problems_are_named_in_the_order_of_their_versions() -> None:
    records = [each for each in chain(6) if each.version != 3]
    records[0] = replace(records[0], mac=None)
    given = judged(records, Live(7, LONG_AGO_MS))
    assert found(given) == [(1, "unchained"), (2, "unlinked"), (3, "missing"), (7, "end_missing")]
