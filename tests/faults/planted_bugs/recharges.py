"""Bugs in how units are supplied."""

from tests.faults.planted_bugs.bug import PlantedBug

MODEL = "ordering/model/supplying.py"
DISPUTES = "ordering/model/disputes.py"
SERVICE = "fulfilment/service/recharging.py"
PATIENCE = "ordering/model/patience.py"
UNIT = "tests/unit/ordering/test_supplying.py"
TESTS = "tests/integration/test_recharging.py"
ONE_ASKS = "tests/integration/test_one_asks.py"
OVERTAKEN = "test_whoever_is_overtaken_asks_nobody_and_leaves_the_quota_to_who_was_faster"
WAITS = "tests/integration/test_patience.py"

BUGS = (
    PlantedBug(
        "leaves a piece of a quota with an attempt that is begun elsewhere",
        SERVICE,
        "            self._tell(lambda: self.routing.begun(choice))",
        "            pass",
        f"{ONE_ASKS}::test_a_quota_that_whoever_was_killed_had_taken_goes_back_where_the_unit_comes_from_elsewhere",
    ),
    PlantedBug(
        "tells nobody of a supplier that took more than it was allowed to",
        "suppliers/model/attempts.py",
        "cost.amount_minor <= limit.amount_minor",
        "cost.amount_minor >= 0",
        f"{UNIT}::test_of_a_supplier_that_took_more_than_its_limit_is_told",
    ),
    PlantedBug(
        "keeps a unit from a person for a supplier that it cannot wait for any more",
        "suppliers/model/routing.py",
        "SourceKind.MANUAL and may_wait:",
        "SourceKind.MANUAL:",
        f"{TESTS}::test_a_unit_whose_patience_is_over_is_a_persons_though_its_supplier_has_to_answer_others_first",
    ),
    PlantedBug(
        "stores the answer of a supplier once, whether the table takes it or not",
        SERVICE,
        "KEEP_TRIES = 5",
        "KEEP_TRIES = 1",
        f"{ONE_ASKS}::test_an_answer_that_the_table_does_not_take_at_first_is_stored_while_it_is_in_hand",
    ),
    PlantedBug(
        "asks for a unit again though its order has no room for the steps that end it",
        MODEL,
        " and has_room_for_tries(order)",
        "",
        "tests/unit/ordering/test_room.py::test_the_largest_order_fits_its_item_and_ends",
    ),
    PlantedBug(
        "sends a recharge again while nobody knows what became of it",
        MODEL,
        "is_free = unit.open_attempt() is None and",
        "is_free =",
        f"{UNIT}::test_nobody_else_is_asked_unless_it_surely_failed",
    ),
    PlantedBug(
        "leaves a unit to nobody that was asked for as often as may be, and whose workflows broke off",
        MODEL,
        "        return give_up(order, unit_id, Decision(at_ms=now_ms), origin, now_ms)",
        "        return order",
        f"{UNIT}::test_there_are_only_so_many_tries_and_what_nobody_sees_to_after_them_is_owed_back",
    ),
    PlantedBug(
        "takes a recharge of which nothing is heard for one that failed",
        "suppliers/model/attempts.py",
        "changed = replace(attempt, state=SupplyState.UNKNOWN)",
        "changed = replace(attempt, state=SupplyState.FAILED)",
        f"{UNIT}::test_nobody_else_is_asked_unless_it_surely_failed",
    ),
    PlantedBug(
        "asks a supplier for what somebody else has asked for",
        SERVICE,
        "            if begun.unit(unit.unit_id).open_attempt() != attempt:",
        "            if begun.unit(unit.unit_id).open_attempt() is None:",
        f"{ONE_ASKS}::{OVERTAKEN}",
    ),
    PlantedBug(
        "gives back the quota of the attempt that was begun in its place",
        "suppliers/service/routing.py",
        "        if not overtaken:\n",
        "        if choice.source:\n",
        f"{ONE_ASKS}::{OVERTAKEN}",
    ),
    PlantedBug(
        "gives back the quota that an attempt counts on, for want of a supplier that others know",
        SERVICE,
        " or self._has_changed(order)",
        "",
        f"{ONE_ASKS}::{OVERTAKEN}",
    ),
    PlantedBug(
        "takes for its own write what somebody else wrote in the same moment",
        SERVICE,
        "asker=token_hex(ASKER_BYTES)",
        "asker=None",
        f"{ONE_ASKS}::test_whoever_asks_in_the_same_moment_knows_another_write_from_their_own",
    ),
    PlantedBug(
        "asks about the same news without an end",
        SERVICE,
        "        self.news.ask(unit_id)\n",
        "",
        f"{TESTS}::test_a_question_answers_all_news_that_came_before_it",
    ),
    PlantedBug(
        "takes a supplier's adapter that broke for a refusal",
        SERVICE,
        """            logs.log_failure(error, reference=attempt.reference)
            return Unknown(said=BROKEN)

    def _question""",
        """            logs.log_failure(error, reference=attempt.reference)
            return DefiniteFailure(said=BROKEN, refusal="refused")

    def _question""",
        f"{TESTS}::test_what_is_not_known_is_asked_about_until_it_is",
    ),
    PlantedBug(
        "gives back what may have been supplied once the supplier's time is over",
        SERVICE,
        "            return self.leave(order_id, unit_id, origin)",
        """            failed = DefiniteFailure(said="late", refusal="refused")
            order, _ = self._heard(order, still, failed, origin)""",
        f"{TESTS}::test_what_nobody_knows_at_the_end_of_its_window_is_a_persons",
    ),
    PlantedBug(
        "recharges for money that a bank may take back",
        MODEL,
        "return waits and is_free and not is_frozen(order)",
        "return waits and is_free",
        f"{UNIT}::test_while_a_bank_may_take_the_money_back_nobody_is_asked",
    ),
    PlantedBug(
        "gives up for a bank what may have been supplied",
        DISPUTES,
        "if unit.open_attempt())",
        "if False)",
        f"{UNIT}::test_what_a_bank_took_is_given_up_unless_it_may_have_been_supplied",
    ),
    PlantedBug(
        "gives back at once what its only source cannot supply for a moment",
        PATIENCE,
        "        reason in PASSING or",
        "        False or",
        f"{WAITS}::test_a_unit_waits_for_its_only_source_to_come_back",
    ),
    PlantedBug(
        "waits for ever for a source that does not come back",
        PATIENCE,
        "if decision.at_ms >= until_ms or not",
        "if not",
        f"{WAITS}::test_a_source_that_does_not_come_back_is_waited_for_so_long_and_no_longer",
    ),
    PlantedBug(
        "asks a source again that has definitely refused a unit",
        PATIENCE,
        " or not _is_passing(attempt)",
        "",
        f"{WAITS}::test_a_supplier_that_was_not_reached_is_tried_again_where_nobody_else_is_left",
    ),
    PlantedBug(
        "loses news that come before somebody waits for them",
        "risk/store.py",
        "return self.told > self.asked",
        "return False",
        f"{TESTS}::test_news_that_come_before_somebody_waits_are_not_lost",
    ),
    PlantedBug(
        "forgets a unit about which nobody asks any more",
        "fulfilment/service/forgotten.py",
        "return (self.news.waits_until_ms(unit.unit_id) or 0) <= stale_ms",
        "return False",
        "tests/integration/test_recharge_functions.py"
        "::test_a_unit_that_nobody_asks_about_any_more_is_asked_about_again",
    ),
    PlantedBug(
        "takes the last of two accounts that one body names",
        "platform/documents.py",
        'raise Invalid(FieldError(_shown((name,)), "repeated"))',
        "pass",
        "tests/unit/platform/test_documents.py"
        "::test_a_name_that_comes_twice_is_refused_whichever_of_the_two_a_reader_would_take",
    ),
)
