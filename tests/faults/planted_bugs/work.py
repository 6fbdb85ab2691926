"""Bugs in what people do about units that wait for them."""

from tests.faults.planted_bugs.bug import PlantedBug

RULES = "tests/unit/ordering/test_working.py"
DESK = "tests/integration/test_work_desk.py"

STEPS = "ordering/model/working.py"
SUPPLYING = "ordering/model/supplying.py"
SERVICE = "fulfilment/service/work_desk.py"

BUGS = (
    PlantedBug(
        "delivers a recharge with a part of the keys that were bought instead of it",
        "ordering/model/contradictions.py",
        "attempts=attempts, key_ids=()",
        "attempts=attempts",
        f"{RULES}::test_what_was_credited_after_all_has_no_keys_that_came_for_a_later_attempt",
    ),
    PlantedBug(
        "loses the job of whoever has claimed an account when a bank asks for the money",
        "ordering/model/orders.py",
        "(held and work.is_manual and work.claim is None)",
        "(held and work.is_manual)",
        f"{DESK}::test_what_nobody_may_claim_is_not_in_the_queue_and_comes_back_with_its_time",
    ),
    PlantedBug(
        "takes a blank for evidence",
        STEPS,
        """not f"{saying.text or ''}{saying.reference or ''}".strip():""",
        """not f"{saying.text or ''}{saying.reference or ''}":""",
        f"{RULES}::test_done_needs_evidence",
    ),
    PlantedBug(
        "lets a second operator claim a job that the first has",
        STEPS,
        "if held is not None and not mine and now_ms < held.until_ms:",
        "if held is None and mine:",
        f"{RULES}::test_one_has_a_job_at_a_time_until_their_claim_lapses",
    ),
    PlantedBug(
        "lets anybody end the job of somebody else",
        STEPS,
        "if anybodys or (held is not None and held.by == by):",
        "if anybodys or held is not None:",
        f"{RULES}::test_only_whoever_claimed_a_job_ends_it_or_an_admin",
    ),
    PlantedBug(
        "has a late command end the next job of the unit",
        STEPS,
        "work = next((each for each in unit.jobs if each.job == job), None)",
        "work = next((each for each in reversed(unit.jobs)), None)",
        f"{RULES}::test_a_late_command_does_not_touch_the_next_job",
    ),
    PlantedBug(
        "lets one person be the second as well",
        STEPS,
        "if word.by == origin.by:",
        "if word.by != word.by:",
        f"{RULES}::test_above_the_limit_nothing_moves_until_a_second_person_agrees",
    ),
    PlantedBug(
        "shows an account once more and puts it nowhere on record",
        STEPS,
        "shown=held.shown + 1",
        "shown=held.shown",
        f"{RULES}::test_claiming_again_lasts_longer_and_is_another_look_at_the_account",
    ),
    PlantedBug(
        "keeps an account in the evidence that others read",
        "ordering/model/discretion.py",
        "if len(value) >= MIN_TELLING_LENGTH and",
        "if len(value) < MIN_TELLING_LENGTH and",
        f"{RULES}::test_nobody_writes_down_the_account_that_others_see_masked",
    ),
    PlantedBug(
        "forgets that a supplier says the opposite of a person",
        SUPPLYING,
        "return _contradicted(order, unit, attempt, outcome, origin, now_ms)",
        "return order",
        f"{RULES}::test_the_opposite_of_a_persons_word_is_kept_beside_it_and_moves_nothing",
    ),
    PlantedBug(
        "asks the next source while a supplier says that it was supplied",
        SUPPLYING,
        "unit.open_attempt() is None and unit.work is None and not unit.in_doubt",
        "unit.open_attempt() is None and unit.work is None",
        f"{RULES}::test_nobody_else_is_asked_while_a_supplier_says_that_it_was_supplied",
    ),
    PlantedBug(
        "asks the next source by a person's word, and not the supplier once more",
        "fulfilment/service/recharging.py",
        "if number == 0:",
        "if number < 0:",
        "tests/integration/test_work_and_suppliers.py"
        "::test_before_the_next_source_is_asked_the_supplier_is_heard_once_more",
    ),
    PlantedBug(
        "keeps a quota for what was not supplied by a person's word",
        "fulfilment/service/recharging.py",
        "if said.state is SupplyState.FAILED and not unit.in_doubt:",
        "if said.state is SupplyState.UNKNOWN and not unit.in_doubt:",
        "tests/integration/test_work_and_suppliers.py"
        "::test_what_was_not_done_by_a_persons_word_is_asked_for_at_the_next_source",
    ),
    PlantedBug(
        "believes one person about any sum",
        SERVICE,
        "alone = weighs is None or not (over_the_day or self._needs_second(order, weighs, origin))",
        "alone = weighs is None or not over_the_day",
        f"{DESK}::test_above_the_limit_a_second_person_ends_it",
    ),
    PlantedBug(
        "counts for nobody's day what they say alone",
        SERVICE,
        "weighs if alone else None",
        "None",
        f"{DESK}::test_what_somebody_says_alone_counts_for_their_day_with_what_they_give_back",
    ),
)
