"""Bugs in how a statement is compared with what we know."""

from tests.faults.planted_bugs.bug import PlantedBug

UNIT = "tests/unit/reconciliation/test_comparing.py"
TESTS = "tests/integration/reconciliation/test_comparing.py"
SUPPLIED = "tests/unit/reconciliation/test_supplies.py"
HOUSES = "tests/integration/reconciliation/test_suppliers.py"
QUESTIONS = "tests/unit/reconciliation/test_questions.py"
ASKED = "tests/integration/reconciliation/test_asked_suppliers.py"
DESK = "tests/integration/reconciliation/test_desk.py"

COMPARING = "reconciliation/model/comparing.py"
MOVEMENTS = "reconciliation/model/movements.py"
SUPPLIES = "reconciliation/model/supplies.py"
DIFFERENCES = "reconciliation/model/differences.py"
SERVICE = "reconciliation/service/comparing.py"
STORE = "reconciliation/store.py"

BUGS = (
    PlantedBug(
        "compares sums without their currency",
        MOVEMENTS,
        "return self.amount in (None, amount)",
        "return self.amount is None or self.amount.amount_minor == amount.amount_minor",
        f"{UNIT}::test_another_sum_or_currency_differs_in_amount",
    ),
    PlantedBug(
        "takes a second payment of an attempt for the first",
        COMPARING,
        "candidates = referred or [each for each in named if each.reference is None]",
        "candidates = referred or named",
        f"{UNIT}::test_a_second_payment_of_one_attempt_is_not_the_first_twice",
    ),
    PlantedBug(
        "believes a payment that is in no books",
        COMPARING,
        "if has_moved and booked is None and self._ours.must_be_booked(movement):",
        "if has_moved and booked is None and not movement.name:",
        f"{UNIT}::test_a_payment_that_is_not_in_the_books_is_missing_with_us",
    ),
    PlantedBug(
        "misses what stands in the statement of the day before",
        SERVICE,
        "missing = [movement for movement in result.left if movement.name not in elsewhere]",
        "missing = result.left",
        f"{TESTS}::test_what_we_heard_a_day_later_is_matched_on_both_days",
    ),
    PlantedBug(
        "opens again what somebody has resolved",
        DIFFERENCES,
        "    if standing.status is DifferenceStatus.RESOLVED and _seen(standing) == _seen(found):\n"
        "        return standing\n    as_it_is",
        "    as_it_is",
        f"{TESTS}::test_a_rerun_closes_what_is_gone_keeps_what_is_resolved_and_finds_what_is_back",
    ),
    PlantedBug(
        "takes a reason for a cent as one for a fortune",
        DIFFERENCES,
        " and _seen(standing) == _seen(found):",
        ":",
        f"{TESTS}::test_a_reason_that_was_given_for_one_amount_is_none_for_another",
    ),
    PlantedBug(
        "takes a reason for what a comparison has changed since they looked",
        DIFFERENCES,
        "if standing.version != seen_version:",
        "if standing.version < seen_version:",
        f"{DESK}::test_a_difference_that_a_comparison_has_changed_since_is_looked_at_again",
    ),
    PlantedBug(
        "writes differences of a run that somebody else has taken up",
        STORE,
        "actions, ReconciliationItem.version == run.version)",
        "actions, ReconciliationItem.pk.exists())",
        f"{TESTS}::test_a_run_that_is_overtaken_while_it_writes_its_differences_writes_no_more_of_them",
    ),
    PlantedBug(
        "writes over what somebody has resolved meanwhile",
        STORE,
        "if old is None else ReconciliationItem.version == old.version",
        "if old is None else ReconciliationItem.pk.exists()",
        f"{TESTS}::test_what_was_read_before_somebody_resolved_it_is_not_written_over_it",
    ),
    PlantedBug(
        "believes that a supplier's money came back because it once gave something back",
        SUPPLIES,
        'kept, back = _unpaired(kept, back, lambda line: (line.amount, ""))',
        "kept, back = kept[len(back) :], back[len(kept) :]",
        f"{SUPPLIED}::test_what_came_back_on_the_day_was_not_taken",
    ),
    PlantedBug(
        "passes over what a supplier took for what was given up",
        MOVEMENTS,
        "LineState.DONE: {Known.DONE},",
        "LineState.DONE: {Known.DONE, Known.FAILED},",
        f"{SUPPLIED}::test_what_they_say_and_what_we_know_agree_or_differ",
    ),
    PlantedBug(
        "passes over what a supplier gave back of what was delivered",
        COMPARING,
        "        if line.amount in credited:",
        "        if line.amount in credited or movement.known is Known.DONE:",
        f"{SUPPLIED}::test_what_they_took_and_gave_back_is_not_what_we_hold_done_or_open",
    ),
    PlantedBug(
        "takes a charge-back for a leave to give back anything",
        COMPARING,
        "            credited.remove(line.amount)\n",
        "",
        f"{SUPPLIED}::test_what_they_gave_back_for_bad_keys_that_were_charged_back_is_no_difference_once",
    ),
    PlantedBug(
        "misses what a supplier took for what is in no book",
        COMPARING,
        "            return movement.in_no_books\n",
        "            return False\n",
        f"{SUPPLIED}::test_what_they_took_for_what_is_in_no_book_is_missing_with_us",
    ),
    PlantedBug(
        "takes another supplier's order for this one's",
        "reconciliation/service/supply_gathering.py",
        "            if attempt.supplier == supplier:\n",
        "            if attempt.supplier:\n",
        f"{HOUSES}::test_the_attempt_or_purchase_of_another_supplier_is_none_of_theirs",
    ),
    PlantedBug(
        "takes an order that a supplier said nothing of for one that it does not have",
        SERVICE,
        "            result.left = []\n",
        "            pass\n",
        f"{ASKED}::test_what_they_say_nothing_of_is_counted_and_no_difference",
    ),
    PlantedBug(
        "takes silence for a sign that a difference is gone",
        SERVICE,
        " or before.number in unheard",
        "",
        f"{ASKED}::test_a_difference_of_what_they_say_nothing_of_this_time_stays_as_it_was",
    ),
    PlantedBug(
        "takes what a supplier is still at work on for done",
        "reconciliation/model/questions.py",
        "state, amount = LineState.UNDER_WAY, None",
        "state, amount = LineState.DONE, None",
        f"{QUESTIONS}::test_what_they_say_of_an_order_and_what_we_know_agree_or_differ",
    ),
    PlantedBug(
        "waits its turn to ask about what the supplier is through with",
        "fulfilment/service/recharging.py",
        "if unit.work is not None or self._was_placed_before(unit):",
        "if unit.work is not None:",
        f"{HOUSES}::test_what_is_done_with_them_and_open_with_us_is_asked_about_and_gone_once_it_is_known",
    ),
    PlantedBug(
        "books bought keys where their supplier's statement cannot find them",
        "inventory/model/books.py",
        "name = batch.purchase or batch.batch_id",
        "name = batch.batch_id",
        "tests/unit/inventory/test_batch_books.py::test_bought_keys_are_booked_under_the_reference_of_their_purchase",
    ),
)
