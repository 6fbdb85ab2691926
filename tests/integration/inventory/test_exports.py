"""Exports on a real engine: two people, one file, handed out once, and readable by its recipient alone."""

import hashlib
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyrail.inventory.model.batches import Standing
from keyrail.inventory.model.exports import (
    APPROVAL_LIFETIME_MS,
    REQUEST_LIFETIME_MS,
    AlreadyApproved,
    BatchNotOpen,
    Export,
    ExportFailed,
    ExportLapsed,
    ExportNotFound,
    ExportNotMade,
    ExportStatus,
    NotApproved,
    NotForPrint,
    NotGenerated,
    SamePerson,
    TooManyExports,
    export_events_between,
)
from keyrail.inventory.model.keys import KeyState
from keyrail.platform.changes import stamp
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import IdempotencyConflict
from keyrail.platform.handover import FILE_LIFETIME_MS, AlreadyHandedOut, FileExpired, Link
from keyrail.vault.model import BadCertificate
from tests.own_codes import ALICE, BOB, CAROL, OWN_SKU, Workshop, certificate_for, printer
from tests.racing import at_once, refusals
from tests.tables import TABLES
from tests.world import SYSTEM, World

NAME = "n" * 32
CODES = 23
DAY_MS = 24 * 3600_000


@pytest.fixture
def shop(world: World) -> Workshop:
    shop = Workshop(world)
    shop.sku()
    return shop


@pytest.fixture
def batch_id(shop: Workshop) -> str:
    return shop.filled(CODES, for_print=True, expires_on="2099-12-31").batch_id


def stand(shop: Workshop, batch_id: str, standing: Standing) -> None:
    batch = shop.world.keys.get_batch(batch_id)
    shop.world.keys.replace_batch(replace(batch, standing=standing, **stamp(ALICE, 0, batch.version + 1)))


def set_state(shop: Workshop, key_id: str, state: KeyState) -> None:
    shop.world.dynamodb.update_item(
        TableName=shop.world.names["keys"],
        Key={"key_id": {"S": key_id}},
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": state}},
    )


def set_left_pool(shop: Workshop, key_id: str, left_pool: str | None) -> None:
    """None: the index does not name the key."""
    keys = shop.world.names["keys"]
    if left_pool is None:
        shop.world.dynamodb.update_item(
            TableName=keys, Key={"key_id": {"S": key_id}}, UpdateExpression="REMOVE left_pool"
        )
        return
    shop.world.dynamodb.update_item(
        TableName=keys,
        Key={"key_id": {"S": key_id}},
        UpdateExpression="SET left_pool = :left",
        ExpressionAttributeValues={":left": {"S": left_pool}},
    )


def test_the_codes_reach_the_printer_and_nobody_else(shop: Workshop, batch_id: str) -> None:
    export = shop.made(batch_id)
    assert (export.status, export.keys, export.requested_by, export.approved_by) == (
        ExportStatus.MADE,
        CODES,
        "operator:alice",
        "operator:bob",
    )
    codes = shop.codes(batch_id)
    assert shop.printed(export) == [[str(number), codes[number], "2099-12-31"] for number in range(1, CODES + 1)]
    (file,) = shop.bucket.values()
    assert export.sha256 == hashlib.sha256(file).hexdigest()
    stored = json.dumps([shop.world.scan(kind) for kind in TABLES], default=repr)
    for code in codes.values():
        assert code.encode() not in file
        assert code not in stored


