"""Bugs in what is done about a bad key."""

from tests.faults.planted_bugs.bug import PlantedBug

DESK = "tests/integration/test_after_sales.py"
BAD_KEYS = "tests/unit/inventory_claims/test_bad_keys.py"
BUYERS = "tests/integration/test_orders_of_a_buyer.py"
ORDER_MODEL = "tests/unit/ordering/test_orders_model.py"

AFTER_SALES = "fulfilment/service/after_sales.py"
FAULTS = "inventory/model/faults.py"
FAULTY_KEYS = "inventory/service/faulty_keys.py"
SOURCES = "inventory/store/sources.py"

BUGS = (
    PlantedBug(
        "replaces a bad key as often as it is asked",
        AFTER_SALES,
        "if bad.replaced_by is None:",
        "if bad.replaced_by is None or not complaint.charge_back:",
        f"{DESK}::test_asking_again_gives_the_same_replacement_and_takes_no_other_key",
    ),
    PlantedBug(
        "lets a bad key live on beside its replacement",
        FAULTS,
        "state=KeyState.VOID,\n        fault=fault,",
        "fault=fault,",
        f"{BAD_KEYS}::test_a_retired_key_is_void_and_says_why_and_what_stands_in_for_it",
    ),
    PlantedBug(
        "ends a key that changed meanwhile",
        "inventory/store/keys.py",
        "return self._table.put(key, KeyItem.version == key.version - 1)",
        "return self._table.put(key, KeyItem.key_id.exists())",
        f"{DESK}::test_a_key_that_changed_since_it_was_read_is_not_ended",
    ),
    PlantedBug(
        "sells the new key behind the back of the order",
        AFTER_SALES,
        "self.orders.replacement(order, replaced),",
        "self.orders.replacement(order, order),",
        f"{DESK}::test_the_buyer_sees_the_new_key_with_the_same_token_and_the_bad_one_no_more",
    ),
    PlantedBug(
        "forgets what the new key stands in for",
        AFTER_SALES,
        ", replaces=bad.key_id)",
        ")",
        f"{DESK}::test_the_bad_key_is_void_another_is_sold_to_the_unit_and_both_name_each_other",
    ),
    PlantedBug(
        "gives another sale of the same bad code",
        AFTER_SALES,
        "known = (*unit.key_ids, *unit.replaced)",
        "known = ()",
        f"{DESK}::test_another_sale_of_the_same_bad_code_does_not_stand_in_for_it",
    ),
    PlantedBug(
        "gives any number for a chosen one",
        AFTER_SALES,
        "if unit.label is not None:",
        "if unit.label is None and unit.label:",
        f"{DESK}::test_a_chosen_number_is_replaced_by_the_same_number_or_not_at_all",
    ),
    PlantedBug(
        "replaces a key that was redeemed in part",
        FAULTS,
        "if key.state is KeyState.REDEEMED or first_use(key) is not None:",
        "if key.state is KeyState.REDEEMED:",
        f"{BAD_KEYS}::test_what_we_redeemed_in_whole_or_in_part_was_good",
    ),
    PlantedBug(
        "replaces a key that is on hold",
        FAULTS,
        "if key.state is KeyState.FROZEN or key.held_for is not None:",
        "if key.state is KeyState.AVAILABLE:",
        f"{BAD_KEYS}::test_a_frozen_key_waits_for_what_comes_of_it",
    ),
    PlantedBug(
        "replaces a key of a batch that was frozen this very moment",
        AFTER_SALES,
        "standing is Standing.FROZEN:",
        "standing is Standing.CLOSED:",
        f"{DESK}::test_a_key_on_hold_is_not_replaced",
    ),
    PlantedBug(
        "replaces keys without end",
        "ordering/model/steps.py",
        "if len(unit.replaced) >= MAX_REPLACEMENTS_PER_KEY * unit.quantity:",
        "if len(unit.replaced) < 0:",
        f"{ORDER_MODEL}::test_a_unit_of_several_keys_may_have_more_of_them_replaced",
    ),
    PlantedBug(
        "replaces a key of a unit that does not have it",
        "ordering/model/steps.py",
        "if unit.status is not UnitStatus.DELIVERED or bad not in unit.key_ids or by in",
        "if unit.status is not UnitStatus.DELIVERED or by in",
        f"{ORDER_MODEL}::test_only_a_delivered_units_own_key_is_replaced_and_only_by_a_new_one",
    ),
    PlantedBug(
        "charges a key again when it is asked again",
        AFTER_SALES,
        "elif complaint.charge_back and bad.charged_back_at_ms is None:",
        "elif complaint.charge_back:",
        f"{DESK}::test_a_charge_that_is_asked_for_later_is_made_then_and_once",
    ),
    PlantedBug(
        "charges the source and not the batch",
        FAULTY_KEYS,
        "store.charge_of_batch(batch.batch_id, origin, now_ms),",
        "",
        f"{DESK}::test_a_charge_is_counted_for_the_batch_and_the_source_with_what_the_key_had_cost",
    ),
    PlantedBug(
        "charges a source that was charged meanwhile",
        SOURCES,
        "SourceItem.version == source.version - 1",
        "SourceItem.key_id.exists()",
        f"{DESK}::test_a_source_that_changed_since_it_was_read_is_not_charged",
    ),
    PlantedBug(
        "adds up the money of two currencies",
        FAULTS,
        "sums[cost.currency] + cost if cost.currency in sums else cost",
        "cost",
        f"{BAD_KEYS}::test_a_source_owes_the_cost_of_every_charged_key_by_currency",
    ),
    PlantedBug(
        "finds an address only as it was typed",
        "ordering/model/orders.py",
        'unicodedata.normalize("NFKC", email).strip().casefold()',
        'unicodedata.normalize("NFKC", email).strip()',
        f"{BUYERS}::test_orders_are_found_by_address_however_it_is_typed_newest_first",
    ),
    PlantedBug(
        "shows the oldest orders of a buyer first",
        "ordering/store.py",
        "start=behind, newest_first=True)",
        "start=behind)",
        f"{BUYERS}::test_orders_are_found_by_address_however_it_is_typed_newest_first",
    ),
)
