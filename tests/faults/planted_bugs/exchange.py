"""What may have been sent is taken for what was not."""

from tests.faults.planted_bugs.bug import PlantedBug

SENT = "tests/integration/platform/test_what_may_have_been_sent.py"
EXCHANGE = "tests/integration/suppliers/test_exchange.py"

BUGS = (
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
        "MAX_REPLY_BYTES, repeatable=False)",
        "MAX_REPLY_BYTES, repeatable=True)",
        f"{EXCHANGE}::test_an_order_whose_answer_does_not_come_is_unknown_and_is_not_sent_again",
    ),
    PlantedBug(
        "believes what a broken server says",
        "suppliers/providers/exchange.py",
        "if reply.status != OK:",
        "if reply.status < OK:",
        f"{EXCHANGE}::test_an_answer_that_is_none_leaves_it_unknown[http_500]",
    ),
)
