"""Alipay over real HTTP: a server on the loopback that verifies as Alipay does, with its SDK, and signs its answers."""

import json
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

import pytest

from keyrail.payments.model.attempts import PaymentRefused, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundState
from keyrail.payments.model.statements import StatementKind, StatementMissing
from keyrail.payments.providers import Opening, PaymentAction
from keyrail.payments.providers.alipay.account import Alipay
from keyrail.payments.providers.alipay.bill_rows import StatementUnreadable
from keyrail.payments.providers.http_client import MAX_REPLY_BYTES, TOTAL_ATTEMPTS
from keyrail.payments.providers.qr import qr_svg
from keyrail.platform.money import Money
from tests.alipay_gateway import (
    APP_ID,
    ATTEMPT_ID,
    NOW_IN_BEIJING,
    REFUND_ID,
    SELLER_ID,
    TRADE_NO,
    account,
    answer,
    attempt,
    bill_row,
    bill_text,
    bill_zip,
    private_text,
    public_text,
    refund_order,
    sdk,
)
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody, serving

QR = "https://qr.alipay.com/bax03431ljhokirwl38f00a7"
OPENING = Opening("VIP会员 30 天", "https://api.example/hook?a=1", None, 1_795_000_900_000)
DAY = date(2026, 11, 23)
PAID_TRADE = {
    "out_trade_no": ATTEMPT_ID,
    "trade_no": TRADE_NO,
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "19.90",
    "buyer_logon_id": "王*明",
}
REFUNDED = {
    "out_trade_no": ATTEMPT_ID,
    "trade_no": TRADE_NO,
    "out_request_no": REFUND_ID,
    "refund_status": "REFUND_SUCCESS",
    "refund_amount": "5.00",
    "total_amount": "19.90",
}


@dataclass
class Gateway:
    """Verifies what it is sent and answers with what `says` has; keeps the requests that it understood.

    `says_to` has what it says to some methods instead.
    """

    server: ProviderServer
    says: dict[str, Any] = field(default_factory=dict)
    says_to: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    signer: str = "alipay"
    bill: Callable[[], Answer] = Answer

    def __post_init__(self) -> None:
        self.server.answer = self._answer

    def account(self, **settings: Any) -> Alipay:
        return account(gateway_url=f"{self.server.url}/gateway.do", **settings)

    def ok(self, **said: Any) -> None:
        self.says = {"code": "10000", "msg": "Success", **said}

    def fails(self, sub_code: str, code: str = "40004") -> None:
        self.says = {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "请稍后再试"}

    def _answer(self, sent: Sent, connection: BaseHTTPRequestHandler) -> Answer:
        path, _, query = sent.path.partition("?")
        if sent.method == "GET":
            return self.bill()
        pairs = parse_qsl(query, strict_parsing=True) + parse_qsl(sent.body.decode(), strict_parsing=True)
        parameters = dict(pairs)
        method = parameters["method"]
        assert (path, len(pairs)) == ("/gateway.do", len(parameters))
        text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "sign")
        if not sdk("alipay", "app")._verify(text, parameters["sign"]):
            return Answer(body=answer(method, code="40002", msg="Invalid Arguments", sub_code="isv.invalid-signature"))
        self.asked.append((parameters, json.loads(parameters["biz_content"])))
        return Answer(body=answer(method, by=self.signer, **self.says_to.get(method, self.says)))


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with serving() as server:
        yield Gateway(server)


def code(gateway: Gateway, **settings: Any) -> PaymentAction:
    return gateway.account(**settings).open(attempt("qr"), OPENING)


def test_a_code_is_asked_for_with_a_signed_request_and_comes_as_a_picture(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, qr_code=QR)
    assert code(gateway) == PaymentAction(type="qr_code", content=QR, svg=qr_svg(QR))
    ((parameters, content),) = gateway.asked
    parameters = {name: value for name, value in parameters.items() if name not in {"sign", "biz_content"}}
    assert parameters == {
        "app_id": APP_ID,
        "method": "alipay.trade.precreate",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": NOW_IN_BEIJING,
        "version": "1.0",
        "notify_url": OPENING.notify_url,
    }
    assert content == {
        "out_trade_no": ATTEMPT_ID,
        "total_amount": "19.90",
        "subject": "VIP会员 30 天",
        "time_expire": "2026-11-18 19:21:40",
    }


