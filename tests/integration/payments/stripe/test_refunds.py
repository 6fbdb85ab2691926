"""Refunds: once for one number, whatever is lost on the way and however long it takes to ask again."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from keyrail.payments.model.attempts import AttemptStatus, PaymentAttempt, ProviderUnavailable, attempt_id
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.provider_server import Answer, ProviderServer, Sent, address_of_nobody

ATTEMPT = PaymentAttempt(
    attempt_id=attempt_id(derived_id("ord", "refund"), 1),
    provider="stripe",
    account="main",
    amount=Money(1990, "CNY"),
    status=AttemptStatus.PAID,
    reference="pi_1",
)
WANTED = RefundOrder(refund_id="rfd_1", attempt=ATTEMPT, amount=Money(990, "CNY"), reason="sold out")
DONE = RefundAnswer(
    refund_id="rfd_1", state=RefundState.SUCCEEDED, status="succeeded", reference="re_1", amount=Money(990, "CNY")
)


@dataclass
class Bank:
    """Refunds as Stripe keeps them: an idempotency key is good for one, until it is forgotten."""

    stripe: ProviderServer
    refunds: list[dict[str, object]] = field(default_factory=list)
    keys: dict[str, dict[str, object]] = field(default_factory=dict)
    status: str = "succeeded"
    page_length: int = 100
    lose_answers: bool = False
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, sent: Sent, _: BaseHTTPRequestHandler) -> Answer | None:
        address = urlsplit(sent.path)
        assert address.path == "/v1/refunds"
        if sent.method == "GET":
            seen = self._list({name: values[0] for name, values in parse_qs(address.query).items()})
            self.together.wait()
            return seen
        form = {name: values[0] for name, values in parse_qs(sent.body.decode(), strict_parsing=True).items()}
        made = self._make(form, sent.headers["idempotency-key"])
        return None if self.lose_answers else Answer(200, json.dumps(made).encode())

    def _list(self, query: dict[str, str]) -> Answer:
        newest_first = [each for each in reversed(self.refunds) if each["payment_intent"] == query["payment_intent"]]
        ids = [each["id"] for each in newest_first]
        begin = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
        page = newest_first[begin : begin + self.page_length]
        more = len(newest_first) > begin + self.page_length
        return Answer(200, json.dumps({"object": "list", "data": page, "has_more": more}).encode())

    def _make(self, form: dict[str, str], key: str) -> dict[str, object]:
        with self.lock:
            if key not in self.keys:
                made: dict[str, object] = {
                    "id": f"re_{len(self.refunds) + 1}",
                    "payment_intent": form["payment_intent"],
                    "amount": int(form["amount"]),
                    "currency": "cny",
                    "metadata": {
                        name.removeprefix("metadata[")[:-1]: value
                        for name, value in form.items()
                        if name.startswith("metadata[")
                    },
                    "status": self.status,
                }
                self.refunds.append(made)
                self.keys[key] = made
            return self.keys[key]

    def elsewhere(self, count: int) -> None:
        """Refunds of the same payment that somebody made on Stripe's own pages."""
        for number in range(count):
            refund = {"id": f"re_x{number}", "payment_intent": "pi_1", "amount": 1, "currency": "cny", "metadata": {}}
            self.refunds.append({**refund, "status": "succeeded"})


@pytest.fixture
def bank(stripe: ProviderServer) -> Bank:
    bank = Bank(stripe)
    stripe.answer = bank.answer
    return bank


def test_a_refund_is_made_under_our_number(stripe: ProviderServer, bank: Bank, account: Stripe) -> None:
    assert account.refund(WANTED) == DONE
    look, make = stripe.requests
    assert look.path.startswith("/v1/refunds?payment_intent=pi_1&")
    assert (make.method, make.headers["idempotency-key"]) == ("POST", "rfd_1")
    assert parse_qs(make.body.decode(), strict_parsing=True) == {
        "payment_intent": ["pi_1"],
        "amount": ["990"],
        "metadata[refund]": ["rfd_1"],
        "metadata[attempt]": [ATTEMPT.attempt_id],
    }


