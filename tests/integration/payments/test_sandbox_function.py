"""The payment sandbox as a provider: its page decides once, its callbacks are signed, and its books are asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from functions.payment_sandbox import handler as function
from functions.payment_sandbox.trades import Decision, decided
from keyrail.ordering.model.orders import OrderStatus
from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState, RefundStatus
from keyrail.payments.model.statements import StatementKind, StatementMissing
from keyrail.payments.providers.sandbox.signing import HEADER, signed_link
from keyrail.platform import aws
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import KeyrailError
from keyrail.platform.money import Money
from keyrail.platform.signed_messages import signed_header
from keyrail.platform.telling import WAITS_S
from tests.integration.payments.sandbox_street import RETURN_URL, SECRET, Street, event, flat
from tests.local_cloud import LocalCloud
from tests.provider_server import serving
from tests.racing import at_once, refusals
from tests.tables import create_table
from tests.world import PRICE, SYSTEM, World


@pytest.fixture
def street(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(3)
    table = f"{world.names['keys']}-sandbox"
    create_table(world.dynamodb, "sandbox", table)
    queue = local_cloud.client("sqs").create_queue(QueueName=table)["QueueUrl"]
    monkeypatch.setenv("KEYRAIL_STAGE", "local")
    with serving() as server:
        street = Street(world, local_cloud, server, queue)
        street.secret_arn = local_cloud.client("secretsmanager").create_secret(
            Name=table, SecretString=street.accounts()
        )["ARN"]
        settings = {
            **local_cloud.environment,
            "SANDBOX_TABLE": table,
            "SANDBOX_QUEUE_URL": queue,
            "PAYMENT_ACCOUNTS_SECRET_ARN": street.secret_arn,
            "PUBLIC_API_URL": server.url,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(function, "system_now_ms", world.now_ms)
        forget()
        street.open()
        yield street
    forget()


def forget() -> None:
    remembered: tuple[Any, ...] = (function.settings, function.bank, aws.client, aws.session)
    for each in remembered:
        each.cache_clear()


def refund_of(attempt: PaymentAttempt, amount: Money = PRICE, refund_id: str = "rfd_1") -> RefundOrder:
    return RefundOrder(refund_id=refund_id, attempt=attempt, amount=amount, reason="gone")


def paid_attempt(street: Street, decision: str = "pay") -> PaymentAttempt:
    placed = street.buy()
    street.press(placed, decision)
    attempt = street.order(placed).paid_attempt()
    assert attempt is not None
    return attempt


def today(street: Street) -> Any:
    return datetime.fromtimestamp(street.world.now_ms() / 1000, UTC).date()


# the page


def test_pay_delivers_and_leads_the_buyer_back_to_the_shop(street: Street) -> None:
    placed = street.buy()
    shown = street.look(placed)
    assert shown["statusCode"] == 200
    assert '<button name="decision" value="pay">' in shown["body"]
    answer = street.press(placed, "pay")
    assert (answer["statusCode"], flat(answer)["location"]) == (303, RETURN_URL)
    assert street.order(placed).status is OrderStatus.DELIVERED
    after = street.look(placed)["body"]
    assert "已支付 / paid" in after
    assert "the shop knows" in after
    assert "<button" not in after


def test_a_second_press_changes_nothing_whichever_button_it_is(street: Street) -> None:
    placed = street.buy()
    street.press(placed, "pay")
    before = street.look(placed)["body"]
    for decision in ("pay", "fail", "pay_twice", "pay_late"):
        street.press(placed, decision)
    assert street.look(placed)["body"] == before
    assert len(street.heard) == 1


def test_buttons_pressed_at_once_are_one_decision(street: Street) -> None:
    placed = street.buy()
    link = function.bank().link((placed.action.url or "").partition("?")[2])
    decisions = [Decision.PAY, Decision.FAIL, Decision.PAY_TWICE] * 4
    bank = function.bank()
    trades = at_once([partial(bank.decide, link, decision) for decision in decisions])
    assert len({trade.decision for trade in trades if not isinstance(trade, KeyrailError)}) == 1
    assert refusals(trades) == []
    standing = bank.find(link)
    assert standing is not None
    assert {callback["reference"] for callback in street.heard} == {p.reference for p in standing.payments}


def test_fail_delivers_nothing_and_the_shop_is_told_so(street: Street) -> None:
    placed = street.buy()
    answer = street.press(placed, "fail")
    assert flat(answer)["location"] == placed.action.url
    assert [callback["status"] for callback in street.heard] == ["failed"]
    assert street.order(placed).status is OrderStatus.PENDING_PAYMENT
    assert "失败 / failed" in street.look(placed)["body"]


def test_pay_twice_gives_the_second_payment_back_and_the_page_shows_it(street: Street) -> None:
    placed = street.buy()
    street.press(placed, "pay_twice")
    first, second = (callback["reference"] for callback in street.heard)
    assert first != second
    order = street.order(placed)
    assert order.status is OrderStatus.DELIVERED
    assert [(refund.payment_reference, refund.status) for refund in order.refunds] == [(second, RefundStatus.DUE)]
    assert street.give_back(placed)
    assert [refund.status for refund in street.order(placed).refunds] == [RefundStatus.SUCCEEDED]
    shown = street.look(placed)["body"]
    assert "已退款 / refunded 9.90 CNY" in shown.partition(second)[2]
    assert "refunded" not in shown.partition(second)[0]


def test_pay_late_comes_after_the_order_has_expired_and_is_delivered_if_it_still_can(street: Street) -> None:
    placed = street.buy()
    street.press(placed, "pay_late")
    assert "will arrive at" in street.look(placed)["body"]
    trade_id = f"sbx_1#{placed.attempt.attempt_id}"
    street.bring(trade_id=trade_id)
    assert street.heard == []
    assert street.account.query(placed.attempt).state is InquiryState.OPEN

    street.world.ahead_ms += 19 * 60 * 1000
    assert street.order(placed).status_at(street.world.now_ms()) is OrderStatus.EXPIRED
    assert street.account.query(placed.attempt).state is InquiryState.PAID
    street.bring(trade_id=trade_id)
    assert street.order(placed).status is OrderStatus.DELIVERED


def test_a_late_payment_whose_goods_are_gone_is_refunded_by_itself(street: Street) -> None:
    placed = street.buy()
    street.press(placed, "pay_late")
    street.world.ahead_ms += 19 * 60 * 1000
    for _ in range(3):
        street.press(street.buy(), "pay")
    street.bring(trade_id=f"sbx_1#{placed.attempt.attempt_id}")
    street.world.issuance.issue(placed.order.order_id, SYSTEM)
    assert street.give_back(placed)
    assert street.order(placed).status is OrderStatus.REFUNDED
    assert "已退款 / refunded 9.90 CNY" in street.look(placed)["body"]


# the callback


def test_a_shop_that_does_not_answer_is_told_again_until_it_does(street: Street) -> None:
    placed = street.buy()
    street.shop_is_open = False
    assert street.press(placed, "pay")["statusCode"] == 303
    assert "正在通知商店 / the shop is being told" in street.look(placed)["body"]
    message = {"trade_id": f"sbx_1#{placed.attempt.attempt_id}"}
    street.bring(**message, asked=3)
    assert street.account.query(placed.attempt).state is InquiryState.PAID

    street.shop_is_open = True
    street.bring(**message, asked=4)
    street.bring(**message, asked=5)
    assert street.order(placed).status is OrderStatus.DELIVERED
    assert len(street.heard) == 1


def test_the_queue_is_asked_to_look_again_as_long_as_there_is_something_to_tell_and_not_for_ever(
    street: Street,
) -> None:
    placed, late = street.buy(), street.buy()
    street.press(late, "pay_late")
    street.shop_is_open = False
    street.press(placed, "pay")
    message, about_late = ({"trade_id": f"sbx_1#{each.attempt.attempt_id}"} for each in (placed, late))
    assert street.waiting() == 2
    street.bring(**about_late)
    street.bring(**message)
    street.bring(**message, asked=len(WAITS_S) - 1)
    assert street.waiting() == 5
    street.bring(**message, asked=len(WAITS_S))
    street.shop_is_open = True
    street.bring(**message)
    assert street.waiting() == 5


def test_a_kill_after_the_shop_has_heard_tells_it_again_and_changes_nothing(street: Street) -> None:
    placed = street.buy()
    link = function.bank().link((placed.action.url or "").partition("?")[2])
    unheard = decided(link, Decision.PAY_TWICE, None, street.world.now_ms())
    function.bank().store.add(unheard)
    for _ in range(2):
        function.bank().tell(unheard)
    assert len(street.heard) == 4
    order = street.order(placed)
    assert (order.status, len(order.refunds)) == (OrderStatus.DELIVERED, 1)
    standing = function.bank().find(link)
    assert standing is not None
    assert standing.untold() == ()


def test_a_link_from_before_a_change_of_secrets_still_opens_the_page(street: Street) -> None:
    placed = street.buy()
    account = json.loads(street.accounts())["sandbox"]["main"]
    versions = {"new": {**account, "secrets": ["n" * 32]}, "old": account}
    secret = json.dumps({"sandbox": {"main": {"current": "new", "versions": versions}}})
    street.cloud.client("secretsmanager").put_secret_value(SecretId=street.secret_arn, SecretString=secret)
    forget()
    assert street.look(placed)["statusCode"] == 200
    assert [secret[0] for secret in function.bank().account("sbx_1").secrets] == ["n", "s"]


def test_the_look_from_the_queue_is_asked_for_before_anything_is_decided(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two leaves a message about nothing; the other way round it would leave money untold."""
    placed = street.buy()
    asked: list[Any] = []

    def unsent(_queue: str, message: dict[str, Any], delay_s: int = 0) -> None:
        asked.append((message, delay_s))
        raise ConnectionError

    monkeypatch.setattr("functions.payment_sandbox.bank.send_rest", unsent)
    assert street.press(placed, "pay")["statusCode"] == 500
    assert asked == [({"trade_id": f"sbx_1#{placed.attempt.attempt_id}"}, 30)]
    assert street.heard == []
    assert "<button" in street.look(placed)["body"]
    street.bring(trade_id=f"sbx_1#{placed.attempt.attempt_id}")


