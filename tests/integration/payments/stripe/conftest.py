"""A Stripe that answers as a test tells it, and our account there."""

from collections.abc import Iterator

import pytest

from keyrail.payments.providers.stripe import Stripe
from tests.provider_server import ProviderServer, serving


@pytest.fixture
def stripe() -> Iterator[ProviderServer]:
    with serving() as provider:
        yield provider


@pytest.fixture
def account(stripe: ProviderServer) -> Stripe:
    return Stripe(
        account="main",
        account_id="acct_1",
        secret_key="sk_test_of_the_test",
        webhook_secret="whsec_x",
        api_base=stripe.url,
        read_timeout_s=1,
        now_ms=lambda: 1_790_121_600_000,  # 2026-09-23T00:00:00Z
    )
