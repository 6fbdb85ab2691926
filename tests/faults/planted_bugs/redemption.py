"""Bugs in what redeems codes, slows guessing and verifies tills."""

from tests.faults.planted_bugs.bug import PlantedBug

USES = "inventory/store/uses.py"
RULES = "inventory/model/redeeming.py"
KEYS = "inventory/service/redeemable_keys.py"
SERVICE = "redemption/service.py"
MODEL = "redemption/model.py"
CHANNELS = "channels/model.py"
GUARDS = "risk/service.py"

REDEMPTION = "tests/integration/redemption/test_redemption.py"
RACES = "tests/integration/redemption/test_redemption_races.py"
GUESSING = "tests/integration/redemption/test_guessing.py"
FUNCTION = "tests/integration/redemption/test_redemption_function.py"
OBSTACLES = "tests/unit/redemption/test_obstacles.py"
MOMENTS = "tests/unit/redemption/test_moments.py"
SIGNATURE = "tests/unit/channels/test_signature.py"

BUGS = (
    # a code is redeemed at most as often as it allows
    PlantedBug(
        "redeems the same call again",
        USES,
        "unseen = ~_Item.use_ids.contains(use_id(asked.by, asked.name))",
        "unseen = KeyItem.key_id.exists()",
        f"{REDEMPTION}::test_the_same_call_gets_the_same_answer_also_after_ten_more_uses",
    ),
    PlantedBug(
        "does not count a use",
        USES,
        "spend or _Item.after_use[0].remove(),",
        "spend or KeyItem.changed_reason.remove(),",
        f"{RACES}::test_of_100_tills_on_the_last_use_one_succeeds_and_99_are_told_which_came_first",
    ),
    PlantedBug(
        "overdraws a value card",
        USES,
        "_all(_is_in(asked.amount.currency), _Item.value_left > asked.amount.amount_minor)",
        "_all(_is_in(asked.amount.currency), _Item.value_left > 0)",
        f"{RACES}::test_a_value_card_at_30_tills_at_once_is_never_overdrawn",
    ),
    PlantedBug(
        "takes one currency for another",
        USES,
        'return _Item.terms["value"]["currency"] == currency',
        'return _Item.terms["value"]["currency"].exists()',
        f"{REDEMPTION}::test_an_amount_that_does_not_fit_is_refused",
    ),
    PlantedBug(
        "takes another amount under the same name for the same",
        MODEL,
        "return (amount, use.place) == (wanted.amount, wanted.location)",
        "return use.place == wanted.location",
        f"{REDEMPTION}::test_another_amount_under_the_same_name_is_refused_and_takes_nothing",
    ),
    PlantedBug(
        "leaves a used code for sale",
        USES,
        "        KeyItem.claim_order.remove(),\n",
        "",
        f"{REDEMPTION}::test_a_code_used_while_unsold_leaves_the_pool_and_is_never_sold",
    ),
    # only an active code, in time, at its place, that does not stand still
    PlantedBug(
        "redeems a code that nobody has bought",
        USES,
        "_all(_Item.activation == Activation.ON_SALE.value, is_sold)",
        "_all(_Item.activation == Activation.ON_SALE.value, known)",
        f"{REDEMPTION}::test_on_sale_a_code_is_worth_nothing_before_somebody_has_bought_it",
    ),
    PlantedBug(
        "redeems on demand though nobody asked",
        USES,
        "_all(_Item.activation == Activation.ON_DEMAND.value, is_sold, by_ask)",
        "_all(_Item.activation == Activation.ON_DEMAND.value, is_sold)",
        f"{REDEMPTION}::test_on_demand_a_code_is_worth_nothing_until_its_buyer_asks_and_then_for_minutes",
    ),
    PlantedBug(
        "lets anybody activate a printed card",
        USES,
        "moving(_any(on_demand, printed) if over_the_counter else on_demand, still)",
        "moving(_any(on_demand, printed), still)",
        f"{REDEMPTION}::test_a_printed_card_is_activated_over_a_counter_that_signs_and_by_nobody_else",
    ),
    PlantedBug(
        "redeems in a frozen batch",
        USES,
        "moving(_is_active(at.now_ms), still)",
        "_is_active(at.now_ms)",
        f"{REDEMPTION}::test_a_frozen_batch_redeems_nothing_before_its_keys_follow",
    ),
    PlantedBug(
        "takes a code anywhere",
        USES,
        "_any(anywhere, places.contains(asked.place))",
        "_any(anywhere, places.exists())",
        f"{REDEMPTION}::test_a_code_is_refused_at_the_wrong_time_and_place",
    ),
    PlantedBug(
        "counts a night's hours to the wrong day",
        RULES,
        "begun_on = at.weekday_before",
        "begun_on = at.weekday",
        f"{OBSTACLES}::test_an_evening_that_ends_after_midnight_belongs_to_the_day_on_which_it_began",
    ),
    PlantedBug(
        "reads weekdays and hours off the clock of Greenwich",
        "inventory/model/uses.py",
        "shown = datetime.fromtimestamp(now_ms // 1000, zone)",
        "shown = datetime.utcfromtimestamp(now_ms // 1000)",
        f"{MOMENTS}::test_date_weekday_and_minute_are_those_of_the_business",
    ),
    # taken back once, in time, by whoever redeemed
    PlantedBug(
        "lets somebody else take a redemption back",
        RULES,
        "if (use.by, use.name) == (by, name) and use.spent > 0",
        "if use.name == name and use.spent > 0",
        f"{REDEMPTION}::test_only_who_redeemed_takes_it_back",
    ),
    PlantedBug(
        "gives a use back twice",
        USES,
        "condition = moving(KeyItem.version == key.version, still)",
        "condition = moving(KeyItem.key_id.exists(), still)",
        f"{RACES}::test_a_reversal_at_20_tills_at_once_gives_one_use_back",
    ),
    PlantedBug(
        "takes back for ever",
        SERVICE,
        "if window_ms is None or self.now_ms() - use.at_ms > window_ms:",
        "if window_ms is None:",
        f"{REDEMPTION}::test_a_redemption_is_not_taken_back_too_late_or_where_nobody_may",
    ),
    PlantedBug(
        "brings a used code back to life in a batch that is void",
        KEYS,
        "_STANDING_STILL.get(self.keys.get_batch(key.batch_id).standing)",
        "_STANDING_STILL.get(Standing.OPEN)",
        f"{REDEMPTION}::test_nothing_comes_back_to_life_in_a_batch_that_was_stopped_after_its_last_use",
    ),
    # guessing
    PlantedBug(
        "looks every mistyped code up",
        SERVICE,
        "code = self._canonical(presented.code, caller)",
        "code = presented.code",
        f"{REDEMPTION}::test_every_mistake_in_one_symbol_is_refused_without_a_look_at_the_keys",
    ),
    PlantedBug(
        "does not count a wrong guess",
        SERVICE,
        "self.guards.failed([caller.counted, named.prefix], named.weight)",
        "self.guards.failed([], named.weight)",
        f"{GUESSING}::test_a_guesser_gets_a_handful_of_tries_and_waits",
    ),
    PlantedBug(
        "lets the blocked go on",
        GUARDS,
        "if (wait_ms := self._known.wait_ms(callers, self.now_ms())) > 0:",
        "if (wait_ms := self._known.wait_ms((), self.now_ms())) > 0:",
        f"{GUESSING}::test_the_blocked_are_refused_before_any_table_is_touched",
    ),
    # tills
    PlantedBug(
        "believes any signature of a known credential",
        CHANNELS,
        "if credential is None or not genuine or",
        "if credential is None or",
        f"{SIGNATURE}::test_a_request_that_is_not_what_was_signed_is_refused",
    ),
    PlantedBug(
        "leaves the body out of the signature",
        CHANNELS,
        "hashlib.sha256(request.body)",
        "hashlib.sha256()",
        f"{SIGNATURE}::test_a_request_that_is_not_what_was_signed_is_refused",
    ),
    PlantedBug(
        "believes a request from the future",
        CHANNELS,
        "abs(now_ms - int(said) * 1000)",
        "now_ms - int(said) * 1000",
        f"{SIGNATURE}::test_beyond_that_it_is_refused",
    ),
    # secrets
    PlantedBug(
        "logs the code that it redeems",
        SERVICE,
        "logs.log(Entry.CODE_REDEEMED, key_id=key.key_id, caller=caller.by)",
        "logs.log(Entry.CODE_REDEEMED, key_id=key.key_id, caller=presented.code)",
        f"{FUNCTION}::test_no_code_is_told_by_any_log_table_answer_event_or_metric",
    ),
    PlantedBug(
        "keeps a code that was sent as the name of its redemption",
        SERVICE,
        "        _check_tells_no_code(presented.code, wanted)\n",
        "",
        f"{REDEMPTION}::test_what_stays_on_record_may_not_tell_the_code",
    ),
)
