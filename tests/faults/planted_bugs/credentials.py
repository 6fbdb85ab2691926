"""Bugs in how an account's credentials are changed."""

from tests.faults.planted_bugs.bug import PlantedBug

TESTS = "tests/unit/payments/test_accounts.py"

ACCOUNTS = "payments/service/accounts.py"
VERSIONS = "payments/service/credentials.py"

BUGS = (
    PlantedBug(
        "takes no callback under the credentials before the last change",
        VERSIONS,
        "for version in (self._current, *others):",
        "for version in (self._current,):",
        f"{TESTS}::test_the_current_version_starts_payments_and_each_is_taken",
    ),
    PlantedBug(
        "asks with today's credentials for what was started under others that are still there",
        VERSIONS,
        "return self.versions.get(attempt.credential or self.current, self._current)",
        "return self._current",
        f"{TESTS}::test_an_attempt_stays_with_its_own_version_and_goes_on_with_the_current_one_after_that",
    ),
    PlantedBug(
        "lets an account's new merchant answer for the one before it",
        ACCOUNTS,
        "if account is None or attempt.merchant not in {None, account.merchant}:",
        "if account is None:",
        f"{TESTS}::test_an_account_that_is_gone_or_another_merchants_today_says_nothing_of_an_attempt",
    ),
    PlantedBug(
        "reads the secret for every forged callback",
        "platform/secrets.py",
        "if now_ms - self._looked_at_ms < pause_ms:",
        "if now_ms < self._looked_at_ms:",
        f"{TESTS}::test_forged_callbacks_and_made_up_accounts_read_the_secret_once_in_a_while",
    ),
)
