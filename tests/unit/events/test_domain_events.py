"""Every event that a change can lead to has a schema and an example, and what the relay sends fits the schema."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.event_relay import handler as relay
from functions.event_relay.app import settings
from functions.event_relay.stream import Change
from keyrail.catalog import model as catalog
from keyrail.inventory.model import faults
from keyrail.inventory.model.batches import (
    Batch,
    BatchStatus,
    Following,
    ImportReport,
    RejectedLines,
    Stage,
    Standing,
    batch_events_between,
)
from keyrail.inventory.model.commands import extend, release, stand
from keyrail.inventory.model.exports import Export, ExportStatus, export_events_between
from keyrail.inventory.model.figures import CountedOut, figures_events_between, no_figures
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import Fault, Key, KeyState
from keyrail.inventory.model.keys import events_between as key_events_between
from keyrail.inventory.model.moves import Moves, Tally
from keyrail.inventory.model.redeeming import Asked, given_back, redeemable
from keyrail.inventory.model.uses import moment
from keyrail.inventory.model.withdrawing import withdraw
from keyrail.ordering.model import contradictions, disputes, supplying, working
from keyrail.ordering.model.events import events_between as order_events_between
from keyrail.ordering.model.orders import Channel, Contact, Delivery, Order, OrderStatus, Unit, unit_id
from keyrail.ordering.model.placing import ACCEPTABLE
from keyrail.ordering.model.refund_requests import approve, reject, requested, take_back, wait_for_approval
from keyrail.ordering.model.refunds import ask, give_back, hear
from keyrail.ordering.model.steps import cancel, deliver, fail_unit, pay, replace_key
from keyrail.ordering.model.work import Verdict
from keyrail.payments.model import desk as payment_desk
from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import DisputeNotice, DisputeState, Mismatch
from keyrail.payments.model.refunds import ASK_AGAIN_MS, RefundAnswer, RefundRequest, RefundState
from keyrail.payments.model.vouchers import (
    NewVoucher,
    VoucherKind,
    agreed,
    new_voucher,
    reversal,
    voucher_events_between,
    waiting,
)
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.handover import Handover
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.reconciliation.model import differences, runs
from keyrail.reconciliation.model.comparing import DifferenceKind, Found
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.supplies import SupplyLine
from keyrail.suppliers.model import breaker
from keyrail.suppliers.model.attempts import Decision, SupplyAttempt
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success
from keyrail.suppliers.model.sources import Source, SourceKind, Sourcing, sourcing_events_between
from tests.statements import DAY, payment
from tests.supply_changes import supply_changes

ACCEPTED, ASSIGNED = payment_desk.DeskStatus.ACCEPTED, payment_desk.DeskStatus.ASSIGNED
FOLDER = Path(__file__).resolve().parents[3] / "events" / "domain"
NOW_MS = 1_767_225_600_000
ORIGIN = Origin("operator:alice", "192.0.2.7", "a reason of 40 characters that stays home")
STAMP = stamp(ORIGIN, NOW_MS)
PRICE = Money(1990, "CNY")
ORDER_ID = derived_id("ord", "an order")
KEY_ID = "key_01" + derived_id("key", "a code").removeprefix("key_")
OTHER_KEY_ID = "key_01" + derived_id("key", "another code").removeprefix("key_")
SECRETS = (
    "BEGIN CERTIFICATE",
    "exports/chance",
    "sealed-bytes",
    "+86 138 0000 0000",
    "buyer@example.com",
    "a reason of 40",
    "192.0.2.7",
    "••••WXYZ",
)


@dataclass(frozen=True)
class Happening:
    """One change, and what the owning context calls it."""

    item: Versioned
    events: list[Event]


def next_version(item: Any, **changes: Any) -> Any:
    return replace(item, **changes, **stamp(ORIGIN, NOW_MS, item.version + 1))


def of_catalog() -> Iterator[Happening]:
    shown = catalog.Product(product_id="steam-wallet", store_id="main", name="Steam wallet", **STAMP)
    sku = catalog.Sku(
        sku_id="steam-100", product_id="steam-wallet", store_id="main", name="100", price=PRICE, issuer="steam", **STAMP
    )
    issuer = catalog.Issuer(issuer_id="steam", case_sensitive=True, **STAMP)
    yield Happening(issuer, catalog.issuer_events_between(None, issuer))
    for item in (shown, sku):
        for shelf in catalog.Shelf:
            changed = next_version(item, shelf=shelf)
            yield Happening(item, catalog.events_between(None, item))
            yield Happening(changed, catalog.events_between(item, changed))


def of_batches() -> Iterator[Happening]:
    new = Batch(batch_id=derived_id("bat", "a batch"), sku_id="steam-100", source="ACME", created_at_ms=NOW_MS, **STAMP)
    yield Happening(new, batch_events_between(None, new))
    for before, after in product(BatchStatus, repeat=2):
        report = ImportReport(accepted=2) if after in {"imported", "rejected", "generated"} else None
        old, item = replace(new, status=before), next_version(new, status=after, report=report)
        if after is not BatchStatus.AWAITING_UPLOAD:  # a batch never waits twice
            yield Happening(item, batch_events_between(old, item))
    made = replace(new, status=BatchStatus.GENERATED, report=ImportReport(accepted=2))
    charged = next_version(replace(made, status=BatchStatus.IMPORTED), charged_back=1)
    yield Happening(charged, batch_events_between(replace(charged, charged_back=0), charged))
    lines = RejectedLines(file=Handover(object_name="rejected/chance", size_bytes=9, made_at_ms=NOW_MS), complete=True)
    imported = replace(made, status=BatchStatus.IMPORTED, rejected_lines=lines)
    handed_out = next_version(imported, rejected_lines=replace(lines, file=lines.file.taken(NOW_MS)))
    yield Happening(handed_out, batch_events_between(imported, handed_out))
    asked = next_version(made, exports=(derived_id("exp", "an export"),))
    yield Happening(asked, batch_events_between(made, asked))


def of_commands() -> Iterator[Happening]:
    new = Batch(batch_id=derived_id("bat", "a batch"), sku_id="steam-100", source="ACME", created_at_ms=NOW_MS, **STAMP)
    stages = (Stage(keys=2, opens_at_ms=NOW_MS), Stage())
    imported = replace(new, status=BatchStatus.IMPORTED, report=ImportReport(accepted=2))
    for batch in (replace(new, stages=stages), replace(imported, stages=stages)):
        frozen = stand(batch, Standing.FROZEN, ORIGIN, NOW_MS)
        on_the_way = next_version(frozen, following=Following(total=frozen.key_count, found=(1,)))
        steps = [
            batch,
            release(batch, 2, NOW_MS, ORIGIN, NOW_MS),
            stand(batch, Standing.CLOSED, ORIGIN, NOW_MS),
            stand(batch, Standing.VOID, ORIGIN, NOW_MS),
        ]
        yield from (Happening(step, batch_events_between(batch, step)) for step in steps[1:])
        dated = replace(batch, first_expiry="2026-01-31")
        extended = extend(dated, "2026-12-31", NOW_MS, ORIGIN, NOW_MS)
        yield Happening(extended, batch_events_between(dated, extended))
        followed = next_version(on_the_way, following=None, followed=frozen.generation)
        for old, item in pairwise([batch, frozen, on_the_way, followed, stand(frozen, Standing.OPEN, ORIGIN, NOW_MS)]):
            yield Happening(item, batch_events_between(old, item))


def of_following_keys() -> Iterator[Happening]:
    batch = Batch(
        batch_id=derived_id("bat", "a batch"),
        sku_id="steam-100",
        source="ACME",
        created_at_ms=NOW_MS,
        generation=1,
        extended_to="2099-12-31",
        **STAMP,
    )
    for state, standing in product(KeyState, Standing):
        frozen = state is KeyState.FROZEN
        key = Key(
            key_id=KEY_ID,
            batch_id=batch.batch_id,
            sku_id="steam-100",
            state=state,
            state_before=KeyState.SOLD if frozen else None,
            sealed=b"sealed-bytes",
            data_key=0,
            mask="••••WXYZ",
            line=7,
            expires_on="2026-01-31",
            claim_partition="steam-100#bat#2026-01-31#0",
            order_id=None if state is KeyState.AVAILABLE else ORDER_ID,
            **STAMP,
        )
        following = follow(replace(batch, standing=standing), key, NOW_MS)
        item = next_version(following)
        yield Happening(item, key_events_between(key, item))


def of_exports() -> Iterator[Happening]:
    asked = Export(
        export_id=derived_id("exp", "an export"),
        batch_id=derived_id("bat", "a batch"),
        sku_id="steam-100",
        certificate="-----BEGIN CERTIFICATE-----",
        certificate_sha256="00" * 32,
        recipient="CN=the printer",
        requested_by="operator:alice",
        requested_at_ms=NOW_MS,
        **STAMP,
    )
    file = Handover(object_name="exports/chance", size_bytes=9, made_at_ms=NOW_MS)
    approved = next_version(asked, status=ExportStatus.APPROVED, approved_by="operator:bob")
    made = approved.made(file, 2, "ff" * 32, ORIGIN, NOW_MS)
    steps = [asked, approved, made, made.handed_out(file.taken(NOW_MS), ORIGIN, NOW_MS)]
    for old, item in pairwise([None, *steps]):
        yield Happening(item, export_events_between(old, item))
    failed = approved.failed("batch_not_open", ORIGIN, NOW_MS)
    yield Happening(failed, export_events_between(approved, failed))


def of_keys() -> Iterator[Happening]:
    new = Key(
        key_id=KEY_ID,
        batch_id=derived_id("bat", "a batch"),
        sku_id="steam-100",
        state=KeyState.AVAILABLE,
        sealed=b"sealed-bytes",
        data_key=0,
        mask="••••WXYZ",
        line=7,
        **STAMP,
    )
    yield Happening(new, key_events_between(None, new))
    for before, after, looked in product(KeyState, KeyState, (None, NOW_MS)):
        if looked and after is not KeyState.SOLD:
            continue  # only a sold key is shown
        if after is KeyState.REDEEMED:
            continue  # only by a use: see below
        before_that = after if before is KeyState.FROZEN else None
        old = replace(new, state=before, state_before=before_that, order_id=None if before == "available" else ORDER_ID)
        held_by = None if after is KeyState.AVAILABLE else ORDER_ID
        item = next_version(old, state=after, order_id=held_by, revealed_at_ms=looked)
        yield Happening(item, key_events_between(old, item))


def of_bad_keys() -> Iterator[Happening]:
    sold = Key(
        key_id=KEY_ID,
        batch_id=derived_id("bat", "a batch"),
        sku_id="steam-100",
        state=KeyState.SOLD,
        sealed=b"sealed-bytes",
        data_key=0,
        mask="••••WXYZ",
        line=7,
        order_id=ORDER_ID,
        unit_id=unit_id(ORDER_ID, 1),
        sold_at_ms=NOW_MS,
        **STAMP,
    )
    for at_once in (True, False):
        bad = faults.retire(sold, OTHER_KEY_ID, Fault.WRONG_VALUE, ORIGIN, NOW_MS, charge_back=at_once)
        yield Happening(bad, key_events_between(sold, bad))
    charged = faults.charge_back(bad, ORIGIN, NOW_MS)
    yield Happening(charged, key_events_between(bad, charged))
    for held in (sold, next_version(sold, revealed_at_ms=NOW_MS)):
        stands_still = next_version(held, held_for="dp_1")
        yield Happening(stands_still, key_events_between(held, stands_still))
        yield Happening(held, key_events_between(stands_still, held))
        gone = withdraw(held, derived_id("ref", "a refund"), ORIGIN, NOW_MS, flags_seen=True)
        yield Happening(gone, key_events_between(held, gone))


def of_sources() -> Iterator[Happening]:
    source = faults.new_source("ACME", "steam-100", ORIGIN, NOW_MS)
    yield Happening(source, faults.source_events_between(None, source))
    more = faults.supplying(source, "steam-50", ORIGIN, NOW_MS)
    yield Happening(more, faults.source_events_between(source, more))
    for cost in (PRICE, None, Money(3, "EUR")):
        before, source = source, faults.charge(source, cost, ORIGIN, NOW_MS)
        yield Happening(source, faults.source_events_between(before, source))


def of_uses() -> Iterator[Happening]:
    """A key of our own on its way to its last use and back, and a value card of which a part is left."""
    now = moment(NOW_MS, UTC)
    for terms, spent in ((catalog.Terms(uses=2), None), (catalog.Terms(value=PRICE.times(2)), PRICE)):
        sold = Key(
            key_id=KEY_ID,
            batch_id=derived_id("bat", "a batch"),
            sku_id="steam-100",
            state=KeyState.SOLD,
            sealed=b"sealed-bytes",
            data_key=0,
            mask="••••WXYZ",
            line=7,
            order_id=ORDER_ID,
            **redeemable(terms),
            **STAMP,
        )
        asked = Asked(name="till-7-000418", by="kc_till7", amount=spent, place="shop-12")
        use = asked.entry(now.now_ms)
        active = next_version(sold, active_until_ms=NOW_MS)
        used = next_version(active, uses=(use,))
        redeemed = next_version(used, uses=(use, use), state=KeyState.REDEEMED)
        back = next_version(redeemed, **given_back(redeemed, use, NOW_MS))
        for old, item in pairwise([sold, active, used, redeemed, back]):
            yield Happening(item, key_events_between(old, item))


def of_orders() -> Iterator[Happening]:
    attempt = PaymentAttempt(attempt_id=attempt_id(ORDER_ID, 1), provider="epay", account="main", amount=PRICE.times(2))
    units = tuple(
        Unit(unit_id=unit_id(ORDER_ID, number), sku_id="steam-100", quantity=1, amount=PRICE, key_ids=(KEY_ID,))
        for number in (1, 2)
    )
    placed = Order(
        order_id=ORDER_ID,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=units,
        total=PRICE.times(2),
        attempts=(attempt,),
        contact=Contact(email="buyer@example.com", phone="+86 138 0000 0000"),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 1,
        **STAMP,
    )
    paid = pay(placed, attempt.attempt_id, "T-1", ORIGIN, NOW_MS)
    one, two = (unit.unit_id for unit in units)
    half = deliver(paid, {one: (KEY_ID,)}, ORIGIN, NOW_MS)
    whole = deliver(paid, {one: (KEY_ID,), two: (KEY_ID,)}, ORIGIN, NOW_MS)
    partial = fail_unit(half, two, "sold_out", ORIGIN, NOW_MS)
    failed = fail_unit(paid, one, "sold_out", ORIGIN, NOW_MS)
    owed = fail_unit(failed, two, "sold_out", ORIGIN, NOW_MS)
    cancelled = cancel(placed, ORIGIN, NOW_MS)
    replaced = replace_key(whole, two, KEY_ID, OTHER_KEY_ID, ORIGIN, NOW_MS)
    asked = ask(owed, owed.refunds[0].refund_id, ORIGIN, NOW_MS)
    slow, back, refused = (
        hear(asked, RefundAnswer(refund_id=asked.refunds[0].refund_id, state=state, status="S"), ORIGIN, 1)
        for state in (RefundState.PROCESSING, RefundState.SUCCEEDED, RefundState.FAILED)
    )
    last = ask(back, back.refunds[1].refund_id, ORIGIN, NOW_MS)
    all_back = hear(
        last,
        RefundAnswer(refund_id=last.refunds[1].refund_id, state=RefundState.SUCCEEDED, status="S"),
        ORIGIN,
        NOW_MS,
    )
    twice = give_back(whole, attempt.attempt_id, "T-2", ORIGIN, NOW_MS)
    request = RefundRequest(by="operator:bob", at_ms=NOW_MS, why="a reason of 40 characters", fingerprint="f")
    asked_for = requested(whole, derived_id("ref", "asked for"), whole.units, request)
    waiting = wait_for_approval(whole, asked_for, ORIGIN, NOW_MS)
    notice = DisputeNotice(
        provider="stripe",
        account="main",
        dispute_id="dp_1",
        reference="T-1",
        attempt_id=None,
        amount=PRICE.times(2),
        status="needs_response",
    )
    disputed = disputes.hear(whole, notice, ORIGIN, NOW_MS)
    without_amount = disputes.hear(half, replace(notice, amount=None), ORIGIN, NOW_MS)
    changes = [
        (whole, disputed), (half, without_amount),
        (disputed, disputes.hear(disputed, replace(notice, state=DisputeState.WON), ORIGIN, NOW_MS)),
        (disputed, disputes.hear(disputed, replace(notice, state=DisputeState.LOST), ORIGIN, NOW_MS)),
        (without_amount, disputes.release(without_amount, "dp_1", ORIGIN, NOW_MS)),
        (whole, waiting), (waiting, reject(waiting, asked_for, ORIGIN, NOW_MS)),
        (waiting, approve(waiting, asked_for, ORIGIN, NOW_MS)), (whole, take_back(whole, asked_for, ORIGIN, NOW_MS)),
        (owed, asked), (asked, slow), (slow, back), (asked, refused), (last, all_back), (whole, twice),
        (None, placed), (placed, paid), (placed, whole), (paid, half), (half, partial), (paid, failed),
        (failed, owed), (placed, cancelled), (cancelled, pay(cancelled, attempt.attempt_id, "T", ORIGIN, 1)),
        (whole, replaced),
    ]  # fmt: skip
    for old, new in changes:
        yield Happening(new, order_events_between(old, new))


def of_supplied_units() -> Iterator[Happening]:
    payment = PaymentAttempt(attempt_id=attempt_id(ORDER_ID, 1), provider="epay", account="main", amount=PRICE)
    unit = Unit(
        unit_id=unit_id(ORDER_ID, 1),
        sku_id="phone-10",
        quantity=1,
        amount=PRICE,
        key_ids=(),
        delivery=Delivery.RECHARGE,
        account={"phone": "+86 138 0000 0000"},
    )
    placed = Order(
        order_id=ORDER_ID,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=PRICE,
        attempts=(payment,),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 1,
        **STAMP,
    )
    paid = pay(placed, payment.attempt_id, "T-1", ORIGIN, NOW_MS)
    attempt = SupplyAttempt(
        reference=supplying.next_reference(unit),
        source_id="first",
        supplier="main",
        item="1001",
        quantity=1,
        limit=PRICE,
        asked_at_ms=NOW_MS,
        until_ms=NOW_MS + 1,
    )
    asked = supplying.begin(paid, unit.unit_id, attempt, Decision(at_ms=NOW_MS, chosen="first"), ORIGIN)
    outcomes: tuple[Outcome, ...] = (
        Processing(said="+86 138 0000 0000"),
        Success(said="4", cost=PRICE),
        Success(said="4", cost=PRICE.times(2)),
        *(DefiniteFailure(said="5", refusal=refusal) for refusal in Refusal),
    )
    heard = [supplying.hear(asked, attempt.reference, each, ORIGIN, NOW_MS) for each in outcomes]
    nobody = supplying.give_up(heard[-1], unit.unit_id, Decision(at_ms=NOW_MS), ORIGIN, NOW_MS)
    changes = [
        (None, placed), (placed, paid), (paid, asked), *((asked, each) for each in heard), (heard[-1], nobody),
        *((each, supplying.hand_over(each, unit.unit_id, ORIGIN, NOW_MS)) for each in (paid, asked, heard[0])),
    ]  # fmt: skip
    for old, new in changes:
        yield Happening(new, order_events_between(old, new))


def of_work() -> Iterator[Happening]:
    unit = Unit(
        unit_id=unit_id(ORDER_ID, 1),
        sku_id="phone-10",
        quantity=1,
        amount=PRICE,
        key_ids=(),
        delivery=Delivery.RECHARGE,
        account={"phone": "+86 138 0000 0000"},
    )
    attempt = PaymentAttempt(attempt_id=attempt_id(ORDER_ID, 1), provider="epay", account="main", amount=PRICE)
    placed = Order(
        order_id=ORDER_ID,
        store_id="main",
        channel=Channel.STOREFRONT,
        status=OrderStatus.PENDING_PAYMENT,
        units=(unit,),
        total=PRICE,
        attempts=(attempt,),
        request_hash=b"request",
        token_hash=b"token",
        created_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 1,
        **STAMP,
    )
    of, job, other = unit.unit_id, supplying.next_reference(unit), Origin("operator:bob", "192.0.2.8", "as agreed")
    paid = pay(placed, attempt.attempt_id, "T-1", ORIGIN, NOW_MS)
    waits = supplying.hand_over(paid, of, ORIGIN, NOW_MS)
    done = working.Saying(job=job, verdict=Verdict.DONE, reference="R-1", text="exports/chance of a screenshot")
    failed = replace(done, verdict=Verdict.FAILED)
    claimed = working.claim(waits, of, job, ORIGIN, NOW_MS)
    asked = working.say(claimed, of, done, ORIGIN, NOW_MS, anybodys=False, alone=False)
    ended = working.say(claimed, of, failed, ORIGIN, NOW_MS, anybodys=False, alone=True)
    opposite = supplying.hear(ended, job, Success(said="+86 138 0000 0000"), ORIGIN, NOW_MS)
    changes = [
        (paid, waits), (waits, claimed), (claimed, working.claim(claimed, of, job, ORIGIN, NOW_MS)),
        (claimed, working.release(claimed, of, job, ORIGIN, NOW_MS, anybodys=False)), (claimed, asked),
        (asked, working.approve(asked, of, job, other, NOW_MS)),
        (asked, working.turn_down(asked, of, job, other, NOW_MS)),
        (claimed, ended), (claimed, supplying.hear(claimed, job, Success(said="4"), ORIGIN, NOW_MS)), (ended, opposite),
        (opposite, contradictions.see_to(opposite, of, done, ORIGIN, NOW_MS, another_person=False)),
    ]  # fmt: skip
    for old, new in changes:
        yield Happening(new, order_events_between(old, new))


def of_payments() -> Iterator[Happening]:
    for reason in Mismatch:
        waiting = payment_desk.UnmatchedPayment(
            payment_id=derived_id("upm", reason),
            provider="epay",
            account="main",
            merchant="1001",
            attempt_id="whatever they said",
            order_id=None if reason is Mismatch.UNKNOWN_ATTEMPT else ORDER_ID,
            reference="T-1",
            amount=PRICE,
            provider_status="TRADE_SUCCESS",
            reason=reason,
            received_at_ms=NOW_MS,
            **STAMP,
        )
        yield Happening(waiting, payment_desk.events_between(None, waiting))
        if waiting.money is None:
            dismissed = payment_desk.dismiss(waiting, ORIGIN, NOW_MS)
            yield Happening(dismissed, payment_desk.events_between(waiting, dismissed))
        else:
            yield from of_refunded_payments(waiting)
            assigned = payment_desk.place(waiting, ASSIGNED, ORDER_ID, attempt_id(ORDER_ID, 2), ORIGIN, NOW_MS)
            yield Happening(assigned, payment_desk.events_between(waiting, assigned))
        if waiting.reason in ACCEPTABLE:
            accepted = payment_desk.place(waiting, ACCEPTED, ORDER_ID, attempt_id(ORDER_ID, 1), ORIGIN, NOW_MS)
            yield Happening(accepted, payment_desk.events_between(waiting, accepted))


def of_refunded_payments(waiting: payment_desk.UnmatchedPayment) -> Iterator[Happening]:
    large = payment_desk.send_back(waiting, ORIGIN, NOW_MS, alone=False)
    another = replace(ORIGIN, by="operator:bob")
    for old, new in (
        (waiting, large),
        (large, payment_desk.approve(large, another, NOW_MS)),
        (large, payment_desk.reject(large, ORIGIN, NOW_MS)),
    ):
        yield Happening(new, payment_desk.events_between(old, new))
    due = payment_desk.send_back(waiting, ORIGIN, NOW_MS)
    refund_id = payment_desk.refund_id(waiting.payment_id)
    asked = payment_desk.ask(due, refund_id, ORIGIN, NOW_MS)
    asked_again = payment_desk.ask(asked, refund_id, ORIGIN, NOW_MS + ASK_AGAIN_MS)
    slow, back, refused = (
        payment_desk.hear(asked, RefundAnswer(refund_id=refund_id, state=state, status="S"), ORIGIN, NOW_MS)
        for state in (RefundState.PROCESSING, RefundState.SUCCEEDED, RefundState.FAILED)
    )
    for old, new in (
        (waiting, due),
        (due, asked),
        (asked, asked_again),
        (asked, slow),
        (slow, back),
        (asked, refused),
        (refused, payment_desk.ask_again(refused, refund_id, ORIGIN, NOW_MS)),
    ):
        yield Happening(new, payment_desk.events_between(old, new))


def of_vouchers() -> Iterator[Happening]:
    for kind in VoucherKind:
        wanted = NewVoucher(voucher_no=f"V-{kind}", kind=kind, holder="stripe/main", amount=PRICE)
        posted = new_voucher(wanted, ORIGIN, NOW_MS)
        for each in (posted, reversal(posted, "V-2", ORIGIN, NOW_MS)):
            yield Happening(each, voucher_events_between(None, each))
            asked = waiting(each)
            yield Happening(asked, voucher_events_between(None, asked))
            yield Happening(agreed(asked, each), voucher_events_between(asked, agreed(asked, each)))


HOLDERS = (Holder("main", "bank"), Holder("house"))


def of_reconciliation() -> Iterator[Happening]:
    for holder in HOLDERS:
        asked = runs.new_run(holder, DAY, runs.RunStatus.REQUESTED, ORIGIN, NOW_MS)
        mine = runs.take_up(asked, ORIGIN, NOW_MS)
        ended = runs.finish(mine, runs.Tally(status_differs=1), (), ORIGIN, NOW_MS)
        failed = runs.end_without(asked, runs.RunStatus.GIVEN_UP, "statement_missing", ORIGIN, NOW_MS)
        nowhere = runs.end_without(asked, runs.RunStatus.STATEMENT_NOT_OFFERED, None, ORIGIN, NOW_MS)
        for old, item in ((None, asked), (asked, mine), (mine, ended), (asked, failed), (asked, nowhere)):
            yield Happening(item, runs.events_between(old, item))


def of_differences() -> Iterator[Happening]:
    line, ours = payment(1)
    theirs, status = DifferenceKind.MISSING_WITH_US, Found(kind=DifferenceKind.STATUS_DIFFERS, line=line, ours=ours)
    taken = SupplyLine(line=1, number=f"{'7' * 26}0101", reference="S-1", amount=PRICE, status="done", at="then")
    for holder, found in (
        (HOLDERS[0], Found(kind=theirs, line=line)),
        (HOLDERS[0], status),
        (HOLDERS[1], Found(kind=theirs, line=taken)),
    ):
        run = runs.new_run(holder, DAY, runs.RunStatus.REQUESTED, ORIGIN, NOW_MS)
        new = differences.difference_of(run, found, ORIGIN, NOW_MS)
        other = differences.found_again(new, replace(new, number="another"))
        gone = differences.gone(other, ORIGIN, NOW_MS)
        resolved = differences.resolve(new, new.version, ORIGIN, NOW_MS)
        back = differences.found_again(gone, new)
        for old, item in ((None, new), (new, other), (other, gone), (gone, back), (new, resolved)):
            yield Happening(item, differences.events_between(old, item))


def of_figures() -> Iterator[Happening]:
    new = no_figures("steam-100", NOW_MS)
    enough = new.with_threshold(10, 1, NOW_MS).after(Moves(Tally(imported=11, on_hand=11)), NOW_MS)
    low = enough.after(Moves(Tally(on_hand=-1, sold=1)), NOW_MS)
    for old, item in (
        (None, new),
        (new, enough),
        (enough, low),
        (low, low.after(Moves(Tally(on_hand=1, sold=-1)), NOW_MS)),
        (low, low.with_threshold(5, 2, NOW_MS)),
        (low, low.corrected(CountedOut(on_hand=9, leased=0), ORIGIN, NOW_MS)),
        (low, low.corrected(CountedOut(on_hand=50, leased=0), ORIGIN, NOW_MS)),
        (new, new.corrected(CountedOut(on_hand=3, leased=0), ORIGIN, NOW_MS)),
    ):
        yield Happening(item, figures_events_between(old, item))


def of_suppliers() -> Iterator[Happening]:
    new = breaker.new_supplier("kasushou", ORIGIN, NOW_MS)
    off = breaker.switched(new, disabled=True, origin=ORIGIN, now_ms=NOW_MS)
    opened = breaker.opened(new, ORIGIN, NOW_MS)
    half_open = breaker.half_opened(opened, "a reference", ORIGIN, NOW_MS)
    for old, item in (
        (None, new),
        (new, replace(new, strain=2)),
        (new, off),
        (off, breaker.switched(off, disabled=False, origin=ORIGIN, now_ms=NOW_MS)),
        (new, opened),
        (opened, half_open),
        (half_open, breaker.closed(half_open, ORIGIN, NOW_MS)),
        (half_open, breaker.opened(half_open, ORIGIN, NOW_MS)),
        (half_open, breaker.probe_taken_back(half_open, ORIGIN, NOW_MS)),
    ):
        yield Happening(item, breaker.health_events_between(old, item))


def of_sourcing() -> Iterator[Happening]:
    first = Source(source_id="first", kind=SourceKind.RECHARGE, supplier="kasushou", item="1001", cost=PRICE)
    known = Sourcing(sku_id="phone-10", sources=(first,), **STAMP)
    for old in (None, known):
        yield Happening(known, sourcing_events_between(old, known))


def of_supply() -> Iterator[Happening]:
    yield from (Happening(*change) for change in supply_changes(ORIGIN, NOW_MS))


HAPPENINGS = [
    happening
    for source in (
        of_catalog,
        of_batches,
        of_commands,
        of_following_keys,
        of_sources,
        of_exports,
        of_keys,
        of_bad_keys,
        of_uses,
        of_orders,
        of_supplied_units,
        of_work,
        of_payments,
        of_vouchers,
        of_reconciliation,
        of_differences,
        of_figures,
        of_suppliers,
        of_sourcing,
        of_supply,
    )
    for happening in source()
    if happening.events
]
NAMES = sorted({event.name for happening in HAPPENINGS for event in happening.events})


class Bus:
    """EventBridge as the relay sees it."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's spelling
        self.entries += Entries
        return {"FailedEntryCount": 0}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    bus = Bus()
    for name in relay.Settings.__dataclass_fields__:
        monkeypatch.setenv(name.upper(), "x")
    settings.cache_clear()
    monkeypatch.setattr(relay, "client", {"events": bus}.__getitem__)
    yield bus
    settings.cache_clear()


