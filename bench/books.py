"""The books: what an entry costs alone and in company, a prepaid purchase, and a voucher."""

from collections.abc import Iterator

from bench.figures import Bench, Figure
from keyrail.ledger.store import lots
from keyrail.payments.model.vouchers import NewVoucher, VoucherKind
from keyrail.platform.money import Money
from tests.bookkeeping import purchase, sale, top_up, vouchers_of
from tests.world import OPERATOR

MANY = 990


def figures(bench: Bench) -> Iterator[Figure]:
    world = bench.world()
    books, vouchers = world.books, vouchers_of(world)
    some = [sale(number) for number in range(MANY)]
    with bench.meter.tally() as alone:
        books.post([sale(MANY + 1)])
    yield Figure("books: write units of an entry alone", alone.write_units, 4)
    with bench.meter.tally() as together:
        books.post(some)
    full = len(lots(some)[0])
    yield Figure(
        "books: write units an entry in full lots", round(together.write_units / MANY, 3), 2.03, f"{full} together"
    )
    yield Figure("books: DynamoDB requests an entry in full lots", round(together.dynamodb_requests / MANY, 3), 0.011)
    books.post([top_up(MANY + 2, 100)])
    with bench.meter.tally() as prepaid:
        books.spend(purchase(MANY + 3, 10))
    yield Figure("books: write units of a prepaid purchase", prepaid.write_units, 9)
    wanted = NewVoucher(voucher_no="V-1", kind=VoucherKind.PARTNER_TOP_UP, holder="prt_1", amount=Money(5, "CNY"))
    with bench.meter.tally() as voucher:
        vouchers.post(wanted, OPERATOR)
    yield Figure(
        "books: write units of a voucher", voucher.write_units, 14, "with its holder's balance and the person's day"
    )
