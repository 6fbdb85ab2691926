"""The rows of a bill's 业务明细 file: comment lines, a line of column names, a line a movement, and an end.

Columns are found by their names, of which there are 25 today. Cells are not quoted, and some end with a tab so that a
spreadsheet keeps a long number. Alipay writes what leaves the account with a minus: fees, and the sums of refunds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementKind, StatementLine
from keyrail.payments.providers.alipay import CURRENCY
from keyrail.platform.money import Money, parse_decimal

TRADE, ORDER, KIND, NAME = "支付宝交易号", "商户订单号", "业务类型", "商品名称"
BEGUN, DONE, AMOUNT = "创建时间", "完成时间", "订单金额（元）"
REFUND, FEE = "退款批次号/请求号", "服务费（元）"
COLUMNS = (TRADE, ORDER, KIND, NAME, BEGUN, DONE, AMOUNT, REFUND, FEE)
KINDS = {"交易": StatementKind.PAYMENT, "退款": StatementKind.REFUND}
COMMENT = "#"
END = "业务明细列表结束"

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)", re.ASCII)
_TRADE_NUMBER = re.compile(r"[0-9]{16,64}")


class StatementUnreadable(ProviderUnavailable):
    """What came is no bill of the layout that is known here; nothing of it may be taken for the whole."""

    code = "statement_unreadable"
    title = "The payment provider's statement is not of the layout that is known."
    title_zh = "支付渠道的对账单格式无法识别。"


def rows(lines: Iterable[str]) -> Iterator[StatementLine]:
    """The movements. A file that ends before its end was not read whole. Raises StatementUnreadable."""
    columns: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(COMMENT):
            if END in line and columns:
                return
            continue
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells):
            continue
        if columns:
            yield _movement(number, _row(columns, cells))
        else:
            columns = _columns(cells)
    raise StatementUnreadable


def _columns(cells: list[str]) -> list[str]:
    names = [cell.replace("(", "（").replace(")", "）") for cell in cells]
    if any(names.count(name) != 1 for name in COLUMNS):
        raise StatementUnreadable
    return names


def _row(columns: list[str], cells: list[str]) -> Mapping[str, str]:
    """A row by the names of its columns. Commas too many are the product name's, where the times beside it agree."""
    extra, at = len(cells) - len(columns), columns.index(NAME)
    if extra > 0:
        cells = [*cells[:at], ",".join(cells[at : at + extra + 1]), *cells[at + extra + 1 :]]
    row = dict(zip(columns, cells, strict=False))
    if extra < 0 or not (_TIME.fullmatch(row[BEGUN]) and _TIME.fullmatch(row[DONE])):
        raise StatementUnreadable
    return row


def _movement(number: int, row: Mapping[str, str]) -> StatementLine:
    kind = KINDS.get(row[KIND])
    at = _TIME.fullmatch(row[DONE])
    if kind is None or at is None or not _TRADE_NUMBER.fullmatch(row[TRADE]):
        raise StatementUnreadable
    is_refund = kind is StatementKind.REFUND
    return StatementLine(
        line=number,
        kind=kind,
        number=row[REFUND if is_refund else ORDER] or None,
        reference=row[TRADE],
        amount=_amount(row[AMOUNT].removeprefix("-") if is_refund else row[AMOUNT]),
        fee=_amount(row[FEE].removeprefix("-")) if row[FEE] else None,
        status=row[KIND],
        at=f"{at[1]}T{at[2]}+08:00",
        fee_returned=is_refund,
        payment_number=(row[ORDER] or None) if is_refund else None,
        payment_reference=row[TRADE] if is_refund else None,
    )


def _amount(text: str) -> Money:
    try:
        return parse_decimal(text, CURRENCY)
    except ValueError:
        raise StatementUnreadable from None