def test_a_page_asks_nobody(gateway: Gateway) -> None:
    assert gateway.account().open(attempt("page"), OPENING).type == "redirect"
    assert gateway.server.requests == []


def test_a_code_for_another_payment_is_not_shown(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID[:-1] + "2", qr_code=QR)
    with pytest.raises(ProviderUnavailable):
        code(gateway)


@pytest.mark.parametrize("shown", [None, "", 5, "x" * 600])
def test_an_answer_without_a_usable_code_is_no_payment(gateway: Gateway, shown: Any) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, qr_code=shown)
    with pytest.raises(ProviderUnavailable):
        code(gateway)


@pytest.mark.parametrize(
    "sub_code", ["ACQ.TOTAL_FEE_EXCEED", "ACQ.CONTEXT_INCONSISTENT", "isv.insufficient-isv-permissions"]
)
def test_what_alipay_will_never_open_is_refused(gateway: Gateway, sub_code: str) -> None:
    gateway.fails(sub_code)
    with pytest.raises(PaymentRefused):
        code(gateway)


@pytest.mark.parametrize(
    ("sub_code", "status"),
    [
        ("ACQ.SYSTEM_ERROR", "40004"),
        ("isp.unknow-error", "20000"),
        ("ACQ.TRADE_HAS_SUCCESS", "40004"),
        ("ACQ.A_NEW_CODE", "40004"),
        ("", "40004"),
    ],
)
def test_what_is_on_no_list_is_no_refusal(gateway: Gateway, sub_code: str, status: str) -> None:
    gateway.fails(sub_code, status)
    with pytest.raises(ProviderUnavailable):
        code(gateway)


def test_a_request_that_alipay_finds_wrongly_signed_is_refused(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, qr_code=QR)
    with pytest.raises(PaymentRefused):
        code(gateway, private_key=private_text("somebody"))
    assert gateway.asked == []


def asks(account: Alipay) -> list[Callable[[], object]]:
    return [
        lambda: account.open(attempt("qr"), OPENING),
        lambda: account.query(attempt()),
        lambda: account.query_refund(refund_order()),
        lambda: account.statement(DAY),
    ]


def says_nothing(account: Alipay) -> None:
    """Each question says so, and a refund is not known to have failed."""
    for ask in asks(account):
        with pytest.raises(ProviderUnavailable):
            ask()
    assert account.refund(refund_order()) == RefundAnswer(
        refund_id=REFUND_ID, state=RefundState.UNKNOWN, status="no_answer"
    )


@pytest.mark.parametrize(
    "reply",
    [
        Answer(500, b"{}"),
        Answer(502, b"<html>bad gateway</html>"),
        Answer(200, b"<html>busy</html>"),
        Answer(200, b""),
        Answer(200, b"{" + b" " * MAX_REPLY_BYTES + b"}"),
        Answer(302, b"", {"location": "https://openapi.alipay.com/gateway.do"}),
    ],
    ids=["500", "502", "html", "empty", "long", "redirect"],
)
def test_what_is_no_answer_of_alipays_is_none(gateway: Gateway, reply: Answer) -> None:
    gateway.server.answer = lambda *_: reply
    says_nothing(gateway.account())
    assert len(gateway.server.requests) == 1 + 4 * (TOTAL_ATTEMPTS if reply.status >= 500 else 1)


def test_a_good_answer_under_a_bad_status_is_none(gateway: Gateway) -> None:
    good = answer("alipay.trade.query", code="10000", **PAID_TRADE)
    for status in (201, 400, 403):
        gateway.server.always(status, good)
        with pytest.raises(ProviderUnavailable):
            gateway.account().query(attempt())


def test_a_server_that_hangs_is_waited_for_once(gateway: Gateway) -> None:
    gateway.server.answer = lambda *_: time.sleep(30)
    begun = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        gateway.account(read_timeout_s=1).query(attempt())
    answered = gateway.account(read_timeout_s=1).refund(refund_order())
    assert (answered.state, answered.status) == (RefundState.UNKNOWN, "no_answer")
    assert time.monotonic() - begun < 8
    assert len(gateway.server.requests) == 2


