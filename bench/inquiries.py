"""What it costs to look for payments whose callback never came."""

from collections.abc import Iterator

from bench.figures import Bench, Figure
from keyrail.ordering.model.questions import AGES_MS, EVERY_MS
from keyrail.payments.service.accounts import PaymentAccounts
from tests.bank import ACCOUNT, PROVIDER, Bank
from tests.world import SYSTEM

ORDERS = 20


def figures(bench: Bench) -> Iterator[Figure]:
    world, bank = bench.world(), Bank()
    world.accounts = PaymentAccounts({(PROVIDER, ACCOUNT): bank}, {(PROVIDER, ACCOUNT): ()})
    world.stock_up(ORDERS)
    due: list[str] = []

    def look() -> None:
        begun = world.due_questions.next_look()
        world.due_questions.find(begun, due.extend)
        world.due_questions.done(begun)

    look()
    world.ahead_ms += EVERY_MS
    with bench.meter.tally() as tally:
        look()
        idle = tally.dynamodb_requests
    placed = [world.order(provider=PROVIDER) for _ in range(ORDERS)]
    world.ahead_ms += AGES_MS[0] + EVERY_MS // 2
    look()
    if sorted(due) != sorted(one.order.order_id for one in placed):
        raise AssertionError(f"{len(due)} orders found")
    with bench.meter.tally() as tally:
        for order_id in due:
            world.inquiries.ask(order_id, SYSTEM)
        unpaid = tally.dynamodb_requests / ORDERS
    for one in placed:
        bank.collect(one.attempt, one.attempt.attempt_id)
    with bench.meter.tally() as tally:
        for order_id in due:
            world.inquiries.ask(order_id, SYSTEM)
        found = tally.dynamodb_requests / ORDERS
    yield Figure("look for unpaid orders, none due: DynamoDB requests", idle, 114, "every 5 minutes")
    yield Figure("question about an unpaid order: DynamoDB requests", unpaid, 1)
    yield Figure("payment found by asking: DynamoDB requests", found, 4, "a callback's and 2")