def test_asked_for_again_it_is_the_same_one(bank: Bank, account: Stripe) -> None:
    assert [account.refund(WANTED) for _ in range(3)] == [DONE] * 3
    assert account.query_refund(WANTED) == DONE
    assert len(bank.refunds) == 1


def test_it_pays_once_after_stripe_has_forgotten_the_key(bank: Bank, account: Stripe) -> None:
    account.refund(WANTED)
    bank.keys.clear()
    assert account.refund(WANTED) == DONE
    assert len(bank.refunds) == 1


def test_it_pays_once_when_the_answer_is_lost_and_the_key_forgotten(bank: Bank, account: Stripe) -> None:
    bank.lose_answers = True
    assert account.refund(WANTED) == RefundAnswer(refund_id="rfd_1", state=RefundState.UNKNOWN, status="no_answer")
    bank.lose_answers = False
    bank.keys.clear()
    assert account.refund(WANTED) == DONE
    assert len(bank.refunds) == 1


def test_it_is_found_behind_many_others(bank: Bank, account: Stripe) -> None:
    account.refund(WANTED)
    bank.keys.clear()
    bank.elsewhere(7)
    bank.page_length = 2
    assert account.refund(WANTED) == DONE
    assert len(bank.refunds) == 8


def test_many_who_ask_at_once_pay_once(bank: Bank, account: Stripe) -> None:
    """All have seen that there is no refund before the first one asks for it."""
    bank.together = threading.Barrier(4, timeout=30)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: account.refund(WANTED), range(4)))
    assert answers == [DONE] * 4
    assert len(bank.refunds) == 1


def test_another_refund_of_the_same_payment_is_another(bank: Bank, account: Stripe) -> None:
    account.refund(WANTED)
    second = account.refund(replace(WANTED, refund_id="rfd_2", amount=Money(1000, "CNY")))
    assert (second.refund_id, second.reference, second.amount) == ("rfd_2", "re_2", Money(1000, "CNY"))
    assert account.query_refund(WANTED) == DONE


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", "succeeded"),
        ("pending", "processing"),
        ("requires_action", "processing"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("SUCCEEDED", "unknown"),
        ("a status of next year", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_became_of_it_is_told_by_stripes_word(bank: Bank, account: Stripe, status: str, state: str) -> None:
    bank.status = status
    assert (account.refund(WANTED).state, account.refund(WANTED).status) == (RefundState(state), status)
    assert account.query_refund(WANTED).state == RefundState(state)


def test_one_that_has_failed_is_made_anew_in_the_next_round_and_once_in_it(bank: Bank, account: Stripe) -> None:
    bank.status = "failed"
    assert [account.refund(WANTED).state for _ in range(2)] == [RefundState.FAILED] * 2
    bank.status, again = "succeeded", replace(WANTED, round=1)
    assert account.query_refund(again).state is RefundState.UNKNOWN
    assert [account.refund(again).reference for _ in range(3)] == ["re_2"] * 3
    assert account.query_refund(again).state is RefundState.SUCCEEDED
    assert list(bank.keys) == ["rfd_1", "rfd_1-1"]
    assert len(bank.refunds) == 2


def test_a_round_that_fails_too_says_so(bank: Bank, account: Stripe) -> None:
    bank.status = "failed"
    account.refund(WANTED)
    assert account.refund(replace(WANTED, round=1)).state is RefundState.FAILED
    assert account.query_refund(replace(WANTED, round=1)).state is RefundState.FAILED
    assert account.query_refund(replace(WANTED, round=2)).state is RefundState.UNKNOWN


@pytest.mark.parametrize("status", ["succeeded", "pending", "a status of next year"])
def test_what_moves_in_an_earlier_round_is_not_made_a_second_time(bank: Bank, account: Stripe, status: str) -> None:
    bank.status = status
    first = account.refund(WANTED)
    bank.keys.clear()
    assert account.refund(replace(WANTED, round=1)) == first
    assert len(bank.refunds) == 1


def test_of_two_the_one_that_moves_money_tells(bank: Bank, account: Stripe) -> None:
    account.refund(WANTED)
    bank.refunds.append({**bank.refunds[0], "id": "re_2", "status": "failed"})
    assert account.query_refund(WANTED) == DONE


def test_a_refund_that_stripe_does_not_know_is_not_a_failed_one(bank: Bank, account: Stripe) -> None:
    bank.elsewhere(1)
    assert account.query_refund(WANTED) == RefundAnswer(
        refund_id="rfd_1", state=RefundState.UNKNOWN, status="not_found"
    )


def after_the_look(stripe: ProviderServer, status: int, body: bytes) -> None:
    stripe.in_turn(Answer(200, b'{"data": [], "has_more": false}'), Answer(status, body))


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, {"type": "invalid_request_error", "code": "charge_already_refunded"}, "charge_already_refunded"),
        (400, {"type": "invalid_request_error"}, "invalid_request_error"),
        (402, {"type": "card_error", "code": "expired_or_canceled_card"}, "expired_or_canceled_card"),
    ],
)
def test_a_refund_that_stripe_will_never_make_has_failed(
    stripe: ProviderServer, account: Stripe, status: int, error: dict[str, str], said: str
) -> None:
    after_the_look(stripe, status, json.dumps({"error": error}).encode())
    answer = account.refund(WANTED)
    assert (answer.state, answer.status) == (RefundState.FAILED, said)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error": {"type": "idempotency_error"}}'),
        (409, b'{"error": {"type": "idempotency_error"}}'),
        (401, b'{"error": {"type": "invalid_request_error"}}'),
        (404, b'{"error": {"type": "invalid_request_error", "code": "resource_missing"}}'),
        (429, b'{"error": {"type": "rate_limit_error"}}'),
        (500, b'{"error": {"type": "api_error"}}'),
        (400, b"<html>Bad Request</html>"),
        (200, b"<html>maintenance</html>"),
        (200, b"{}"),
        (200, b'{"id": "re_9", "status": "succeeded", "metadata": {"refund": "rfd_9"}}'),
        (302, b"{}"),
    ],
)
def test_any_other_answer_leaves_it_unknown(stripe: ProviderServer, account: Stripe, status: int, body: bytes) -> None:
    after_the_look(stripe, status, body)
    assert account.refund(WANTED).state is RefundState.UNKNOWN


