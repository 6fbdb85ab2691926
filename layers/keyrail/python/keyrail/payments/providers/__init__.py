"""The port to payment providers. One file an adapter; a provider that is not in the table does not exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from ipaddress import ip_address
from typing import Protocol

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, DisputeNotice, Inquiry
from keyrail.payments.model.refunds import RefundAnswer, RefundNotice, RefundOrder
from keyrail.payments.model.statements import StatementLine
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money


@dataclass(frozen=True)
class Callback:
    """A provider's callback as it came: nothing decoded, nothing believed, nothing printed.

    Header names are in lower case.
    """

    method: str
    raw_query: str = field(repr=False)
    raw_body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Means:
    """How a buyer wants to pay, and what is known of them.

    `return_url` is where their browser goes afterwards; `payer_ip` is the address they come from, `payer_id` what the
    provider calls them; some methods ask for one.
    """

    method: str | None = None
    return_url: str | None = None
    payer_ip: str | None = field(default=None, repr=False)
    payer_id: str | None = field(default=None, repr=False)

    def payer_address(self) -> str:
        """For a method that asks for it. Raises Invalid where nobody knows it."""
        try:
            return str(ip_address(self.payer_ip or ""))
        except ValueError:
            raise Invalid(FieldError("payment.method", "payer_address_unknown")) from None


@dataclass(frozen=True)
class Opening:
    """What a provider needs beside the attempt to start a payment; some of it as `Means` has it.

    `notify_url` is where its callback goes; `title` is shown to the buyer.
    """

    title: str
    notify_url: str
    return_url: str | None
    expires_at_ms: int
    payer_ip: str | None = field(default=None, repr=False)
    payer_id: str | None = field(default=None, repr=False)

    def means(self, method: str | None) -> Means:
        return Means(method=method, return_url=self.return_url, payer_ip=self.payer_ip, payer_id=self.payer_id)


@dataclass(frozen=True, kw_only=True)
class PaymentAction:
    """What the buyer's browser does next, by `type`.

    `redirect` goes to `url`; `form` posts `fields` to `url`; `qr_code` shows `svg`, a ready picture of `content`;
    `client_secret` hands `content` to the provider's own script, and `publishable_key` where that needs one; with
    `none` there is nothing to pay.
    """

    type: str
    url: str | None = None
    content: str | None = field(default=None, repr=False)
    svg: str | None = field(default=None, repr=False)
    fields: Mapping[str, str] | None = field(default=None, repr=False)
    publishable_key: str | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """The provider's own words for "stored, do not send it again"."""

    body: str
    content_type: str


class PaymentProvider(Protocol):
    """One account at one provider."""

    @property
    def acknowledgement(self) -> Acknowledgement: ...

    @property
    def merchant(self) -> str:
        """The provider's name for our account, which a callback must name too. Attempts keep it, so its form stays."""
        ...

    def check(self, amount: Money, means: Means) -> str:
        """Refuse what `open` would refuse, before any key is leased; gives back where the buyer goes afterwards.

        Without a `return_url` that is the account's own page. Raises Invalid, which names the field.
        """
        ...

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """Start the payment. Called again for the same attempt it gives the same payment, never a second one.

        Raises ProviderUnavailable (nothing charged, and asked again it may open), PaymentRefused (it never will), and
        Invalid as `check` does.
        """
        ...

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation | RefundNotice | DisputeNotice | None:
        """Verify the raw callback and say what it claims; None for a genuine one that is about nothing of ours.

        Raises SignatureInvalid for anything that is forged, stale or not understood.
        """
        ...

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        """Ask about an attempt. Any answer that is on no reviewed list is `unknown`. Raises ProviderUnavailable."""
        ...

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Give money back, once for one `refund_id`. No answer in time is `unknown`, and is asked for again.

        Raises ProviderUnavailable only where nothing can have been sent.
        """
        ...

    def may_repeat(self, wanted: RefundOrder) -> bool:
        """Whether the refund may be sent again after no answer came: it surely moves its money once."""
        ...

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Raises ProviderUnavailable."""
        ...

    @property
    def statement_zone(self) -> tzinfo | None:
        """Where the days of its statements begin and end; None where it makes none."""
        ...

    def statement(self, day: date) -> Iterator[StatementLine]:
        """The movements of a day as the provider books them. Raises StatementMissing, ProviderUnavailable."""
        ...
