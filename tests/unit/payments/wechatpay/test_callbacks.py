"""Notices of WeChat Pay's: what its SDK opens we open, and what is not exactly that is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, Mismatch, mismatch
from keyrail.payments.model.refunds import RefundNotice
from keyrail.payments.providers import Callback
from keyrail.payments.providers.wechatpay.callbacks import MAX_NOTICE_BYTES
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.wechat_platform import (
    APIV3_KEY,
    APPID,
    CERTIFICATE_MODE,
    FORMER_APIV3_KEY,
    MCHID,
    MERCHANT_SERIAL,
    NOW_MS,
    NOW_S,
    PUBLIC_KEY_ID,
    PUBLIC_KEY_MODE,
    Signer,
    account,
    notice_body,
    posted,
    private_pem,
    public_pem,
    refund_said,
    sealed,
    transaction,
)

ATTEMPT_ID = attempt_id(derived_id("ord", "wechat"), 1)
ATTEMPT = PaymentAttempt(attempt_id=ATTEMPT_ID, provider="wechatpay", account="main", amount=Money(1990, "CNY"))
ACCOUNT = account()


def paid(**changes: Any) -> bytes:
    return notice_body("TRANSACTION.SUCCESS", transaction(ATTEMPT_ID, **changes))


def told(body: bytes, signer: Signer = PUBLIC_KEY_MODE) -> Confirmation | RefundNotice | DisputeNotice | None:
    return ACCOUNT.confirm(posted(body, signer), NOW_MS)


def claim(**changes: Any) -> Confirmation:
    said = told(paid(**changes))
    assert isinstance(said, Confirmation)
    return said


def refused(callback: Callback) -> bool:
    try:
        ACCOUNT.confirm(callback, NOW_MS)
    except SignatureInvalid:
        return True
    return False


@pytest.mark.parametrize("signer", [PUBLIC_KEY_MODE, CERTIFICATE_MODE])
def test_a_notice_in_either_mode_is_a_payment_of_the_attempt(signer: Signer) -> None:
    said = told(paid(), signer)
    assert said == Confirmation(
        provider="wechatpay",
        account="main",
        merchant=f"{MCHID}/{APPID}",
        attempt_id=ATTEMPT_ID,
        reference="4200001234202609220000000001",
        amount=Money(1990, "CNY"),
        paid=True,
        status="SUCCESS",
    )
    assert mismatch(said, ATTEMPT, ACCOUNT.merchant) is None


def test_the_sdk_opens_the_same_notice() -> None:
    theirs = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=MCHID,
        private_key=private_pem("merchant"),
        cert_serial_no=MERCHANT_SERIAL,
        appid=APPID,
        apiv3_key=APIV3_KEY,
        public_key=public_pem("public"),
        public_key_id=PUBLIC_KEY_ID,
    )
    callback = posted(paid())
    opened = theirs.callback(dict(callback.headers), callback.raw_body)
    assert opened["resource"] == transaction(ATTEMPT_ID)
    assert isinstance(ACCOUNT.confirm(callback, NOW_MS), Confirmation)


def test_every_changed_byte_of_the_body_is_refused() -> None:
    callback = posted(paid())
    for place, byte in enumerate(callback.raw_body):
        changed = bytearray(callback.raw_body)
        changed[place] = byte ^ 1
        assert refused(Callback("POST", "", bytes(changed), callback.headers)), place


@pytest.mark.parametrize("name", ["serial", "timestamp", "nonce", "signature", "signature-type"])
def test_every_changed_character_of_each_header_is_refused(name: str) -> None:
    callback = posted(paid())
    value = callback.headers[f"wechatpay-{name}"]
    for place, character in enumerate(value):
        for other in (chr(ord(character) ^ 1), chr(ord(character) ^ 32), "A" if character != "A" else "B", "=", " "):
            changed = value[:place] + other + value[place + 1 :]
            headers = {**callback.headers, f"wechatpay-{name}": changed}
            assert changed == value or refused(Callback("POST", "", callback.raw_body, headers)), (place, other)


def test_a_second_spelling_of_the_same_signature_is_refused() -> None:
    callback = posted(paid())
    signature = callback.headers["wechatpay-signature"]
    for other in (signature[:-2], signature + "\n", signature + "=", signature.replace("==", "=") + "="):
        headers = {**callback.headers, "wechatpay-signature": other}
        assert other == signature or refused(Callback("POST", "", callback.raw_body, headers))


def test_a_cut_or_longer_body_is_refused() -> None:
    callback = posted(paid())
    for other in (b"", callback.raw_body[:-1], callback.raw_body + b"\n", b"\xef\xbb\xbf" + callback.raw_body):
        assert refused(Callback("POST", "", other, callback.headers))
    assert refused(posted(paid() + b" " * MAX_NOTICE_BYTES))


def test_only_what_is_posted_is_a_notice() -> None:
    callback = posted(paid())
    assert refused(Callback("GET", "", callback.raw_body, callback.headers))


@pytest.mark.parametrize("age_s", [301, -301])
def test_a_notice_outside_the_window_is_refused(age_s: int) -> None:
    assert refused(posted(paid(), Signer(at_s=NOW_S - age_s)))


@pytest.mark.parametrize("name", ["serial", "timestamp", "nonce", "signature"])
def test_a_header_that_came_twice_is_refused(name: str) -> None:
    """As an HTTP API hands them on: in one, joined by a comma."""
    callback = posted(paid())
    value = callback.headers[f"wechatpay-{name}"]
    twice = {**callback.headers, f"wechatpay-{name}": f"{value},{value}"}
    assert refused(Callback("POST", "", callback.raw_body, twice))


def test_a_signature_probe_is_refused() -> None:
    assert refused(posted(paid(), wechatpay_signature="WECHATPAY/SIGNTEST/" + "A" * 323 + "=="))


def test_the_serial_of_an_unknown_certificate_is_refused_without_a_connection() -> None:
    """Sockets are blocked in this suite, so a look for the certificate would be an error of another kind."""
    assert refused(posted(paid(), Signer(name="7777777777777777777777777777777777777777")))


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000110"}, {"appid": "wx0000000000000000"}, {"mchid": None}, {"appid": [APPID]}]
)
def test_a_payment_to_another_merchant_or_app_is_another_merchants(changes: dict[str, Any]) -> None:
    assert mismatch(claim(**changes), ATTEMPT, ACCOUNT.merchant) is Mismatch.WRONG_MERCHANT


@pytest.mark.parametrize(
    "state", ["REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR", "ACCEPT", "success", "", None, True]
)
def test_only_success_is_paid(state: object) -> None:
    assert mismatch(claim(trade_state=state), ATTEMPT, ACCOUNT.merchant) is Mismatch.NOT_PAID


@pytest.mark.parametrize("total", [1990.0, "1990", True, None, -1, 10**13, [1990], {"total": 1990}])
def test_a_total_that_is_no_whole_number_in_bounds_is_no_amount(total: object) -> None:
    assert claim(amount={"total": total, "currency": "CNY"}).amount is None


@pytest.mark.parametrize("amount", [None, 1990, [], {"total": 1990}, {"total": 1990, "currency": "cny"}])
def test_an_amount_without_a_currency_we_know_is_none(amount: object) -> None:
    assert claim(amount=amount).amount is None


def test_what_was_asked_for_counts_and_not_what_was_left_to_pay_after_a_coupon_of_wechats() -> None:
    amount = {"total": 1990, "payer_total": 1490, "currency": "CNY", "payer_currency": "CNY"}
    assert claim(amount=amount).amount == Money(1990, "CNY")


@pytest.mark.parametrize(
    "changes",
    [{"out_trade_no": None}, {"transaction_id": ""}, {"out_trade_no": [ATTEMPT_ID]}, {"transaction_id": "42\ud800"}],
)
def test_a_payment_without_its_numbers_is_refused(changes: dict[str, Any]) -> None:
    assert refused(posted(paid(**changes)))


@pytest.mark.parametrize("event", ["REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"])
def test_a_refund_is_a_reason_to_ask(event: str) -> None:
    resource = {
        "mchid": MCHID,
        "out_trade_no": ATTEMPT_ID,
        "transaction_id": "4200001234202609220000000001",
        "out_refund_no": "rfd_1",
        "refund_id": "50300807172026092206006664916",
        "refund_status": event.removeprefix("REFUND."),
        "user_received_account": "支付用户零钱",
        "amount": {"total": 1990, "refund": 1990, "payer_total": 1990, "payer_refund": 1990},
    }
    expected = RefundNotice(
        provider="wechatpay",
        account="main",
        attempt_id=ATTEMPT_ID,
        refund_id="rfd_1",
        payment_reference="4200001234202609220000000001",
        reference="50300807172026092206006664916",
        amount=Money(1990, "CNY"),
        status=event.removeprefix("REFUND."),
        moved=event != "REFUND.CLOSED",
    )
    assert told(notice_body(event, resource)) == expected
    own = derived_id("ref", "wechat")
    in_a_later_round = told(notice_body(event, resource | {"out_refund_no": f"{own}-2"}))
    assert in_a_later_round == replace(expected, refund_id=own)
    for odd in (None, {}, {"refund": "1990"}, {"refund": -1}, {"refund": True}, {"refund": 10**13}):
        assert told(notice_body(event, resource | {"amount": odd})) == replace(expected, amount=None)
    assert told(notice_body(event, resource | {"mchid": "1900000110"})) is None
    for missing in ("out_trade_no", "out_refund_no"):
        assert refused(posted(notice_body(event, resource | {missing: None})))


@pytest.mark.parametrize("event", ["COUPON.USE", "MCHTRANSFER.BILL.FINISHED", "REFUND.NEW_OF_NEXT_YEAR", ""])
def test_other_events_are_nothing_to_us(event: str) -> None:
    assert told(notice_body(event, refund_said("rfd_1", ATTEMPT_ID))) is None


def test_what_the_key_before_sealed_is_opened_while_it_is_in_the_settings() -> None:
    late = posted(notice_body("TRANSACTION.SUCCESS", transaction(ATTEMPT_ID), FORMER_APIV3_KEY))
    assert isinstance(account(apiv3_keys=[APIV3_KEY, FORMER_APIV3_KEY]).confirm(late, NOW_MS), Confirmation)
    assert refused(late)


def test_a_sealed_resource_opens_only_as_it_was_sealed() -> None:
    plain = json.dumps(transaction(ATTEMPT_ID)).encode()
    right = sealed(plain)
    assert not refused(posted(notice_body("TRANSACTION.SUCCESS", plain, resource=right)))
    wrongs: list[Any] = [
        right | {"associated_data": "refund"},
        right | {"associated_data": ""},
        right | {"nonce": "fdasflkja485"},
        right | {"nonce": "short"},
        right | {"nonce": "fdasflkja48\ud800"},
        right | {"nonce": ["fdasflkja484"]},
        right | {"algorithm": "AEAD_AES_128_GCM"},
        right | {"algorithm": None},
        right | {"ciphertext": right["ciphertext"][:-8]},
        right | {"ciphertext": ""},
        right | {"ciphertext": "not base64!"},
        right | {"ciphertext": "é"},
        [right],
        None,
    ]
    for wrong in wrongs:
        assert refused(posted(notice_body("TRANSACTION.SUCCESS", plain, resource=wrong))), wrong


def test_a_resource_in_the_clear_is_refused() -> None:
    clear = transaction(ATTEMPT_ID)
    assert refused(posted(notice_body("TRANSACTION.SUCCESS", clear, resource=clear)))
    assert refused(posted(notice_body("TRANSACTION.SUCCESS", clear, resource_type="resource")))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"paid"', b"{", b"\xff\xfe{}", b'{"a": NaN}', b"[" * 100_000, b'{"a":1,"a":2}', b"{}\n{}"],
)
def test_what_is_no_json_object_that_names_each_member_once_is_refused(body: bytes) -> None:
    assert refused(posted(body))
    assert refused(posted(notice_body("TRANSACTION.SUCCESS", body)))


def test_a_member_given_twice_inside_the_seal_is_refused() -> None:
    twice = json.dumps(transaction(ATTEMPT_ID))[:-1] + ', "trade_state": "SUCCESS"}'
    assert refused(posted(notice_body("TRANSACTION.SUCCESS", twice.encode())))


def test_a_notice_is_acknowledged_by_its_status_alone() -> None:
    assert (ACCOUNT.acknowledgement.body, ACCOUNT.acknowledgement.content_type) == ("", "text/plain")
