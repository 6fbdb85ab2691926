"""Events about intents of our own, refunds and disputes, signed by Stripe's own SDK."""

from dataclasses import replace
from typing import Any

import pytest

from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, DisputeState
from keyrail.payments.model.refunds import RefundNotice
from keyrail.platform.money import Money
from tests.stripe_events import (
    ACCOUNT,
    ATTEMPT_ID,
    claim,
    event,
    refused,
    said,
    sdk_accepts,
    sdk_header,
)


def intent_event(kind: str = "payment_intent.succeeded", top: dict[str, Any] | None = None, **intent: Any) -> bytes:
    whole = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1990,
        "amount_received": 1990,
        "currency": "cny",
        "metadata": {"attempt": ATTEMPT_ID},
        "status": "succeeded",
        **intent,
    }
    return event(kind, {"data": {"object": whole}, **(top or {})})


def test_an_intent_that_we_made_is_a_payment_of_its_attempt() -> None:
    payload = intent_event()
    assert sdk_accepts(payload, sdk_header(payload))
    assert said(payload) == replace(claim(event()), status="succeeded")


def test_of_an_intent_every_changed_byte_is_refused() -> None:
    payload = intent_event()
    header = sdk_header(payload)
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= 0x01
        assert refused(bytes(changed), header)


@pytest.mark.parametrize(
    "metadata", [{"checkout_attempt": ATTEMPT_ID}, {}, {"attempt": ""}, {"attempt": [1]}, None, []]
)
def test_a_sessions_intent_and_a_strangers_confirm_nothing(metadata: object) -> None:
    assert said(intent_event(metadata=metadata)) is None


def test_the_session_and_its_intent_are_one_payment() -> None:
    of_both = [event(), intent_event(metadata={"checkout_attempt": ATTEMPT_ID})]
    confirmed = [confirmation for confirmation in map(said, of_both) if confirmation]
    assert [(each.attempt_id, each.reference) for each in confirmed if isinstance(each, Confirmation)] == [
        (ATTEMPT_ID, "pi_1")
    ]


@pytest.mark.parametrize("status", ["processing", "requires_capture", "canceled", "SUCCEEDED", "", None])
def test_only_an_intent_that_succeeded_is_paid(status: str | None) -> None:
    assert claim(intent_event(status=status)).paid is False


def test_of_an_intent_what_was_received_counts_and_not_what_was_asked() -> None:
    assert claim(intent_event(amount_received=1)).amount == Money(1, "CNY")
    assert claim(intent_event(amount_received=None)).amount is None


def test_an_intent_without_a_number_is_refused() -> None:
    payload = intent_event(id="")
    assert refused(payload, sdk_header(payload))


def test_an_intent_of_another_account_or_mode_is_not_ours() -> None:
    assert claim(intent_event(top={"account": "acct_2"})).merchant == "acct_2"
    assert claim(intent_event(top={"livemode": True})).merchant != ACCOUNT.merchant


REFUND = {"id": "re_1", "object": "refund", "metadata": {"refund": "rfd_1", "attempt": ATTEMPT_ID}, "status": "failed"}
NOTICE = RefundNotice(
    provider="stripe",
    account="main",
    attempt_id=ATTEMPT_ID,
    refund_id="rfd_1",
    reference="re_1",
    status="failed",
)
MADE_THERE = {**REFUND, "metadata": {}, "amount": 990, "currency": "cny", "payment_intent": "pi_1", "status": "pending"}


def about(kind: str, subject: object, **top: object) -> bytes:
    return event(kind, {"data": {"object": subject}, **top})


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_news_of_our_refund_is_a_reason_to_ask_for_it(kind: str) -> None:
    assert said(about(kind, REFUND)) == NOTICE


def test_a_charge_that_lists_its_refunds_names_the_newest_of_ours() -> None:
    older = {**REFUND, "metadata": {"refund": "rfd_0", "attempt": ATTEMPT_ID}}
    charge = {"id": "ch_1", "refunds": {"data": ["re_2", {"id": "re_3", "metadata": {}}, REFUND, older]}}
    assert said(about("charge.refunded", charge)) == NOTICE


