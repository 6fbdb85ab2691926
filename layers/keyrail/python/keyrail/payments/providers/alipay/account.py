"""One app of a seller at Alipay."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from keyrail.payments.model.attempts import PaymentAttempt, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry
from keyrail.payments.model.refunds import RefundAnswer, RefundNotice, RefundOrder, RefundState
from keyrail.payments.model.statements import StatementLine
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.payments.providers.alipay import CURRENCY, PROVIDER, bills, trades
from keyrail.payments.providers.alipay.answers import Answer
from keyrail.payments.providers.alipay.asking import BEIJING, Gateway, beijing_time
from keyrail.payments.providers.alipay.callbacks import meaning, merchant_of, verified
from keyrail.payments.providers.alipay.signing import private_key_of, public_key_of
from keyrail.payments.providers.http_client import READ_TIMEOUT_S
from keyrail.payments.providers.qr import qr_action
from keyrail.payments.providers.settings import check_common, is_among
from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import FieldError, Invalid
from keyrail.platform.money import Money

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

PRECREATE = "alipay.trade.precreate"
QR, PAGE, WAP = "qr", "page", "wap"
DEFAULT_METHOD = PAGE
# The page's method and the product that it sells; opendocs.alipay.com/open/028r8t (page), /02ivbs (WAP).
PAGES = {
    PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    WAP: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
}
NUMBERS = frozenset({"app_id", "seller_id"})
MIN_AMOUNT_MINOR = 1
MAX_AMOUNT_MINOR = 100_000_000_00
MAX_TEXT_LENGTH = 256

# `/`, `=` and `&` are refused in a subject; a comma would end its column in the bill.
_SHOWN = str.maketrans({"/": "／", "=": "＝", "&": "＆", ",": "，", '"': "＂"})


@dataclass(frozen=True)
class Alipay:
    """One app, and the seller (a 2088… number) whose money it takes, in public-key mode.

    `alipay_public_keys` are Alipay's, one of which signs; there are two while Alipay's key is exchanged. `return_url`
    is the page for buyers whose order names none. Raises ConfigError when a setting is missing, empty, padded or no
    key, and when `gateway_url` would send requests over a network in the clear.
    """

    account: str
    app_id: str
    seller_id: str
    private_key: str = field(repr=False)
    alipay_public_keys: tuple[str, ...] = field(repr=False)
    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    return_url: str | None = None
    read_timeout_s: int = READ_TIMEOUT_S
    now_ms: NowMs = field(default=system_now_ms, repr=False)

    gateway: Gateway = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = BEIJING

    def __post_init__(self) -> None:
        for name in ("account", "app_id", "seller_id"):
            value: object = getattr(self, name)
            if not is_setting(value):
                raise ConfigError(f"{PROVIDER}.{name}")
            if name in NUMBERS and not (value.isascii() and value.isdigit()):
                raise ConfigError(f"{PROVIDER}.{name}")
        if not is_base(self.gateway_url):
            raise ConfigError(f"{PROVIDER}.gateway_url")
        check_common(PROVIDER, self.return_url, self.read_timeout_s)
        gateway = Gateway(
            url=self.gateway_url,
            app_id=self.app_id,
            private_key=_private_key(self.private_key),
            public_keys=_public_keys(self.alipay_public_keys),
            read_timeout_s=self.read_timeout_s,
            now_ms=self.now_ms,
        )
        if is_among(gateway.private_key, gateway.public_keys):
            raise ConfigError(f"{PROVIDER}.alipay_public_keys")
        object.__setattr__(self, "gateway", gateway)

    @property
    def merchant(self) -> str:
        return merchant_of(self.app_id, self.seller_id)

    def check(self, amount: Money, means: Means) -> str:
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        A buyer who scans a code goes nowhere. Raises Invalid.
        """
        chosen = means.method or DEFAULT_METHOD
        if means.method == "" or chosen not in {QR, *PAGES}:
            raise Invalid(FieldError("payment.method", "not_offered"))
        if amount.currency != CURRENCY:
            raise Invalid(FieldError("payment.provider", "currency_not_offered"))
        if not MIN_AMOUNT_MINOR <= amount.amount_minor <= MAX_AMOUNT_MINOR:
            raise Invalid(FieldError("payment.provider", "amount_not_offered"))
        page = means.return_url or self.return_url or ""
        if not page and chosen != QR:
            raise Invalid(FieldError("payment.return_url", "required"))
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """A QR code, for which Alipay is asked, or the address of its page, for which it is not.

        Alipay knows the trade by the attempt's number, so that opening it twice is the same payment; it ends with the
        order. Raises Invalid as `check` does, PaymentRefused, ProviderUnavailable.
        """
        return_url = self.check(attempt.amount, opening.means(attempt.method))
        content = {
            "out_trade_no": attempt.attempt_id,
            "total_amount": attempt.amount.decimal(),
            "subject": _shown(opening.title),
            "time_expire": beijing_time(opening.expires_at_ms),
        }
        chosen = attempt.method or DEFAULT_METHOD
        if chosen == QR:
            return self._qr_code(attempt, content, opening.notify_url)
        method, product = PAGES[chosen]
        content["product_code"] = product
        if chosen == WAP:
            content["quit_url"] = return_url
        url = self.gateway.page(method, content, notify_url=opening.notify_url, return_url=return_url)
        return PaymentAction(type="redirect", url=url)

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation | RefundNotice | None:  # noqa: ARG002 - the port's
        """Verify a notification and say what it claims.

        `notify_time` is signed but is no freshness: Alipay posts the same notification for more than a day. So an old
        one is taken as it was the first time. A replayed payment binds to the same attempt and reference, and the
        effect is the same as once; a replayed refund makes us ask Alipay again. Raises SignatureInvalid.
        """
        return meaning(verified(callback, self.gateway.public_keys), self.account, self.merchant)

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        """Ask about an attempt. Raises ProviderUnavailable."""
        answer = self.gateway.ask(trades.QUERY, {"out_trade_no": attempt.attempt_id})
        return trades.inquiry_of(answer, attempt, self.merchant)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Give money back, once for one `refund_id`, in whatever round: a number that was refused stays free.

        Without an answer it is unknown: it may have been sent. A refusal of the first request ends it, for no other is
        on its way: that is why it is sent once only. One of a repetition does not tell what became of the requests
        before it, so that counts what Alipay says when it is asked.
        """
        try:
            request = trades.refund_request(wanted, _shown(wanted.reason))
            told = trades.refund_of(self.gateway.ask(trades.REFUND, request, repeatable=False), wanted)
            if told.state is RefundState.FAILED and wanted.repeated:
                return trades.refund_refused(told, self._ask_about(wanted), wanted)
        except ProviderUnavailable:
            return RefundAnswer(refund_id=wanted.refund_id, state=RefundState.UNKNOWN, status=trades.NO_ANSWER)
        return told

    def may_repeat(self, wanted: RefundOrder) -> bool:  # noqa: ARG002 - the port's
        return True

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Alipay wants ten seconds between a refund and the question. Raises ProviderUnavailable."""
        return trades.refund_queried(self._ask_about(wanted), wanted)

    def _ask_about(self, wanted: RefundOrder) -> Answer:
        return self.gateway.ask(trades.REFUND_QUERY, trades.refund_query(wanted))

    def statement(self, day: date) -> Iterator[StatementLine]:
        """The bill of a day in Beijing, which Alipay makes by nine on the next morning.

        Raises StatementMissing, ProviderUnavailable, and while it is read StatementUnreadable.
        """
        return bills.statement(self.gateway, day)

    def _qr_code(self, attempt: PaymentAttempt, content: dict[str, str], notify_url: str) -> PaymentAction:
        answer = self.gateway.ask(PRECREATE, content, notify_url=notify_url)
        trades.check_opened(answer, attempt)
        return qr_action(answer.text("qr_code"))


def _shown(text: str) -> str:
    """`text` as Alipay takes it for a subject or a reason, and gives it back unchanged."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable.translate(_SHOWN)[:MAX_TEXT_LENGTH]


def _private_key(text: object) -> "RSAPrivateKey":
    """White space around a key is a file's last line, and no part of it."""
    if not isinstance(text, str):
        raise ConfigError(f"{PROVIDER}.private_key")
    try:
        return private_key_of(text)
    except ValueError:
        raise ConfigError(f"{PROVIDER}.private_key") from None


def _public_keys(texts: object) -> "tuple[RSAPublicKey, ...]":
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{PROVIDER}.alipay_public_keys")
    try:
        return tuple(public_key_of(text) for text in texts)
    except ValueError:
        raise ConfigError(f"{PROVIDER}.alipay_public_keys") from None
