"""Bugs in the provider without money: that it is one in production too, and what it is asked and believed."""

from tests.faults.planted_bugs.bug import PlantedBug

UNIT = "tests/unit/payments/test_sandbox.py"
PAGE = "tests/unit/sandbox/test_page.py"
FUNCTION = "tests/integration/payments/test_sandbox_function.py"
SIGNING = "payments/providers/sandbox/signing.py"
ACCOUNT = "payments/providers/sandbox/account.py"
BOOKS = "payments/providers/sandbox/books.py"

BUGS = (
    PlantedBug(
        "pretends payments in production",
        ACCOUNT,
        "if self.stage not in STAGES:",
        'if self.stage not in STAGES | {"prod", ""}:',
        "tests/unit/payments/test_accounts.py"
        "::test_a_secret_that_names_the_sandbox_stops_the_start_in_production_whatever_else_it_holds",
    ),
    PlantedBug(
        "sends a buyer's browser anywhere",
        ACCOUNT,
        'plain and parts.scheme in {"http", "https"} and',
        "plain and",
        f"{UNIT}::test_a_browser_is_sent_to_a_web_page_or_nowhere",
    ),
    PlantedBug(
        "believes a link that anybody signed",
        "platform/signed_messages.py",
        "    if not any([hmac",
        "    if not claimed and not any([hmac",
        f"{PAGE}::test_every_changed_letter_of_a_link_is_refused",
    ),
    PlantedBug(
        "believes the answer to another question",
        SIGNING,
        """return f"answer.{question.rpartition('=')[2]}\"""",
        """return f"answer.{question.rpartition('~')[0]}\"""",
        f"{FUNCTION}::test_an_answer_to_another_question_is_not_believed",
    ),
    PlantedBug(
        "calls a refused refund of the sandbox unknown",
        BOOKS,
        'REFUSALS = frozenset({"no_such_payment", "more_than_was_paid",',
        'REFUSALS = frozenset({"no_such_payment",',
        f"{FUNCTION}::test_a_refund_moves_its_money_once_and_never_more_than_was_paid",
    ),
)
