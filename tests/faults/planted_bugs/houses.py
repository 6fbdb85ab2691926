"""A supplier's word is taken for more than it says."""

from tests.faults.planted_bugs.bug import PlantedBug

HOUSES = "tests/integration/suppliers/test_houses.py"
FULU = "tests/integration/suppliers/test_fulu.py"
DAYUANREN = "tests/integration/suppliers/test_dayuanren.py"

BUGS = (
    PlantedBug(
        "takes what a supplier has accepted for done",
        "suppliers/providers/fulu/orders.py",
        'return Processing(said="accepted", their_reference=number(order, "order_id"))',
        'return Success(said="accepted", their_reference=number(order, "order_id"))',
        f"{HOUSES}::test_what_is_accepted_is_not_done[fulu]",
    ),
    PlantedBug(
        "takes a supplier's unknown word for a failure",
        "suppliers/providers/dayuanren/orders.py",
        "match self.statuses.get(state):",
        "match self.statuses.get(state, Meaning.FAILED):",
        f"{HOUSES}::test_a_word_that_nobody_has_reviewed_is_unknown",
    ),
    PlantedBug(
        "takes a supplier's silence for a failure",
        "suppliers/providers/dayuanren/gateway.py",
        "return self._answer(heard) if isinstance(heard, dict) else heard\n\n    def ask(",
        'return self._answer(heard) if isinstance(heard, dict) else DefiniteFailure(said="late", refusal="refused")'
        "\n\n    def ask(",
        f"{HOUSES}::test_an_answer_that_does_not_come_is_unknown[dayuanren]",
    ),
    PlantedBug(
        "believes a refusal of an order that the supplier has",
        "suppliers/providers/fulu/account.py",
        "isinstance(known, Answer) and known.code in self._absent",
        "isinstance(known, Answer)",
        f"{HOUSES}::test_a_reviewed_refusal_is_one_once_they_have_no_such_order[fulu]",
    ),
    PlantedBug(
        "takes an order that is not paid for yet for one that failed",
        "suppliers/providers/dayuanren/orders.py",
        "case Meaning.FAILED if self._agrees(order, state) and not _in_part(order):",
        "case Meaning.FAILED if not _in_part(order):",
        f"{DAYUANREN}::test_two_words_that_disagree_are_unknown",
    ),
    PlantedBug(
        "takes an order whose cards were handed out for one that failed",
        "suppliers/providers/fulu/orders.py",
        "case Meaning.FAILED if not _has_cards(order):",
        "case Meaning.FAILED if True:",
        "tests/properties/test_house_answers.py::test_fulu_has_ended_an_order_only_if_every_part_says_so",
    ),
    PlantedBug(
        "takes what is said of other goods for what was ordered",
        "suppliers/providers/reading.py",
        "return None if is_of_another else number_of_theirs",
        "return number_of_theirs",
        f"{HOUSES}::test_an_order_of_another_item_says_nothing_of_ours",
    ),
    PlantedBug(
        "believes that it is done though the money came back",
        "suppliers/providers/sandbox/answers.py",
        "if taken is None or returned is None or returned.amount_minor:",
        "if taken is None or returned is None:",
        "tests/unit/suppliers/test_sandbox.py::test_done_is_done_as_it_was_placed",
    ),
    PlantedBug(
        "signs what is empty at a house that does not",
        "suppliers/providers/dayuanren/gateway.py",
        "signed = filled(parameters) if self.drops_empty else parameters",
        "signed = parameters",
        "tests/unit/suppliers/test_their_side.py::test_what_is_empty_is_signed_where_the_house_signs_it",
    ),
    PlantedBug(
        "buys at whatever it costs today",
        "suppliers/providers/fulu/account.py",
        "if cost is None or cost.amount_minor > wanted.limit.amount_minor:",
        "if cost is None:",
        f"{FULU}::test_what_costs_more_than_it_may_is_not_ordered",
    ),
    PlantedBug(
        "takes one card that comes twice for two",
        "suppliers/providers/fulu/cards.py",
        "return cards if len({(card.code, card.password) for card in cards}) == quantity else None",
        "return cards",
        f"{FULU}::test_cards_fewer_or_more_or_not_to_be_opened_are_unknown",
    ),
)
