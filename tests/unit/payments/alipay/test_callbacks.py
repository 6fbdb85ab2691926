"""Alipay's notifications, signed by the merchants' own SDK: what it verifies is taken, and nothing that was changed."""

from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from keyrail.payments.model.confirmations import Confirmation, Mismatch, mismatch
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers.alipay.callbacks import MAX_BODY_BYTES, MAX_VALUE_BYTES
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from tests.alipay_gateway import (
    APP_ID,
    ATTEMPT_ID,
    NOW_MS,
    PAID,
    REFUND_ID,
    REFUNDED,
    SELLER_ID,
    TRADE_NO,
    account,
    attempt,
    callback,
    form,
    public_text,
    sdk,
    signature,
)

ACCOUNT = account()


def said(body: bytes) -> Confirmation | RefundNotice | None:
    return ACCOUNT.confirm(callback(body), NOW_MS)


def payment(body: bytes) -> Confirmation:
    claim = said(body)
    assert isinstance(claim, Confirmation)
    return claim


def refused(body: bytes) -> bool:
    try:
        said(body)
    except SignatureInvalid:
        return True
    return False


def with_sign(encoded: str, text: str) -> bytes:
    """A form of `encoded` pairs, signed as `text`."""
    return f"{encoded}&{urlencode({'sign': signature(text), 'sign_type': 'RSA2'})}".encode()


def test_what_the_sdk_signed_and_verifies_is_a_payment_of_the_attempt() -> None:
    body = form(PAID)
    parameters = dict(parse_qsl(body.decode()))
    assert sdk("app", "alipay").verify(dict(parameters), parameters.pop("sign")) is False  # `sign` is not signed
    assert sdk("app", "alipay").verify(parameters, dict(parse_qsl(body.decode()))["sign"])
    assert said(body) == Confirmation(
        provider="alipay",
        account="main",
        merchant=f"{APP_ID}/{SELLER_ID}",
        attempt_id=ATTEMPT_ID,
        reference=TRADE_NO,
        amount=Money(1990, "CNY"),
        paid=True,
        status="TRADE_SUCCESS",
    )


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_trade_that_succeeded_or_finished_is_paid(status: str) -> None:
    assert payment(form({**PAID, "trade_status": status})).paid


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED", "trade_success", "PAID"])
def test_no_other_status_is_paid(status: str) -> None:
    claim = payment(form({**PAID, "trade_status": status}))
    assert (claim.paid, claim.status) == (False, status)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"app_id": "2021000000000009"}, Mismatch.WRONG_MERCHANT),
        ({"seller_id": "2088000000000009"}, Mismatch.WRONG_MERCHANT),
        ({"total_amount": "19.89"}, Mismatch.UNDER_PAID),
        ({"total_amount": "0.20"}, Mismatch.UNDER_PAID),
        ({"total_amount": "19.91"}, Mismatch.OVER_PAID),
        ({"total_amount": "1e9"}, Mismatch.WRONG_CURRENCY),
        ({"out_trade_no": ATTEMPT_ID[:-1] + "2"}, Mismatch.UNKNOWN_ATTEMPT),
        ({"trade_status": "WAIT_BUYER_PAY"}, Mismatch.NOT_PAID),
        ({}, None),
    ],
)
def test_a_genuine_notification_of_something_else_does_not_bind(
    changed: dict[str, str], reason: Mismatch | None
) -> None:
    assert mismatch(payment(form({**PAID, **changed})), attempt(), ACCOUNT.merchant) is reason


def test_a_payment_that_names_no_seller_does_not_bind() -> None:
    nobodys = {name: value for name, value in PAID.items() if name != "seller_id"}
    assert mismatch(payment(form(nobodys)), attempt(), ACCOUNT.merchant) is Mismatch.WRONG_MERCHANT


def test_a_refund_is_a_reason_to_ask_and_never_a_second_payment() -> None:
    notice = RefundNotice(
        provider="alipay",
        account="main",
        attempt_id=ATTEMPT_ID,
        refund_id=REFUND_ID,
        payment_reference=PAID["trade_no"],
        amount=Money(500, "CNY"),
        status="TRADE_SUCCESS",
        moved=True,
    )
    assert said(form(REFUNDED)) == notice
    assert said(form({**REFUNDED, "trade_status": "TRADE_CLOSED"})) == replace(notice, status="TRADE_CLOSED")


