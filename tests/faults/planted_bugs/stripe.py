"""Stripe believes too much, or pays twice."""

from tests.faults.planted_bugs.bug import PlantedBug

EVENTS = "tests/unit/payments/stripe/test_events.py"
INTENTS = "tests/unit/payments/stripe/test_intents_and_notices.py"
CALLBACKS = "tests/integration/payments/test_callbacks_of_each_provider.py"
OVER_HTTP = "tests/integration/payments/stripe"
PACKAGE = "payments/providers/stripe"

BUGS = (
    PlantedBug(
        "knows only the newer of an endpoint's two secrets",
        f"{PACKAGE}/signature.py",
        "for secret in secrets]",
        "for secret in list(secrets)[:1]]",
        f"{EVENTS}::test_while_a_secret_is_rolled_the_new_one_and_the_old_one_sign",
    ),
    PlantedBug(
        "takes an event of tomorrow",
        f"{PACKAGE}/signature.py",
        "if abs(now_ms - int(signed_at) * 1000)",
        "if (now_ms - int(signed_at) * 1000)",
        f"{EVENTS}::test_a_time_stamp_from_the_future_is_refused_although_the_sdk_accepts_it",
    ),
    PlantedBug(
        "takes an event that was not posted",
        f"{PACKAGE}/account.py",
        'if callback.method != "POST":',
        'if callback.method not in {"GET", "POST"}:',
        f"{CALLBACKS}::test_what_says_a_thing_twice_or_nothing_at_all_is_refused[stripe]",
    ),
    PlantedBug(
        "confirms a session by its intent a second time",
        f"{PACKAGE}/events.py",
        'attempt = text(child(intent, "metadata"), INTENT_ATTEMPT)',
        'attempt = "".join(child(intent, "metadata").values())',
        f"{INTENTS}::test_the_session_and_its_intent_are_one_payment",
    ),
    PlantedBug(
        "believes what was asked for instead of what was received",
        f"{PACKAGE}/confirmations.py",
        'intent.get("amount_received", intent.get("amount"))',
        'intent.get("amount")',
        f"{INTENTS}::test_of_an_intent_what_was_received_counts_and_not_what_was_asked",
    ),
    PlantedBug(
        "refunds again once the idempotency key is forgotten",
        f"{PACKAGE}/refunds.py",
        "    if known is not None:\n        return known\n    fields",
        "    fields",
        f"{OVER_HTTP}/test_refunds.py::test_it_pays_once_after_stripe_has_forgotten_the_key",
    ),
    PlantedBug(
        "refunds without an idempotency key of its own",
        f"{PACKAGE}/refunds.py",
        'api.post("/v1/refunds", fields, number_of(wanted.refund_id, wanted.round))',
        'api.post("/v1/refunds", fields, __import__("uuid").uuid4().hex)',
        f"{OVER_HTTP}/test_refunds.py::test_many_who_ask_at_once_pay_once",
    ),
    PlantedBug(
        "takes a refund whose answer was lost for one that failed",
        f"{PACKAGE}/refunds.py",
        'return _answer(wanted, RefundState.UNKNOWN, "no_answer")',
        'return _answer(wanted, RefundState.FAILED, "no_answer")',
        f"{OVER_HTTP}/test_refunds.py::test_a_stripe_that_hangs_leaves_it_unknown",
    ),
    PlantedBug(
        "stops at the first page of a day",
        f"{PACKAGE}/api.py",
        'if page.get("has_more") is False:',
        "if objects:",
        f"{OVER_HTTP}/test_statements.py::test_it_is_read_to_its_end_page_by_page",
    ),
    PlantedBug(
        "sends what is not repeatable a second time",
        "platform/http_client.py",
        "attempts = TOTAL_ATTEMPTS if repeatable else 1",
        "attempts = TOTAL_ATTEMPTS",
        "tests/integration/payments/test_http_client.py::test_what_is_not_repeatable_is_sent_once",
    ),
    PlantedBug(
        "waits for a reply that never ends",
        "platform/http_client.py",
        "(sock.gettimeout() or 0)",
        "(sock.gettimeout() or 0) + 6",
        "tests/integration/payments/test_http_client.py::test_a_server_that_sends_a_byte_now_and_then_is_given_up",
    ),
    PlantedBug(
        "asks for a refund that has failed by the key under which Stripe has it failed",
        f"{PACKAGE}/refunds.py",
        'api.post("/v1/refunds", fields, number_of(wanted.refund_id, wanted.round))',
        'api.post("/v1/refunds", fields, wanted.refund_id)',
        f"{OVER_HTTP}/test_refunds.py::test_one_that_has_failed_is_made_anew_in_the_next_round_and_once_in_it",
    ),
)
