"""The daily bill, in the layout and the encoding that Alipay has; nothing of a broken one is taken for the whole."""

import io
import zipfile

import pytest

from keyrail.payments.model.statements import StatementKind, StatementLine
from keyrail.payments.providers.alipay.bill_rows import StatementUnreadable, rows
from keyrail.payments.providers.alipay.bills import MAX_FILES, MAX_LINE_LENGTH, _address, lines_of
from keyrail.platform.money import Money
from tests.alipay_gateway import ATTEMPT_ID, END, HEADER, REFUND_ID, TRADE_NO, bill_row, bill_text, bill_zip

PAYMENT = bill_row("交易", "19.90", "-0.12")
REFUND = bill_row("退款", "-5.00", "0.03", request=REFUND_ID)
GATEWAY = "https://openapi.alipay.com/gateway.do"


def read(text: str) -> list[StatementLine]:
    return list(rows(io.StringIO(text)))


def unreadable(text: str) -> bool:
    try:
        read(text)
    except StatementUnreadable:
        return True
    return False


def test_a_payment_and_a_refund_are_read_from_the_packed_bill() -> None:
    packed = bill_zip(bill_text(PAYMENT, REFUND).encode("gbk"))
    assert list(lines_of(packed)) == [
        StatementLine(
            line=6,
            kind=StatementKind.PAYMENT,
            number=ATTEMPT_ID,
            reference=TRADE_NO,
            amount=Money(1990, "CNY"),
            fee=Money(12, "CNY"),
            status="交易",
            at="2026-11-23T12:00:04+08:00",
        ),
        StatementLine(
            line=7,
            kind=StatementKind.REFUND,
            number=REFUND_ID,
            reference=TRADE_NO,
            amount=Money(500, "CNY"),
            fee=Money(3, "CNY"),
            status="退款",
            at="2026-11-23T12:00:04+08:00",
            fee_returned=True,
            payment_number=ATTEMPT_ID,
            payment_reference=TRADE_NO,
        ),
    ]


def test_the_sample_is_packed_as_alipay_packs_it() -> None:
    """Names in GBK, and no flag that says otherwise: a reader that does not know sees other letters."""
    packed = bill_zip(bill_text(PAYMENT).encode("gbk"))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert all(entry.flag_bits & 0x800 == 0 for entry in archive.infolist())
        assert not any("业务明细" in name for name in archive.namelist())
        assert [name.encode("cp437").decode("gbk")[-8:] for name in archive.namelist()] == [
            "业务明细.csv",
            "(汇总).csv",
        ]


def test_a_day_without_movements_has_no_lines() -> None:
    assert list(lines_of(bill_zip(bill_text().encode("gbk")))) == []


def test_a_movement_of_another_channel_without_numbers_of_ours_is_read_too() -> None:
    (line,) = read(bill_text(bill_row("退款", "-5.00", "0.00", order="", request="")))
    assert (line.number, line.amount, line.fee) == (None, Money(500, "CNY"), Money(0, "CNY"))


def test_columns_are_found_by_their_names() -> None:
    names, cells = HEADER.split(","), PAYMENT.split(",")
    turned = bill_text(",".join(cells[::-1]), header=",".join(["新列", *names[::-1]]).replace("（元）", "(元)"))
    assert unreadable(turned)  # one cell too few
    turned = bill_text(",".join(["", *cells[::-1]]), header=",".join(["新列", *names[::-1]]).replace("（元）", "(元)"))
    assert read(turned) == read(bill_text(PAYMENT))


def test_commas_in_a_product_name_move_no_other_cell() -> None:
    assert read(bill_text(bill_row("交易", "19.90", "-0.12", name='a, "b", c'))) == read(bill_text(PAYMENT))


@pytest.mark.parametrize(
    "gone", ["支付宝交易号", "商户订单号", "业务类型", "订单金额（元）", "退款批次号/请求号", "服务费（元）"]
)
def test_a_bill_without_a_column_that_counts_is_not_guessed_at(gone: str) -> None:
    assert unreadable(bill_text(PAYMENT, header=HEADER.replace(gone, "别的")))
    assert unreadable(bill_text(PAYMENT, header=HEADER.replace("备注", gone)))


@pytest.mark.parametrize(
    "row",
    [
        bill_row("转账", "19.90", "-0.12"),
        bill_row("", "19.90", "-0.12"),
        bill_row("交易", "-19.90", "-0.12"),
        bill_row("交易", "19.999", "-0.12"),
        bill_row("交易", "1e3", "-0.12"),
        bill_row("交易", "1,990.00", "-0.12"),
        bill_row("交易", "", "-0.12"),
        bill_row("退款", "--5.00", "0.00"),
        bill_row("交易", "19.90", "free"),
        PAYMENT.replace(TRADE_NO, "x"),
        PAYMENT.replace("2026-11-23 12:00:04", ""),
        PAYMENT.replace("2026-11-23 11:59:58", ""),
        PAYMENT.removesuffix(","),
        PAYMENT + ",one,more",
        "合计,19.90",
    ],
)
def test_a_row_that_is_not_understood_makes_the_whole_bill_unreadable(row: str) -> None:
    assert unreadable(bill_text(PAYMENT, row))


