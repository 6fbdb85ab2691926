"""Bind before believing (I4): each clause alone is enough to refuse a verified callback."""

from dataclasses import replace

import pytest

from keyrail.payments.model.attempts import MAX_ATTEMPTS, PaymentAttempt, attempt_id, order_id_of
from keyrail.payments.model.confirmations import Confirmation, Mismatch, mismatch
from keyrail.payments.model.desk import payment_id
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

ORDER_ID = derived_id("ord", "binding")
MERCHANT = "1001"
ATTEMPT = PaymentAttempt(attempt_id=attempt_id(ORDER_ID, 1), provider="epay", account="main", amount=Money(1990, "CNY"))
SAID = Confirmation(
    provider="epay",
    account="main",
    merchant=MERCHANT,
    attempt_id=ATTEMPT.attempt_id,
    reference="trade-1",
    amount=Money(1990, "CNY"),
    paid=True,
    status="TRADE_SUCCESS",
)


def test_a_payment_that_fits_in_every_clause_is_believed() -> None:
    assert mismatch(SAID, ATTEMPT, MERCHANT) is None


def test_a_callback_for_no_attempt_of_ours_is_refused() -> None:
    assert mismatch(SAID, None, MERCHANT) is Mismatch.UNKNOWN_ATTEMPT


def test_a_callback_for_another_attempt_of_the_same_order_is_refused() -> None:
    other = replace(SAID, attempt_id=attempt_id(ORDER_ID, 2))
    assert mismatch(other, ATTEMPT, MERCHANT) is Mismatch.UNKNOWN_ATTEMPT


def test_a_callback_for_another_order_is_refused() -> None:
    other = replace(SAID, attempt_id=attempt_id(derived_id("ord", "another"), 1))
    assert mismatch(other, ATTEMPT, MERCHANT) is Mismatch.UNKNOWN_ATTEMPT


def test_a_callback_of_another_provider_is_refused() -> None:
    assert mismatch(replace(SAID, provider="stripe"), ATTEMPT, MERCHANT) is Mismatch.WRONG_ACCOUNT


def test_a_callback_to_another_account_of_the_same_provider_is_refused() -> None:
    assert mismatch(replace(SAID, account="second"), ATTEMPT, MERCHANT) is Mismatch.WRONG_ACCOUNT


def test_a_payment_to_another_merchant_is_refused() -> None:
    assert mismatch(replace(SAID, merchant="2002"), ATTEMPT, MERCHANT) is Mismatch.WRONG_MERCHANT


def test_an_attempt_that_was_started_for_the_accounts_former_merchant_is_not_paid() -> None:
    former = replace(ATTEMPT, merchant="2002")
    assert mismatch(SAID, former, MERCHANT) is Mismatch.WRONG_ACCOUNT
    assert mismatch(replace(SAID, merchant="2002"), former, MERCHANT) is Mismatch.WRONG_MERCHANT
    assert mismatch(SAID, replace(ATTEMPT, merchant=MERCHANT), MERCHANT) is None
    assert mismatch(SAID, ATTEMPT, "2002") is Mismatch.WRONG_MERCHANT


def test_what_was_paid_to_another_merchant_is_that_whatever_else_is_wrong_with_it() -> None:
    """So with every other reason there is money of ours in it."""
    other = replace(SAID, merchant="2002")
    assert mismatch(other, None, MERCHANT) is Mismatch.WRONG_MERCHANT
    assert mismatch(replace(other, account="second"), ATTEMPT, MERCHANT) is Mismatch.WRONG_MERCHANT
    assert mismatch(replace(other, amount=None), ATTEMPT, MERCHANT) is Mismatch.WRONG_MERCHANT


def test_an_amount_that_cannot_be_read_is_refused() -> None:
    assert mismatch(replace(SAID, amount=None), ATTEMPT, MERCHANT) is Mismatch.WRONG_CURRENCY


@pytest.mark.parametrize("currency", ["USD", "JPY", "HKD"])
def test_the_same_number_of_another_currency_is_refused(currency: str) -> None:
    assert mismatch(replace(SAID, amount=Money(1990, currency)), ATTEMPT, MERCHANT) is Mismatch.WRONG_CURRENCY


def test_one_fen_too_little_is_refused() -> None:
    assert mismatch(replace(SAID, amount=Money(1989, "CNY")), ATTEMPT, MERCHANT) is Mismatch.UNDER_PAID


def test_one_fen_too_much_is_refused() -> None:
    assert mismatch(replace(SAID, amount=Money(1991, "CNY")), ATTEMPT, MERCHANT) is Mismatch.OVER_PAID


def test_the_amount_is_compared_with_what_the_attempt_asked_for() -> None:
    dearer = replace(ATTEMPT, amount=Money(1991, "CNY"))
    cheaper = replace(ATTEMPT, amount=Money(1989, "CNY"))
    assert mismatch(SAID, dearer, MERCHANT) is Mismatch.UNDER_PAID
    assert mismatch(SAID, cheaper, MERCHANT) is Mismatch.OVER_PAID


def test_a_status_that_is_not_paid_is_refused() -> None:
    waiting = replace(SAID, paid=False, status="WAIT_BUYER_PAY")
    assert mismatch(waiting, ATTEMPT, MERCHANT) is Mismatch.NOT_PAID


def test_the_word_for_paid_alone_is_not_believed() -> None:
    assert mismatch(replace(SAID, paid=False), ATTEMPT, MERCHANT) is Mismatch.NOT_PAID


@pytest.mark.parametrize("number", [1, 9, 10, MAX_ATTEMPTS])
def test_an_attempts_number_leads_back_to_its_order(number: int) -> None:
    named = attempt_id(ORDER_ID, number)
    assert len(named) == 32
    assert order_id_of(named) == ORDER_ID


@pytest.mark.parametrize("number", [0, -1, MAX_ATTEMPTS + 1])
def test_an_order_has_no_attempts_beyond_its_limit(number: int) -> None:
    with pytest.raises(ValueError, match="no attempt number"):
        attempt_id(ORDER_ID, number)


@pytest.mark.parametrize(
    "foreign", ["", "pay_", ATTEMPT.attempt_id[:-1], ATTEMPT.attempt_id + "0", ORDER_ID, ATTEMPT.attempt_id.lower()]
)
def test_a_number_that_is_not_ours_leads_to_no_order(foreign: str) -> None:
    assert order_id_of(foreign) is None


def test_the_same_statement_has_one_number_on_the_desk_and_another_statement_another() -> None:
    others = [
        replace(SAID, account="second"),
        replace(SAID, merchant="2002"),
        replace(SAID, reference="trade-2"),
        replace(SAID, status="WAIT_BUYER_PAY", paid=False),
        replace(SAID, amount=None),
        replace(SAID, amount=Money(1991, "CNY")),
        replace(SAID, amount=Money(1990, "USD")),
    ]
    assert payment_id(SAID) == payment_id(replace(SAID, status="TRADE_FINISHED"))
    assert len({payment_id(said) for said in [SAID, *others]}) == len(others) + 1
