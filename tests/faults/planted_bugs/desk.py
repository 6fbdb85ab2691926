"""Bugs in what becomes of payments that fit nothing."""

from tests.faults.planted_bugs.bug import PlantedBug

RULES = "tests/unit/payments/test_desk.py"
PLACING = "tests/unit/ordering/test_placing.py"
BOOKS = "tests/unit/ordering/test_order_books.py"
DESK = "tests/integration/test_payment_desk.py"

MODEL = "payments/model/desk.py"
ATTEMPTS = "payments/model/attempts.py"
SERVICE = "fulfilment/service/payment_desk.py"

BUGS = (
    PlantedBug(
        "lets a second operator decide over the first",
        MODEL,
        "if (standing.what, standing.by, standing.order_id) == (what, origin.by, order_id):",
        "if standing.what:",
        f"{RULES}::test_the_same_command_again_is_once_and_another_is_told_what_was_done",
    ),
    PlantedBug(
        "gives back a payment that has paid for its order's goods",
        SERVICE,
        "if used_by is not None:",
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
    PlantedBug(
        "delivers a whole order for one cent on one person's word",
        SERVICE,
        "if missing and given.limits.needs_second_person(missing, 0):",
        "if False:",
        f"{DESK}::test_what_is_missing_is_given_away_by_whoever_accepts_and_is_limited_as_refunds_are",
    ),
    PlantedBug(
        "delivers for a payment that was sent back",
        "fulfilment/service/settlement.py",
        "if was_sent_away(order, said.provider, said.account, said.reference):",
        "if False:",
        f"{DESK}::test_a_payment_that_was_sent_back_pays_nothing_though_it_is_told_of_in_the_right_words_then",
    ),
    PlantedBug(
        "delivers two orders for a payment that was assigned to one of them",
        SERVICE,
        "told = [] if named and named.order_id == order_id else self._told(payment, named, origin)",
        "told = list[Write]()",
        f"{DESK}::test_a_payment_that_was_assigned_to_another_order_does_not_pay_its_own_as_well",
    ),
    PlantedBug(
        "lets one person give back any payment",
        SERVICE,
        "if over_the_day or self.given_today.limits.needs_second_person(amount, 0):",
        "if over_the_day:",
        f"{DESK}::test_above_the_limit_a_second_person_gives_it_back",
    ),
    PlantedBug(
        "leaves a payment on the desk that has paid an order",
        "fulfilment/service/paying.py",
        "decisive = [self.orders.replacement(order, delivered), *with_it]",
        "decisive = [self.orders.replacement(order, delivered)]",
        f"{DESK}::test_an_accepted_payment_delivers_its_order_as_if_it_had_been_right",
    ),
    PlantedBug(
        "owes back more than was received",
        "ordering/model/owed.py",
        "min(cost + surplus, left_to_refund(order))",
        "cost + surplus",
        f"{PLACING}::test_no_more_is_owed_back_than_was_received_and_all_of_it_where_nothing_is_delivered",
    ),
    PlantedBug(
        "books a payment from the desk as if it had come in once more",
        "ordering/model/books.py",
        "if attempt.payment_id is None:",
        'if attempt.payment_id != "":',
        f"{BOOKS}::test_what_an_operator_places_leaves_suspense_for_sales_with_what_was_received",
    ),
    PlantedBug(
        "asks for an assigned payment by a number that its provider does not know",
        ATTEMPTS,
        "attempt_id=attempt.known_as or attempt.attempt_id,",
        "attempt_id=attempt.attempt_id,",
        f"{DESK}::test_an_assigned_payment_is_an_attempt_more_that_goes_back_by_the_number_its_provider_knows",
    ),
)