@pytest.mark.parametrize("name", ["refund_fee", "out_biz_no", "gmt_refund"])
def test_each_parameter_of_a_refund_tells_it(name: str) -> None:
    assert isinstance(said(form({**PAID, name: REFUNDED[name]})), RefundNotice)


def test_a_refund_without_a_number_of_its_own_has_the_trades() -> None:
    notice = said(form({name: value for name, value in REFUNDED.items() if name != "out_biz_no"}))
    assert isinstance(notice, RefundNotice)
    assert notice.refund_id == ATTEMPT_ID


@pytest.mark.parametrize("name", ["app_id", "seller_id"])
def test_a_refund_of_another_app_or_seller_is_about_nothing_of_ours(name: str) -> None:
    assert said(form({**REFUNDED, name: "2088000000000009"})) is None


def test_a_genuine_notification_that_is_about_no_trade_is_none_of_ours() -> None:
    assert said(form({"notify_type": "dut_user_sign", "charset": "utf-8", "app_id": APP_ID})) is None
    assert refused(form({"notify_type": "dut_user_sign"}, by="somebody"))


@pytest.mark.parametrize("name", ["app_id", "out_trade_no", "trade_no", "trade_status", "total_amount"])
def test_a_trade_without_a_required_parameter_is_refused(name: str) -> None:
    assert refused(form({n: v for n, v in PAID.items() if n != name}))
    assert refused(form({**PAID, name: ""}))
    assert refused(form({**PAID, name: " "}))


def test_every_changed_byte_is_refused_or_changes_nothing_that_was_said() -> None:
    short = {name: PAID[name] for name in ("app_id", "seller_id", "out_trade_no", "trade_no", "trade_status")}
    body = form({**short, "total_amount": "19.90", "subject": "会员"})
    genuine, meaning = said(body), dict(parse_qsl(body.decode()))
    accepted = 0
    for place in range(len(body)):
        for byte in range(256):
            changed = body[:place] + bytes([byte]) + body[place + 1 :]
            if changed == body or refused(changed):
                continue
            accepted += 1
            assert dict(parse_qsl(changed.decode())) == meaning
            assert said(changed) == genuine
    assert accepted < len(body) / 2


def test_every_cut_of_a_notification_is_refused() -> None:
    body = form(PAID)
    whole_but_unsigned_type = body.removesuffix(b"&sign_type=RSA2")
    for end in range(len(body)):
        assert refused(body[:end]) or body[:end] == whole_but_unsigned_type


def test_somebody_elses_key_does_not_sign_for_alipay() -> None:
    assert refused(form(PAID, by="somebody"))
    assert refused(form(PAID, by="app"))


def test_while_alipays_key_is_exchanged_both_sign() -> None:
    both = account(alipay_public_keys=[public_text("alipay"), public_text("alipay-new")])
    for signer in ("alipay", "alipay-new"):
        claim = both.confirm(callback(form(PAID, by=signer)), NOW_MS)
        assert isinstance(claim, Confirmation)
        assert claim.paid
    with pytest.raises(SignatureInvalid):
        both.confirm(callback(form(PAID, by="alipay-old")), NOW_MS)


@pytest.mark.parametrize("sign_type", ["RSA", "rsa2", "MD5", ""])
def test_a_signature_of_another_type_is_refused(sign_type: str) -> None:
    assert refused(form(PAID).replace(b"sign_type=RSA2", f"sign_type={sign_type}".encode()))


@pytest.mark.parametrize("charset", ["gbk", "GB2312", "utf8", "utf-16"])
def test_a_notification_in_another_charset_is_refused(charset: str) -> None:
    assert refused(form({**PAID, "charset": charset}))
    assert not refused(form({**PAID, "charset": "UTF-8"}))


def test_a_signature_has_one_spelling() -> None:
    """The last letter before `==` holds four bits that count for nothing; sloppy readers take sixteen spellings."""
    body = form(PAID)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sign = dict(parse_qsl(body.decode()))["sign"]
    assert sign.endswith("==")
    other = sign[:-3] + letters[letters.index(sign[-3]) ^ 1] + "=="
    for spelling in (other, sign.rstrip("="), sign + "=", sign + "\n", " " + sign, sign[:8] + "\n" + sign[8:], ""):
        assert refused(body.replace(quote(sign, safe="").encode(), quote(spelling, safe="").encode()))