def test_a_stripe_that_hangs_leaves_it_unknown(stripe: ProviderServer, bank: Bank, account: Stripe) -> None:
    release = threading.Event()

    def hang(sent: Sent, connection: BaseHTTPRequestHandler) -> Answer | None:
        if sent.method == "POST":
            release.wait(10)
        return bank.answer(sent, connection)

    stripe.answer = hang
    assert account.refund(WANTED).state is RefundState.UNKNOWN
    release.set()


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (401, b"{}"), (404, b"{}"), (200, b"<html>"), (200, b"{}")])
def test_nothing_is_sent_while_nobody_knows_whether_it_was_before(
    stripe: ProviderServer, account: Stripe, status: int, body: bytes
) -> None:
    stripe.always(status, body)
    with pytest.raises(ProviderUnavailable):
        account.refund(WANTED)
    with pytest.raises(ProviderUnavailable):
        account.query_refund(WANTED)
    assert {sent.method for sent in stripe.requests} == {"GET"}


def test_a_list_without_an_end_is_not_read_to_it(stripe: ProviderServer, account: Stripe) -> None:
    stripe.always(200, b'{"data": [{"id": "re_x"}], "has_more": true}')
    with pytest.raises(ProviderUnavailable):
        account.refund(WANTED)
    assert len(stripe.requests) == 10


def test_a_stripe_that_is_not_there_was_sent_nothing(account: Stripe) -> None:
    with pytest.raises(ProviderUnavailable):
        replace(account, api_base=address_of_nobody()).refund(WANTED)


@pytest.mark.parametrize("reference", ["cs_test_1", None])
def test_a_payment_without_an_intent_has_nothing_to_give_back(
    stripe: ProviderServer, account: Stripe, reference: str | None
) -> None:
    wanted = replace(WANTED, attempt=replace(ATTEMPT, reference=reference))
    answer = account.refund(wanted)
    assert (answer.state, answer.status) == (RefundState.FAILED, "no_payment_intent")
    assert account.query_refund(wanted).state is RefundState.UNKNOWN
    assert stripe.requests == []
