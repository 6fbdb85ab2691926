"""Asking about payments, and giving money back, at a WeChat Pay that verifies our signatures."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import InquiryState, Mismatch, mismatch
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import address_of_nobody
from tests.wechat_platform import Signer, refund_said, transaction
from tests.wechat_server import Wechat

ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "back"), 1),
    provider="wechatpay",
    account="main",
    amount=Money(1990, "CNY"),
)
WANTED = RefundOrder(refund_id="rfd_1|2@x", attempt=ATTEMPT, amount=Money(1990, "CNY"), reason="无法发货 sold out")
ORDER = f"/v3/pay/transactions/out-trade-no/{ATTEMPT.attempt_id}"
REFUNDS = "/v3/refund/domestic/refunds"
REFUND = f"{REFUNDS}/rfd_1%7C2%40x"


def state_of(wechat: Wechat, **changes: Any) -> InquiryState:
    wechat.will_say(ORDER, transaction(ATTEMPT.attempt_id, **changes))
    return wechat.account().query(ATTEMPT).state


def said(status: str = "PROCESSING", **changes: Any) -> dict[str, Any]:
    return refund_said(WANTED.refund_id, ATTEMPT.attempt_id, status=status, **changes)


def refund(wechat: Wechat, **settings: Any) -> RefundAnswer:
    return wechat.account(**settings).refund(WANTED)


def requests(wechat: Wechat) -> list[tuple[str, str]]:
    return [(sent.method, sent.path) for sent in wechat.server.requests]


def test_a_payment_is_found_by_our_number(wechat: Wechat) -> None:
    wechat.will_say(ORDER, transaction(ATTEMPT.attempt_id))
    ours = wechat.account()
    answer = ours.query(ATTEMPT)
    assert answer.state is InquiryState.PAID
    assert answer.said is not None
    assert mismatch(answer.said, ATTEMPT, ours.merchant) is None
    assert requests(wechat) == [("GET", f"{ORDER}?mchid=1900000109")]


def test_a_payment_to_another_app_is_not_bound_by_asking_for_it(wechat: Wechat) -> None:
    wechat.will_say(ORDER, transaction(ATTEMPT.attempt_id, appid="wx0000000000000000"))
    ours = wechat.account()
    answer = ours.query(ATTEMPT)
    assert answer.said is not None
    assert mismatch(answer.said, ATTEMPT, ours.merchant) is Mismatch.WRONG_MERCHANT


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("NOTPAY", InquiryState.OPEN),
        ("CLOSED", InquiryState.CLOSED),
        ("REFUND", InquiryState.UNKNOWN),
        ("REVOKED", InquiryState.UNKNOWN),
        ("USERPAYING", InquiryState.UNKNOWN),
        ("PAYERROR", InquiryState.UNKNOWN),
        ("success", InquiryState.UNKNOWN),
        ("", InquiryState.UNKNOWN),
        (None, InquiryState.UNKNOWN),
    ],
)
def test_a_state_counts_only_from_the_list(wechat: Wechat, state: str | None, expected: InquiryState) -> None:
    assert state_of(wechat, trade_state=state) is expected


@pytest.mark.parametrize("changes", [{"out_trade_no": "pay_of_somebody_else"}, {"transaction_id": ""}])
def test_an_answer_about_another_payment_or_none_says_nothing(wechat: Wechat, changes: dict[str, Any]) -> None:
    assert state_of(wechat, **changes) is InquiryState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "ORDER_NOT_EXIST", InquiryState.OPEN),
        (404, "RESOURCE_NOT_EXISTS", InquiryState.OPEN),
        (400, "PARAM_ERROR", InquiryState.UNKNOWN),
        (429, "FREQUENCY_LIMITED", InquiryState.UNKNOWN),
    ],
)
def test_an_order_that_was_never_opened_may_be_opened_still(
    wechat: Wechat, status: int, code: str, expected: InquiryState
) -> None:
    wechat.will_refuse(ORDER, status, code)
    assert wechat.account().query(ATTEMPT).state is expected


def test_an_answer_that_is_not_wechats_is_no_answer(wechat: Wechat) -> None:
    wechat.signer = Signer(key_name="merchant")
    with pytest.raises(ProviderUnavailable):
        state_of(wechat)


def test_a_refund_is_asked_for_by_our_number(wechat: Wechat) -> None:
    wechat.will_say(REFUNDS, said())
    assert refund(wechat) == RefundAnswer(
        refund_id=WANTED.refund_id,
        state=RefundState.PROCESSING,
        status="PROCESSING",
        reference="50300807172026092206006664916",
        amount=Money(1990, "CNY"),
    )
    assert requests(wechat) == [("POST", REFUNDS)]
    assert wechat.bodies() == [
        {
            "out_trade_no": ATTEMPT.attempt_id,
            "out_refund_no": WANTED.refund_id,
            "reason": WANTED.reason,
            "amount": {"refund": 1990, "total": 1990, "currency": "CNY"},
        }
    ]


def test_a_part_is_given_back_of_the_whole(wechat: Wechat) -> None:
    amount = {"total": 1990, "refund": 500, "currency": "CNY"}
    wechat.will_say(REFUNDS, said("SUCCESS", amount=amount))
    part = RefundOrder(refund_id=WANTED.refund_id, attempt=ATTEMPT, amount=Money(500, "CNY"), reason="")
    assert wechat.account().refund(part).state is RefundState.SUCCEEDED
    assert wechat.bodies()[0]["amount"] == amount
    assert "reason" not in wechat.bodies()[0]


def test_the_same_refund_is_asked_for_in_the_same_words(wechat: Wechat) -> None:
    wechat.will_say(REFUNDS, said())
    for _ in range(3):
        refund(wechat)
    assert len({sent.body for sent in wechat.server.requests}) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESS", RefundState.SUCCEEDED),
        ("PROCESSING", RefundState.PROCESSING),
        ("CLOSED", RefundState.FAILED),
        ("ABNORMAL", RefundState.UNKNOWN),
        ("A_STATE_OF_NEXT_YEAR", RefundState.UNKNOWN),
        ("", RefundState.UNKNOWN),
    ],
)
def test_a_refund_stands_where_the_list_says(wechat: Wechat, status: str, expected: RefundState) -> None:
    wechat.will_say(REFUNDS, said(status))
    wechat.will_say(REFUND, said(status))
    assert (refund(wechat).state, refund(wechat).status) == (expected, status)
    assert wechat.account().query_refund(WANTED).state is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"out_refund_no": "rfd_of_somebody_else"},
        {"out_trade_no": "pay_of_somebody_else"},
        {"amount": {"refund": 1, "currency": "CNY"}},
        {"amount": {"refund": 1990, "currency": "USD"}},
        {"amount": None},
    ],
)
def test_an_answer_about_another_refund_says_nothing_of_this_one(wechat: Wechat, changes: dict[str, Any]) -> None:
    wechat.will_say(REFUNDS, said("SUCCESS", **changes))
    wechat.will_say(REFUND, said("SUCCESS", **changes))
    assert refund(wechat).state is RefundState.UNKNOWN
    assert wechat.account().query_refund(WANTED).state is RefundState.UNKNOWN


@pytest.mark.parametrize("code", ["NOT_ENOUGH", "USER_ACCOUNT_ABNORMAL", "INVALID_REQUEST", "RESOURCE_NOT_EXISTS"])
def test_a_refusal_fails_where_no_refund_of_that_number_is_known(wechat: Wechat, code: str) -> None:
    wechat.will_refuse(REFUNDS, 403, code)
    wechat.will_refuse(REFUND, 404, "RESOURCE_NOT_EXISTS")
    answer = refund(wechat)
    assert (answer.state, answer.status) == (RefundState.FAILED, code)
    assert requests(wechat) == [("POST", REFUNDS), ("GET", REFUND)]


def test_a_refusal_of_the_repetition_is_not_one_of_the_refund(wechat: Wechat) -> None:
    wechat.will_refuse(REFUNDS, 400, "INVALID_REQUEST")
    wechat.will_say(REFUND, said("SUCCESS"))
    assert refund(wechat).state is RefundState.SUCCEEDED


def test_a_refusal_is_not_believed_while_it_cannot_be_looked_up(wechat: Wechat) -> None:
    wechat.will_refuse(REFUNDS, 403, "NOT_ENOUGH")
    wechat.will_refuse(REFUND, 429, "FREQUENCY_LIMITED")
    assert refund(wechat).state is RefundState.UNKNOWN
    wechat.will_say(REFUND, b"<html>", 500)
    assert refund(wechat).state is RefundState.UNKNOWN


@pytest.mark.parametrize("code", ["SIGN_ERROR", "NO_AUTH", "FREQUENCY_LIMITED", "MCH_NOT_EXISTS", "NEXT_YEARS"])
def test_a_refusal_that_is_not_about_this_refund_is_asked_again(wechat: Wechat, code: str) -> None:
    wechat.will_refuse(REFUNDS, 403, code)
    answer = refund(wechat)
    assert (answer.state, answer.status) == (RefundState.UNKNOWN, code)
    assert requests(wechat) == [("POST", REFUNDS)]


def test_no_answer_to_a_refund_is_never_a_failure(wechat: Wechat) -> None:
    assert refund(wechat, api_base=address_of_nobody()).state is RefundState.UNKNOWN
    for status, body in ((500, b"{}"), (200, b"<html>"), (302, b"{}")):
        wechat.server.always(status, body, location="/elsewhere")
        assert refund(wechat).state is RefundState.UNKNOWN
    wechat.server.answer = lambda _, __: None
    assert refund(wechat).state is RefundState.UNKNOWN
    assert {path for _, path in requests(wechat)} == {REFUNDS}


def test_a_refusal_that_wechat_did_not_sign_is_no_failure(wechat: Wechat) -> None:
    wechat.signer = Signer(key_name="merchant")
    wechat.will_refuse(REFUNDS, 403, "NOT_ENOUGH")
    assert refund(wechat).state is RefundState.UNKNOWN


def test_a_refund_that_is_not_known_there_may_be_on_its_way(wechat: Wechat) -> None:
    wechat.will_refuse(REFUND, 404, "RESOURCE_NOT_EXISTS")
    answer = wechat.account().query_refund(WANTED)
    assert (answer.state, answer.status) == (RefundState.UNKNOWN, "RESOURCE_NOT_EXISTS")


def test_asking_about_a_refund_without_an_answer_is_unavailable(wechat: Wechat) -> None:
    wechat.server.always(503)
    with pytest.raises(ProviderUnavailable):
        wechat.account().query_refund(WANTED)


def test_a_refund_tells_wechat_where_to_say_how_it_ended(wechat: Wechat) -> None:
    wechat.will_say(REFUNDS, said())
    address = "https://api.example/webhooks/payments/wechatpay/main"
    wechat.account().refund(replace(WANTED, notify_url=address))
    assert wechat.bodies()[0]["notify_url"] == address


def test_a_refund_that_was_closed_has_another_number_in_the_next_round(wechat: Wechat) -> None:
    again = replace(WANTED, round=1)
    wechat.will_say(REFUND, said("CLOSED"))
    wechat.will_refuse(f"{REFUND}-1", 404, "RESOURCE_NOT_EXISTS")
    wechat.will_say(REFUNDS, said() | {"out_refund_no": "rfd_1|2@x-1"})
    answer = wechat.account().refund(again)
    assert (answer.refund_id, answer.state) == (WANTED.refund_id, RefundState.PROCESSING)
    assert requests(wechat) == [("GET", REFUND), ("GET", f"{REFUND}-1"), ("POST", REFUNDS)]
    assert wechat.bodies()[-1]["out_refund_no"] == "rfd_1|2@x-1"
    wechat.will_say(f"{REFUND}-1", said("SUCCESS") | {"out_refund_no": "rfd_1|2@x-1"})
    assert wechat.account().query_refund(again).state is RefundState.SUCCEEDED
    assert wechat.account().refund(again).state is RefundState.SUCCEEDED


def test_a_refund_that_was_refused_keeps_its_number_in_the_next_round(wechat: Wechat) -> None:
    wechat.will_refuse(REFUND, 404, "RESOURCE_NOT_EXISTS")
    wechat.will_say(REFUNDS, said())
    assert wechat.account().refund(replace(WANTED, round=2)).state is RefundState.PROCESSING
    assert wechat.bodies()[-1]["out_refund_no"] == WANTED.refund_id


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESS", RefundState.SUCCEEDED),
        ("PROCESSING", RefundState.PROCESSING),
        ("ABNORMAL", RefundState.UNKNOWN),
        ("A_STATE_OF_NEXT_YEAR", RefundState.UNKNOWN),
    ],
)
def test_what_was_not_closed_is_not_made_a_second_time(wechat: Wechat, status: str, expected: RefundState) -> None:
    wechat.will_say(REFUND, said(status))
    assert wechat.account().refund(replace(WANTED, round=1)).state is expected
    assert requests(wechat) == [("GET", REFUND)]


def test_a_round_that_is_closed_too_says_so(wechat: Wechat) -> None:
    wechat.will_say(REFUND, said("CLOSED"))
    wechat.will_say(f"{REFUND}-1", said("CLOSED") | {"out_refund_no": "rfd_1|2@x-1"})
    assert wechat.account().refund(replace(WANTED, round=1)).state is RefundState.FAILED
    assert wechat.account().query_refund(replace(WANTED, round=1)).state is RefundState.FAILED


def test_nothing_is_sent_in_a_later_round_while_wechat_does_not_say_what_became_of_the_first(wechat: Wechat) -> None:
    wechat.will_refuse(REFUND, 429, "FREQUENCY_LIMITED")
    assert wechat.account().refund(replace(WANTED, round=1)).state is RefundState.UNKNOWN
    wechat.server.always(503)
    assert wechat.account().refund(replace(WANTED, round=1)).state is RefundState.UNKNOWN
    assert {method for method, _ in requests(wechat)} == {"GET"}
