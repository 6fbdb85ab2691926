"""Bind before believing (I4): whatever a provider says, it pays an attempt only if it says exactly that."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id, order_id_of
from keyrail.payments.model.confirmations import Confirmation, mismatch
from keyrail.payments.model.desk import payment_id
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

NAMES = st.sampled_from(["epay", "stripe", "main", "second", "1001"])
MONEY = st.builds(Money, st.integers(0, 3), st.sampled_from(["CNY", "USD", "JPY"]))
ORDERS = st.sampled_from([derived_id("ord", name) for name in "ab"])
ATTEMPT_IDS = st.builds(attempt_id, ORDERS, st.integers(1, 2))
ATTEMPTS = st.builds(PaymentAttempt, attempt_id=ATTEMPT_IDS, provider=NAMES, account=NAMES, amount=MONEY)
SAID = st.builds(
    Confirmation,
    provider=NAMES,
    account=NAMES,
    merchant=NAMES,
    attempt_id=ATTEMPT_IDS,
    reference=NAMES,
    amount=st.none() | MONEY,
    paid=st.booleans(),
    status=NAMES,
)

A_PAYMENT = Confirmation(
    provider="epay",
    account="main",
    merchant="1001",
    attempt_id=attempt_id(derived_id("ord", "a"), 1),
    reference="ref",
    amount=Money(1, "CNY"),
    paid=True,
    status="PAID",
)


def true_payment(attempt: PaymentAttempt, merchant: str) -> Confirmation:
    return Confirmation(
        provider=attempt.provider,
        account=attempt.account,
        merchant=merchant,
        attempt_id=attempt.attempt_id,
        reference="ref",
        amount=attempt.amount,
        paid=True,
        status="PAID",
    )


@given(SAID, ATTEMPTS, NAMES)
def test_a_confirmation_binds_only_if_every_clause_is_the_attempts(
    said: Confirmation, attempt: PaymentAttempt, merchant: str
) -> None:
    true = true_payment(attempt, merchant)
    fits = replace(said, reference=true.reference, status=true.status) == true
    assert (mismatch(said, attempt, merchant) is None) == fits


@given(SAID, ATTEMPTS, NAMES)
def test_a_true_payment_binds_and_one_changed_clause_unbinds_it(
    said: Confirmation, attempt: PaymentAttempt, merchant: str
) -> None:
    true = true_payment(attempt, merchant)
    assert mismatch(true, attempt, merchant) is None
    for clause in ("provider", "account", "merchant", "attempt_id", "amount", "paid"):
        changed = replace(true, **{clause: getattr(said, clause)})
        assert (mismatch(changed, attempt, merchant) is None) == (changed == true)


@given(SAID, SAID)
@example(replace(A_PAYMENT, status="paid"), replace(A_PAYMENT, status="succeeded"))
@example(replace(A_PAYMENT, status="paid"), replace(A_PAYMENT, status="paid", paid=False))
def test_two_statements_have_one_number_on_the_desk_only_if_they_say_the_same(
    one: Confirmation, other: Confirmation
) -> None:
    both_paid = one.paid and other.paid  # a provider words that anew months later
    same = replace(one, status=other.status if both_paid else one.status) == other
    assert (payment_id(one) == payment_id(other)) == same


@given(st.text(max_size=40), st.integers(1, 99))
def test_an_attempt_leads_to_its_own_order_and_to_no_other(name: str, number: int) -> None:
    order_id = derived_id("ord", name)
    assert order_id_of(attempt_id(order_id, number)) == order_id
    assert order_id_of(name) is None or name.startswith("pay_")
