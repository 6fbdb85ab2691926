"""Bugs in what a supplier's account is taken for, in what its callbacks do, and in the supplier without goods."""

from tests.faults.planted_bugs.bug import PlantedBug

UNIT = "tests/unit/suppliers/test_sandbox.py"
NEWS = "tests/integration/suppliers/test_supplier_news.py"
ACCOUNTS = "suppliers/service/accounts.py"
ACCOUNT = "suppliers/providers/sandbox/account.py"
ANSWERS = "suppliers/providers/sandbox/answers.py"

BUGS = (
    PlantedBug(
        "pretends supplying in production",
        ACCOUNT,
        "if self.stage not in STAGES:",
        'if self.stage not in STAGES | {"prod", ""}:',
        f"{UNIT}::test_a_secret_that_names_the_sandbox_stops_the_start_in_production_whatever_else_it_holds",
    ),
    PlantedBug(
        "takes a broken secret for a shop without suppliers",
        ACCOUNTS,
        "    except (RecursionError, ValueError):\n        raise ConfigError(ACCOUNTS) from None",
        "    except (RecursionError, ValueError):\n        return SupplierAccounts({})",
        "tests/unit/suppliers/test_accounts.py::test_a_broken_secret_stops_the_start_and_is_not_quoted",
    ),
    PlantedBug(
        "takes a failure for one though the money stayed with the supplier",
        ANSWERS,
        "and taken is not None and taken == returned",
        "and taken is not None and returned is not None",
        f"{UNIT}::test_a_failure_is_one_where_all_the_money_came_back",
    ),
    PlantedBug(
        "believes what a supplier says of another order",
        ANSWERS,
        'is_ours = text(answer, "reference") == placed.reference',
        'is_ours = text(answer, "reference") != ""',
        f"{UNIT}::test_what_is_said_of_another_order_is_not_believed",
    ),
    PlantedBug(
        "takes some of the keys for all of them",
        ANSWERS,
        'if not as_many or not all_different or text(answer, "supplied") != str(placed.quantity):',
        "if not supplied and placed.of_keys:",
        f"{UNIT}::test_keys_are_bought_with_as_many_cards_as_were_wanted",
    ),
    PlantedBug(
        "has one supplier speak for another",
        "fulfilment/service/supplier_news.py",
        "if attempt.supplier != supplier:",
        "if not attempt.supplier:",
        f"{NEWS}::test_a_supplier_has_no_say_in_what_another_was_asked_for",
    ),
    PlantedBug(
        "wakes whoever waits before it is stored that there is news",
        "fulfilment/service/supplier_news.py",
        "token = self.news.tell(unit.unit_id)",
        "token = self.news.store.waiting(unit.unit_id).token",
        f"{NEWS}::test_news_before_anybody_waits_is_found_by_whoever_comes",
    ),
)
