"""A provider that says nothing ends before the function that asks it, with something left to say so."""

from __future__ import annotations

import pytest

from keyrail.ordering.model.orders import MAX_ATTEMPTS_PER_ORDER
from keyrail.ordering.model.questions import EVERY_MS
from keyrail.payments.providers.http_client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, SPARE_S
from keyrail.payments.providers.settings import MAX_READ_TIMEOUT_S
from keyrail.suppliers.providers import settings as suppliers
from keyrail.suppliers.providers.settings import LOOK_TIMEOUT_S
from keyrail.suppliers.service.syncing import LOOKS_FOR_MS
from tests.infra.template import Template

# Whatever an account's settings allow: all tries of one request to a provider, and what our own tables take beside it.
LONGEST_REQUEST_S = CONNECT_TIMEOUT_S + MAX_READ_TIMEOUT_S + SPARE_S
OF_OUR_OWN_S = 2


@pytest.mark.parametrize(
    ("function", "requests"),
    [("storefront_api", 1), ("payment_webhook", 1), ("payment_inquiries", MAX_ATTEMPTS_PER_ORDER), ("refunds", 4)],
)
def test_a_function_outlives_the_providers_that_it_asks(prod: Template, function: str, requests: int) -> None:
    """A checkout opens one payment; a refund notice asks once; an inquiry asks about each attempt of an order; of a
    refund a provider is asked three times, and for it.
    """
    timeout_s = prod.functions()[function].properties["Timeout"]
    assert requests * LONGEST_REQUEST_S + OF_OUR_OWN_S <= timeout_s
    assert READ_TIMEOUT_S <= MAX_READ_TIMEOUT_S


def test_a_recharge_outlives_the_supplier_that_it_is_ordered_from(prod: Template) -> None:
    """What may be looked up before an order and after it is refused is asked in a hurry."""
    looking_s = CONNECT_TIMEOUT_S + LOOK_TIMEOUT_S + SPARE_S
    timeout_s = prod.functions()["direct_recharge"].properties["Timeout"]
    assert CONNECT_TIMEOUT_S + suppliers.MAX_READ_TIMEOUT_S + SPARE_S + 2 * looking_s + OF_OUR_OWN_S <= timeout_s


def test_a_look_at_a_catalogue_ends_before_the_function_does(prod: Template) -> None:
    """The page that is on its way when the time is over comes to its end; what was heard is written after it."""
    timeout_s = prod.functions()["supply"].properties["Timeout"]
    a_page_s = CONNECT_TIMEOUT_S + suppliers.MAX_READ_TIMEOUT_S + SPARE_S
    assert LOOKS_FOR_MS / 1000 + a_page_s + timeout_s / 4 <= timeout_s


def test_the_clock_asks_for_unpaid_orders_as_often_as_the_ages_are_made_for(prod: Template) -> None:
    (rate,) = [
        schedule.properties["ScheduleExpression"]
        for schedule in prod.all("AWS::Scheduler::Schedule")
        if "ask_about_unpaid" in schedule.properties["Target"]["Input"]
    ]
    assert rate == f"rate({EVERY_MS // 60_000} minutes)"