@pytest.mark.parametrize(
    "extra",
    [
        "total_amount=19.90",
        "total_amount=0.01",
        "%74otal_amount=19.90",
        "total_amount[]=19.90",
        "total_amount%5B%5D=19.90",
        "body",
        "body=",
        "body=+",
        "body=%20%09",
        "=x",
        "",
        "body=%",
        "body=%4",
        "body=%zz",
        "body=%ff",
        "body=%ed%a0%80",
        "body=会员",
        "unsigned=1",
    ],
)
def test_a_form_that_can_be_read_in_two_ways_is_refused(extra: str) -> None:
    body = form(PAID)
    assert refused(body + b"&" + extra.encode())
    assert refused(extra.encode() + b"&" + body)


@pytest.mark.parametrize("raw", ["100%", "%4", "%zz", "%%20"])
def test_a_broken_escape_is_refused_even_where_its_letters_were_signed(raw: str) -> None:
    text = "&".join(f"{n}={v}" for n, v in sorted({**PAID, "body": raw}.items()))
    assert refused(with_sign(f"{urlencode(PAID)}&body={raw}", text))


@pytest.mark.parametrize("name", ["%62ody", "body[]", "bo.dy", "bo dy", "名"])
def test_a_name_that_could_be_spelled_otherwise_is_refused_even_where_it_was_signed(name: str) -> None:
    text = "&".join(f"{n}={v}" for n, v in sorted({**PAID, name: "x"}.items()))
    assert refused(with_sign(f"{urlencode(PAID)}&{name}=x", text))
    assert not refused(form({**PAID, "body": "x"}))


def test_a_blank_value_is_refused_whether_it_was_signed_or_left_out() -> None:
    for parameters in ({**PAID, "body": ""}, PAID):
        text = "&".join(f"{n}={v}" for n, v in sorted(parameters.items()))
        assert refused(with_sign(f"{urlencode(PAID)}&body=", text))


def test_a_signed_value_that_swallows_another_parameter_is_refused() -> None:
    """Two forms with one signature: `buyer_id=2088…&charset=utf-8` is one parameter here and two there."""
    swallowed = {name: value for name, value in PAID.items() if name not in {"buyer_id", "charset"}}
    swallowed["buyer_id"] = f"{PAID['buyer_id']}&charset=utf-8"
    texts = ["&".join(f"{n}={v}" for n, v in sorted(parameters.items())) for parameters in (swallowed, PAID)]
    assert texts[0] == texts[1]
    assert refused(form(swallowed))
    assert refused(form({**PAID, "subject": "x&total_amount=19.90"}))
    assert not refused(form({**PAID, "subject": "Tom & Jerry"}))


def test_values_and_forms_over_their_bounds_are_refused() -> None:
    assert not refused(form({**PAID, "body": "x" * MAX_VALUE_BYTES}))
    assert refused(form({**PAID, "body": "x" * (MAX_VALUE_BYTES + 1)}))
    assert refused(form({**PAID, **{f"p{number}": "x" for number in range(60)}}))
    assert refused(form({**PAID, **{f"p{number}": "x" * MAX_VALUE_BYTES for number in range(5)}}))
    assert 4 * MAX_VALUE_BYTES == MAX_BODY_BYTES


def test_only_a_post_is_a_notification() -> None:
    for method in ("GET", "PUT", "post"):
        with pytest.raises(SignatureInvalid):
            ACCOUNT.confirm(callback(form(PAID), method), NOW_MS)
    with pytest.raises(SignatureInvalid):
        ACCOUNT.confirm(callback(b""), NOW_MS)


def test_a_replay_says_the_same_as_the_first_time_however_old_it_is() -> None:
    body = form(PAID)
    years_later = NOW_MS + 10 * 365 * 24 * 3600 * 1000
    assert ACCOUNT.confirm(callback(body), NOW_MS) == ACCOUNT.confirm(callback(body), years_later)


def test_alipay_is_answered_with_success_and_nothing_else() -> None:
    assert ACCOUNT.acknowledgement.body == "success"
