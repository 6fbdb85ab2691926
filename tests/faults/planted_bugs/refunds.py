"""Bugs in how money goes back."""

from tests.faults.planted_bugs.bug import PlantedBug

TESTS = "tests/integration/test_refunds.py"

SERVICE = "fulfilment/service/refunds.py"
SETTLEMENT = "fulfilment/service/settlement.py"
MODEL = "payments/model/refunds.py"
UNITS = "tests/integration/test_unit_refunds.py"
DISPUTES = "tests/integration/test_disputes.py"
UNIT_REFUNDS = "fulfilment/service/unit_refunds.py"
ORDER_MODEL = "ordering/model/refunds.py"

BUGS = (
    PlantedBug(
        "takes an answer that is lost for a refusal",
        MODEL,
        "RefundState.UNKNOWN: RefundStatus.UNKNOWN,",
        "RefundState.UNKNOWN: RefundStatus.FAILED,",
        f"{TESTS}::test_whatever_is_lost_on_the_way_the_money_goes_back_once",
    ),
    PlantedBug(
        "gives back what the buyer's bank may take back",
        SERVICE,
        "or not self.owing.may_go_back(owner, refund):",
        "or False:",
        f"{DISPUTES}::test_what_is_owed_already_waits_for_the_bank_and_goes_back_unless_that_was_faster",
    ),
    PlantedBug(
        "believes an answer about another sum",
        MODEL,
        "other_sum = answer.amount not in {None, asked.amount}",
        "other_sum = False",
        f"{TESTS}::test_an_answer_about_another_sum_ends_nothing",
    ),
    PlantedBug(
        "gives the payment back that paid for the goods",
        ORDER_MODEL,
        "payment_reference=payment_reference,",
        "payment_reference=attempt.reference,",
        f"{TESTS}::test_a_second_payment_is_given_back_and_the_goods_stay",
    ),
    PlantedBug(
        "gives a second payment back as often as it is told of it",
        ORDER_MODEL,
        "if order.refund(refund.refund_id) is not None:",
        "if order.refund(refund.refund_id) is None and False:",
        f"{TESTS}::test_a_second_payment_is_given_back_and_the_goods_stay",
    ),
    PlantedBug(
        "leaves a refused refund to an order that nobody looks at",
        SERVICE,
        "if answer.state is RefundState.FAILED:",
        "if answer.state is RefundState.UNKNOWN:",
        f"{TESTS}::test_a_refund_that_the_provider_refuses_is_on_the_desk_and_can_be_asked_for_again",
    ),
    PlantedBug(
        "asks for what it has been told is done",
        SERVICE,
        "if refund is None or not refund.is_open:",
        "if refund is None:",
        f"{TESTS}::test_a_refund_that_is_done_is_not_asked_for_again",
    ),
    PlantedBug(
        "asks again for money that may be on its way",
        MODEL,
        "now_ms - (self.asked_at_ms or 0) >= ASK_AGAIN_MS",
        "now_ms > 0",
        f"{TESTS}::test_while_a_request_may_be_on_its_way_it_is_asked_about_and_not_for",
    ),
    PlantedBug(
        "gives the money back and leaves the keys good",
        UNIT_REFUNDS,
        "self.orders.replacement(order, owing), counted, *withdrawn]",
        "self.orders.replacement(order, owing), counted]",
        f"{UNITS}::test_one_unit_is_refunded_the_other_stays_and_goes_later",
    ),
    PlantedBug(
        "gives back the price of what was redeemed",
        "inventory/model/withdrawing.py",
        "if is_used(key) and not even_if_used:",
        "if is_used(key) and even_if_used:",
        f"{UNITS}::test_what_was_redeemed_is_not_refunded_unless_it_is_said_so",
    ),
    PlantedBug(
        "takes a key for unused that was redeemed a moment ago",
        "inventory/store/keys.py",
        '& ~Path("uses")[len(sold.uses or ())].exists()',
        "",
        f"{UNITS}::test_a_key_that_was_seen_or_used_since_it_was_read_is_not_taken_back",
    ),
    PlantedBug(
        "lets a person past the limit in small parts",
        "payments/model/refund_limits.py",
        "alone_before_minor + amount.amount_minor >",
        "amount.amount_minor >",
        "tests/unit/payments/test_refund_limits.py",
    ),
    PlantedBug(
        "has the one who asked for a refund approve it",
        MODEL,
        "if request.by == by:",
        "if not request.by:",
        f"{UNITS}::test_above_the_limit_nothing_moves_before_a_second_person_has_agreed",
    ),
    PlantedBug(
        "takes the refusal of a repetition for one of the refund",
        "payments/providers/alipay/account.py",
        "if told.state is RefundState.FAILED and wanted.repeated:",
        "if told.state is RefundState.PROCESSING and wanted.repeated:",
        "tests/integration/payments/test_alipay.py::"
        "test_a_repetition_that_is_refused_says_nothing_of_the_requests_before_it",
    ),
    PlantedBug(
        "shows what is disputed",
        "inventory/store/keys.py",
        "(KeyItem.order_id == order_id) & is_let_go()",
        "(KeyItem.order_id == order_id)",
        f"{DISPUTES}::test_what_was_sold_stands_still_and_goes_on_if_the_dispute_is_won",
    ),
    PlantedBug(
        "redeems what is disputed",
        "inventory/store/uses.py",
        "still), is_let_go(), _is_in_time(at), _is_open(at))",
        "still), _is_in_time(at), _is_open(at))",
        f"{DISPUTES}::test_what_was_sold_stands_still_and_goes_on_if_the_dispute_is_won",
    ),
    PlantedBug(
        "freezes anew for a dispute that is over",
        "ordering/model/disputes.py",
        "elif _AFTER[notice.state] <= _AFTER[known.state]:",
        "elif known.state is notice.state:",
        f"{DISPUTES}::test_an_end_that_is_told_before_the_beginning_is_the_end",
    ),
)
