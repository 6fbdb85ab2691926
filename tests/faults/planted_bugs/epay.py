"""Bugs in what a 易支付 gateway is asked and believed, beside those that lie among the orders'."""

from tests.faults.planted_bugs.bug import PlantedBug

TWO = "tests/unit/payments/epay/test_version_two.py"
GATEWAY = "tests/integration/payments/test_epay_gateway.py"
ACCOUNT = "payments/providers/epay/account.py"
VERSION_ONE = "payments/providers/epay/version_one.py"
VERSION_TWO = "payments/providers/epay/version_two.py"
RSA = "payments/providers/rsa.py"

BUGS = (
    PlantedBug(
        "takes any RSA signature",
        RSA,
        "    except InvalidSignature:\n        return False",
        "    except InvalidSignature:\n        pass",
        TWO,
    ),
    PlantedBug(
        "takes a second spelling of a signature",
        RSA,
        "return raw if base64.b64encode(raw).decode() == text else None",
        "return raw",
        f"{TWO}::test_a_second_spelling_of_the_signature_is_refused",
    ),
    PlantedBug(
        "takes a callback from the future",
        VERSION_TWO,
        "abs(now_ms - int(timestamp) * 1000)",
        "now_ms - int(timestamp) * 1000",
        f"{TWO}::test_a_time_stamp_counts_for_five_minutes_both_ways",
    ),
    PlantedBug(
        "takes its own link for a callback",
        "payments/providers/epay/account.py",
        " or not OF_A_REQUEST.isdisjoint(said)",
        "",
        "tests/unit/payments/epay/test_epay.py"
        "::test_the_link_that_a_buyer_is_sent_with_is_no_callback_whatever_their_return_address_holds",
    ),
    PlantedBug(
        "reads a query and a body",
        "payments/providers/epay/messages.py",
        'if callback.method != "POST" or callback.raw_query or',
        'if callback.method != "POST" or',
        "tests/unit/payments/epay/test_epay.py::test_parameters_in_the_wrong_place_or_in_two_are_refused",
    ),
    PlantedBug(
        "believes an unsigned order",
        VERSION_TWO,
        "        except SignatureInvalid:\n            raise ProviderUnavailable from None\n        return said, True",
        "        except SignatureInvalid:\n            pass\n        return said, True",
        f"{GATEWAY}::test_an_answer_that_was_changed_on_its_way_is_not_believed",
    ),
    PlantedBug(
        "takes a refunded order for a paid one",
        ACCOUNT,
        "PAID: InquiryState.PAID}",
        'PAID: InquiryState.PAID, "2": InquiryState.PAID}',
        f"{GATEWAY}::test_any_other_status_is_unknown",
    ),
    PlantedBug(
        "refunds in version 1 without a look",
        VERSION_ONE,
        "if not self._is_ours(order, wanted) or order.status != PAID:",
        "if order.status == ABSENT:",
        f"{GATEWAY}::test_version_one_refunds_nothing_but_the_paid_order",
    ),
    PlantedBug(
        "calls an unanswered refund failed",
        VERSION_TWO,
        'return refund_answer(wanted, RefundState.UNKNOWN, "no_answer")',
        'return refund_answer(wanted, RefundState.FAILED, "no_answer")',
        f"{GATEWAY}::test_a_refund_that_went_unanswered_is_unknown_and_found_by_asking",
    ),
    PlantedBug(
        "takes another refund for ours",
        VERSION_TWO,
        "== (wanted.refund_id, wanted.amount)",
        "!= (None, None)",
        f"{GATEWAY}::test_an_answer_about_another_refund_is_unknown",
    ),
    PlantedBug(
        "lets the library log the key",
        "platform/http_client.py",
        "logging.getLogger(name).setLevel(logging.ERROR)",
        "logging.getLogger(name).setLevel(logging.INFO)",
        f"{GATEWAY}::test_the_key_in_a_query_is_in_no_log_and_no_error",
    ),
)
