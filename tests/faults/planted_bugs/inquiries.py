"""Bugs in how payments are found that nobody called back for."""

from tests.faults.planted_bugs.bug import PlantedBug

ASKING = "tests/integration/test_inquiries.py"

BUGS = (
    PlantedBug(
        "believes an answer about another order than was asked about",
        "fulfilment/service/inquiries.py",
        "if reason is not None and reason in _NOT_ASKED_ABOUT:",
        "if reason is None and reason in _NOT_ASKED_ABOUT:",
        f"{ASKING}::test_an_answer_about_another_order_than_was_asked_about_pays_neither",
    ),
    PlantedBug(
        "asks no other provider once one has failed",
        "fulfilment/service/inquiries.py",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
        f"{ASKING}::test_one_provider_that_fails_keeps_no_other_from_being_asked",
    ),
    PlantedBug(
        "looks back as far as the clock is set, however long nobody looked",
        "ordering/service/questions.py",
        "else reached_ms, now_ms)",
        "else now_ms - 300_000, now_ms)",
        f"{ASKING}::test_after_an_outage_each_order_that_became_due_is_asked_about_once",
    ),
    PlantedBug(
        "counts on money that Stripe has given back",
        "payments/providers/stripe/inquiries.py",
        '.get("amount_refunded", 0) == 0',
        '.get("amount_refunded", 0) is not False',
        "tests/integration/payments/stripe/test_inquiries.py::test_money_that_went_back_without_us_is_not_counted_on",
    ),
    PlantedBug(
        "lets a buyer whose provider is down lose the order",
        "ordering/service/checkout.py",
        'facts={"order_id": new_id, "access_token": token}',
        'facts={"order_id": new_id}',
        "tests/integration/test_provider_down.py",
    ),
)
