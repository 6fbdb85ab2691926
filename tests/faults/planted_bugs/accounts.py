"""Bugs in whom a recharge credits."""

from tests.faults.planted_bugs.bug import PlantedBug

FIELDS = "tests/unit/catalog/test_account_fields.py"
LINES = "tests/unit/ordering/test_accounts.py"

ACCOUNT_FIELDS = "catalog/account_fields.py"

BUGS = (
    PlantedBug(
        "takes a server of another region",
        ACCOUNT_FIELDS,
        "choice.value == value and other in (choice.within or ())",
        "choice.value == value",
        f"{FIELDS}::test_a_server_is_one_of_its_region",
    ),
    PlantedBug(
        "takes bare digits for a country's code",
        ACCOUNT_FIELDS,
        r"(?:\+86|0086)?(1[3-9][0-9]{9})",
        r"(?:\+?86|0086)?(1[3-9][0-9]{9})",
        f"{FIELDS}::test_nothing_else_is_made_a_mobile_number",
    ),
    PlantedBug(
        "keeps a number as wide as it was written",
        ACCOUNT_FIELDS,
        "digits = written.translate(_FULL_WIDTH)\n            return digits if digits.isascii() and digits.isdigit()",
        "digits = written\n            return digits if digits.isdigit()",
        f"{FIELDS}::test_what_fits_is_kept_without_the_blanks_around_it",
    ),
    PlantedBug(
        "looks whether a pattern fits what was written, and not what is kept",
        ACCOUNT_FIELDS,
        "reason = _misfit(field, value, account, matches) if written",
        "reason = _misfit(field, value and written, account, matches) if written",
        f"{FIELDS}::test_a_pattern_looks_at_the_whole_of_what_is_kept",
    ),
    PlantedBug(
        "passes over a field that nobody asked for",
        ACCOUNT_FIELDS,
        "for name in given if name not in known]",
        "for name in given if name in known - {*given}]",
        f"{FIELDS}::test_an_account_has_all_that_is_required_and_nothing_that_is_unknown",
    ),
    PlantedBug(
        "credits one account twice because it was written in two ways",
        "ordering/model/accounts.py",
        "check_repeated([each.line for each in found])",
        "check_repeated(lines)",
        f"{LINES}::test_one_sku_goes_to_several_accounts_but_to_each_in_one_line",
    ),
    PlantedBug(
        "shows the whole account of a buyer",
        "ordering/model/accounts.py",
        "mask=masked_account(fields, account)",
        "mask=account",
        f"{LINES}::test_the_kind_of_a_sku_says_how_it_is_delivered_and_an_account_decides_where_the_buyer_may",
    ),
    PlantedBug(
        "gives back what was credited as if it were a key",
        "ordering/model/refund_requests.py",
        "if not request.even_if_used and any(unit.is_credited for unit in units):",
        "if not request.even_if_used and any(unit.is_open for unit in units):",
        f"{LINES}::test_what_was_credited_is_given_back_only_where_somebody_says_so_knowing_it",
    ),
    PlantedBug(
        "holds a key for a recharge",
        "ordering/service/checkout.py",
        "key_ids = () if delivery else self._lease_line",
        "key_ids = self._lease_line",
        "tests/integration/test_recharge_checkout.py"
        "::test_a_recharge_holds_no_key_and_waits_for_its_supplier_once_it_is_paid",
    ),
    PlantedBug(
        "sells a recharge that could come from nowhere",
        "ordering/service/checkout.py",
        "self.supply.check(zip(lines, skus, amounts, strict=True))",
        "self.supply.check(())",
        "tests/integration/test_recharge_checkout.py::test_what_could_come_from_nowhere_is_sold_out_and_nothing_moves",
    ),
)
