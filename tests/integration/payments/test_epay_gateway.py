"""What we ask a 易支付 gateway of, over real HTTP: openings, orders, refunds, both versions, and what goes wrong."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable, attempt_id
from keyrail.payments.model.confirmations import InquiryState, mismatch
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers import Opening
from keyrail.payments.providers.epay import Epay
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.epay_gateway import KEY, PAYER_IP, PID, EpayGateway, private_pem, public_pem
from tests.provider_server import Answer, Sent, address_of_nobody, serving

NOW_S = 1_790_000_000
ATTEMPT_ID = attempt_id(derived_id("ord", "epay"), 1)
ATTEMPT = PaymentAttempt(
    attempt_id=ATTEMPT_ID, provider="epay", account="main", amount=Money(1990, "CNY"), method="wxpay"
)
OPENING = Opening(
    "VIP会员",
    "https://api.example/webhooks/payments/epay/main",
    "https://shop.example/o?a=1&b=2",
    0,
    payer_ip=PAYER_IP,
)
WANTED = RefundOrder(refund_id="rfd_0001", attempt=ATTEMPT, amount=ATTEMPT.amount, reason="nothing to deliver")
PART = replace(WANTED, amount=Money(500, "CNY"))
ORDER = {1: "/api.php?act=order", 2: "/api/pay/query"}
CREATE = {1: "/mapi.php", 2: "/api/pay/create"}
REFUND = {1: "/api.php?act=refund", 2: "/api/pay/refund"}
LOOK = {1: "/api.php?act=order", 2: "/api/pay/refundquery"}

both_versions = pytest.mark.parametrize("version", [1, 2])


@pytest.fixture
def gateway() -> Iterator[EpayGateway]:
    with serving() as provider:
        yield EpayGateway(provider, NOW_S)


def account(url: str, version: int) -> Epay:
    common: dict[str, Any] = {
        "account": "main",
        "pid": PID,
        "gateway_url": url,
        "version": version,
        "opening": "api",
        "read_timeout_s": 1,
        "now_ms": lambda: NOW_S * 1000,
    }
    if version == 1:
        return Epay(key=KEY, refunds="v1", **common)
    return Epay(merchant_private_key=private_pem("merchant"), platform_public_keys=[public_pem("platform")], **common)


def at(gateway: EpayGateway, version: int) -> Epay:
    return account(gateway.provider.url, version)


def state_of(answer: RefundAnswer) -> tuple[RefundState, str]:
    return answer.state, answer.status


# openings


@both_versions
def test_a_code_to_scan_comes_with_its_picture(gateway: EpayGateway, version: int) -> None:
    content = "weixin://wxpay/bizpayurl?pr=abc"
    gateway.opened = {"qrcode": content} if version == 1 else {"pay_type": "qrcode", "pay_info": content}
    action = at(gateway, version).open(ATTEMPT, OPENING)
    assert (action.type, action.content) == ("qr_code", content)
    assert (action.svg or "").startswith("<svg")


@both_versions
def test_a_page_of_the_gateway_is_a_redirect(gateway: EpayGateway, version: int) -> None:
    url = "https://pay.example/pay/submit/20261009/"
    gateway.opened = {"payurl": url} if version == 1 else {"pay_type": "jump", "pay_info": url}
    action = at(gateway, version).open(ATTEMPT, OPENING)
    assert (action.type, action.url) == ("redirect", url)


@both_versions
@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://pay.example/", "https://", "https://a b.example/", "//pay.example", "", 7]
)
def test_no_browser_is_sent_where_it_should_not_go(gateway: EpayGateway, version: int, url: Any) -> None:
    gateway.opened = {"payurl": url} if version == 1 else {"pay_type": "jump", "pay_info": url}
    with pytest.raises(ProviderUnavailable):
        at(gateway, version).open(ATTEMPT, OPENING)


@both_versions
@pytest.mark.parametrize("content", ["", "x" * 513, "weixin://\n", ["weixin://"], {"a": "b"}, None, True])
def test_what_is_no_content_of_a_code_is_not_drawn(gateway: EpayGateway, version: int, content: Any) -> None:
    gateway.opened = {"qrcode": content} if version == 1 else {"pay_type": "qrcode", "pay_info": content}
    with pytest.raises(ProviderUnavailable):
        at(gateway, version).open(ATTEMPT, OPENING)


@both_versions
def test_what_the_gateway_refuses_to_open_is_refused(gateway: EpayGateway, version: int) -> None:
    gateway.opened = {"code": -1, "msg": "最小支付金额是50元"}
    with pytest.raises(PaymentRefused):
        at(gateway, version).open(ATTEMPT, OPENING)


@both_versions
@pytest.mark.parametrize("code", [-2, -3, -5, 7])
def test_trouble_at_the_gateway_is_no_refusal_of_this_payment(gateway: EpayGateway, version: int, code: int) -> None:
    gateway.opened = {"code": code, "msg": "通道异常"}
    with pytest.raises(ProviderUnavailable):
        at(gateway, version).open(ATTEMPT, OPENING)


@pytest.mark.parametrize("kind", ["html", "urlscheme", "jsapi", "app", "scan", "", None])
def test_an_answer_of_a_type_that_we_cannot_show_opens_nothing(gateway: EpayGateway, kind: str | None) -> None:
    gateway.opened = {"pay_type": kind, "pay_info": "https://pay.example/"}
    with pytest.raises(ProviderUnavailable):
        at(gateway, 2).open(ATTEMPT, OPENING)


@both_versions
def test_opening_is_tried_once_more_with_the_same_number(gateway: EpayGateway, version: int) -> None:
    if version == 2:
        gateway.opened = {"pay_type": "qrcode", "pay_info": "weixin://wxpay/bizpayurl?pr=abc"}
    gateway.breaks[CREATE[version]] = ["before"]
    assert at(gateway, version).open(ATTEMPT, OPENING).type == "qr_code"
    first, second = gateway.provider.requests
    assert first == second


# silence and nonsense, for everything that is asked


def asked_of(provider: Epay) -> list[Any]:
    return [
        lambda: provider.open(ATTEMPT, OPENING),
        lambda: provider.query(ATTEMPT),
        lambda: provider.refund(WANTED),
        lambda: provider.query_refund(WANTED),
    ]


@both_versions
@pytest.mark.parametrize("question", range(4))
@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, b'{"code": 1}'),
        Answer(404, b'{"code": 1, "status": 1}'),
        Answer(302, b"", {"location": "https://elsewhere.example/"}),
        Answer(200, "<html>维护中</html>".encode()),
        Answer(200, b"success"),
        Answer(200, b""),
        Answer(200, b"\xff\xfe"),
        Answer(200, b"[1]"),
        Answer(200, b'{"code": 0, "code": 1}'),
        Answer(200, b'{"code": NaN}'),
        Answer(200, b'{"code": 1, "status": "1", "buyer": "\\ud800"}'),
        Answer(200, b"[" * 100_000),
        Answer(200, b'{"code": 1, "x": "' + b"x" * 300_000 + b'"}'),
    ],
)
def test_an_answer_that_is_none_leaves_everything_as_it_was(
    gateway: EpayGateway, version: int, question: int, answer: Answer
) -> None:
    gateway.provider.answer = lambda _, __: answer
    with pytest.raises(ProviderUnavailable):
        asked_of(at(gateway, version))[question]()


@both_versions
@pytest.mark.parametrize("question", range(4))
def test_a_gateway_that_hangs_or_is_gone_is_given_up_in_seconds(
    gateway: EpayGateway, version: int, question: int
) -> None:
    release = threading.Event()

    def hang(_: Sent, __: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    gateway.provider.answer = hang
    try:
        with pytest.raises(ProviderUnavailable):
            asked_of(at(gateway, version))[question]()
    finally:
        release.set()
    with pytest.raises(ProviderUnavailable):
        asked_of(account(address_of_nobody(), version))[question]()


# orders


@both_versions
def test_a_paid_order_is_a_payment_that_binds_to_its_attempt(gateway: EpayGateway, version: int) -> None:
    gateway.paid(ATTEMPT_ID)
    inquiry = at(gateway, version).query(ATTEMPT)
    assert inquiry.state is InquiryState.PAID
    assert inquiry.said is not None
    assert inquiry.said.reference == "2026100912000012345"
    assert mismatch(inquiry.said, ATTEMPT, PID) is None


@both_versions
@pytest.mark.parametrize(
    ("changed", "binds"), [({"money": "0.01"}, False), ({"pid": 1002}, False), ({"money": 19.9}, True)]
)
def test_what_the_gateway_says_of_an_order_is_bound_like_a_callback(
    gateway: EpayGateway, version: int, changed: dict[str, Any], binds: bool
) -> None:
    gateway.paid(ATTEMPT_ID, **{"money": "19.90", **changed})
    said = at(gateway, version).query(ATTEMPT).said
    assert said is not None
    assert (mismatch(said, ATTEMPT, PID) is None) is binds


@both_versions
@pytest.mark.parametrize("status", [0, "0"])
def test_an_order_that_waits_is_open(gateway: EpayGateway, version: int, status: Any) -> None:
    gateway.paid(ATTEMPT_ID, status=status)
    assert at(gateway, version).query(ATTEMPT).state is InquiryState.OPEN


@both_versions
def test_an_order_that_no_buyer_brought_to_the_gateway_is_open(gateway: EpayGateway, version: int) -> None:
    assert at(gateway, version).query(ATTEMPT).state is InquiryState.OPEN


@both_versions
@pytest.mark.parametrize("status", ["2", 2, "3", "4", "9", "-1", "", None, True, [1], "01", 1.0])
def test_any_other_status_is_unknown(gateway: EpayGateway, version: int, status: Any) -> None:
    gateway.paid(ATTEMPT_ID, status=status)
    inquiry = at(gateway, version).query(ATTEMPT)
    assert (inquiry.state, inquiry.said) == (InquiryState.UNKNOWN, None)


@both_versions
@pytest.mark.parametrize("changed", [{"out_trade_no": "another"}, {"trade_no": ""}, {"trade_no": None}])
def test_an_answer_about_something_else_is_unknown(gateway: EpayGateway, version: int, changed: dict[str, Any]) -> None:
    gateway.paid(ATTEMPT_ID, **changed)
    assert at(gateway, version).query(ATTEMPT).state is InquiryState.UNKNOWN


@both_versions
def test_a_refusal_to_answer_is_unknown(gateway: EpayGateway, version: int) -> None:
    gateway.provider.always(200, '{"code": -3, "msg": "商户已被封禁"}'.encode())
    assert at(gateway, version).query(ATTEMPT).state is InquiryState.UNKNOWN


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "1", "money": "19.91"},
        {"out_trade_no": "another"},
        {"sign": ""},
        {"sign": None},
        {"sign_type": "MD5"},
        {"timestamp": str(NOW_S + 1)},
        {"added": "1"},
    ],
)
def test_an_answer_that_was_changed_on_its_way_is_not_believed(gateway: EpayGateway, changed: dict[str, Any]) -> None:
    gateway.paid(ATTEMPT_ID)
    gateway.changed = changed
    with pytest.raises(ProviderUnavailable):
        at(gateway, 2).query(ATTEMPT)


@pytest.mark.parametrize(("off_s", "believed"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_an_answer_counts_for_five_minutes_both_ways(gateway: EpayGateway, off_s: int, believed: bool) -> None:
    gateway.paid(ATTEMPT_ID)
    signed = EpayGateway.signed

    def stamped_elsewhen(said: dict[str, Any]) -> dict[str, Any]:
        return signed(replace(gateway, now_s=NOW_S + off_s), said)

    gateway.signed = stamped_elsewhen  # type: ignore[method-assign]  # the gateway's own clock is wrong
    if believed:
        assert at(gateway, 2).query(ATTEMPT).state is InquiryState.PAID
    else:
        with pytest.raises(ProviderUnavailable):
            at(gateway, 2).query(ATTEMPT)


def test_the_key_in_a_query_is_in_no_log_and_no_error(gateway: EpayGateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.paid(ATTEMPT_ID)
    at(gateway, 1).query(ATTEMPT)
    assert f"key={KEY}" in gateway.provider.requests[0].path
    gateway.provider.answer = lambda _, __: Answer(headers={"header without": "a name"})
    at(gateway, 1).query(ATTEMPT)
    with pytest.raises(ProviderUnavailable) as error:
        account(address_of_nobody(), 1).query(ATTEMPT)
    shown = caplog.text + repr(error.value) + repr(error.value.__cause__)
    assert KEY not in shown


# refunds


@both_versions
def test_a_refund_goes_out_once_however_often_it_is_wanted(gateway: EpayGateway, version: int) -> None:
    gateway.paid(ATTEMPT_ID)
    answers = [at(gateway, version).refund(WANTED) for _ in range(3)]
    assert {answer.state for answer in answers} == {RefundState.SUCCEEDED}
    assert at(gateway, version).query_refund(WANTED).state is RefundState.SUCCEEDED
    assert [money for _, money in gateway.payouts] == ["19.90"]


@both_versions
@pytest.mark.parametrize("path", [LOOK, REFUND, ORDER])
@pytest.mark.parametrize("how", ["before", "after", "html"])
def test_a_break_anywhere_in_a_refund_pays_the_buyer_once(
    gateway: EpayGateway, version: int, path: dict[int, str], how: str
) -> None:
    gateway.paid(ATTEMPT_ID)
    gateway.breaks[path[version]] = [how] * 2  # a question is asked twice by itself
    states = []
    for _ in range(3):
        try:
            states.append(at(gateway, version).refund(WANTED).state)
        except ProviderUnavailable:
            assert not gateway.payouts
    assert RefundState.FAILED not in states
    assert states[-1] is RefundState.SUCCEEDED
    assert len(gateway.payouts) == 1


@both_versions
def test_a_refund_that_went_unanswered_is_unknown_and_found_by_asking(gateway: EpayGateway, version: int) -> None:
    gateway.paid(ATTEMPT_ID)
    gateway.breaks[REFUND[version]] = ["after"]
    assert state_of(at(gateway, version).refund(WANTED)) == (RefundState.UNKNOWN, "no_answer")
    assert at(gateway, version).query_refund(WANTED).state is RefundState.SUCCEEDED


@both_versions
def test_a_refund_that_nobody_made_is_unknown(gateway: EpayGateway, version: int) -> None:
    gateway.paid(ATTEMPT_ID)
    assert at(gateway, version).query_refund(WANTED).state is RefundState.UNKNOWN


def test_version_two_refunds_a_part_under_our_number(gateway: EpayGateway) -> None:
    gateway.paid(ATTEMPT_ID)
    answer = at(gateway, 2).refund(PART)
    assert (answer.state, answer.reference, answer.amount) == (RefundState.SUCCEEDED, "R1", Money(500, "CNY"))
    assert at(gateway, 2).refund(replace(PART, refund_id="rfd_0002")).state is RefundState.SUCCEEDED
    assert gateway.payouts == [("rfd_0001", "5.00"), ("rfd_0002", "5.00")]


def test_version_one_refunds_no_part(gateway: EpayGateway) -> None:
    gateway.paid(ATTEMPT_ID)
    assert state_of(at(gateway, 1).refund(PART)) == (RefundState.FAILED, "whole_orders_only")
    assert not gateway.provider.requests


@pytest.mark.parametrize("changed", [{"status": "0"}, {"status": "3"}, {"money": "5.00"}, {"pid": 1002}])
def test_version_one_refunds_nothing_but_the_paid_order(gateway: EpayGateway, changed: dict[str, Any]) -> None:
    gateway.paid(ATTEMPT_ID, **{"money": "19.90", **changed})
    assert at(gateway, 1).refund(WANTED).state is RefundState.UNKNOWN
    assert not gateway.payouts


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"code": 0}, RefundState.SUCCEEDED),
        ({"code": -1, "msg": "退款失败：请求超时"}, RefundState.UNKNOWN),
        ({"code": -2, "msg": "商户未开启订单退款API接口"}, RefundState.FAILED),
        ({"code": -3, "msg": "商户密钥错误"}, RefundState.FAILED),
        ({"code": 7}, RefundState.UNKNOWN),
        ({"code": None}, RefundState.UNKNOWN),
    ],
)
def test_version_one_believes_the_order_where_codes_differ(
    gateway: EpayGateway, said: dict[str, Any], state: RefundState
) -> None:
    gateway.paid(ATTEMPT_ID)
    gateway.refund_code = said
    assert at(gateway, 1).refund(WANTED).state is state


def test_a_signed_refusal_is_final_and_says_what_the_gateway_says(gateway: EpayGateway) -> None:
    gateway.refund_code = {"code": -1, "msg": "商户余额不足，请先充值"}
    assert state_of(at(gateway, 2).refund(PART)) == (RefundState.FAILED, "-1 商户余额不足，请先充值")


def test_an_unsigned_refusal_is_not_believed(gateway: EpayGateway) -> None:
    gateway.signed = lambda said: said  # type: ignore[method-assign]  # as for a request it did not understand
    gateway.refund_code = {"code": -1, "msg": "管理员未开启商户后台自助退款"}
    assert at(gateway, 2).refund(PART).state is RefundState.UNKNOWN


@pytest.mark.parametrize(
    "other", [{"money": "19.90"}, {"out_refund_no": "rfd_9"}, {"out_trade_no": "pay_9"}, {"status": "7"}]
)
def test_a_refund_on_record_that_is_another_is_unknown_and_nothing_is_sent(
    gateway: EpayGateway, other: dict[str, Any]
) -> None:
    at(gateway, 2).refund(PART)
    gateway.refunds["rfd_0001"].update(other)
    assert at(gateway, 2).refund(PART).state is RefundState.UNKNOWN
    assert at(gateway, 2).query_refund(PART).state is RefundState.UNKNOWN
    assert len(gateway.payouts) == 1


def test_an_answer_about_another_refund_is_unknown(gateway: EpayGateway) -> None:
    gateway.refund_code = {"out_refund_no": "rfd_9", "money": "5.00"}
    assert state_of(at(gateway, 2).refund(PART)) == (RefundState.UNKNOWN, "another_refund")


def test_a_refund_on_record_as_failed_is_said_so_and_may_be_sent_again(gateway: EpayGateway) -> None:
    at(gateway, 2).refund(PART)
    gateway.refunds["rfd_0001"]["status"] = "0"
    assert at(gateway, 2).query_refund(PART).state is RefundState.FAILED
    assert at(gateway, 2).refund(PART).state is RefundState.SUCCEEDED
