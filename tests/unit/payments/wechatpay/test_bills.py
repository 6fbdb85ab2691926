"""The trade bill in WeChat Pay's own layout: each movement found, and nothing read that is not as documented."""

import pytest

from keyrail.payments.model.statements import LineState, StatementKind, StatementLine
from keyrail.payments.providers.wechatpay.bills import statement_lines
from keyrail.platform.money import Money
from tests.wechat_platform import APPID, MCHID

HEADING = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMS_HEADING = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
PAYER = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


def paid(
    number: str = "pay_1", amount: str = "19.90", fee: str = "0.12000", goods: str = "Order A1B2", appid: str = APPID
) -> str:
    return (
        f"`2026-09-22 01:33:20,`{appid},`{MCHID},`0,`,`4200001,`{number},`{PAYER},`NATIVE,`SUCCESS,`OTHERS,`CNY,"
        f"`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`{goods},`,`{fee},`0.60%,`{amount},`0.00,`"
    )


def refunded(number: str = "rfd_1", amount: str = "19.90", fee: str = "-0.12000", state: str = "SUCCESS") -> str:
    return (
        f"`2026-09-22 12:00:01,`{APPID},`{MCHID},`0,`,`4200001,`pay_1,`{PAYER},`NATIVE,`REFUND,`OTHERS,`CNY,"
        f"`0.00,`0.00,`5030080,`{number},`{amount},`0.00,`ORIGINAL,`{state},"
        f"`Order A1B2,`,`{fee},`0.60%,`0.00,`{amount},`"
    )


def bill(*rows: str, count: int | None = None, heading: str = HEADING, end: str = "\r\n") -> bytes:
    sums = f"`{len(rows) if count is None else count},`19.90,`19.90,`0.00,`0.00000,`19.90,`19.90"
    return ("\ufeff" + end.join([heading, *rows, SUMS_HEADING, sums]) + end).encode()


def read(raw: bytes) -> list[StatementLine]:
    return list(statement_lines(raw, MCHID, APPID))


def unreadable(raw: bytes) -> bool:
    try:
        read(raw)
    except ValueError:
        return True
    return False


def test_a_payment_and_its_refund_are_two_movements() -> None:
    assert read(bill(paid(), refunded())) == [
        StatementLine(
            line=2,
            kind=StatementKind.PAYMENT,
            number="pay_1",
            reference="4200001",
            amount=Money(1990, "CNY"),
            fee=Money(12, "CNY"),
            status="SUCCESS",
            at="2026-09-22T01:33:20+08:00",
        ),
        StatementLine(
            line=3,
            kind=StatementKind.REFUND,
            number="rfd_1",
            reference="5030080",
            amount=Money(1990, "CNY"),
            fee=Money(12, "CNY"),
            status="SUCCESS",
            at="2026-09-22T12:00:01+08:00",
            fee_returned=True,
            payment_number="pay_1",
            payment_reference="4200001",
        ),
    ]


def test_what_the_buyer_was_asked_for_counts_and_not_what_is_left_after_coupons() -> None:
    row = paid().replace("`19.90,`0.00,`0,`0", "`14.90,`5.00,`0,`0", 1)
    assert read(bill(row))[0].amount == Money(1990, "CNY")
    row = refunded().replace("`19.90,`0.00,`ORIGINAL", "`14.90,`5.00,`ORIGINAL", 1)
    assert read(bill(row))[0].amount == Money(1990, "CNY")


def test_a_bill_without_movements_has_no_lines() -> None:
    assert read(bill()) == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_line_end_is_read(end: str) -> None:
    assert [line.number for line in read(bill(paid(), paid("pay_2"), end=end))] == ["pay_1", "pay_2"]


@pytest.mark.parametrize("goods", ["1,000 points, red", '{"id": 1,"n": 2}', "a,`b,`c,`9.99,`SUCCESS", '"quoted"', ""])
def test_a_name_of_goods_moves_no_column(goods: str) -> None:
    assert read(bill(paid(goods=goods))) == read(bill(paid()))


def test_further_columns_of_merchants_with_discounts_change_nothing() -> None:
    heading = HEADING + ",订单优惠金额,退款优惠金额"
    assert read(bill(paid() + ",`0.00,`0.00", heading=heading)) == read(bill(paid()))


def test_the_movements_of_another_app_of_the_merchant_number_are_left_to_its_own_account() -> None:
    other = paid("pay_of_the_other", appid="wx0000000000000000")
    lines = read(bill(paid(), other, paid("pay_3")))
    assert [(line.line, line.number) for line in lines] == [(2, "pay_1"), (4, "pay_3")]


@pytest.mark.parametrize("number", ["0", ""])
def test_a_refund_by_hand_may_have_no_number(number: str) -> None:
    assert read(bill(refunded(number)))[0].number is None


@pytest.mark.parametrize("state", ["PROCESSING", "FAIL", ""])
def test_a_refund_stands_in_the_bill_as_it_stood_that_day(state: str) -> None:
    assert read(bill(refunded(state=state)))[0].status == state


def test_a_revoked_payment_is_money_that_went_back() -> None:
    (line,) = read(bill(refunded().replace("`REFUND,", "`REVOKED,")))
    assert (line.kind, line.amount) == (StatementKind.REFUND, Money(1990, "CNY"))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SUCCESS", LineState.DONE),
        ("PROCESSING", LineState.UNDER_WAY),
        ("CHANGE", LineState.FAILED),
        ("FAIL", LineState.FAILED),
        ("NEVER SEEN", LineState.UNDER_WAY),
    ],
)
def test_a_refund_is_as_far_as_the_bill_says(said: str, state: LineState) -> None:
    (line,) = read(bill(refunded(state=said)))
    assert line.state is state


@pytest.mark.parametrize("fee", ["0.00600", "", "0.6%", "--0.12"])
def test_a_fee_that_is_no_whole_number_of_fen_is_not_rounded(fee: str) -> None:
    (line,) = read(bill(paid(fee=fee)))
    assert line.fee is None


@pytest.mark.parametrize("amount", ["19.901", "-19.90", "1,990.00", "", "19.9 ", "１９.９０", "1e3", "NaN"])
def test_an_amount_that_is_no_amount_stops_the_reading(amount: str) -> None:
    assert unreadable(bill(paid(amount=amount)))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_bill_that_counts_otherwise_is_not_whole(count: int) -> None:
    with pytest.raises(ValueError, match="count"):
        read(bill(paid(), refunded(), count=count))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"<html>maintenance</html>",
        bill(paid()).split(SUMS_HEADING.encode())[0],
        bill(paid(), heading=HEADING.replace("商户订单号", "订单号")),
        bill(paid(), heading=HEADING.replace("商品名称,商户数据包", "商户数据包,商品名称")),
        bill(paid().replace(",`0.60%", "")),
        bill(paid().removeprefix("`")),
        bill(paid().replace("`SUCCESS", "`A STATE OF NEXT YEAR")),
        bill(paid().replace("2026-09-22 01:33:20", "22/09/2026")),
        bill(paid().replace("`CNY", "`XAU")),
        bill(paid(), ""),
    ],
)
def test_what_is_not_the_documented_layout_stops_the_reading(raw: bytes) -> None:
    assert unreadable(raw)


def test_a_large_bill_is_read_a_line_at_a_time() -> None:
    rows = [paid(f"pay_{number}") for number in range(10_000)]
    lines = statement_lines(bill(*rows), MCHID, APPID)
    assert next(lines).number == "pay_0"
    assert sum(1 for _ in lines) == 9_999