@pytest.mark.parametrize("refunds", [None, {}, {"data": None}, {"data": []}, {"data": [{"id": "re_3"}]}])
def test_a_charge_that_names_no_refund_of_ours_is_no_news(refunds: object) -> None:
    assert said(about("charge.refunded", {"id": "ch_1", "refunds": refunds})) is None


@pytest.mark.parametrize("metadata", [None, {}, {"refund": "rfd_1"}, {"attempt": ATTEMPT_ID}])
def test_a_refund_that_is_not_ours_is_known_by_stripes_numbers_alone(metadata: object) -> None:
    expected = RefundNotice(
        provider="stripe",
        account="main",
        attempt_id="",
        refund_id="",
        payment_reference="pi_1",
        reference="re_1",
        amount=Money(990, "CNY"),
        status="pending",
        moved=True,
    )
    assert said(about("refund.created", {**MADE_THERE, "metadata": metadata})) == expected
    charge = {"id": "ch_1", "refunds": {"data": [{**MADE_THERE, "metadata": metadata}]}}
    assert said(about("charge.refunded", charge)) == expected


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_failed_moved_nothing(status: str) -> None:
    notice = said(about("refund.updated", {**MADE_THERE, "status": status}))
    assert isinstance(notice, RefundNotice)
    assert not notice.moved


@pytest.mark.parametrize("lost", [{"id": None}, {"payment_intent": None}])
def test_a_refund_of_somebody_without_its_numbers_is_no_news(lost: dict[str, None]) -> None:
    assert said(about("refund.updated", {**MADE_THERE, **lost})) is None


DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 1990,
    "charge": "ch_1",
    "currency": "cny",
    "payment_intent": "pi_1",
    "status": "needs_response",
}


def test_a_dispute_names_the_payment_that_it_takes_back() -> None:
    assert said(about("charge.dispute.created", DISPUTE)) == DisputeNotice(
        provider="stripe",
        account="main",
        dispute_id="dp_1",
        reference="pi_1",
        attempt_id=None,
        amount=Money(1990, "CNY"),
        status="needs_response",
    )


def test_a_dispute_of_a_payment_without_an_intent_names_its_charge() -> None:
    notice = said(about("charge.dispute.created", {**DISPUTE, "payment_intent": None}))
    assert isinstance(notice, DisputeNotice)
    assert notice.reference == "ch_1"


@pytest.mark.parametrize("lost", [{"id": None}, {"charge": None, "payment_intent": None}])
def test_a_dispute_without_its_numbers_is_refused(lost: dict[str, None]) -> None:
    payload = about("charge.dispute.created", {**DISPUTE, **lost})
    assert refused(payload, sdk_header(payload))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("won", DisputeState.WON),
        ("warning_closed", DisputeState.WON),
        ("lost", DisputeState.LOST),
        ("warning_needs_response", DisputeState.ASKED),
        ("warning_under_review", DisputeState.ASKED),
        ("under_review", DisputeState.OPEN),
        ("a word of next year", DisputeState.OPEN),
    ],
)
def test_a_dispute_stands_as_its_word_says_and_only_known_words_end_it(status: str, state: DisputeState) -> None:
    for kind in ("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"):
        notice = said(about(kind, {**DISPUTE, "status": status}))
        assert isinstance(notice, DisputeNotice)
        assert (notice.state, notice.status) == (state, status)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [("refund.updated", REFUND), ("charge.dispute.created", DISPUTE), ("charge.dispute.closed", DISPUTE)],
)
@pytest.mark.parametrize("top", [{"account": "acct_2"}, {"livemode": True}, {"livemode": None}])
def test_a_notice_about_somebody_elses_money_is_none(kind: str, subject: object, top: dict[str, object]) -> None:
    assert said(about(kind, subject, **top)) is None