def schema(name: str) -> Draft202012Validator:
    text = (FOLDER / f"{name}.schema.json").read_text()
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def test_every_event_has_a_schema_and_an_example_and_there_is_no_other() -> None:
    files = {path.name for path in FOLDER.glob("*.json")}
    assert files == {f"{name}.{kind}.json" for name in NAMES for kind in ("schema", "example")}


@pytest.mark.parametrize("name", NAMES)
def test_the_example_fits_the_schema(name: str) -> None:
    example = json.loads((FOLDER / f"{name}.example.json").read_text())
    schema(name).validate(example)


def test_what_the_relay_publishes_fits_the_schema(bus: Bus) -> None:
    for happening in HAPPENINGS:
        relay.publish(relay.entries(Change(happening.item, happening.events)))
    assert {entry["DetailType"] for entry in bus.entries} == set(NAMES)
    for entry in bus.entries:
        said = {
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "detail": json.loads(entry["Detail"]),
        }
        schema(entry["DetailType"]).validate(said)


def test_an_event_carries_no_secret_no_contact_and_nobody_s_address(bus: Bus) -> None:
    for happening in HAPPENINGS:
        relay.publish(relay.entries(Change(happening.item, happening.events)))
    published = json.dumps(bus.entries, ensure_ascii=False)
    assert [text for text in SECRETS if text in published] == []


def test_one_change_names_each_of_its_events_differently(bus: Bus) -> None:
    for happening in HAPPENINGS:
        relay.publish(relay.entries(Change(happening.item, happening.events)))
        ids = [json.loads(entry["Detail"])["id"] for entry in bus.entries]
        assert len(ids) == len(set(ids))
        bus.entries.clear()
