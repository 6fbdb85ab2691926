"""卡速售 is believed too much, or too soon."""

from tests.faults.planted_bugs.bug import PlantedBug

ANSWERS = "tests/unit/suppliers/kasushou/test_answers.py"
OVER_HTTP = "tests/integration/suppliers/test_kasushou.py"
PACKAGE = "suppliers/providers/kasushou"

BUGS = (
    PlantedBug(
        "takes an order that was given back in part for one that failed",
        f"{PACKAGE}/answers.py",
        "if not total or back != total:",
        "if not total:",
        f"{ANSWERS}::test_an_order_given_up_is_unknown_while_some_money_may_be_with_them",
    ),
    PlantedBug(
        "takes what was accepted for done",
        f"{PACKAGE}/answers.py",
        'return Processing(said="accepted", their_reference=theirs)',
        'return Success(said="accepted", their_reference=theirs)',
        f"{OVER_HTTP}::test_accepted_is_not_done_whatever_else_is_said",
    ),
    PlantedBug(
        "takes a status that nobody reviewed for a failure",
        f"{PACKAGE}/answers.py",
        'Unknown(said=f"status_{lists.said(said)}", their_reference=theirs)',
        "DefiniteFailure(said=lists.said(said), refusal=Refusal.REFUSED, their_reference=theirs)",
        f"{ANSWERS}::test_a_status_that_nobody_reviewed_is_unknown",
    ),
    PlantedBug(
        "believes an answer about another order",
        "suppliers/providers/reading.py",
        "if text(order, ours) != placed.reference or placed",
        "if placed",
        f"{ANSWERS}::test_an_answer_about_another_order_is_none",
    ),
    PlantedBug(
        "takes an order that is not known yet for one that failed",
        f"{PACKAGE}/answers.py",
        'return Unknown(said="no_such_order")',
        'return DefiniteFailure(said="no_such_order", refusal=Refusal.REFUSED)',
        f"{OVER_HTTP}::test_an_order_that_they_do_not_know_is_unknown_and_no_failure",
    ),
    PlantedBug(
        "believes a refusal although the order may have come in before",
        f"{PACKAGE}/account.py",
        "known = self._known(wanted.reference, LOOK_TIMEOUT_S)",
        "known: list[Document] | Unknown = []",
        f"{OVER_HTTP}::test_a_refusal_of_what_they_do_have_is_none",
    ),
    PlantedBug(
        "takes fewer cards than it asked for",
        f"{PACKAGE}/answers.py",
        "if listed is None or len(listed) != quantity:",
        "quantity = len(listed or ())\n        if not listed:",
        f"{ANSWERS}::test_other_cards_than_were_asked_for_are_unknown_and_not_told",
    ),
    PlantedBug(
        "orders at any price where the limit is nothing",
        f"{PACKAGE}/account.py",
        "if not minor or wanted.limit.currency",
        "if wanted.limit.currency",
        f"{OVER_HTTP}::test_an_order_that_has_no_limit_or_names_nothing_is_not_sent",
    ),
    PlantedBug(
        "keeps what stands in the place of a status, be it a buyer's number",
        f"{PACKAGE}/answers.py",
        'said=f"status_{lists.said(said)}"',
        'said=f"status_{said[:32]}"',
        f"{ANSWERS}::test_an_account_in_the_place_of_a_status_is_not_kept",
    ),
    PlantedBug(
        "sells a card whose last day nobody understands as one that has none",
        f"{PACKAGE}/answers.py",
        "        except ValueError:\n            return None",
        "        except ValueError:\n            expires_on = None",
        f"{ANSWERS}::test_other_cards_than_were_asked_for_are_unknown_and_not_told",
    ),
)
