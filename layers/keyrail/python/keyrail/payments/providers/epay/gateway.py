"""What both versions of a gateway have in common: how it is reached, and what it says of an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers import PaymentAction
from keyrail.payments.providers.http_client import Reply, post_form, request
from keyrail.platform.addresses import is_web_address
from keyrail.platform.money import Money, parse_decimal

MAX_URL_LENGTH = 2048
# The documented statuses of an order.
UNPAID, PAID, REFUNDED = "0", "1", "2"
ABSENT = "absent"
# What a gateway says of a number that it has no order of: the buyer never came to its page.
NO_SUCH_ORDER = frozenset({"订单号不存在"})


@dataclass(frozen=True, kw_only=True)
class GatewayOrder:
    """An order as the gateway has it. `status` is its word; ABSENT where it has none, its code where it gave none."""

    status: str
    pid: str = ""
    attempt_id: str = ""
    reference: str = ""
    amount: Money | None = None


class Version(Protocol):
    """One version of the protocol, spoken for one merchant number."""

    page: str

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """`parameters` as they go out, signed, and with a time stamp where the version has one."""
        ...

    def verify(self, said: Mapping[str, str], now_ms: int) -> None:
        """Raises SignatureInvalid."""
        ...

    def create(self, parameters: Mapping[str, str]) -> PaymentAction:
        """Raises ProviderUnavailable, PaymentRefused."""
        ...

    def order(self, attempt_id: str) -> GatewayOrder:
        """Raises ProviderUnavailable."""
        ...

    def refund(self, wanted: RefundOrder) -> RefundAnswer: ...

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer: ...


@dataclass(frozen=True)
class Gateway:
    """The address below which everything lies, and how long to wait there."""

    url: str
    read_timeout_s: int

    def address(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/{path}"

    def post(self, path: str, fields: Mapping[str, str], *, repeatable: bool) -> Reply:
        """Raises ProviderUnavailable."""
        return post_form(self.address(path), fields, {}, self.read_timeout_s, repeatable=repeatable)

    def get_with_key(self, path: str, fields: Mapping[str, str]) -> Reply:
        """A GET whose query holds the merchant's key, as version 1 wants it. Raises ProviderUnavailable."""
        return request(
            "GET",
            f"{self.address(path)}?{urlencode(fields)}",
            headers={"accept": "application/json"},
            read_timeout_s=self.read_timeout_s,
            repeatable=True,
        )

    def redirect(self, url: str) -> PaymentAction:
        """To a page that the gateway named. Raises ProviderUnavailable where a browser should not go there."""
        if len(url) > MAX_URL_LENGTH or not is_web_address(url, loopback=self.url.startswith("http://")):
            raise ProviderUnavailable
        return PaymentAction(type="redirect", url=url)


def order_in(fields: Mapping[str, str], currency: str) -> GatewayOrder:
    return GatewayOrder(
        status=fields.get("status", ""),
        pid=fields.get("pid", ""),
        attempt_id=fields.get("out_trade_no", ""),
        reference=fields.get("trade_no", ""),
        amount=amount_in(fields, currency),
    )


def amount_in(fields: Mapping[str, str], currency: str) -> Money | None:
    """`money` in the account's currency, since the protocol names none; None for what is no plain amount."""
    try:
        return parse_decimal(fields.get("money", ""), currency)
    except ValueError:
        return None


def refund_answer(
    wanted: RefundOrder, state: RefundState, status: str, fields: Mapping[str, str] | None = None
) -> RefundAnswer:
    said = fields or {}
    return RefundAnswer(
        refund_id=wanted.refund_id,
        state=state,
        status=status,
        reference=said.get("refund_no") or None,
        amount=amount_in(said, wanted.amount.currency),
    )
