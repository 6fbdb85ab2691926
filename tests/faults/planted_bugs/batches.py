"""Bugs in what stops batches, in how keys follow them, and in where a claim looks."""

from tests.faults.planted_bugs.bug import PlantedBug

COMMANDS = "tests/integration/inventory/test_batch_commands.py"
STOPS = "tests/integration/inventory/test_import_stops.py"
POOL = "tests/integration/inventory/test_pool.py"
RULES = "tests/unit/inventory_claims/test_batch_commands.py"

STORE = "inventory/store/keys.py"
FOLLOW = "inventory/model/following.py"
FOLLOWERS = "inventory/service/following.py"
SAID = "inventory/model/commands.py"
CLAIMS = "inventory/service/claims.py"
LABELS = "inventory/service/labels.py"
BATCHES = "inventory/model/batches.py"

BUGS = (
    # what stands still
    PlantedBug(
        "sells a key of a frozen batch",
        STORE,
        "moving((leased_by_order | claimable) & _usable(now_ms), held.unsaleable)",
        "((leased_by_order | claimable) & _usable(now_ms))",
        f"{COMMANDS}::test_a_freeze_works_within_two_seconds_in_a_process_that_knew_otherwise_a_moment_before",
    ),
    PlantedBug(
        "shows a key of a frozen batch",
        STORE,
        "moving(sold, held.frozen)",
        "sold",
        f"{COMMANDS}::test_a_freeze_works_within_two_seconds_in_a_process_that_knew_otherwise_a_moment_before",
    ),
    PlantedBug(
        "sells on of a closed batch",
        BATCHES,
        "return (*self.frozen, *self.closed)",
        "return self.frozen",
        f"{COMMANDS}::test_a_key_that_is_sold_while_its_batch_is_closed_lives_on_and_the_others_are_void",
    ),
    PlantedBug(
        "believes the list for longer than two seconds",
        "inventory/service/holds.py",
        "HOLDS_CACHE_MS = 2_000",
        "HOLDS_CACHE_MS = 20_000",
        f"{COMMANDS}::test_a_freeze_works_within_two_seconds_in_a_process_that_knew_otherwise_a_moment_before",
    ),
    PlantedBug(
        "counts the age of the list from when the answer came",
        "inventory/service/holds.py",
        "self._read_at_ms = self.store.held(held), began_ms",
        "self._read_at_ms = self.store.held(held), self.now_ms()",
        f"{COMMANDS}::test_what_a_process_remembers_of_the_list_is_counted_from_before_it_was_read",
    ),
    PlantedBug(
        "offers parts of the pool that are held",
        BATCHES,
        "if not p.held and p.opens_at_ms <= now_ms)",
        "if p.opens_at_ms <= now_ms)",
        f"{RULES}::test_a_frozen_part_is_held_and_one_that_is_ended_is_gone",
    ),
    PlantedBug(
        "sells a stage before its time",
        BATCHES,
        "if not p.held and p.opens_at_ms <= now_ms)",
        "if not p.held)",
        f"{POOL}::test_a_batch_is_on_sale_from_its_time_on",
    ),
    PlantedBug(
        "freezes a batch and leaves it off the list",
        SAID,
        "frozen = batch.standing in {Standing.FROZEN, Standing.VOID}",
        "frozen = batch.standing is Standing.VOID",
        f"{RULES}::test_the_list_has_a_batch_in_the_place_of_its_standing_and_nowhere_else",
    ),
    PlantedBug(
        "lets the list grow without end",
        SAID,
        "if len(listed.unsaleable) > max(MAX_HELD_BATCHES, len(held.unsaleable)):",
        "if len(listed.unsaleable) > 10**6:",
        f"{COMMANDS}::test_so_many_batches_may_be_stopped_at_a_time_and_one_more_once_one_has_followed",
    ),
    PlantedBug(
        "unfreezes what was voided for good",
        SAID,
        "    _check_not_final(batch)\n    return _commanded(replace(batch, standing=standing), origin, now_ms)",
        "    return _commanded(replace(batch, standing=standing), origin, now_ms)",
        f"{COMMANDS}::test_what_was_ended_for_good_takes_no_other_command",
    ),
    # keys that follow
    PlantedBug(
        "writes over a key that changed since it was read",
        "inventory/store/batches.py",
        "unchanged: Condition = BatchItem.version == version - 1",
        "unchanged: Condition = BatchItem.version.exists()",
        f"{COMMANDS}::test_a_batch_is_unfrozen_while_its_keys_still_follow_the_freeze",
    ),
    PlantedBug(
        "freezes a sold key and unfreezes it for sale",
        FOLLOW,
        "moving = replace(key, state=key.state_before, state_before=None)",
        "moving = replace(key, state=KeyState.AVAILABLE, state_before=None)",
        f"{RULES}::test_a_key_is_after_an_unfreeze_what_it_was_before_the_freeze",
    ),
    PlantedBug(
        "gives a frozen lease the time that it had",
        FOLLOW,
        "now_ms // 1000 if moving.state is KeyState.LEASED",
        "now_ms // 1000 + 900 if moving.state is KeyState.LEASED",
        f"{RULES}::test_a_lease_has_lapsed_when_it_comes_back",
    ),
    PlantedBug(
        "voids what a closed batch has sold",
        FOLLOW,
        "(key.state_before or key.state) in _UNSOLD and",
        "key.state in {*_UNSOLD, KeyState.SOLD} and",
        f"{RULES}::test_of_a_closed_batch_only_what_is_for_sale_is_void",
    ),
    PlantedBug(
        "brings a used key of a void batch back to life",
        FOLLOW,
        "_NEVER_AGAIN = {KeyState.VOID, KeyState.REDEEMED}",
        "_NEVER_AGAIN = {KeyState.VOID}",
        f"{RULES}::test_what_is_over_stays_so",
    ),
    PlantedBug(
        "does not count the commands",
        SAID,
        "generation=batch.generation + 1",
        "generation=1",
        f"{RULES}::test_a_key_is_after_an_unfreeze_what_it_was_before_the_freeze",
    ),
    PlantedBug(
        "takes a batch off the list before all of its keys were found",
        FOLLOWERS,
        "return self.in_vain >= BATCH_SHARDS and found",
        "return self.in_vain >= BATCH_SHARDS or found",
        f"{COMMANDS}::test_a_batch_of_which_a_key_cannot_be_found_stays_on_the_list",
    ),
    PlantedBug(
        "counts a key again that the slice before had found elsewhere",
        FOLLOWERS,
        "some.found[shard] = max(some.found[shard], len(found))",
        "some.found[shard] += len(found)",
        f"{COMMANDS}::test_a_key_that_is_sold_between_two_slices_stands_in_for_none_that_was_not_found",
    ),
    PlantedBug(
        "counts what was found to follow the command before",
        FOLLOWERS,
        "if known is None or known.generation != batch.generation:",
        "if known is None:",
        f"{COMMANDS}::test_what_was_found_of_one_generation_is_not_counted_for_the_next",
    ),
    PlantedBug(
        "begins from the first shard in each slice",
        FOLLOWERS,
        "self._walk(some, some.walks % BATCH_SHARDS)",
        "self._walk(some, sum(map(bool, some.found)) % 2)",
        f"{COMMANDS}::test_no_slice_has_to_see_all_keys_of_a_batch_and_each_goes_on_where_the_last_was_over",
    ),
    PlantedBug(
        "leaves keys alone that have left the pool",
        FOLLOWERS,
        "        yield from self.store.out_of_pool(batch.batch_id, shard)\n        for",
        "        for",
        f"{COMMANDS}::test_an_unfrozen_batch_is_as_it_was",
    ),
    PlantedBug(
        "takes a batch that is still being filled for a whole one",
        BATCHES,
        "return accepted * self.sales_per_key if self.is_settled else None",
        "return accepted * self.sales_per_key",
        f"{COMMANDS}::test_keys_that_come_in_while_their_batch_is_frozen_follow_too",
    ),
    PlantedBug(
        "extends keys and leaves the expired ones dead",
        FOLLOW,
        "    if key.state is KeyState.EXPIRED:\n",
        "    if key.state is KeyState.VOID:\n",
        f"{COMMANDS}::test_a_later_last_day_is_that_of_every_key_and_what_had_expired_is_on_sale_again",
    ),
    PlantedBug(
        "forgets the part of an unfrozen batch that had left the pool",
        BATCHES,
        "return replace(self, parts=others).with_parts(batch.in_pool())",
        "return replace(self, parts=others).with_parts([p for p in batch.in_pool() if self.holds([p])])",
        f"{RULES}::test_a_part_that_left_the_pool_comes_back_with_its_batch",
    ),
    # slots and labels
    PlantedBug(
        "gives an order two slots of one secret",
        CLAIMS,
        "if not any(secret_id(each.key_id) in map(secret_id, keys) for keys in had)",
        "if not any(each.key_id in keys for keys in had)",
        f"{POOL}::test_an_order_for_more_different_secrets_than_there_are_is_refused_and_holds_nothing",
    ),
    PlantedBug(
        "takes the end of what it sees for the end of the pool",
        CLAIMS,
        "if len(found) < wanted or wanted > MAX_CANDIDATES:",
        "if True:",
        f"{POOL}::test_a_few_secrets_behind_many_slots_of_one_are_found",
    ),
    PlantedBug(
        "gives a late buyer another number than the chosen one",
        "fulfilment/service/issuance.py",
        "if unit.label is not None:",
        "if unit.quantity == 0:",
        f"{POOL}::test_a_number_whose_lease_lapsed_can_be_chosen",
    ),
    PlantedBug(
        "takes the next number for the chosen one",
        LABELS,
        "if order.startswith(start):",
        "if order:",
        f"{POOL}::test_a_number_that_is_taken_or_is_none_is_told_so",
    ),
    PlantedBug(
        "loses the number of a key that is given back",
        STORE,
        "return of_key != label and self.release(key_id, order_id, origin, now_ms, of_key)",
        "return False",
        f"{POOL}::test_a_number_that_is_given_back_can_be_chosen_again",
    ),
    PlantedBug(
        "asks no fee for a chosen number",
        "ordering/service/checkout.py",
        "return price + sku.pick_fee if line.label is not None and sku.pick_fee is not None else price",
        "return price",
        f"{POOL}::test_the_free_numbers_are_shown_and_a_chosen_one_is_exactly_that",
    ),
    PlantedBug(
        "lets a copy of a checkout free the number of the order",
        "ordering/service/checkout.py",
        "for key in unit.key_ids if not is_over}",
        "for key in unit.key_ids if is_over}",
        f"{POOL}::test_a_checkout_that_is_repeated_holds_its_number",
    ),
    PlantedBug(
        "hides the others of an order behind one that is frozen",
        "fulfilment/service/delivery.py",
        "if not shown:",
        "if shown < len(keys):",
        "tests/integration/test_withheld_keys.py",
    ),
    PlantedBug(
        "lets a batch go while a run that was broken off may still store keys",
        FOLLOWERS,
        "batch.key_count if batch.all_runs_are_over(now_ms) else None",
        "batch.key_count",
        f"{STOPS}::test_a_batch_is_held_while_a_run_that_was_broken_off_may_still_store_keys",
    ),
)
