"""One merchant number under one app at WeChat Pay."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote, urlsplit

from keyrail.payments.model.attempts import PaymentAttempt, PaymentRefused, ProviderUnavailable
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundNotice, RefundOrder, refund_id_of
from keyrail.payments.model.statements import StatementLine
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.payments.providers.http_client import READ_TIMEOUT_S
from keyrail.payments.providers.settings import check_common, is_among
from keyrail.payments.providers.wechatpay import opening as starts
from keyrail.payments.providers.wechatpay import refunds
from keyrail.payments.providers.wechatpay.callbacks import KEY_BYTES, PAYMENT_EVENTS, Notice, notice
from keyrail.payments.providers.wechatpay.exchange import Exchange
from keyrail.payments.providers.wechatpay.signing import MerchantKey, PlatformKeys, merchant_key, platform_key
from keyrail.payments.providers.wechatpay.statements import statement
from keyrail.payments.providers.wechatpay.transactions import PROVIDER, confirmation, inquiry, merchant_name
from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.json_objects import text
from keyrail.platform.money import Money

# Said of an order that WeChat will never open; other refusals are about our keys, our haste, or an order that was
# opened before and can still be paid.
REFUSALS = frozenset({"PARAM_ERROR", "ORDER_CLOSED"})
# An order that was never opened. Nobody has paid it, and it may be opened still.
NEVER_OPENED = frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"})

_MERCHANT_NUMBER = re.compile(r"[0-9]{6,32}")
_WORD = re.compile(r"[0-9A-Za-z]{4,64}")


def _random_nonce() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True)
class WechatPay:
    """`serial` is that of the merchant's certificate, to which `private_key` belongs (PEM).

    `platform_keys` are WeChat's, PEM by name: `PUB_KEY_ID_…` with a public key, or a certificate's serial number with
    the certificate; each verifies. `apiv3_keys` open notices; beside the present one there may be the one before.
    `methods` are those that WeChat has granted to the merchant; the first stands in where a buyer names none.

    Raises ConfigError when a setting is missing, empty, padded or unusable, and when `api_base` would send requests
    over a network in the clear.
    """

    account: str
    mchid: str
    appid: str
    serial: str
    private_key: str = field(repr=False)
    platform_keys: Mapping[str, str] = field(repr=False)
    apiv3_keys: Sequence[str] = field(repr=False)
    methods: Sequence[str] = (starts.NATIVE,)
    api_base: str = "https://api.mch.weixin.qq.com"
    return_url: str | None = None
    read_timeout_s: int = READ_TIMEOUT_S
    now_ms: NowMs = field(default=system_now_ms, repr=False)
    nonce: Callable[[], str] = field(default=_random_nonce, repr=False)
    _exchange: Exchange = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("", "text/plain")
    statement_zone = starts.BEIJING

    def __post_init__(self) -> None:
        for name, right in (
            ("account", is_setting(self.account)),
            ("mchid", is_setting(self.mchid) and bool(_MERCHANT_NUMBER.fullmatch(self.mchid))),
            ("appid", is_setting(self.appid) and bool(_WORD.fullmatch(self.appid))),
            ("serial", is_setting(self.serial) and bool(_WORD.fullmatch(self.serial))),
            ("apiv3_keys", _is_list_of(self.apiv3_keys, lambda key: len(key.encode()) == KEY_BYTES)),
            ("methods", _is_list_of(self.methods, lambda method: method in starts.METHODS)),
            # A path would be signed otherwise than sent.
            ("api_base", is_base(self.api_base) and not urlsplit(self.api_base).path.strip("/")),
        ):
            if not right:
                raise ConfigError(f"{PROVIDER}.{name}")
        check_common(PROVIDER, self.return_url, self.read_timeout_s)
        merchant, platform = self._merchant_key(), self._platform_keys()
        if is_among(merchant.key, platform.keys.values()):
            raise ConfigError(f"{PROVIDER}.platform_keys")
        exchange = Exchange(self.api_base, merchant, platform, self.read_timeout_s, self.now_ms, self.nonce)
        object.__setattr__(self, "_exchange", exchange)

    @property
    def merchant(self) -> str:
        return merchant_name(self.mchid, self.appid)

    def check(self, amount: Money, means: Means) -> str:
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        That is nowhere if nobody says: a page that shows a QR code stays where it is. Some methods need the payer's
        address or openid. Raises Invalid.
        """
        if means.method is not None and means.method not in self.methods:
            raise Invalid(FieldError("payment.method", "not_offered"))
        if amount.currency != starts.CURRENCY:
            raise Invalid(FieldError("payment.provider", "currency_not_offered"))
        starts.payer(means.method or self.methods[0], means)
        return means.return_url or self.return_url or ""

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """An order at WeChat under the attempt's number: a picture to scan, WeChat's page, or a call inside WeChat.

        Raises Invalid as `check` does, PaymentRefused, ProviderUnavailable.
        """
        means = opening.means(attempt.method)
        return_url = self.check(attempt.amount, means)
        method = attempt.method or self.methods[0]
        order = starts.order(attempt, opening, self.mchid, self.appid) | starts.payer(method, means)
        answer = self._exchange.post(f"/v3/pay/transactions/{method}", order)
        if answer.refusal in REFUSALS:
            raise PaymentRefused
        if answer.refusal is not None:
            raise ProviderUnavailable
        if method == starts.JSAPI:
            at_s, nonce = self.now_ms() // 1000, self.nonce()
            return starts.jsapi_action(answer.said, self._exchange.merchant, self.appid, at_s, nonce)
        return starts.h5_action(answer.said, return_url) if method == starts.H5 else starts.qr_action(answer.said)

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation | RefundNotice | None:
        """Verify a notice and say what it claims; None for one that is about nothing of ours.

        A key that is not in the settings is never fetched. Raises SignatureInvalid.
        """
        told = notice(callback, self._exchange.platform, self.apiv3_keys, now_ms)
        if told is None:
            return None
        if told.event not in PAYMENT_EVENTS:
            return self._refund_notice(told)
        confirmed = confirmation(told.resource, self.account)
        if confirmed is None:
            raise SignatureInvalid
        return confirmed

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        """Raises ProviderUnavailable."""
        number = quote(attempt.attempt_id, safe="")
        answer = self._exchange.get(f"/v3/pay/transactions/out-trade-no/{number}?mchid={self.mchid}")
        if answer.refusal is not None:
            return Inquiry(state=InquiryState.OPEN if answer.refusal in NEVER_OPENED else InquiryState.UNKNOWN)
        return inquiry(answer.said, self.account, attempt.attempt_id)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        return refunds.refund(self._exchange, wanted)

    def may_repeat(self, wanted: RefundOrder) -> bool:  # noqa: ARG002 - the port's
        return True

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Raises ProviderUnavailable."""
        return refunds.query_refund(self._exchange, wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:
        """A day of Beijing's, from ten in the morning of the next one on.

        Raises StatementMissing, ProviderUnavailable.
        """
        return statement(self._exchange, day, self.mchid, self.appid)

    def _refund_notice(self, told: Notice) -> RefundNotice | None:
        """It names the merchant number and no app. Raises SignatureInvalid where it does not name the refund."""
        number, refund_id = text(told.resource, "out_trade_no"), text(told.resource, "out_refund_no")
        if text(told.resource, "mchid") != self.mchid:
            return None
        if not number or not refund_id:
            raise SignatureInvalid
        status = text(told.resource, "refund_status")
        return RefundNotice(
            provider=PROVIDER,
            account=self.account,
            attempt_id=number,
            refund_id=refund_id_of(refund_id),
            payment_reference=text(told.resource, "transaction_id"),
            reference=text(told.resource, "refund_id"),
            amount=refunds.noticed_amount(told.resource),
            status=status,
            moved=status in refunds.MOVED,
        )

    def _merchant_key(self) -> MerchantKey:
        try:
            return MerchantKey(self.mchid, self.serial, merchant_key(self.private_key))
        except (ValueError, AttributeError):
            raise ConfigError(f"{PROVIDER}.private_key") from None

    def _platform_keys(self) -> PlatformKeys:
        try:
            keys = {name: platform_key(name, pem) for name, pem in self.platform_keys.items()}
        except (ValueError, AttributeError, TypeError):
            raise ConfigError(f"{PROVIDER}.platform_keys") from None
        if not keys:
            raise ConfigError(f"{PROVIDER}.platform_keys")
        return PlatformKeys(keys)


def _is_list_of(values: object, right: Callable[[str], bool]) -> bool:
    """A single text is no list: it would come apart into its letters."""
    return isinstance(values, list | tuple) and bool(values) and all(is_setting(v) and right(v) for v in values)