def test_a_bill_that_ends_before_its_end_was_not_read_whole() -> None:
    whole = bill_text(PAYMENT, REFUND)
    assert len(read(whole)) == 2
    assert unreadable(whole[: whole.index("#--", whole.index(HEADER))])
    assert unreadable("")
    assert unreadable(END)
    assert unreadable("<html>busy</html>")


def test_a_name_that_was_cut_through_a_character_costs_no_movement() -> None:
    half = (
        bill_text(bill_row("交易", "19.90", "-0.12", name="会员X")).encode("gbk").replace("员X".encode("gbk"), b"\xd4")
    )
    assert list(lines_of(bill_zip(half))) == read(bill_text(PAYMENT))


def test_a_thousand_rows_are_a_thousand_lines() -> None:
    packed = bill_zip(bill_text(*[PAYMENT] * 1000).encode("gbk"))
    assert [line.line for line in lines_of(packed)] == list(range(6, 1006))


@pytest.mark.parametrize("packed", [b"", b"PK", b"<html>busy</html>", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_bill_is_unreadable(packed: bytes) -> None:
    with pytest.raises(StatementUnreadable):
        lines_of(packed)


def test_every_cut_of_a_packed_bill_is_unreadable() -> None:
    packed = bill_zip(bill_text(PAYMENT).encode("gbk"))
    for end in range(len(packed)):
        with pytest.raises(StatementUnreadable):
            list(lines_of(packed[:end]))


def test_a_changed_byte_of_the_rows_is_found_by_their_checksum() -> None:
    packed = bytearray(bill_zip(bill_text(*[PAYMENT] * 50).encode("gbk")))
    packed[400] ^= 1
    with pytest.raises(StatementUnreadable):
        list(lines_of(bytes(packed)))


@pytest.mark.parametrize("method", [1, 8, 12, 14, 93])
def test_a_zip_that_names_another_way_of_packing_is_no_bill(method: int) -> None:
    """Deflated, as the bills are, is 8; bzip2 is 12, LZMA 14."""
    packed = bytearray(bill_zip(bill_text(PAYMENT).encode("gbk")))
    entry = packed.index(b"PK\x01\x02")
    packed[entry + 10 : entry + 12] = method.to_bytes(2, "little")
    if method == zipfile.ZIP_DEFLATED:
        assert list(lines_of(bytes(packed))) == read(bill_text(PAYMENT))
        return
    with pytest.raises(StatementUnreadable):
        list(lines_of(bytes(packed)))


def test_a_zip_bomb_is_not_unpacked() -> None:
    longest = "#".ljust(MAX_LINE_LENGTH - 1, "x")
    assert len(list(lines_of(bill_zip(bill_text(longest, PAYMENT).encode("gbk"))))) == 1
    with pytest.raises(StatementUnreadable):
        list(lines_of(bill_zip(bill_text(longest + "x", PAYMENT).encode("gbk"))))
    many = [(f"{number}.csv", b"") for number in range(MAX_FILES)]
    with pytest.raises(StatementUnreadable):
        lines_of(bill_zip(bill_text(PAYMENT).encode("gbk"), *many))


def test_a_bill_that_says_it_is_too_large_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    text = bill_text(PAYMENT).encode("gbk")
    monkeypatch.setattr("keyrail.payments.providers.alipay.bills.MAX_UNPACKED_BYTES", len(text))
    assert len(list(lines_of(bill_zip(text)))) == 1
    monkeypatch.setattr("keyrail.payments.providers.alipay.bills.MAX_UNPACKED_BYTES", len(text) - 1)
    with pytest.raises(StatementUnreadable):
        lines_of(bill_zip(text))


def test_two_files_of_details_are_not_added_up_by_guess() -> None:
    text = bill_text(PAYMENT).encode("gbk")
    with pytest.raises(StatementUnreadable):
        lines_of(bill_zip(text, ("2_业务明细.csv", text)))


@pytest.mark.parametrize(
    ("named", "fetched"),
    [
        ("http://dwbillcenter.alipay.com/d.resource?a=1&b=2", "https://dwbillcenter.alipay.com/d.resource?a=1&b=2"),
        ("https://dwbillcenter.alipay.com/d?a=1", "https://dwbillcenter.alipay.com/d?a=1"),
        ("http://openapi.alipay.com/d?a=1", "https://openapi.alipay.com/d?a=1"),
        ("https://bill.alipaydev.com/d?a=1", "https://bill.alipaydev.com/d?a=1"),
        ("https://alipay.com.attacker.example/d", None),
        ("https://attackeralipay.com/d", None),
        ("https://user@dwbillcenter.alipay.com/d", None),
        ("http://127.0.0.1/d", None),
        ("http://169.254.169.254/latest/meta-data", None),
        ("ftp://dwbillcenter.alipay.com/d", None),
        ("https://[oops", None),
        ("", None),
    ],
)
def test_a_bill_is_fetched_from_alipay_and_encrypted_or_not_at_all(named: str, fetched: str | None) -> None:
    assert _address(named, GATEWAY) == fetched


def test_only_a_gateway_on_this_machine_keeps_its_bills_there() -> None:
    here = "http://127.0.0.1:8080/bill?d=1"
    assert _address(here, "http://127.0.0.1:8080/gateway.do") == here
    assert _address(here, "http://127.0.0.1:9090/gateway.do") is None
