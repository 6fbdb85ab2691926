"""What each change of a batch means in the books."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.inventory.model.batches import Batch, BatchStatus, Filling, ImportReport, Standing
from keyrail.inventory.model.books import entries_between
from keyrail.ledger.model import JournalEntry, balance_changes, turnovers
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.money import MAX_AMOUNT_MINOR, Money

NOW_MS = 1_767_225_600_000
ORIGIN = Origin("system:key_import", "test")
SOURCE = "Acme Ltd. [深圳]"
COST = Money(800, "CNY")
OWED, GOODS = f"supplier_payable:{SOURCE}:CNY", "cost_of_goods:CNY"


def batch(cost: Money | None = COST, sales_per_key: int = 1, filling: Filling = Filling.FILE) -> Batch:
    return Batch(
        batch_id="bat_1",
        sku_id="game-100",
        source=SOURCE,
        unit_cost=cost,
        sales_per_key=sales_per_key,
        filling=filling,
        created_at_ms=NOW_MS,
        **stamp(ORIGIN, NOW_MS),
    )


def imported(of: Batch, accepted: int, status: BatchStatus = BatchStatus.IMPORTED) -> Batch:
    report = ImportReport(accepted=accepted, duplicate=3, rejected=2)
    return replace(of, status=status, report=report, **stamp(ORIGIN, NOW_MS + 1, of.version + 1))


def changed(of: Batch, **fields: Any) -> Batch:
    return replace(of, **fields, **stamp(ORIGIN, NOW_MS + 2, of.version + 1))


def owed(*entries: JournalEntry) -> int:
    moved = {name: turnover.balance_minor for name, turnover in turnovers(entries).items()}
    more = balance_changes(entries).get(OWED, 0)
    assert moved.get(GOODS, 0) == more == -moved.get("supplier_payable:CNY", 0)
    return more


def test_the_source_is_owed_for_every_key_that_was_taken_once_the_import_is_over() -> None:
    opened = batch()
    importing = changed(opened, status=BatchStatus.IMPORTING)
    done = imported(importing, 40)
    assert entries_between(None, opened) == entries_between(opened, importing) == ()
    (entry,) = entries_between(importing, done)
    assert owed(entry) == 40 * 800
    assert (entry.source, entry.version, entry.what, entry.number) == ("batch:bat_1", 3, "keys_delivered", "bat_1")
    assert entry.at_ms == NOW_MS + 1


def test_each_sale_of_a_loop_key_is_a_key_that_costs() -> None:
    opened = batch(sales_per_key=5)
    assert owed(*entries_between(opened, imported(opened, 4))) == 20 * 800


def test_keys_that_a_late_run_counts_in_are_owed_for_too_and_no_key_twice() -> None:
    opened = batch()
    stopped = imported(opened, 40)
    recounted = imported(stopped, 55)
    assert owed(*entries_between(stopped, recounted)) == 15 * 800
    assert owed(*entries_between(opened, stopped), *entries_between(stopped, recounted)) == 55 * 800


def test_a_key_that_is_charged_back_is_not_owed_for() -> None:
    done = imported(batch(), 40)
    first = changed(done, charged_back=1)
    (entry,) = entries_between(done, first)
    assert (owed(entry), entry.what) == (-800, "keys_charged_back")
    assert owed(*entries_between(first, changed(first, charged_back=3))) == -2 * 800


@pytest.mark.parametrize("standing", [Standing.FROZEN, Standing.VOID, Standing.CLOSED])
def test_what_becomes_of_keys_that_are_not_sold_changes_nothing_of_what_they_cost(standing: Standing) -> None:
    done = imported(batch(), 40)
    assert entries_between(done, changed(done, standing=standing)) == ()


@pytest.mark.parametrize(
    ("opened", "status"),
    [
        (batch(Money(0, "CNY")), BatchStatus.IMPORTED),
        (batch(None), BatchStatus.IMPORTED),
        (batch(filling=Filling.OWN_CODES), BatchStatus.GENERATED),
    ],
)
def test_nobody_is_owed_for_codes_of_our_own_nor_for_keys_of_no_known_cost(opened: Batch, status: BatchStatus) -> None:
    done = imported(opened, 7, status)
    assert entries_between(opened, done) == entries_between(done, changed(done, charged_back=1)) == ()


def test_a_file_that_brought_nothing_costs_nothing() -> None:
    assert entries_between(batch(), imported(batch(), 0, BatchStatus.REJECTED)) == ()


def test_more_than_an_amount_may_be_is_owed_in_parts_of_different_names() -> None:
    opened = batch(Money(10**9, "CNY"))
    entries = entries_between(opened, imported(opened, 2_500))
    assert owed(*entries) == 2_500 * 10**9
    assert [each.postings[0].amount.amount_minor for each in entries] == [MAX_AMOUNT_MINOR] * 2 + [
        MAX_AMOUNT_MINOR // 2
    ]
    assert len({each.entry_id for each in entries}) == 3


def test_bought_keys_are_booked_under_the_reference_of_their_purchase() -> None:
    """By which their supplier's statement names them, also when some are charged back."""
    bought = replace(batch(filling=Filling.PURCHASE), purchase="P-1")
    done = imported(bought, 4)
    (delivered,) = entries_between(bought, done)
    (returned,) = entries_between(done, changed(done, charged_back=1))
    assert (delivered.number, returned.number) == ("P-1", "P-1")
    assert (delivered.source, returned.what) == ("batch:bat_1", "keys_charged_back")
