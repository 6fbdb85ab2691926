"""What may have been sent is taken for what was not."""

from tests.faults.planted_bugs.bug import PlantedBug

SENT = "tests/integration/platform/test_what_may_have_been_sent.py"
EXCHANGE = "tests/integration/suppliers/test_exchange.py"

BUGS = (
    PlantedBug(
        "reads whatever comes with a status of a refusal",
        "suppliers/providers/exchange.py",
        "if is_refused and text(answer, str(repeated_in)) != str(reply.status):",
        "if is_refused and not answer:",
        "tests/integration/suppliers/test_exchange.py::test_a_refusal_may_come_with_its_code_as_the_status_and_with_no_other",
    ),
    PlantedBug(
        "forgets the try that broke when the next one is refused",
        "platform/http_client.py",
        "nothing_sent = nothing_sent and unconnected",
        "nothing_sent = unconnected",
        f"{SENT}::test_of_two_tries_the_one_that_may_have_been_sent_decides",
    ),
    PlantedBug(
        "takes an order whose answer was lost for one that was not sent",
        "suppliers/providers/exchange.py",
        "if error.nothing_sent:",
        "if error:",
        f"{EXCHANGE}::test_an_order_whose_answer_does_not_come_is_unknown_and_is_not_sent_again",
    ),
    PlantedBug(
        "sends an order to a supplier a second time",
        "suppliers/providers/exchange.py",
        "repeatable=not once",
        "repeatable=True",
        f"{EXCHANGE}::test_an_order_whose_answer_does_not_come_is_unknown_and_is_not_sent_again",
    ),
    PlantedBug(
        "orders over a connection that may be gone",
        "suppliers/providers/exchange.py",
        "fresh=once",
        "fresh=False",
        f"{EXCHANGE}::test_an_order_does_not_go_over_a_connection_that_was_kept",
    ),
    PlantedBug(
        "believes what a broken server says",
        "suppliers/providers/exchange.py",
        "if reply.status != OK and not is_refused:",
        "if reply.status < OK:",
        f"{EXCHANGE}::test_an_answer_that_is_none_leaves_it_unknown[http_500]",
    ),
)