def test_nobody_at_the_address_is_no_answer() -> None:
    says_nothing(account(gateway_url=f"{address_of_nobody()}/gateway.do"))


def test_an_answer_that_alipay_did_not_sign_is_none(gateway: Gateway) -> None:
    gateway.ok(**PAID_TRADE, qr_code=QR, refund_status="REFUND_SUCCESS", fund_change="Y")
    gateway.signer = "somebody"
    says_nothing(gateway.account())
    gateway.signer = "alipay-new"
    says_nothing(gateway.account())
    both = gateway.account(alipay_public_keys=[public_text("alipay"), public_text("alipay-new")])
    assert both.query(attempt()).state is InquiryState.PAID


def test_nothing_that_was_signed_or_answered_shows_in_an_error(gateway: Gateway) -> None:
    gateway.signer = "somebody"
    gateway.ok(**PAID_TRADE)
    try:
        gateway.account().query(attempt())
    except ProviderUnavailable:
        shown = traceback.format_exc()
    assert "王" not in shown
    assert private_text("app")[-32:] not in shown
    assert TRADE_NO not in shown


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_paid_attempt_is_told_with_what_binds_it(gateway: Gateway, status: str) -> None:
    gateway.ok(**{**PAID_TRADE, "trade_status": status})
    said = Confirmation(
        provider="alipay",
        account="main",
        merchant=f"{APP_ID}/{SELLER_ID}",
        attempt_id=ATTEMPT_ID,
        reference=TRADE_NO,
        amount=Money(1990, "CNY"),
        paid=True,
        status=status,
    )
    assert gateway.account().query(attempt()) == Inquiry(state=InquiryState.PAID, said=said)
    ((parameters, content),) = gateway.asked
    assert (parameters["method"], content) == ("alipay.trade.query", {"out_trade_no": ATTEMPT_ID})


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"trade_status": "WAIT_BUYER_PAY"}, InquiryState.OPEN),
        ({"trade_status": "TRADE_CLOSED"}, InquiryState.CLOSED),
        ({"trade_status": "TRADE_NEW_WORD"}, InquiryState.UNKNOWN),
        ({"trade_status": None}, InquiryState.UNKNOWN),
        ({"trade_status": ["TRADE_SUCCESS"]}, InquiryState.UNKNOWN),
        ({"out_trade_no": ATTEMPT_ID[:-1] + "2"}, InquiryState.UNKNOWN),
        ({"trade_no": ""}, InquiryState.UNKNOWN),
        ({"code": "10003"}, InquiryState.UNKNOWN),
    ],
)
def test_only_words_on_a_list_say_where_an_attempt_stands(
    gateway: Gateway, said: dict[str, Any], state: InquiryState
) -> None:
    gateway.ok(**{**PAID_TRADE, **said})
    assert gateway.account().query(attempt()) == Inquiry(state=state)


@pytest.mark.parametrize(
    ("sub_code", "state"),
    [
        ("ACQ.TRADE_NOT_EXIST", InquiryState.OPEN),
        ("ACQ.SYSTEM_ERROR", InquiryState.UNKNOWN),
        ("ACQ.INVALID_PARAMETER", InquiryState.UNKNOWN),
        ("isv.invalid-app-id", InquiryState.UNKNOWN),
    ],
)
def test_a_trade_that_nobody_has_opened_yet_is_open(gateway: Gateway, sub_code: str, state: InquiryState) -> None:
    gateway.fails(sub_code)
    assert gateway.account().query(attempt()) == Inquiry(state=state)


@pytest.mark.parametrize("total", [19.9, 1990, "19.9.0", ["19.90"], None])
def test_a_sum_that_is_no_plain_text_is_no_amount(gateway: Gateway, total: Any) -> None:
    gateway.ok(**{**PAID_TRADE, "total_amount": total})
    said = gateway.account().query(attempt()).said
    assert said is not None
    assert said.amount == (Money(1990, "CNY") if total == 19.9 else None)


@pytest.mark.parametrize(("currency", "amount"), [("CNY", Money(1990, "CNY")), ("USD", None), ("", None), (156, None)])
def test_a_sum_in_another_currency_is_no_sum_in_yuan(gateway: Gateway, currency: Any, amount: Money | None) -> None:
    gateway.ok(**{**PAID_TRADE, "trans_currency": currency})
    said = gateway.account().query(attempt()).said
    assert said is not None
    assert said.amount == amount


