"""The trade bill (交易账单) of type ALL: payments by the day they were paid, refunds by the day they were accepted.

Four parts: the heading, the movements, the heading of the sums and the sums. Each value, and none of the headings, has
a backquote before it, which separates better than the commas do: names of goods hold commas.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence

from keyrail.payments.model.refunds import refund_id_of
from keyrail.payments.model.statements import LineState, StatementKind, StatementLine
from keyrail.platform.money import Money, parse_decimal

KINDS = {"SUCCESS": StatementKind.PAYMENT, "REFUND": StatementKind.REFUND, "REVOKED": StatementKind.REFUND}
SUMS, COUNT = "总交易单数", 0
GOODS, ATTACHED = "商品名称", "商户数据包"  # free texts, side by side
TIME, APPID, MCHID, STATE, CURRENCY, FEE = "交易时间", "公众账号ID", "商户号", "交易状态", "货币种类", "手续费"
# Of a movement of each kind: our number, WeChat's, the amount asked for before discounts, and the state.
PAYMENT = ("商户订单号", "微信订单号", "订单金额", STATE)
REFUND = ("商户退款单号", "微信退款单号", "申请退款金额", "退款状态")
NEEDED = frozenset({TIME, APPID, MCHID, STATE, CURRENCY, FEE, GOODS, ATTACHED, *PAYMENT, *REFUND})
# 退款状态; a refund that the buyer's bank sent back is to be given another way (转入代发).
REFUND_STATES = {"SUCCESS": LineState.DONE, "FAIL": LineState.FAILED, "CHANGE": LineState.FAILED}
NONE = frozenset({"", "0"})  # how the bill writes that there is no number

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})", re.ASCII)


def statement_lines(raw: bytes, mchid: str, appid: str) -> Iterator[StatementLine]:
    """The movements of one merchant number under one app, in the order of the file, whose first line is number 1.

    The bill has those of all apps of the merchant number. Raises ValueError at whatever is not as documented, and where
    fewer movements came than the bill counts.
    """
    rows = enumerate((row.rstrip("\r\n") for row in io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="\n")), 1)
    names = next(rows, (0, ""))[1].split(",")
    if not NEEDED.issubset(names) or names.index(ATTACHED) != names.index(GOODS) + 1:
        raise ValueError("heading")
    count = 0
    for number, row in rows:
        if row.startswith(SUMS):
            break
        count += 1
        movement = _movement(_values(row), names)
        if (movement[MCHID], movement[APPID]) == (mchid, appid):
            yield _line(number, movement)
    _, sums = next(rows, (0, ""))
    if _values(sums)[COUNT] != str(count):
        raise ValueError("count of the movements")


def _values(row: str) -> list[str]:
    if not row.startswith("`"):
        raise ValueError("row")
    return row[1:].split(",`")


def _movement(values: Sequence[str], names: Sequence[str]) -> Mapping[str, str]:
    """By name, without the two free texts: whatever they hold, the others are counted from either end."""
    before = names.index(GOODS)
    after = len(names) - before - 2
    if len(values) < len(names):
        raise ValueError("row")
    kept = [*values[:before], *values[len(values) - after :]]
    return dict(zip([*names[:before], *names[before + 2 :]], kept, strict=True))


def _line(number: int, movement: Mapping[str, str]) -> StatementLine:
    kind, time = KINDS.get(movement[STATE]), _TIME.fullmatch(movement[TIME])
    if kind is None or time is None:
        raise ValueError("state or time")
    is_refund = kind is StatementKind.REFUND
    ours, theirs, amount, status = REFUND if is_refund else PAYMENT
    paid_as, paid_with, named = *PAYMENT[:2], _named(movement[ours])
    return StatementLine(
        line=number,
        kind=kind,
        number=refund_id_of(named) if named else None,
        reference=_named(movement[theirs]) or movement[paid_with],
        amount=parse_decimal(movement[amount], movement[CURRENCY]),
        fee=_fee(movement),
        status=movement[status],
        at=f"{time[1]}T{time[2]}+08:00",
        state=REFUND_STATES.get(movement[status], LineState.UNDER_WAY) if is_refund else LineState.DONE,
        fee_returned=is_refund,
        payment_number=_named(movement[paid_as]) if is_refund else None,
        payment_reference=_named(movement[paid_with]) if is_refund else None,
    )


def _named(number: str) -> str | None:
    return None if number in NONE else number


def _fee(movement: Mapping[str, str]) -> Money | None:
    """What WeChat keeps of a payment, or gives back with a refund, where it stands below zero.

    The bill writes five decimals: None for a fee that is no whole number of minor units.
    """
    try:
        return parse_decimal(movement[FEE].removeprefix("-"), movement[CURRENCY])
    except ValueError:
        return None
