"""Of every provider's callbacks each byte is changed: in body, query, and the headers that say who signed what when."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Confirmation, mismatch
from keyrail.payments.providers import Callback
from keyrail.payments.service.accounts import PaymentAccounts, payment_accounts
from keyrail.platform.clock import system_now_ms
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from tests.payers import PAYERS, Payer, accounts_secret

FLIPS = (0x01, 0x02, 0x20, 0x80)
NOT_READ = frozenset({"content-type", "wechatpay-signature-type"})


@pytest.fixture(scope="module")
def accounts() -> Iterator[PaymentAccounts]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KEYRAIL_STAGE", "local")
        yield payment_accounts(accounts_secret())


def attempt_at(payer: Payer) -> PaymentAttempt:
    number = attempt_id(derived_id("ord", "changed bytes"), 1)
    return PaymentAttempt(
        attempt_id=number, provider=payer.provider, account=payer.account, amount=Money(990, "CNY"), method=None
    )


def changed(true: Callback) -> Iterator[Callback]:
    for flip in FLIPS:
        for at in range(len(true.raw_body)):
            yield replace(true, raw_body=flipped(true.raw_body, at, flip))
        for at in range(len(true.raw_query)):
            yield replace(true, raw_query=flipped(true.raw_query.encode(), at, flip).decode("latin-1"))
        for name in true.headers.keys() - NOT_READ:
            for at in range(len(true.headers[name])):
                header = flipped(true.headers[name].encode(), at, flip).decode("latin-1")
                yield replace(true, headers={**true.headers, name: header})


def flipped(raw: bytes, at: int, flip: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :]


@pytest.mark.parametrize("payer", PAYERS, ids=lambda payer: payer.name)
def test_each_changed_byte_is_refused_or_leaves_all_that_was_said_as_it_was(
    accounts: PaymentAccounts, payer: Payer
) -> None:
    """Left as it was: where an escape of a form is spelled in another case."""
    provider, now_ms = accounts.at(payer.provider, payer.account), system_now_ms()
    attempt = attempt_at(payer)
    true = payer.pay(attempt, "reference")
    said = provider.confirm(true, now_ms)
    assert isinstance(said, Confirmation)
    assert mismatch(said, attempt, provider.merchant) is None
    tried = refused = 0
    for lie in changed(true):
        tried += 1
        try:
            assert provider.confirm(lie, now_ms) == said
        except SignatureInvalid:
            refused += 1
    assert refused > 0.9 * tried > 0
