"""A day that is compared with the provider's statement, by a queue that brings it until it is done."""

import secrets
from collections import Counter
from datetime import UTC, date, timedelta

from keyrail.ledger.model import turnovers
from keyrail.payments.service.accounts import PaymentAccounts
from keyrail.platform.changes import Origin
from keyrail.reconciliation import books
from keyrail.reconciliation.model.comparing import DifferenceKind
from keyrail.reconciliation.model.differences import DifferenceStatus
from keyrail.reconciliation.model.holders import Holder
from keyrail.reconciliation.model.runs import RunMoved, RunStatus, run_id
from tests.bank import PROVIDER, Bank
from tests.faults.use_cases.case import Case, Step, expect
from tests.reconciling import FEE, days_ago, lines_of, noon_ms, unpaid
from tests.world import OPERATOR, SYSTEM, World

KNOWN = Origin("operator:test", "192.0.2.1", "they have told us why")


def day_that_is_compared(world: World) -> Case:
    """Of three payments that we know nothing of, one was resolved when it is compared anew, and one is gone."""
    account, bank, day = f"acc{secrets.token_hex(6)}", Bank(), days_ago(world, 1)
    at_ms = noon_ms(day, UTC)
    first, second, third = (lines_of(unpaid(at_ms), at_ms)[0] for _ in range(3))
    bank.statements = {day - timedelta(days=number): [] for number in range(1, 4)} | {day: [first, second]}
    name = run_id(Holder(account, PROVIDER), day.isoformat())
    before = at(world.another_process(), account, bank)
    before.reconciliation_desk.request_day([Holder(account, PROVIDER)], SYSTEM)
    before.comparing.run(name, SYSTEM)
    known = next(each for each in before.differences.all_differences(name) if each.number == first.number)
    before.reconciliation_desk.resolve(name, known.difference_id, known.version, KNOWN)
    before.reconciliation_desk.request(Holder(account, PROVIDER), day, OPERATOR)
    bank.statements[day] = [first, third]

    def check(process: World) -> None:
        run = process.reconciliation_desk.run(name)
        expect(run.status is RunStatus.RECONCILED, "it was left half way")
        expect((run.tally.lines, run.tally.missing_with_us) == (2, 2), "it was not counted")
        found = {each.number: each.status for each in process.differences.all_differences(name)}
        statuses = (DifferenceStatus.RESOLVED, DifferenceStatus.GONE, DifferenceStatus.OPEN)
        expect([found[line.number] for line in (first, second, third)] == list(statuses), "not what was compared")
        kinds = Counter(each.kind for each in process.differences.all_differences(name))
        expect(kinds == {DifferenceKind.MISSING_WITH_US: 3}, "a difference was invented")
        fees = turnovers(books.entries_between(None, run))["fees:CNY"]
        expect(fees.balance_minor == 2 * FEE.amount_minor, "another fee than the statement's")

    return Case(comparing(account, bank, name), check, [], [], afterwards=comparing(account, bank, name))


def difference_that_is_resolved(world: World) -> Case:
    account, bank, day = f"acc{secrets.token_hex(6)}", Bank(), days_ago(world, 1)
    bank.statements = {day: [lines_of(unpaid(noon_ms(day, UTC)), noon_ms(day, UTC))[0]]}
    name = _compared(world, account, bank, day)
    (found,) = world.differences.all_differences(name)

    def resolve(process: World) -> None:
        process.reconciliation_desk.resolve(name, found.difference_id, found.version, KNOWN)

    def check(process: World) -> None:
        (difference,) = process.differences.all_differences(name)
        expect((difference.status, difference.resolution) == (DifferenceStatus.RESOLVED, KNOWN.reason), "still open")
        expect(difference.version == 2, "resolved more than once")

    return Case(resolve, check, [], [])


def _compared(world: World, account: str, bank: Bank, day: date) -> str:
    name = run_id(Holder(account, PROVIDER), day.isoformat())
    before = at(world.another_process(), account, bank)
    before.reconciliation_desk.request_day([Holder(account, PROVIDER)], SYSTEM)
    before.comparing.run(name, SYSTEM)
    return name


def at(process: World, account: str, bank: Bank) -> World:
    process.accounts = PaymentAccounts({(PROVIDER, account): bank}, {(PROVIDER, account): ()})
    return process


def comparing(account: str, bank: Bank, name: str) -> Step:
    """As the queue brings it: who was overtaken, by their own lost answer say, comes again."""

    def bring(process: World) -> None:
        for _ in range(3):
            try:
                at(process, account, bank).comparing.run(name, SYSTEM)
            except RunMoved:
                continue
            return

    return bring


USE_CASES = (day_that_is_compared, difference_that_is_resolved)
