"""Bugs in what buys keys and in what has prices follow their suppliers'."""

from tests.faults.planted_bugs.bug import PlantedBug

BUYING = "tests/integration/suppliers/test_purchases.py"
GUARDING = "tests/unit/suppliers/test_guarding.py"

MODEL = "suppliers/model/purchases.py"
GUARD = "suppliers/model/guarding.py"
STORE = "suppliers/supply_store.py"

BUGS = (
    PlantedBug(
        "buys again what nobody knows the outcome of",
        "fulfilment/service/purchasing.py",
        "if purchase.status is PurchaseStatus.APPROVED:",
        "if purchase.status is PurchaseStatus.APPROVED or purchase.said == 'no_answer':",
        f"{BUYING}::test_while_nobody_knows_it_is_only_asked_about_until_a_person_has_to_find_out",
    ),
    PlantedBug(
        "asks about bought keys as if they were a recharge",
        "fulfilment/service/purchasing.py",
        "of_keys=True",
        "of_keys=False",
        f"{BUYING}::test_what_was_not_told_at_once_is_told_when_it_is_asked_about_and_is_never_ordered_again",
    ),
    PlantedBug(
        "takes a supplier that does not know our reference for one that refuses",
        MODEL,
        "if isinstance(outcome, DefiniteFailure):",
        "if isinstance(outcome, DefiniteFailure) or outcome.said == 'no_answer':",
        f"{BUYING}::test_while_nobody_knows_it_is_only_asked_about_until_a_person_has_to_find_out",
    ),
    PlantedBug(
        "begins a purchase beside one that is open",
        STORE,
        "before & SupplyItem.open.does_not_exist()",
        "SupplyItem.pk.exists() | SupplyItem.pk.does_not_exist()",
        f"{BUYING}::test_a_purchase_that_slept_through_another_one_of_its_sku_is_not_begun",
    ),
    PlantedBug(
        "spends more than the day's budget",
        STORE,
        "room = SupplyItem.spent <= a_day_minor - reserved",
        "room = SupplyItem.spent <= a_day_minor",
        f"{BUYING}::test_a_day_has_so_much_to_spend_and_the_next_day_again",
    ),
    PlantedBug(
        "lets whoever set the rule approve what it wants",
        MODEL,
        "if origin.by in {purchase.requested_by, purchase.rule_by}:",
        "if origin.by == purchase.requested_by:",
        f"{BUYING}::test_who_set_the_rule_cannot_approve_what_it_wants",
    ),
    PlantedBug(
        "takes fewer cards than were paid for as all of them",
        MODEL,
        "is_whole = stock.told == stock.accepted == purchase.pieces and",
        "is_whole = stock.told == stock.accepted and",
        f"{BUYING}::test_cards_that_are_not_as_ordered_are_counted_and_wait_for_a_person",
    ),
    PlantedBug(
        "pays a supplier whatever it takes",
        MODEL,
        " and is_within(purchase.limit, success.cost)",
        "",
        f"{BUYING}::test_a_supplier_that_takes_more_than_was_offered_is_for_a_person",
    ),
    PlantedBug(
        "lets a source through before the price has caught up with it",
        GUARD,
        "return price.amount_minor - (guard.margin.amount_minor if guard.margin else 0)",
        "return price.amount_minor",
        f"{GUARDING}::test_a_price_follows_in_bounded_steps_and_nothing_is_sold_before_it_has_caught_up",
    ),
    PlantedBug(
        "moves a price as far as its supplier's in one step",
        GUARD,
        "step = max(-guard.max_step.amount_minor, min(guard.max_step.amount_minor, wanted - price.amount_minor))",
        "step = wanted - price.amount_minor",
        f"{GUARDING}::test_a_price_follows_in_bounded_steps_and_nothing_is_sold_before_it_has_caught_up",
    ),
    PlantedBug(
        "takes what stands behind the items that are looked at for gone",
        "suppliers/model/offers.py",
        "if at_ms is None or not whole:",
        "if at_ms is None:",
        f"{GUARDING}::test_a_catalogue_that_is_not_whole_takes_nothing_away",
    ),
    PlantedBug(
        "believes that something is sold for nothing",
        "suppliers/model/offers.py",
        " and self.price.amount_minor > 0",
        "",
        f"{GUARDING}::test_what_is_said_to_cost_nothing_moves_no_price_and_is_not_sold",
    ),
    PlantedBug(
        "moves a price once more for each supplier whose catalogue has changed",
        "suppliers/model/guarding.py",
        "if guard.mode is GuardMode.FOLLOW and may_move:",
        "if guard.mode is GuardMode.FOLLOW:",
        "tests/integration/suppliers/test_supply.py::test_a_price_follows_its_supplier_step_by_step",
    ),
    PlantedBug(
        "asks about a purchase for ever at a supplier that is no longer there",
        "suppliers/service/accounts.py",
        "            return Unknown(said=GONE, answered=False)",
        "            raise",
        f"{BUYING}::test_a_purchase_whose_supplier_is_no_longer_there_waits_for_a_person",
    ),
    PlantedBug(
        "lets a price down to a ceiling under which no cost leaves the margin",
        GUARD,
        "if guard.ceiling.amount_minor <= kept_minor:",
        "if False:",
        f"{GUARDING}::test_a_ceiling_under_which_no_cost_would_leave_the_margin_is_refused_since_the_price_would_go_down_to_it",
    ),
    PlantedBug(
        "buys the first keys of a SKU whose own are not counted yet",
        "inventory/service/figures.py",
        " and self.keys.get_pool(figures.sku_id) is None",
        "",
        f"{BUYING}::test_the_first_keys_of_a_sku_are_bought_by_its_rule_and_none_while_others_are_on_their_way",
    ),
)
