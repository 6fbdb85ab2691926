"""What a Stripe account is made of, and what stops a start."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.providers import Means, Opening
from keyrail.payments.providers.stripe import Stripe
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Invalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

SECRET = "whsec_of_the_test"
API_KEY = "sk_test_of_the_test"
ACCOUNT = Stripe(account="main", account_id="acct_1", secret_key=API_KEY, webhook_secret=SECRET)
ATTEMPT_ID = attempt_id(derived_id("ord", "stripe"), 1)
ATTEMPT = PaymentAttempt(attempt_id=ATTEMPT_ID, provider="stripe", account="main", amount=Money(1990, "CNY"))
OPENING = Opening("VIP", "https://api.example/hook", "https://shop.example/done", 1_790_000_000_000)


def test_stripe_needs_an_address_to_return_to() -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(ATTEMPT, replace(OPENING, return_url=None))
    assert [(f.field, f.reason) for f in refusal.value.fields] == [("payment.return_url", "required")]


def test_stripe_chooses_what_the_buyer_may_pay_with() -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(replace(ATTEMPT, method="alipay"), OPENING)
    assert [(f.field, f.reason) for f in refusal.value.fields] == [("payment.method", "not_offered")]


@pytest.mark.parametrize("method", [None, "payment_intent"])
def test_a_payment_is_taken_on_stripes_page_or_on_ours(method: str | None) -> None:
    amount = Money(1990, "CNY")
    assert (
        ACCOUNT.check(amount, Means(method=method, return_url="https://shop.example/done"))
        == "https://shop.example/done"
    )
    assert (
        replace(ACCOUNT, return_url="https://shop.example/").check(amount, Means(method=method))
        == "https://shop.example/"
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("account", ""),
        ("account_id", ""),
        ("webhook_secret", ""),
        ("webhook_secret", "whsec_x\n"),
        ("webhook_secret", None),
        ("webhook_secret", ["whsec_x"]),
        ("webhook_secrets", ["whsec_beside_the_one"]),
        ("secret_key", ""),
        ("secret_key", "sk_test_x\n"),
        ("secret_key", "pk_test_x"),
        ("secret_key", None),
        ("account_id", 1),
        ("secret_key", "sk_test_x\r\nX-Injected: 1"),
        ("publishable_key", ""),
        ("publishable_key", "pk_test_x "),
        ("publishable_key", API_KEY),
        ("publishable_key", "pk_live_of_the_other_mode"),
        ("publishable_key", ["pk_test_x"]),
        ("api_base", "http://api.stripe.com"),
        ("api_base", "http://localhost.attacker.example"),
        ("api_base", "ftp://localhost"),
        ("api_base", "https://"),
        ("api_base", "https://[oops"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as error:
        replace(ACCOUNT, **{setting: value})
    assert str(error.value) == f"stripe.{setting}"


@pytest.mark.parametrize(
    "secrets", ["whsec_x", [""], ["whsec_x", " whsec_y"], ["whsec_x", None], ["whsec_x"] * 5, {"whsec_x": 1}, 1]
)
def test_a_list_of_secrets_that_cannot_be_right_stops_the_start(secrets: Any) -> None:
    with pytest.raises(ConfigError) as error:
        replace(ACCOUNT, webhook_secret=None, webhook_secrets=secrets)
    assert str(error.value) == "stripe.webhook_secrets"


@pytest.mark.parametrize("account", [ACCOUNT, replace(ACCOUNT, webhook_secret=None, webhook_secrets=[SECRET, SECRET])])
def test_the_secrets_show_in_no_text(account: Stripe) -> None:
    assert API_KEY not in repr(account)
    assert SECRET not in repr(account)
    assert API_KEY not in repr(account._api)


def test_importing_the_provider_does_not_load_the_http_library() -> None:
    check = "import keyrail.payments.providers.stripe, sys; sys.exit('urllib3' in sys.modules)"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", check], env=env, check=False, timeout=60).returncode == 0
