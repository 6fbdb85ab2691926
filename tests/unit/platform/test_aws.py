"""How long a neighbour that does not answer may keep us."""

from keyrail.platform.aws import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TOTAL_ATTEMPTS

API_TIMEOUT_S = 15  # of the functions behind the HTTP API, in infra/functions


def test_a_call_that_hangs_is_given_up_while_the_caller_can_still_be_told() -> None:
    assert TOTAL_ATTEMPTS * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S) < API_TIMEOUT_S
