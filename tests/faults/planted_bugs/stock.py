"""Bugs in how many keys are on hand on which day, and in how it is told that time alone left too few."""

from tests.faults.planted_bugs.bug import PlantedBug

DAYS = "tests/properties/test_last_days.py"
STOCK = "tests/unit/inventory_figures/test_figures.py"
COUNTED = "tests/integration/inventory/test_figures.py"
SHELF = "tests/integration/inventory/test_shelf_watch.py"

LAST_DAYS = "inventory/model/last_days.py"
FIGURES = "inventory/model/figures.py"
RECOUNT = "inventory/service/figures.py"
WATCH = "inventory/service/shelf_watch.py"

BUGS = (
    PlantedBug(
        "counts the keys of the nearest 200 days and takes those of others off all the same",
        LAST_DAYS,
        "later_from = coming[MAX_LAST_DAYS]\n            later += sum(days[day] for day in coming[MAX_LAST_DAYS:])",
        "later_from = later_from",
        f"{DAYS}::test_behind_the_limit_keys_count_as_if_they_had_no_day_and_never_twice",
    ),
    PlantedBug(
        "has room for the days of no year",
        LAST_DAYS,
        "MAX_LAST_DAYS = 4_000",
        "MAX_LAST_DAYS = 200",
        f"{DAYS}::test_the_figures_say_on_any_day_what_counting_the_keys_afresh_says",
    ),
    PlantedBug(
        "takes keys of a far day off a day that it does not count",
        LAST_DAYS,
        "if not later_from or day < later_from}",
        "if day}",
        f"{DAYS}::test_behind_the_limit_keys_count_as_if_they_had_no_day_and_never_twice",
    ),
    PlantedBug(
        "forgets what went by once something comes in",
        FIGURES,
        "went_down or self._lost_some_by(now_ms)",
        "went_down",
        f"{STOCK}::test_what_went_by_before_keys_came_in_is_not_forgotten",
    ),
    PlantedBug(
        "writes at each look",
        FIGURES,
        "return judged if judged.low else self",
        "return judged",
        f"{STOCK}::test_time_tells_nothing_while_there_is_enough_or_no_threshold_or_nothing_went_by",
    ),
    PlantedBug(
        "asks for one record twice at once",
        "platform/audit_lots.py",
        "places = sorted(set(ends.values()))",
        "places = sorted(ends.values())",
        f"{COUNTED}::test_a_lot_whose_last_change_was_counted_alone_is_counted_for_the_rest",
    ),
    PlantedBug(
        "corrects how many there are and not of which day",
        FIGURES,
        "last_days = known.counted_out(counted.last_days, today)",
        "last_days = known",
        f"{SHELF}::test_a_recount_knows_the_day_of_every_key_and_forgets_what_was_counted_wrong",
    ),
    PlantedBug(
        "counts keys that share a part of the pool as if all of them had its last day",
        RECOUNT,
        "if _is_of_one_day(part):",
        "if part.group:",
        f"{SHELF}::test_a_recount_of_keys_of_very_many_days_finds_those_that_may_be_sold_and_when_they_may_no_more",
    ),
    PlantedBug(
        "adds keys past their day to those that it knew already",
        LAST_DAYS,
        "self.after({}, today).past - met)",
        "self.after({}, today).past)",
        f"{DAYS}::test_right_figures_are_left_alone_whichever_keys_past_their_day_a_count_meets",
    ),
    PlantedBug(
        "counts a stock out while keys come in that are in no pool yet",
        RECOUNT,
        "any(is_moving(batch) for batch in self.keys.get_batches(figures.moving))",
        "figures.revision < 0",
        f"{COUNTED}::test_keys_of_an_import_that_pauses_are_not_counted_out",
    ),
    PlantedBug(
        "looks at the first page of the stock only",
        WATCH,
        "            if behind is None:\n",
        "            if sku_ids:\n",
        f"{SHELF}::test_all_skus_are_looked_at_in_a_few_requests",
    ),
)
