"""Bugs in what becomes of payments that fit nothing."""

from tests.faults.planted_bugs.bug import PlantedBug

RULES = "tests/unit/payments/test_desk.py"
DESK = "tests/integration/test_payment_desk.py"

MODEL = "payments/model/desk.py"
SERVICE = "fulfilment/service/payment_desk.py"

BUGS = (
    PlantedBug(
        "lets a second operator decide over the first",
        MODEL,
        "if not same:",
        "if False:",
        f"{RULES}::test_the_same_command_again_is_once_and_another_is_told_what_was_done",
    ),
    PlantedBug(
        "gives back a payment that has paid for its order's goods",
        SERVICE,
        "if decided is not payment and order is not None and _is_booked(payment, order):",
        "if False:",
        f"{DESK}::test_a_payment_that_paid_its_order_after_all_is_not_given_back",
    ),
    PlantedBug(
        "is silent about a refund that is refused anew",
        "fulfilment/service/refunds.py",
        "occasion=str(refund.due_at_ms)",
        'occasion=""',
        f"{DESK}::test_what_a_provider_refuses_to_give_back_is_on_the_desk_each_time",
    ),
)