def test_openssl_opens_the_file(shop: Workshop, batch_id: str, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl on this machine")
    shop.made(batch_id)
    (file,) = shop.bucket.values()
    (tmp_path / "file.p7m").write_bytes(file)
    (tmp_path / "cert.pem").write_text(printer().pem)
    key = printer().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key)
    command = [openssl, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "file.p7m", "-inkey", "key.pem"]
    opened = subprocess.run([*command, "-recip", "cert.pem"], cwd=tmp_path, capture_output=True, check=True)
    assert opened.stdout == printer().opened(file)
    shown = subprocess.run(
        [openssl, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "file.p7m"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert b"aes-256-cbc" in shown.stdout


def test_codes_that_are_void_or_used_up_are_not_printed(shop: Workshop, batch_id: str) -> None:
    void, used, *_ = shop.world.stored_keys()
    set_state(shop, void.key_id, KeyState.VOID)
    set_state(shop, used.key_id, KeyState.REDEEMED)
    export = shop.made(batch_id)
    assert export.keys == CODES - 2
    numbers = {int(number) for number, *_ in shop.printed(export)}
    assert numbers == set(range(1, CODES + 1)) - {void.line, used.line}


def test_no_file_is_made_of_a_part_of_the_codes(shop: Workshop, batch_id: str) -> None:
    """The index lags, or a key has not followed its batch out of a freeze yet: both pass."""
    export = shop.approved(batch_id)
    key, *_ = shop.world.stored_keys()
    set_state(shop, key.key_id, KeyState.FROZEN)
    with pytest.raises(StoreUnavailable):
        shop.printing.make(export.export_id, SYSTEM)
    assert shop.bucket == {}
    set_state(shop, key.key_id, KeyState.AVAILABLE)
    set_left_pool(shop, key.key_id, None)
    with pytest.raises(StoreUnavailable):
        shop.printing.make(export.export_id, SYSTEM)
    assert shop.bucket == {}
    set_left_pool(shop, key.key_id, key.left_pool)
    assert shop.printing.make(export.export_id, SYSTEM).keys == CODES


def test_an_export_that_comes_twice_is_made_once(shop: Workshop, batch_id: str) -> None:
    export = shop.made(batch_id)
    assert shop.another_process().printing.make(export.export_id, SYSTEM) == export
    assert len(shop.bucket) == 1


def test_of_two_makers_at_once_one_file_counts(shop: Workshop, batch_id: str) -> None:
    export_id = shop.approved(batch_id).export_id
    processes = [shop.another_process() for _ in range(4)]
    done = at_once([partial(process.printing.make, export_id, SYSTEM) for process in processes])
    assert len({export.file.object_name for export in done if isinstance(export, Export) and export.file}) == 1
    assert {export.status for export in done if isinstance(export, Export)} == {ExportStatus.MADE}


# what may be exported


def test_only_whole_batches_for_print_that_stand_open_are_exported(shop: Workshop, batch_id: str) -> None:
    with pytest.raises(NotForPrint):
        shop.request(shop.filled(2).batch_id)
    with pytest.raises(NotGenerated):
        shop.request(shop.open(2, for_print=True).batch_id)
    for standing in (Standing.FROZEN, Standing.CLOSED, Standing.VOID):
        stand(shop, batch_id, standing)
        with pytest.raises(BatchNotOpen):
            shop.request(batch_id)


@pytest.mark.parametrize("standing", [Standing.FROZEN, Standing.VOID])
def test_a_batch_that_was_stopped_meanwhile_fails_its_export_for_good(
    shop: Workshop, batch_id: str, standing: Standing
) -> None:
    export_id = shop.approved(batch_id).export_id
    stand(shop, batch_id, standing)
    failed = shop.printing.make(export_id, SYSTEM)
    assert (failed.status, failed.problem) == (ExportStatus.FAILED, "batch_not_open")
    assert shop.bucket == {}
    stand(shop, batch_id, Standing.OPEN)
    assert shop.printing.make(export_id, SYSTEM) == failed
    with pytest.raises(ExportFailed):
        shop.exports.hand_out(export_id, ALICE)


def test_a_file_of_a_batch_that_was_stopped_meanwhile_is_not_handed_out(shop: Workshop, batch_id: str) -> None:
    export_id = shop.made(batch_id).export_id
    stand(shop, batch_id, Standing.FROZEN)
    with pytest.raises(BatchNotOpen):
        shop.exports.hand_out(export_id, ALICE)
    stand(shop, batch_id, Standing.OPEN)
    assert shop.exports.hand_out(export_id, ALICE)


def test_a_freeze_while_the_file_is_made_is_noticed(shop: Workshop, batch_id: str) -> None:
    export_id = shop.approved(batch_id).export_id
    process = shop.another_process()
    everything = process.store.out_of_pool

    def frozen_meanwhile(batch_id: str) -> object:
        yield from everything(batch_id)
        stand(shop, batch_id, Standing.FROZEN)

    process.store.out_of_pool = frozen_meanwhile  # type: ignore[method-assign, assignment]
    assert process.printing.make(export_id, SYSTEM).status is ExportStatus.FAILED
    assert shop.bucket == {}


# certificates


def bad(pem: str, shop: Workshop, batch_id: str) -> str:
    with pytest.raises(BadCertificate) as refused:
        shop.request(batch_id, certificate=pem)
    (field,) = refused.value.fields
    assert pem not in repr(refused.value)
    return field.reason


def test_a_certificate_that_is_weak_or_over_or_none_is_refused(shop: Workshop, batch_id: str) -> None:
    def pem(key: object, days: tuple[int, int] = (-1, 30)) -> str:
        return certificate_for(key, days).public_bytes(Encoding.PEM).decode()

    assert bad(pem(rsa.generate_private_key(65537, 1024)), shop, batch_id) == "key_size"
    assert bad(pem(ec.generate_private_key(ec.SECP256R1())), shop, batch_id) == "not_rsa"
    assert bad(pem(printer().key, (-30, -1)), shop, batch_id) == "expired"
    assert bad(pem(printer().key, (1, 30)), shop, batch_id) == "not_yet_valid"
    for nothing in (" ", "nonsense", printer().pem * 2, printer().pem[:200]):
        assert bad(nothing, shop, batch_id) == "not_one_certificate"
    assert shop.exports.of_batch(batch_id) == []


def test_what_stands_around_the_certificate_is_not_kept(shop: Workshop, batch_id: str) -> None:
    export = shop.request(batch_id, certificate=f"-- a private note --\n{printer().pem}\n-- behind --")
    assert export.certificate == printer().pem
    assert export.recipient == "CN=The Printer\\, Ltd"


def test_a_certificate_that_expires_between_approval_and_file_fails_the_export(shop: Workshop, batch_id: str) -> None:
    soon = certificate_for(printer().key, (-1, 1)).public_bytes(Encoding.PEM).decode()
    export_id = shop.request(batch_id, certificate=soon).export_id
    late = shop.another_process()
    late.world.ahead_ms += 26 * 3600_000
    late.exports.approve(export_id, BOB)
    assert late.printing.make(export_id, SYSTEM).problem == "bad_certificate"


# two people


def test_nobody_approves_their_own_request(shop: Workshop, batch_id: str) -> None:
    export_id = shop.request(batch_id).export_id
    with pytest.raises(SamePerson):
        shop.exports.approve(export_id, ALICE)
    with pytest.raises(NotApproved):
        shop.printing.make(export_id, SYSTEM)
    with pytest.raises(NotApproved):
        shop.exports.hand_out(export_id, ALICE)
    assert shop.exports.export(export_id).status is ExportStatus.REQUESTED
    assert shop.bucket == {}


def test_the_maker_believes_the_table_and_not_the_message(shop: Workshop, batch_id: str) -> None:
    """A request whose table item says that its requester approved it was not approved."""
    export = shop.request(batch_id)
    forged = replace(
        export, status=ExportStatus.APPROVED, approved_by="operator:alice", approved_at_ms=shop.world.now_ms()
    )
    shop.store.replace_export(replace(forged, **stamp(ALICE, 0, 2)))
    with pytest.raises(NotApproved):
        shop.printing.make(export.export_id, SYSTEM)


def test_of_many_approvers_at_once_one_is_the_second_person(shop: Workshop, batch_id: str) -> None:
    export_id = shop.request(batch_id).export_id
    people = [BOB, CAROL, ALICE] * 6
    done = at_once([partial(shop.another_process().exports.approve, export_id, who) for who in people])
    standing = shop.exports.export(export_id)
    winner = standing.approved_by
    assert winner in {BOB.by, CAROL.by}
    assert standing.version == 2
    for who, answer in zip(people, done, strict=True):
        assert isinstance(answer, Export) == (who.by == winner)
    assert set(refusals(done)) <= {SamePerson.code, AlreadyApproved.code}
    assert len(refusals(done)) == 12


def test_an_approval_that_is_repeated_is_the_same_one(shop: Workshop, batch_id: str) -> None:
    export = shop.approved(batch_id)
    assert shop.exports.approve(export.export_id, BOB) == export
    with pytest.raises(AlreadyApproved):
        shop.exports.approve(export.export_id, CAROL)
    with pytest.raises(AlreadyApproved):
        shop.exports.approve(export.export_id, ALICE)


def test_requests_and_approvals_lapse_by_time(shop: Workshop, batch_id: str) -> None:
    requested, approved = shop.request(batch_id), shop.approved(batch_id)
    later = shop.another_process()
    later.world.ahead_ms += APPROVAL_LIFETIME_MS
    with pytest.raises(ExportLapsed):
        later.exports.hand_out(approved.export_id, ALICE)
    later.world.ahead_ms = REQUEST_LIFETIME_MS
    with pytest.raises(ExportLapsed):
        later.exports.approve(requested.export_id, BOB)


def test_an_approval_that_lapsed_while_its_message_waited_fails_the_export_for_good(
    shop: Workshop, batch_id: str
) -> None:
    export_id = shop.approved(batch_id).export_id
    later = shop.another_process()
    later.world.ahead_ms += APPROVAL_LIFETIME_MS
    failed = later.printing.make(export_id, SYSTEM)
    assert (failed.status, failed.problem, failed.version) == (ExportStatus.FAILED, "export_lapsed", 3)
    assert shop.exports.export(export_id) == failed
    assert later.printing.make(export_id, SYSTEM) == failed
    assert [event.name for event in export_events_between(None, failed)] == ["export.failed"]
    assert shop.bucket == {}
    with pytest.raises(ExportFailed):
        later.exports.hand_out(export_id, ALICE)


@pytest.mark.parametrize("name", ["exp_00000000000000000000000000", "bat_1", "nothing", ""])
def test_what_is_no_export_is_not_found(shop: Workshop, batch_id: str, name: str) -> None:
    for ask in (
        lambda: shop.exports.approve(name or batch_id, BOB),
        lambda: shop.exports.export(name or batch_id),
        lambda: shop.exports.hand_out(name or batch_id, BOB),
        lambda: shop.printing.make(name or batch_id, SYSTEM),
    ):
        with pytest.raises(ExportNotFound):
            ask()


# once


def test_a_file_is_handed_out_once_for_a_minute(shop: Workshop, batch_id: str) -> None:
    export_id = shop.made(batch_id).export_id
    export, link = shop.exports.hand_out(export_id, ALICE)
    assert (export.status, export.changed_by, export.changed_reason) == (
        ExportStatus.HANDED_OUT,
        ALICE.by,
        ALICE.reason,
    )
    address = urlsplit(link.url)
    assert [name in address.path for name in shop.bucket] == [True]
    (lifetime_s,) = parse_qs(address.query)["X-Amz-Expires"]
    assert int(lifetime_s) <= 60
    assert link.expires_at_ms <= shop.world.now_ms() + 60_000
    for who in (ALICE, BOB):
        with pytest.raises(AlreadyHandedOut):
            shop.exports.hand_out(export_id, who)


def test_of_twenty_who_ask_at_once_one_gets_the_link(shop: Workshop, batch_id: str) -> None:
    export_id = shop.made(batch_id).export_id
    processes = [shop.another_process() for _ in range(20)]
    done = at_once([partial(process.exports.hand_out, export_id, ALICE) for process in processes])
    links = [answer[1] for answer in done if isinstance(answer, tuple)]
    assert [type(link) for link in links] == [Link]
    assert refusals(done) == [AlreadyHandedOut.code] * 19


def test_there_is_no_link_before_there_is_a_file_nor_after_its_day(shop: Workshop, batch_id: str) -> None:
    export = shop.approved(batch_id)
    with pytest.raises(ExportNotMade):
        shop.exports.hand_out(export.export_id, ALICE)
    shop.printing.make(export.export_id, SYSTEM)
    shop.world.ahead_ms += FILE_LIFETIME_MS
    with pytest.raises(FileExpired):
        shop.exports.hand_out(export.export_id, ALICE)


# again


def test_the_same_request_is_the_same_export_and_another_one_under_its_name_a_conflict(
    shop: Workshop, batch_id: str
) -> None:
    first = shop.request(batch_id, NAME)
    assert shop.request(batch_id, NAME) == first
    stand(shop, batch_id, Standing.FROZEN)
    assert shop.request(batch_id, NAME) == first
    stand(shop, batch_id, Standing.OPEN)
    other = shop.filled(1, for_print=True).batch_id
    with pytest.raises(IdempotencyConflict):
        shop.request(other, NAME)
    with pytest.raises(IdempotencyConflict):
        shop.request(batch_id, NAME, printer(3072).pem)
    assert shop.exports.of_batch(other) == []


def test_the_same_request_gets_its_first_answer_after_its_certificate_has_expired(
    shop: Workshop, batch_id: str
) -> None:
    soon = certificate_for(printer().key, (-1, 1)).public_bytes(Encoding.PEM).decode()
    first = shop.request(batch_id, NAME, soon)
    shop.world.ahead_ms += 2 * DAY_MS
    assert shop.request(batch_id, NAME, soon) == first
    with pytest.raises(IdempotencyConflict):
        shop.request(batch_id, NAME, printer().pem)
    with pytest.raises(BadCertificate):
        shop.request(batch_id, certificate=soon)


def test_the_same_request_many_times_at_once_is_one_export(shop: Workshop, batch_id: str) -> None:
    processes = [shop.another_process() for _ in range(6)]
    with ThreadPoolExecutor(6) as people:
        done = list(people.map(lambda process: process.request(batch_id, NAME), processes))
    assert len({export.export_id for export in done}) == 1
    assert [export.export_id for export in shop.exports.of_batch(batch_id)] == [done[0].export_id]


def test_exporting_again_takes_two_people_again_and_the_batch_tells_of_each(
    shop: Workshop, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.made(batch_id)
    shop.exports.hand_out(first.export_id, ALICE)
    second = shop.request(batch_id)
    assert second.export_id != first.export_id
    with pytest.raises(NotApproved):
        shop.printing.make(second.export_id, SYSTEM)
    assert [(export.export_id, export.status) for export in shop.exports.of_batch(batch_id)] == [
        (first.export_id, ExportStatus.HANDED_OUT),
        (second.export_id, ExportStatus.REQUESTED),
    ]
    batch = shop.world.keys.get_batch(batch_id)
    assert (batch.changed_by, batch.changed_reason) == (ALICE.by, ALICE.reason)
    monkeypatch.setattr("keyrail.inventory.service.exports.MAX_EXPORTS_A_BATCH", 2)
    with pytest.raises(TooManyExports):
        shop.request(batch_id)


def test_an_online_batch_stays_unprinted_even_if_its_request_stood_in_the_table(shop: Workshop, batch_id: str) -> None:
    """The maker checks the batch itself, too."""
    export = shop.approved(batch_id)
    online = shop.filled(3)
    shop.store.replace_export(replace(export, batch_id=online.batch_id, **stamp(BOB, 0, export.version + 1)))
    failed = shop.printing.make(export.export_id, SYSTEM)
    assert (failed.status, failed.problem) == (ExportStatus.FAILED, NotForPrint.code)
    assert failed.sku_id == OWN_SKU