def test_a_refund_that_moved_money_succeeded(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, trade_no=TRADE_NO, fund_change="Y", refund_fee="15.00")
    refunded = gateway.account().refund(refund_order())
    assert refunded == RefundAnswer(refund_id=REFUND_ID, state=RefundState.SUCCEEDED, status="fund_change=Y")
    ((parameters, content),) = gateway.asked
    assert parameters["method"] == "alipay.trade.refund"
    assert content == {
        "out_trade_no": ATTEMPT_ID,
        "out_request_no": REFUND_ID,
        "refund_amount": "5.00",
        "refund_reason": "key did not work",
    }


def test_a_refund_without_a_reason_sends_none(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, fund_change="Y")
    gateway.account().refund(replace(refund_order(), reason=""))
    ((_, content),) = gateway.asked
    assert set(content) == {"out_trade_no", "out_request_no", "refund_amount"}


@pytest.mark.parametrize("said", [{"fund_change": "N"}, {}, {"fund_change": None}, {"fund_change": "y"}])
def test_an_accepted_refund_that_moved_nothing_now_is_to_be_asked_about(gateway: Gateway, said: dict[str, Any]) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID, **said)
    assert gateway.account().refund(refund_order()).state is RefundState.PROCESSING


def test_a_refund_of_another_trade_is_not_ours(gateway: Gateway) -> None:
    gateway.ok(out_trade_no=ATTEMPT_ID[:-1] + "2", fund_change="Y")
    assert gateway.account().refund(refund_order()).state is RefundState.UNKNOWN


@pytest.mark.parametrize(
    ("sub_code", "state"),
    [
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", RefundState.FAILED),
        ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", RefundState.FAILED),
        ("ACQ.TRADE_HAS_FINISHED", RefundState.FAILED),
        ("ACQ.TRADE_NOT_EXIST", RefundState.FAILED),
        ("isv.insufficient-isv-permissions", RefundState.FAILED),
        ("ACQ.SYSTEM_ERROR", RefundState.UNKNOWN),
        ("ACQ.DISCORDANT_REPEAT_REQUEST", RefundState.UNKNOWN),
        ("ACQ.TRADE_STATUS_ERROR", RefundState.UNKNOWN),
        ("ACQ.A_NEW_CODE", RefundState.UNKNOWN),
        ("isp.unknow-error", RefundState.UNKNOWN),
    ],
)
def test_only_a_refund_that_surely_moved_nothing_failed(gateway: Gateway, sub_code: str, state: RefundState) -> None:
    gateway.fails(sub_code)
    answered = gateway.account().refund(refund_order())
    assert (answered.state, answered.status) == (state, sub_code)


NO_SUCH_REFUND = {"code": "10000", "msg": "Success"}


@pytest.mark.parametrize("sub_code", ["isv.missing-signature-config", "ACQ.REASON_TRADE_REFUND_FEE_ERR"])
@pytest.mark.parametrize(
    ("standing", "state"),
    [
        ({"code": "10000", "msg": "Success", **REFUNDED}, RefundState.SUCCEEDED),
        (NO_SUCH_REFUND, RefundState.FAILED),
        ({**NO_SUCH_REFUND, **REFUNDED, "refund_status": "REFUND_PROCESSING"}, RefundState.UNKNOWN),
        ({**NO_SUCH_REFUND, **REFUNDED, "out_request_no": "another"}, RefundState.UNKNOWN),
        ({"code": "40004", "msg": "x", "sub_code": "isv.missing-signature-config"}, RefundState.UNKNOWN),
        ({"code": "40004", "msg": "x", "sub_code": "ACQ.TRADE_NOT_EXIST"}, RefundState.UNKNOWN),
        ({"code": "20000", "msg": "x", "sub_code": "isp.unknow-error"}, RefundState.UNKNOWN),
    ],
)
def test_a_repetition_that_is_refused_says_nothing_of_the_requests_before_it(
    gateway: Gateway, sub_code: str, standing: dict[str, Any], state: RefundState
) -> None:
    gateway.fails(sub_code)
    gateway.says_to = {"alipay.trade.fastpay.refund.query": standing}
    assert gateway.account().refund(replace(refund_order(), repeated=True)).state is state
    assert gateway.account().refund(refund_order()).state is RefundState.FAILED


