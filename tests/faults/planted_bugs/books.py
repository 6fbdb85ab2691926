"""Bugs in the books: what an entry may be, how often it is in, what it means, and what a prepaid balance covers."""

from tests.faults.planted_bugs.bug import PlantedBug

ENTRIES = "tests/unit/ledger/test_entries.py"
MEANING = "tests/unit/ordering/test_order_books.py"
PAYABLES = "tests/unit/inventory/test_batch_books.py"
BOOKS = "tests/integration/ledger/test_books.py"
HOLDERS = "tests/integration/ledger/test_holders.py"
VOUCHER_KINDS = "tests/unit/payments/test_vouchers.py"
ON_ENGINE = "tests/integration/ledger/test_vouchers.py"

VOUCHERS = "payments/model/vouchers.py"
MODEL = "ledger/model.py"
STORE = "ledger/store.py"
SERVICE = "ledger/service.py"
ORDERS = "ordering/model/books.py"

BUGS = (
    PlantedBug(
        "forgets the currency when it sums up an entry",
        MODEL,
        "sums[posting.amount.currency] = sums.get(posting.amount.currency, 0) + posting.signed_minor",
        'sums[""] = sums.get("", 0) + posting.signed_minor',
        f"{ENTRIES}::test_an_entry_that_does_not_sum_to_zero_in_each_currency_cannot_be_made",
    ),
    PlantedBug(
        "takes an entry whose debits are not its credits",
        MODEL,
        "if any(sums.values()):\n            raise",
        "if not sums:\n            raise",
        f"{ENTRIES}::test_an_entry_that_does_not_sum_to_zero_in_each_currency_cannot_be_made",
    ),
    PlantedBug(
        "names an entry by the item and not by the change",
        MODEL,
        "self.source, str(self.version), self.what",
        "self.source, self.what",
        f"{ENTRIES}::test_an_entry_is_named_by_the_change_that_caused_it_and_what_it_was",
    ),
    PlantedBug(
        "books an entry as often as it comes",
        STORE,
        "self._table.put(entry, AccountItem.account_id.does_not_exist(), **place",
        "self._table.put(entry, AccountItem.balance_minor.does_not_exist(), **place",
        f"{BOOKS}::test_a_hundred_copies_of_one_entry_at_once_are_one",
    ),
    PlantedBug(
        "adds one currency to the page of another",
        STORE,
        'if name.endswith(f":{currency}")',
        "if name",
        f"{BOOKS}::test_an_entry_of_two_currencies_is_on_a_page_of_each",
    ),
    PlantedBug(
        "leaves out the others of a lot in which one is in already",
        SERVICE,
        "lot = [entry for at, entry in enumerate(lot) if at not in standing]",
        "lot = [] if standing else lot",
        f"{BOOKS}::test_those_of_a_lot_that_are_in_already_do_not_keep_out_the_others",
    ),
    PlantedBug(
        "lets a balance that is not empty be spent below zero",
        STORE,
        "AccountItem.balance_minor >= -change if takes",
        "AccountItem.balance_minor >= 1 if takes",
        f"{BOOKS}::test_who_never_paid_in_and_who_lacks_a_fen_spend_nothing",
    ),
    PlantedBug(
        "spends under a name for another amount",
        SERVICE,
        "raise IdempotencyConflict from None",
        "return False",
        f"{BOOKS}::test_a_name_that_was_spent_under_is_not_spent_under_for_another_amount",
    ),
    PlantedBug(
        "repeats entries at the end of a statement's page",
        STORE,
        'if horizon is None or item["sk"]["S"] <= horizon',
        'if item["sk"]["S"]',
        f"{BOOKS}::test_a_long_statement_comes_in_pages_with_every_entry_once",
    ),
    PlantedBug(
        "carries nothing over from the day before",
        STORE,
        'on_day if item["sk"]["S"].startswith(day) else before',
        "on_day",
        f"{BOOKS}::test_a_trial_balance_carries_what_was_before_and_leaves_out_what_came_after",
    ),
    PlantedBug(
        "books a refund that was only asked for",
        ORDERS,
        "refund.status is RefundStatus.SUCCEEDED",
        "refund.status is not RefundStatus.FAILED",
        f"{MEANING}::test_a_refund_is_booked_when_the_provider_has_given_back_and_not_before",
    ),
    PlantedBug(
        "takes a second payment for a sale",
        ORDERS,
        "refund.amount, AccountKind.SUSPENSE)",
        "refund.amount, AccountKind.SALES)",
        f"{MEANING}::test_a_second_payment_is_no_sale_but_in_suspense_until_it_is_back",
    ),
    PlantedBug(
        "books money that did not come in",
        "payments/model/desk.py",
        "self.amount if self.reason in CAME_IN and ",
        "self.amount if ",
        f"{MEANING}::test_what_did_not_come_to_us_is_not_booked",
    ),
    PlantedBug(
        "owes a source for all of its keys again when a late run counts in some more",
        "inventory/model/books.py",
        "_delivered(new) - (_delivered(old) if old else 0)",
        "_delivered(new) if old is None or _delivered(old) != _delivered(new) else 0",
        f"{PAYABLES}::test_keys_that_a_late_run_counts_in_are_owed_for_too_and_no_key_twice",
    ),
    PlantedBug(
        "leaves out what a holder had before the day of the statement",
        STORE,
        "                before += moved",
        "                before = moved",
        f"{HOLDERS}::test_a_holders_day_has_what_it_began_and_ended_with_and_its_own_entries_alone",
    ),
    PlantedBug(
        "books a reversal as the voucher was booked",
        VOUCHERS,
        "        if self.reverses:\n            debited",
        "        if not self.voucher_no:\n            debited",
        f"{VOUCHER_KINDS}::test_each_kind_moves_its_amount_from_one_account_to_another_and_its_reversal_back",
    ),
    PlantedBug(
        "takes a voucher for the same whatever its amount",
        VOUCHERS,
        "wanted = replace(other, **",
        "wanted = replace(other, amount=self.amount, **",
        f"{ON_ENGINE}::test_the_number_of_a_voucher_is_not_given_to_another_one",
    ),
    PlantedBug(
        "reverses a voucher as often as it is asked to",
        "payments/store.py",
        'mark = f"{REVERSED}{voucher_id(voucher.reverses)}"',
        'mark = f"{REVERSED}{voucher.voucher_id}"',
        f"{ON_ENGINE}::test_a_voucher_is_reversed_once_however_many_reverse_it",
    ),
    PlantedBug(
        "takes the one who asked for the second person",
        "payments/service/vouchers.py",
        "if standing.waits and standing.asked_by != voucher.changed_by:",
        "if standing.waits:",
        f"{ON_ENGINE}::test_above_the_limit_a_balance_is_given_once_another_person_sends_the_same",
    ),
)
