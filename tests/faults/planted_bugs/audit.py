"""Bugs in the chain of the audit trail, and in what is counted with it."""

from tests.faults.planted_bugs.bug import PlantedBug

CHAIN = "tests/unit/audit/test_audit_chain.py"
TRAIL = "tests/integration/audit/test_chain.py"
CUT = "tests/integration/audit/test_cut_chain.py"
STOCK = "tests/unit/inventory_figures/test_figures.py"
LASTS = "tests/unit/inventory_figures/test_forecast.py"
COUNTED = "tests/integration/inventory/test_figures.py"

AUDIT_CHAIN = "platform/audit_chain.py"
WRITING = "platform/audit_writing.py"
LOTS = "platform/audit_lots.py"
WALK = "platform/audit_walk.py"
POSITION = "platform/audit_position.py"
VERIFICATION = "platform/audit_verification.py"
FIGURES = "inventory/model/figures.py"
MOVES = "inventory/model/moves.py"

BUGS = (
    PlantedBug(
        "vouches for everything but who did it",
        AUDIT_CHAIN,
        'if field.name != "mac"}',
        'if field.name not in {"mac", "by"}}',
        f"{CHAIN}::test_a_record_vouches_for_each_of_its_fields",
    ),
    PlantedBug(
        "vouches with a secret that everybody knows",
        AUDIT_CHAIN,
        "hmac.digest(secret, _PURPOSE",
        'hmac.digest(b"keyrail", _PURPOSE',
        f"{CHAIN}::test_without_the_secret_nobody_makes_a_record",
    ),
    PlantedBug(
        "believes every MAC",
        AUDIT_CHAIN,
        "hmac.compare_digest(record.mac, _mac(record, secret))",
        "bool(secret)",
        f"{CHAIN}::test_a_changed_record_shows_and_those_behind_it_do_not",
    ),
    PlantedBug(
        "chains a record to nothing",
        WRITING,
        "        if before is None:\n            return None\n",
        "        return None\n",
        f"{TRAIL}::test_each_record_follows_the_one_before_it",
    ),
    PlantedBug(
        "reads what it has just written",
        WRITING,
        "if version == before.version:",
        "if record.version < 0:",
        f"{TRAIL}::test_a_first_record_is_written_without_a_read_and_a_later_one_with_at_most_one",
    ),
    PlantedBug(
        "lets a redelivered change take the place of its record",
        WRITING,
        "AuditItem.subject.does_not_exist()",
        "(AuditItem.subject.does_not_exist() | AuditItem.subject.exists())",
        f"{TRAIL}::test_a_redelivered_change_leaves_the_trail_as_it_is",
    ),
    PlantedBug(
        "goes on behind what came again, and not behind what stands there",
        WRITING,
        "            self.learn(record, refused.current)\n",
        "",
        f"{TRAIL}::test_the_chain_goes_on_behind_what_stands_there_and_not_behind_what_came_again",
    ),
    PlantedBug(
        "overlooks that the last record is gone",
        AUDIT_CHAIN,
        "elif live.version > last:",
        "elif live.version > last + 1:",
        f"{TRAIL}::test_what_was_taken_away_shows_wherever_it_stood",
    ),
    PlantedBug(
        "waits for ever for a record that was taken away",
        AUDIT_CHAIN,
        "now_ms - live.changed_at_ms >= MAX_RELAY_LAG_S * 1000",
        "now_ms < live.changed_at_ms",
        f"{CHAIN}::test_what_happened_a_moment_ago_is_on_its_way_and_no_problem_until_it_should_be_there",
    ),
    PlantedBug(
        "cuts a subject where the page ends",
        WALK,
        "        if len(whole) < len(items):\n",
        "        if not items:\n",
        f"{TRAIL}::test_all_of_it_is_walked_in_whatever_parts",
    ),
    PlantedBug(
        "goes on wherever somebody says that it was",
        POSITION,
        "if not hmac.compare_digest(mac.encode(), _mac(text, secret, asked).encode()):",
        "if not mac:",
        f"{CUT}::test_a_position_that_was_made_up_is_refused",
    ),
    PlantedBug(
        "takes a position in one subject for one in another",
        POSITION,
        "json.dumps([asked, text])",
        "json.dumps([text])",
        f"{CUT}::test_a_position_in_one_subject_is_none_in_another_nor_in_all",
    ),
    PlantedBug(
        "forgets behind a cut which version was reached",
        AUDIT_CHAIN,
        "    return Reached(at_id, last.version, last.mac)\n",
        "    return Reached(at_id)\n",
        f"{CUT}::test_what_was_judged_may_go_and_the_rest_is_held_to_what_was_reached",
    ),
    PlantedBug(
        "looks at nothing beside a cut",
        VERIFICATION,
        "        if since == BEGINNING:\n            return []\n",
        "        return []\n",
        f"{CUT}::test_clocks_that_disagree_at_the_cut_break_nothing",
    ),
    PlantedBug(
        "looks for no item that has lost all its records",
        WALK,
        "    behind = Position(1)\n",
        "    behind = None\n",
        f"{TRAIL}::test_what_is_wrong_shows_in_whatever_parts_it_is_walked",
    ),
    PlantedBug(
        "takes every change that is on record for counted",
        LOTS,
        "stands is not None and (lot is None or closings.get(lot) == lot)",
        "stands is not None",
        f"{COUNTED}::test_a_lot_that_breaks_off_anywhere_is_counted_once_when_it_comes_again",
    ),
    PlantedBug(
        "counts again what comes again",
        LOTS,
        "stands is not None and (lot is None or closings.get(lot) == lot)",
        "stands is not None and lot is None",
        f"{COUNTED}::test_what_comes_again_whole_in_parts_or_with_more_is_counted_once",
    ),
    PlantedBug(
        "gives a lot that is tried again the name that it had",
        LOTS,
        "record.at_id, secrets.token_hex(4))",
        'record.at_id, "lot")',
        f"{COUNTED}::test_a_lot_that_broke_off_is_not_taken_for_counted_because_its_last_change_was_counted_by_another",
    ),
    PlantedBug(
        "counts over what others counted meanwhile",
        "inventory/store/figures.py",
        "FiguresItem.revision == figures.revision - 1",
        "FiguresItem.key_id.exists()",
        f"{COUNTED}::test_processes_that_count_the_same_sku_at_once_lose_nothing",
    ),
    PlantedBug(
        "counts a sale again when its batch is unfrozen",
        MOVES,
        "issued = 0 if key.sold_at_ms is None else 1",
        "issued = int(key.state is KeyState.SOLD)",
        f"{STOCK}::test_an_unfrozen_sale_is_no_second_one",
    ),
    PlantedBug(
        "counts dead keys as stock",
        FIGURES,
        "return max(0, self.tally.on_hand - self.past_last_day(now_ms))",
        "return self.tally.on_hand if now_ms else 0",
        f"{STOCK}::test_keys_past_their_last_day_are_not_on_hand_and_let_the_stock_run_low",
    ),
    PlantedBug(
        "rings while the first keys come in",
        FIGURES,
        " and (figures.low or may_run_low)",
        "",
        f"{STOCK}::test_stock_that_comes_in_does_not_run_low",
    ),
    PlantedBug(
        "never recovers from low stock",
        FIGURES,
        "    if low is figures.low:\n",
        "    if low is figures.low or figures.low:\n",
        f"{STOCK}::test_stock_that_comes_in_recovers_once",
    ),
    PlantedBug(
        "goes back to a threshold of earlier",
        FIGURES,
        "if sku_version <= self.sku_version:",
        "if sku_version == self.sku_version:",
        f"{COUNTED}::test_a_threshold_is_learnt_from_the_newest_version_of_the_sku_in_whatever_order_they_come",
    ),
    PlantedBug(
        "counts out a stock that moves",
        "inventory/service/figures.py",
        "if figures.revision and now_ms - figures.counted_at_ms < QUIET_MS:",
        "if figures.revision < 0:",
        f"{COUNTED}::test_figures_are_not_counted_out_while_they_move",
    ),
    PlantedBug(
        "takes a week for what came in this morning",
        "inventory/model/forecast.py",
        "now_ms - max(window_starts_ms, figures.since_ms)",
        "now_ms - window_starts_ms",
        f"{LASTS}::test_what_came_in_this_morning_is_judged_by_this_morning",
    ),
)