def test_a_refund_is_sent_once_at_a_time(gateway: Gateway) -> None:
    """Or a refusal could be that of the second, while the first moves the money."""
    gateway.server.always(500)
    assert gateway.account().refund(refund_order()).state is RefundState.UNKNOWN
    assert len(gateway.server.requests) == 1


def test_a_refund_that_alipay_says_succeeded_did_with_the_sum_it_names(gateway: Gateway) -> None:
    gateway.ok(**REFUNDED)
    assert gateway.account().query_refund(refund_order()) == RefundAnswer(
        refund_id=REFUND_ID, state=RefundState.SUCCEEDED, status="REFUND_SUCCESS", amount=Money(500, "CNY")
    )
    ((parameters, content),) = gateway.asked
    assert parameters["method"] == "alipay.trade.fastpay.refund.query"
    assert content == {"out_trade_no": ATTEMPT_ID, "out_request_no": REFUND_ID}


@pytest.mark.parametrize(
    "said",
    [
        {"refund_status": None},
        {"refund_status": "REFUND_PROCESSING"},
        {"refund_status": "refund_success"},
        {"out_request_no": "another"},
        {"out_trade_no": ATTEMPT_ID[:-1] + "2"},
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"},
        {"code": "20000"},
    ],
)
def test_any_other_word_about_a_refund_leaves_it_unknown(gateway: Gateway, said: dict[str, Any]) -> None:
    gateway.ok(**{**REFUNDED, **said})
    assert gateway.account().query_refund(refund_order()).state is RefundState.UNKNOWN


def bill(gateway: Gateway, packed: bytes, status: int = 200, **headers: str) -> None:
    gateway.ok(bill_download_url=f"{gateway.server.url}/bill?token=1")
    gateway.bill = lambda: Answer(status, packed, headers)


def test_a_days_bill_is_fetched_and_read(gateway: Gateway) -> None:
    rows = [bill_row("交易", "19.90", "-0.12"), bill_row("退款", "-5.00", "0.03", request=REFUND_ID)]
    bill(gateway, bill_zip(bill_text(*rows).encode("gbk")))
    lines = list(gateway.account().statement(DAY))
    assert [(line.kind, line.number, line.amount) for line in lines] == [
        (StatementKind.PAYMENT, ATTEMPT_ID, Money(1990, "CNY")),
        (StatementKind.REFUND, REFUND_ID, Money(500, "CNY")),
    ]
    ((parameters, content),) = gateway.asked
    assert parameters["method"] == "alipay.data.dataservice.bill.downloadurl.query"
    assert content == {"bill_type": "trade", "bill_date": "2026-11-23"}
    assert [sent.path for sent in gateway.server.requests if sent.method == "GET"] == ["/bill?token=1"]


@pytest.mark.parametrize("sub_code", ["isp.bill_not_exist", "BILL_NOT_EXIST"])
def test_a_day_without_a_bill_says_so(gateway: Gateway, sub_code: str) -> None:
    gateway.fails(sub_code)
    with pytest.raises(StatementMissing):
        gateway.account().statement(DAY)


def test_a_bill_that_cannot_be_fetched_is_not_an_empty_one(gateway: Gateway) -> None:
    packed = bill_zip(bill_text().encode("gbk"))
    for status in (302, 404, 500):
        bill(gateway, packed, status, location="https://dwbillcenter.alipay.com/")
        with pytest.raises(ProviderUnavailable):
            gateway.account().statement(DAY)
    bill(gateway, b"<html>expired</html>")
    with pytest.raises(StatementUnreadable):
        gateway.account().statement(DAY)


@pytest.mark.parametrize("url", ["", None, "https://attacker.example/bill", "http://127.0.0.1:1/bill"])
def test_a_bill_is_fetched_from_nobody_else(gateway: Gateway, url: Any) -> None:
    gateway.ok(bill_download_url=url)
    with pytest.raises(ProviderUnavailable):
        gateway.account().statement(DAY)
    assert [sent.method for sent in gateway.server.requests] == ["POST"]