def test_only_our_own_api_is_ever_called(street: Street) -> None:
    placed = street.buy()
    said = {
        "merchant": "sbx_1",
        "attempt_id": placed.attempt.attempt_id,
        "amount_minor": PRICE.amount_minor,
        "currency": PRICE.currency,
        "title": "x",
        "notify_url": "http://169.254.169.254/latest/meta-data",
        "return_url": RETURN_URL,
        "expires_at_ms": placed.order.expires_at_ms,
    }
    before = len(street.server.requests)
    for query in (signed_link(SECRET, said), signed_link(SECRET, {**said, "notify_url": f"{street.server.url}/v1"})):
        answer = street.press(placed, "pay", query)
        assert (answer["statusCode"], json.loads(answer["body"])["errors"][0]["field"]) == (422, "notify_url")
    assert len(street.server.requests) == before


# the books


def test_the_books_say_how_an_attempt_stands(street: Street) -> None:
    placed = street.buy()
    assert street.account.query(placed.attempt).state is InquiryState.OPEN
    street.press(placed, "pay")
    found = street.account.query(placed.attempt)
    assert found.state is InquiryState.PAID
    assert found.said is not None
    assert (found.said.amount, found.said.merchant, found.said.paid) == (PRICE, "sbx_1", True)
    assert found.said.reference == street.heard[0]["reference"]
    failed = street.buy()
    street.press(failed, "fail")
    assert street.account.query(failed.attempt).state is InquiryState.CLOSED


