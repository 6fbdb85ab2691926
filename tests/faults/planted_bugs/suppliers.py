"""Bugs in where units come from, and in what keeps them away from a supplier that does not answer."""

from tests.faults.planted_bugs.bug import PlantedBug

RULES = "tests/unit/suppliers/test_routing.py"
ENGINE = "tests/integration/suppliers/test_routing.py"

ROUTING = "suppliers/model/routing.py"
BREAKER = "suppliers/model/breaker.py"
SERVICE = "suppliers/service/routing.py"
STORE = "suppliers/store.py"

BUGS = (
    PlantedBug(
        "asks a source again that has definitely failed the unit",
        ROUTING,
        "yield source.source_id in need.tried, PassedOver.TRIED",
        "yield False, PassedOver.TRIED",
        f"{RULES}::test_each_rule_passes_a_source_over_and_is_named",
    ),
    PlantedBug(
        "sells below the margin's floor where more than one piece is sold",
        ROUTING,
        "return total(parts).times(need.quantity).amount_minor <= need.paid.amount_minor",
        "return total(parts).amount_minor <= need.paid.amount_minor",
        f"{RULES}::test_each_rule_passes_a_source_over_and_is_named",
    ),
    PlantedBug(
        "asks a supplier first that refuses everything",
        ROUTING,
        "for each in sorted(some, key=lambda one: _does_poorly(one, known))]",
        "for each in some]",
        f"{RULES}::test_whose_supplier_does_poorly_stands_aside_for_others_but_for_no_person",
    ),
    PlantedBug(
        "leaves to a person what a supplier does that does poorly",
        ROUTING,
        "key=lambda source: source.kind is SourceKind.MANUAL)",
        "key=lambda source: False)",
        f"{RULES}::test_whose_supplier_does_poorly_stands_aside_for_others_but_for_no_person",
    ),
    PlantedBug(
        "has a supplier stand aside that is out of one item",
        BREAKER,
        "outcome.refusal is Refusal.REFUSED)",
        "is_theirs(outcome))",
        f"{ENGINE}::test_a_supplier_does_not_stand_aside_for_silence_nor_for_a_matter_of_account_or_item",
    ),
    PlantedBug(
        "blames a supplier for a wrong account that it took at first",
        BREAKER,
        "NOT_THEIRS = frozenset({Refusal.BAD_ACCOUNT, ",
        "NOT_THEIRS = frozenset({",
        f"{ENGINE}::test_what_it_had_taken_counts_whatever_the_reason_but_for_the_account",
    ),
    PlantedBug(
        "does not see that a supplier takes everything and supplies nothing",
        SERVICE,
        "had = had_later(outcome) if attempt.was_taken or outcome.their_reference is not None else None",
        "had = None",
        f"{ENGINE}::test_a_supplier_that_does_poorly_is_asked_after_the_others_until_it_lets_nobody_down",
    ),
    PlantedBug(
        "forgets that a supplier had taken what nobody understands now",
        "suppliers/model/attempts.py",
        "return self.state is SupplyState.PROCESSING or self.their_reference is not None",
        "return self.state is SupplyState.PROCESSING",
        f"{ENGINE}::test_what_it_had_taken_counts_whatever_the_reason_but_for_the_account",
    ),
    PlantedBug(
        "keeps a supplier aside for ever that lets one of many down",
        STORE,
        "SuppliersItem.let_downs < LET_DOWN_LIMIT - LET_DOWN",
        "SuppliersItem.let_downs < 0",
        f"{ENGINE}::test_whom_it_serves_while_it_stands_aside_counts_and_does_not_bring_it_back_before_its_time",
    ),
    PlantedBug(
        "gives a quota back of what a person has said was done",
        "fulfilment/service/recharging.py",
        "if stored and is_ended_by(order.unit(unit_id).attempts, attempt.reference, outcome):",
        "if stored:",
        "tests/integration/test_work_and_suppliers.py::"
        "test_what_a_person_ends_while_the_supplier_is_asked_says_nothing_of_the_supplier",
    ),
    PlantedBug(
        "takes what is only taken for served",
        BREAKER,
        "        return Experience.LET_DOWN\n    return Experience.SERVED if isinstance(outcome, Success) else None"
        "\n\n\ndef had_later",
        "        return Experience.LET_DOWN\n    return Experience.SERVED\n\n\ndef had_later",
        f"{ENGINE}::test_what_is_only_taken_makes_up_for_nothing_and_what_is_done_then_does",
    ),
    PlantedBug(
        "counts beyond the limit, so that a supplier has to make up for hours",
        STORE,
        "[more], same & (below | SuppliersItem.let_downs.does_not_exist())",
        "[more], same",
        f"{ENGINE}::test_of_any_number_at_once_that_are_let_down_each_counts_and_none_beyond_the_limit",
    ),
    PlantedBug(
        "has late news of before stand against a supplier that is back",
        SERVICE,
        "if health is not None and attempt.asked_at_ms >= health.changed_at_ms:",
        "if health is not None:",
        f"{ENGINE}::test_what_was_asked_before_its_health_was_moved_says_nothing_of_it",
    ),
    PlantedBug(
        "takes a supplier's refusal for silence",
        BREAKER,
        "case DefiniteFailure(refusal=Refusal.NOT_SENT):",
        "case DefiniteFailure():",
        "tests/unit/suppliers/test_breaker.py::test_only_what_nobody_answered_counts_against_a_supplier",
    ),
    PlantedBug(
        "lets everybody probe once an open breaker's time is over",
        STORE,
        "condition = SuppliersItem.version == health.version - 1\n",
        "condition = SuppliersItem.pk.exists()\n",
        f"{ENGINE}::test_exactly_one_of_all_who_come_is_the_probe",
    ),
    PlantedBug(
        "takes from a quota without a look at what is left",
        STORE,
        "room = SuppliersItem.taken <= at_most - pieces",
        "room = SuppliersItem.taken >= 0",
        f"{ENGINE}::test_a_quota_is_never_passed_and_wholly_used",
    ),
    PlantedBug(
        "takes a quota again for an attempt that has taken it",
        STORE,
        "SuppliersItem.holds.does_not_exist() | (SuppliersItem.holds == 0)",
        "SuppliersItem.holds.does_not_exist() | (SuppliersItem.holds >= 0)",
        f"{ENGINE}::test_who_dies_after_taking_and_chooses_again_takes_once",
    ),
    PlantedBug(
        "gives the quota back of what nobody knows",
        SERVICE,
        "        if stored and isinstance(outcome, DefiniteFailure):\n            self._give_back(choice)",
        "        if isinstance(outcome, DefiniteFailure) or is_failure(outcome):\n            self._give_back(choice)",
        f"{ENGINE}::test_what_definitely_failed_gives_its_quota_back",
    ),
    PlantedBug(
        "counts what was asked before the breaker opened against the supplier after it",
        STORE,
        "room & (SuppliersItem.version == health.version))",
        "room)",
        f"{ENGINE}::test_what_was_asked_before_it_opened_says_nothing_after_it",
    ),
    PlantedBug(
        "sends a supplier whatever comes until the first call there is given up",
        STORE,
        "SuppliersItem.called.does_not_exist() | (SuppliersItem.called < SuppliersItem.may_call)",
        "SuppliersItem.called.does_not_exist() | (SuppliersItem.called >= 0)",
        f"{ENGINE}::test_while_nothing_is_heard_of_those_at_a_supplier_others_go_elsewhere",
    ),
    PlantedBug(
        "lets each answer of before its death send a supplier as many again after it",
        STORE,
        "same, may_call = SuppliersItem.version == health.version, health.called + MAX_UNANSWERED\n"
        "        later = SuppliersItem.may_call < may_call",
        "same, may_call = SuppliersItem.version == health.version, SuppliersItem.called + MAX_UNANSWERED\n"
        "        later = SuppliersItem.called > 0",
        f"{ENGINE}::test_answers_of_before_its_death_let_no_more_be_sent_to_it_than_one_would",
    ),
    PlantedBug(
        "never sends a supplier anything again once as many calls were lost as may be out",
        BREAKER,
        "return self.is_full and not self.is_awaited(now_ms)",
        "return False",
        f"{ENGINE}::test_calls_that_died_with_their_processes_leave_one_to_find_out",
    ),
    PlantedBug(
        "gives a person what a supplier would do in a moment",
        ROUTING,
        "if any(broken[each.source_id] is PassedOver.UNANSWERED for each in before):",
        "if not before:",
        f"{ENGINE}::test_a_person_is_given_nothing_that_a_supplier_will_do_once_it_has_answered_others",
    ),
)
