"""Vouchers: what people do with money outside of the stream of orders, booked at once."""

from functools import cache

from functions.operator_api.access import MONEY, PAYS_BACK, NotInGroup, allow
from functions.operator_api.app import api, keys, settings
from functions.operator_api.books import books
from functions.operator_api.limits import given_today
from functions.operator_api.schemas.vouchers import ReversalIn, VoucherIn, VoucherOut, VouchersOut, VouchersQuery
from keyrail.inventory.model.faults import SourceNotFound
from keyrail.inventory.store.sources import SourceStore
from keyrail.ledger.model import InsufficientBalance
from keyrail.payments.model.vouchers import AlreadyReversed, NotReversible, VoucherNotFound
from keyrail.payments.service.vouchers import Vouchers
from keyrail.payments.store import VoucherStore
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.cursor import decode_cursor
from keyrail.platform.errors import IdempotencyConflict, Invalid
from keyrail.platform.http import Call
from keyrail.suppliers.store import SuppliersStore


@cache
def vouchers() -> Vouchers:
    store = VoucherStore(client("dynamodb"), settings().payments_table)
    return Vouchers(store, books(), _is_source, given_today(), system_now_ms)


def _is_source(name: str) -> bool:
    try:
        SourceStore(keys()).get(name)
    except SourceNotFound:
        return SuppliersStore(client("dynamodb"), settings().suppliers_table).health(name) is not None
    return True


@api.operation(
    "POST",
    "/ops/v1/books/vouchers",
    summary="Book what was paid or credited outside of orders, once under its number; above a limit two people send it",
    body=VoucherIn,
    answer=VoucherOut,
    status=201,
    raises=(Invalid, IdempotencyConflict, InsufficientBalance, NotInGroup),
)
def post_voucher(call: Call) -> VoucherOut:
    said: VoucherIn = call.body
    origin = allow(call, PAYS_BACK, said.reason)
    return VoucherOut.of(vouchers().post(said.new(), origin))


@api.operation(
    "POST",
    "/ops/v1/books/vouchers/{voucher_no}/reversal",
    summary="Take back what a voucher has posted, by another voucher",
    body=ReversalIn,
    answer=VoucherOut,
    status=201,
    raises=(
        Invalid,
        VoucherNotFound,
        NotReversible,
        AlreadyReversed,
        IdempotencyConflict,
        InsufficientBalance,
        NotInGroup,
    ),
)
def reverse_voucher(call: Call) -> VoucherOut:
    said: ReversalIn = call.body
    origin = allow(call, PAYS_BACK, said.reason)
    return VoucherOut.of(vouchers().reverse(said.voucher_no, call.path["voucher_no"], origin))


@api.operation(
    "GET",
    "/ops/v1/books/vouchers",
    summary="The vouchers of a day, oldest first",
    query=VouchersQuery,
    answer=VouchersOut,
    raises=(Invalid, NotInGroup),
)
def list_vouchers(call: Call) -> VouchersOut:
    allow(call, MONEY)
    wanted: VouchersQuery = call.query
    return VouchersOut.of(*vouchers().of_day(wanted.day.isoformat(), wanted.limit, decode_cursor(wanted.cursor)))