def test_a_refund_moves_its_money_once_and_never_more_than_was_paid(street: Street) -> None:
    attempt = paid_attempt(street)
    part = refund_of(attempt, Money(400, "CNY"))
    assert street.account.query_refund(part).state is RefundState.UNKNOWN
    first = street.account.refund(part)
    assert (first.state, first.amount) == (RefundState.SUCCEEDED, Money(400, "CNY"))
    assert street.account.refund(part) == street.account.query_refund(part) == first

    too_much = refund_of(attempt, Money(591, "CNY"), "rfd_2")
    assert street.account.refund(too_much).state is RefundState.FAILED
    assert street.account.refund(replace(part, amount=Money(500, "CNY"))).state is RefundState.UNKNOWN
    assert street.account.refund(refund_of(attempt, Money(590, "CNY"), "rfd_2")).state is RefundState.SUCCEEDED
    assert street.account.refund(refund_of(attempt, Money(1, "CNY"), "rfd_3")).status == "more_than_was_paid"


def test_refunds_at_once_give_back_what_was_paid_and_no_more(street: Street) -> None:
    attempt, account = paid_attempt(street), street.account
    bank = function.bank()
    orders = [
        {
            "attempt_id": attempt.attempt_id,
            "reference": attempt.reference,
            "refund_id": f"rfd_{number % 4}",
            **Money(330, "CNY").plain(),
        }
        for number in range(8)
    ]
    answers = at_once([partial(bank.refund, "sbx_1", order) for order in orders])
    assert refusals(answers) == []
    given = {a["refund_id"] for a in answers if isinstance(a, dict) and a["status"] == "refunded"}
    assert len(given) == 3
    lines = [line for line in account.statement(today(street)) if line.kind is StatementKind.REFUND]
    assert sum(line.amount.amount_minor for line in lines) == PRICE.amount_minor


def test_what_was_not_paid_is_not_given_back(street: Street) -> None:
    attempt = paid_attempt(street)
    for other in (replace(attempt, reference="sbx_other"), replace(attempt, attempt_id="pay_" + "0" * 28)):
        answer = street.account.refund(refund_of(other))
        assert (answer.state, answer.status) == (RefundState.FAILED, "no_such_payment")


