"""Bugs in what makes codes of our own and in what hands them to a printer."""

from tests.faults.planted_bugs.bug import PlantedBug

TYPING = "tests/unit/vault/test_codes.py"
MAKING = "tests/integration/inventory/test_own_codes.py"
EXPORTS = "tests/integration/inventory/test_exports.py"

CODES = "vault/codes.py"
STORE = "inventory/store/own_codes.py"
MODEL = "inventory/model/exports.py"
GENERATING = "inventory/service/generating.py"
PRINTING = "inventory/service/printing.py"

BUGS = (
    # a mistyped code is refused, and nobody guesses one
    PlantedBug(
        "adds the symbols of a code up, so that swapped neighbours pass",
        CODES,
        "value = (value * len(CROCKFORD) + _VALUE[symbol]) % _MODULUS",
        "value = (value + _VALUE[symbol]) % _MODULUS",
        f"{TYPING}::test_of_mistakes_in_one_symbol_and_of_swapped_neighbours_none_passes",
    ),
    PlantedBug(
        "checks a code modulo 32, where only its last symbol counts",
        CODES,
        "_MODULUS = len(CHECK_SYMBOLS)",
        "_MODULUS = len(CROCKFORD)",
        f"{TYPING}::test_the_check_symbol_is_the_value_in_base_32_modulo_37",
    ),
    PlantedBug(
        "takes any last symbol for the check symbol",
        CODES,
        " or check_symbol(symbols) != typed[-1]",
        "",
        f"{TYPING}::test_of_mistakes_in_one_symbol_and_of_swapped_neighbours_none_passes",
    ),
    PlantedBug(
        "makes codes of 60 bits",
        CODES,
        "MIN_BODY = 21",
        "MIN_BODY = 12",
        f"{TYPING}::test_a_new_code_has_its_prefix_full_groups_and_at_least_100_bits_of_chance",
    ),
    PlantedBug(
        "prints check symbols that no keyboard has",
        CODES,
        "while (code := _drawn(prefix))[-1] not in CROCKFORD:\n        pass\n    return code",
        "return _drawn(prefix)",
        f"{TYPING}::test_a_new_code_has_its_prefix_full_groups_and_at_least_100_bits_of_chance",
    ),
    PlantedBug(
        "does not find a code whose zero was typed as an O",
        "vault/service/fingerprints.py",
        "folded(code) if own else code",
        "code",
        f"{MAKING}::test_a_code_is_found_however_it_is_typed",
    ),
    # exactly as many as were asked for
    PlantedBug(
        "counts codes without looking how many there are",
        STORE,
        "as_counted = OwnCodeItem.generated == generated if generated else OwnCodeItem.key_id.does_not_exist()",
        "as_counted = OwnCodeItem.key_id.exists() | OwnCodeItem.key_id.does_not_exist()",
        f"{MAKING}::test_a_slice_that_slept_through_its_successor_stores_nothing_more",
    ),
    PlantedBug(
        "goes on making codes for a batch that was stopped",
        STORE,
        "OwnCodeItem.standing == Standing.OPEN",
        "OwnCodeItem.key_id.exists()",
        f"{MAKING}::test_no_code_is_made_behind_the_command_that_stops_a_batch",
    ),
    PlantedBug(
        "begins to number the codes anew with each slice",
        GENERATING,
        "lines = range(made + 1, min(made + CODES_A_CHUNK, wanted) + 1)",
        "lines = range(1, min(CODES_A_CHUNK, wanted - made) + 1)",
        f"{MAKING}::test_a_batch_is_filled_and_sold_like_any_other",
    ),
    PlantedBug(
        "sells printed codes online as well",
        "inventory/service/intake.py",
        "sellable = not batch.for_print",
        "sellable = True",
        f"{MAKING}::test_codes_for_print_never_come_into_the_pool",
    ),
    PlantedBug(
        "makes codes in the name of another issuer",
        "inventory/service/own_codes.py",
        "if sku.issuer != OWN_ISSUER:",
        "if sku.issuer == '':",
        f"{MAKING}::test_codes_are_made_for_our_own_issuer_only",
    ),
    PlantedBug(
        "shows the whole code where its mask should be",
        "inventory/service/intake.py",
        "mask=mask(new.secret.code)",
        "mask=new.secret.code",
        f"{MAKING}::test_no_code_leaves_the_process_in_the_clear_and_none_is_at_rest",
    ),
    # two people, once
    PlantedBug(
        "lets a person approve their own export",
        STORE,
        "waits & (OwnCodeItem.requested_by != origin.by)",
        "waits",
        f"{EXPORTS}::test_nobody_approves_their_own_request",
    ),
    PlantedBug(
        "lets everybody approve an export once more",
        STORE,
        "waits = (OwnCodeItem.status == ExportStatus.REQUESTED) & (OwnCodeItem.requested_at_ms > requested_since_ms)",
        "waits = OwnCodeItem.requested_at_ms > requested_since_ms",
        f"{EXPORTS}::test_of_many_approvers_at_once_one_is_the_second_person",
    ),
    PlantedBug(
        "approves requests of last year",
        STORE,
        " & (OwnCodeItem.requested_at_ms > requested_since_ms)",
        "",
        f"{EXPORTS}::test_requests_and_approvals_lapse_by_time",
    ),
    PlantedBug(
        "prints because a message says so",
        PRINTING,
        "            export.check_approved(self.now_ms())\n",
        "",
        f"{EXPORTS}::test_nobody_approves_their_own_request",
    ),
    PlantedBug(
        "believes an approval by the requester",
        MODEL,
        "self.approved_by in {None, self.requested_by}",
        "self.approved_by is None",
        f"{EXPORTS}::test_the_maker_believes_the_table_and_not_the_message",
    ),
    PlantedBug(
        "leaves an export that lapsed approved for ever",
        PRINTING,
        "_FINAL = (BadCertificate, BatchNotOpen, ExportLapsed, NotForPrint, NotGenerated)",
        "_FINAL = (BadCertificate, BatchNotOpen, NotForPrint, NotGenerated)",
        f"{EXPORTS}::test_an_approval_that_lapsed_while_its_message_waited_fails_the_export_for_good",
    ),
    PlantedBug(
        "judges a request that it has answered by the day on which it comes again",
        "inventory/service/own_codes.py",
        "if standing := standing_batch(self.store, batch_id, _fingerprint(wanted)):\n            return standing",
        "pass",
        f"{MAKING}::test_the_same_request_gets_its_first_answer_on_a_day_on_which_it_would_be_refused",
    ),
    PlantedBug(
        "prints codes that are sold online",
        MODEL,
        "    if not batch.for_print:\n        raise NotForPrint\n",
        "",
        f"{EXPORTS}::test_an_online_batch_stays_unprinted_even_if_its_request_stood_in_the_table",
    ),
    PlantedBug(
        "prints a batch that is frozen",
        MODEL,
        "    if batch.standing is not Standing.OPEN:\n        raise BatchNotOpen\n",
        "",
        f"{EXPORTS}::test_a_batch_that_was_stopped_meanwhile_fails_its_export_for_good",
    ),
    PlantedBug(
        "prints a part of the codes as if it were all",
        PRINTING,
        "        if seen != count:\n            raise StoreUnavailable\n",
        "",
        f"{EXPORTS}::test_no_file_is_made_of_a_part_of_the_codes",
    ),
    PlantedBug(
        "prints codes that are void",
        PRINTING,
        "if key.state is KeyState.AVAILABLE:",
        "if key.state:",
        f"{EXPORTS}::test_codes_that_are_void_or_used_up_are_not_printed",
    ),
    PlantedBug(
        "hands a file out to everybody who asks at once",
        STORE,
        "unchanged = OwnCodeItem.version == export.version - 1",
        "unchanged = OwnCodeItem.key_id.exists()",
        f"{EXPORTS}::test_of_twenty_who_ask_at_once_one_gets_the_link",
    ),
    PlantedBug(
        "hands a file out again",
        "platform/handover.py",
        "        if self.taken_as is not None:\n            raise AlreadyHandedOut\n",
        "",
        f"{EXPORTS}::test_a_file_is_handed_out_once_for_a_minute",
    ),
    PlantedBug(
        "gives links that live for an hour",
        "platform/handover.py",
        "LINK_LIFETIME_S = 60",
        "LINK_LIFETIME_S = 3600",
        f"{EXPORTS}::test_a_file_is_handed_out_once_for_a_minute",
    ),
    PlantedBug(
        "encrypts for a key of 1024 bits",
        "vault/service/envelopes.py",
        "MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192",
        "MIN_RSA_BITS, MAX_RSA_BITS = 512, 8192",
        f"{EXPORTS}::test_a_certificate_that_is_weak_or_over_or_none_is_refused",
    ),
)