def test_a_statement_has_every_payment_and_refund_of_its_day(street: Street) -> None:
    attempt = paid_attempt(street, "pay_twice")
    failed = street.buy()
    street.press(failed, "fail")
    refund = street.account.refund(refund_of(attempt, Money(100, "CNY")))
    lines = list(street.account.statement(today(street)))
    assert [line.line for line in lines] == [1, 2, 3]
    payments = {(line.number, line.reference, line.amount) for line in lines if line.kind is StatementKind.PAYMENT}
    assert payments == {(attempt.attempt_id, said["reference"], PRICE) for said in street.heard[:2]}
    (back,) = [line for line in lines if line.kind is StatementKind.REFUND]
    assert (back.number, back.reference, back.amount) == ("rfd_1", refund.reference, Money(100, "CNY"))
    assert (back.payment_number, back.fee) == (attempt.attempt_id, Money(0, "CNY"))
    assert list(street.account.statement(today(street) - timedelta(days=1))) == []
    with pytest.raises(StatementMissing):
        street.account.statement(today(street) + timedelta(days=1))


def test_a_statement_of_many_pages_is_read_to_its_end(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.payment_sandbox.store.PAGE", 1)
    attempts = {paid_attempt(street).attempt_id for _ in range(3)}
    lines = list(street.account.statement(today(street)))
    assert ({line.number for line in lines}, [line.line for line in lines]) == (attempts, [1, 2, 3])


def test_another_merchants_books_are_closed(street: Street) -> None:
    attempt = paid_attempt(street)
    stranger = replace(street.account, secrets=["another-secret-of-the-street-01234567890"])
    nobody = replace(street.account, merchant="sbx_2")
    for asker in (stranger, nobody):
        with pytest.raises(ProviderUnavailable):
            asker.query(attempt)
        with pytest.raises(ProviderUnavailable):
            asker.statement(today(street))
        assert asker.refund(refund_of(attempt)) == RefundAnswer(
            refund_id="rfd_1", state=RefundState.UNKNOWN, status="no_answer"
        )
    assert street.account.query_refund(refund_of(attempt)).state is RefundState.UNKNOWN


def test_an_answer_to_another_question_is_not_believed(street: Street) -> None:
    attempt, account = paid_attempt(street), street.account
    genuine = street.server.answer
    street.account.query(attempt)
    kept = genuine(street.server.requests[-1], None)  # type: ignore[arg-type]  # the connection is not looked at
    assert kept is not None
    # A second later the same question is another one.
    street.world.ahead_ms += 1000
    street.server.answer = lambda _, __: kept
    with pytest.raises(ProviderUnavailable):
        account.query(attempt)


def test_a_question_without_a_fresh_signature_is_refused(street: Street) -> None:
    attempt = paid_attempt(street)
    street.account.query(attempt)
    asked = street.server.requests[-1]
    sent = event(asked.method, asked.path, "", asked.body, asked.headers)
    assert function.handler(sent, None)["statusCode"] == 200
    other = event(asked.method, "/sandbox/books/refund", "", asked.body, asked.headers)
    assert function.handler(other, None)["statusCode"] == 401
    street.world.ahead_ms += 302_000
    assert function.handler(sent, None)["statusCode"] == 401
    assert function.handler(event("POST", asked.path, "", asked.body, {HEADER: ""}), None)["statusCode"] == 401


def test_a_question_that_cannot_be_is_refused_by_its_field(street: Street) -> None:
    refund = {"attempt_id": "pay_1", "refund_id": "rfd_1", "reference": "sbx_1", "currency": "CNY"}
    for what, said in (
        ("query", {}),
        ("query", {"attempt_id": ["pay_1"]}),
        ("query", {"attempt_id": "p" * 65}),
        ("refund", {**refund, "amount_minor": 1.5}),
        ("refund", {**refund, "amount_minor": 1, "refund_id": ""}),
        ("statement", {"day": "yesterday"}),
        ("statement", {"day": None}),
    ):
        body = json.dumps({"merchant": "sbx_1", **said}).encode()
        header = signed_header(SECRET, f"ask.{what}", street.world.now_ms() // 1000, body)
        answer = function.handler(event("POST", f"/sandbox/books/{what}", "", body, {HEADER: header}), None)
        assert (answer["statusCode"], bool(json.loads(answer["body"])["errors"])) == (422, True), (what, said)


def test_a_sandbox_function_that_stands_in_production_does_not_start(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYRAIL_STAGE", "prod")
    with pytest.raises(ConfigError, match=r"^sandbox\.stage$"):
        function.bank()
    answer = function.handler(event("GET", "/sandbox/pay", "a=b"), None)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (500, "internal_error")
