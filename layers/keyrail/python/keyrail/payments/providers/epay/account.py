"""One merchant number at one gateway, as the port to payment providers wants it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn
from urllib.parse import urlencode

from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation, Inquiry, InquiryState
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder
from keyrail.payments.model.statements import StatementLine, StatementMissing
from keyrail.payments.providers import Acknowledgement, Callback, Means, Opening, PaymentAction
from keyrail.payments.providers.epay.gateway import ABSENT, PAID, UNPAID, Gateway, Version, amount_in
from keyrail.payments.providers.epay.messages import PAID_STATUSES, callback_parameters
from keyrail.payments.providers.epay.signing import RsaSigning, private_key_of, public_key_of
from keyrail.payments.providers.epay.version_one import VersionOne
from keyrail.payments.providers.epay.version_two import VersionTwo
from keyrail.payments.providers.http_client import READ_TIMEOUT_S
from keyrail.payments.providers.settings import check_common, is_among
from keyrail.platform.addresses import is_base
from keyrail.platform.clock import NowMs, system_now_ms
from keyrail.platform.config import ConfigError, is_setting
from keyrail.platform.errors import FieldError, Invalid, SignatureInvalid
from keyrail.platform.money import MINOR_DIGITS, Money

PROVIDER = "epay"
METHODS = frozenset({"alipay", "wxpay", "qqpay"})
REQUIRED = ("pid", "trade_no", "out_trade_no", "money", "trade_status", "sign")
OF_A_REQUEST = frozenset({"notify_url", "return_url", "clientip", "device"})
INQUIRY_STATES = {UNPAID: InquiryState.OPEN, ABSENT: InquiryState.OPEN, PAID: InquiryState.PAID}
# A callback and an answer that say the same are the same statement.
PAID_WORD = "TRADE_SUCCESS"
# Gateways cut a longer name at the byte, through the middle of a character if need be.
MAX_NAME_BYTES = 127
MAX_PLATFORM_KEYS = 4
VERSIONS = (1, 2)
KEY_JOINTS = ("", "&key=")
OPENINGS = ("page", "api")
REFUNDS = ("off", "v1")


@dataclass(frozen=True, kw_only=True)
class Epay:
    """`gateway_url` is the address below which `submit.php` or `api/pay/submit` lies.

    `version` 1 signs with `key`, which follows the text directly or behind a `key_joint`; `version` 2 with
    `merchant_private_key`, and believes what one of `platform_public_keys` signed. `opening` is `page`, where the buyer
    is sent to the gateway, or `api`, where the gateway is asked for a code or a page first. `refunds` is about version
    1, whose gateways differ in what they do. `return_url` is the page for buyers whose order names none.

    Raises ConfigError when a setting is missing, empty, padded, unusable, or of the other version, and when
    `gateway_url` would send a key over a network in the clear.
    """

    account: str
    pid: str
    gateway_url: str
    key: str | None = field(default=None, repr=False)
    key_joint: str = ""
    version: int = 1
    merchant_private_key: str | None = field(default=None, repr=False)
    platform_public_keys: list[str] | None = field(default=None, repr=False)
    opening: str = "page"
    refunds: str = "off"
    currency: str = "CNY"
    return_url: str | None = None
    read_timeout_s: int = READ_TIMEOUT_S
    now_ms: NowMs = field(default=system_now_ms, repr=False)
    _version: Version = field(init=False, repr=False, compare=False)

    acknowledgement = Acknowledgement("success", "text/plain")
    statement_zone = None

    def __post_init__(self) -> None:
        for name in ("account", "pid"):
            _text(name, getattr(self, name))
        if not is_base(self.gateway_url):
            _unusable("gateway_url")
        for name, offered in (("opening", OPENINGS), ("refunds", REFUNDS), ("key_joint", KEY_JOINTS)):
            if getattr(self, name) not in offered:
                _unusable(name)
        if self.currency not in MINOR_DIGITS:
            _unusable("currency")
        if type(self.version) is not int or self.version not in VERSIONS:
            _unusable("version")
        check_common(PROVIDER, self.return_url, self.read_timeout_s)
        object.__setattr__(self, "_version", self._version_of_settings())

    def _version_of_settings(self) -> Version:
        gateway = Gateway(self.gateway_url, self.read_timeout_s)
        if self.version == 1:
            self._unused("merchant_private_key", "platform_public_keys")
            key = _text("key", self.key)
            return VersionOne(gateway, self.pid, key, self.key_joint, self.currency, self.refunds == "v1")
        self._unused("key", "key_joint", "refunds")
        signing = _rsa_signing(self.merchant_private_key, self.platform_public_keys)
        return VersionTwo(gateway, self.pid, signing, self.currency, self.now_ms)

    def _unused(self, *names: str) -> None:
        """A secret that nobody needs shall not lie about, and a setting of the other version is a misunderstanding."""
        for name in names:
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                _unusable(name)

    @property
    def merchant(self) -> str:
        return self.pid

    def check(self, amount: Money, means: Means) -> str:
        """Refuse what `open` would refuse, before anything is leased; gives back where the buyer goes afterwards.

        The protocol names no currency, so an amount in another one than the account's would be charged as if it were
        in the account's. Gateways refuse a submission without `return_url`, but only once the buyer stands before
        them; on their page the buyer may choose the method, by the API nobody can, and the API wants to know the
        buyer's address. Raises Invalid.
        """
        if means.method is None and self.opening == "api":
            raise Invalid(FieldError("payment.method", "required"))
        if means.method is not None and means.method not in METHODS:
            raise Invalid(FieldError("payment.method", "not_offered"))
        if amount.currency != self.currency:
            raise Invalid(FieldError("payment.provider", "currency_not_offered"))
        page = means.return_url or self.return_url
        if not page:
            raise Invalid(FieldError("payment.return_url", "required"))
        if self.opening == "api":
            means.payer_address()
        return page

    def open(self, attempt: PaymentAttempt, opening: Opening) -> PaymentAction:
        """The gateway's page, without a request of ours; or what its API gives for the same parameters.

        The page's address of version 1 depends on the attempt and the opening alone; that of version 2 holds a time
        stamp and serves for five minutes, after which the attempt is opened again. Raises Invalid as `check` does; by
        the API ProviderUnavailable and PaymentRefused too.
        """
        means = opening.means(attempt.method)
        return_url = self.check(attempt.amount, means)
        parameters = {
            "pid": self.pid,
            "type": attempt.method or "",
            "out_trade_no": attempt.attempt_id,
            "notify_url": opening.notify_url,
            "return_url": return_url,
            "name": _shown_name(opening.title),
            "money": attempt.amount.decimal(),
        }
        parameters = {name: value for name, value in parameters.items() if value}
        if self.opening == "api":
            return self._version.create({**parameters, "clientip": means.payer_address()})
        page = f"{self.gateway_url.rstrip('/')}/{self._version.page}"
        return PaymentAction(type="redirect", url=f"{page}?{urlencode(self._version.signed(parameters))}")

    def confirm(self, callback: Callback, now_ms: int) -> Confirmation:
        """Verify a callback and say what it claims. Raises SignatureInvalid.

        Version 1 signs requests as it signs callbacks, and a buyer sees the request: whatever their `return_url` holds,
        it is no callback, since no value may hold another parameter's name.
        """
        said = callback_parameters(callback)
        if any(not said.get(name) for name in REQUIRED) or not OF_A_REQUEST.isdisjoint(said):
            raise SignatureInvalid
        self._version.verify(said, now_ms)
        return Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=said["pid"],
            attempt_id=said["out_trade_no"],
            reference=said["trade_no"],
            amount=amount_in(said, self.currency),
            paid=said["trade_status"] in PAID_STATUSES,
            status=said["trade_status"],
        )

    def query(self, attempt: PaymentAttempt) -> Inquiry:
        """What the gateway has under the attempt's number; it has nothing before the buyer comes to its page.

        An order that was refunded, frozen or authorised beforehand is `unknown`: money moved, and not to be counted on.
        """
        order = self._version.order(attempt.attempt_id)
        state = INQUIRY_STATES.get(order.status, InquiryState.UNKNOWN)
        if order.status != ABSENT and order.attempt_id != attempt.attempt_id:
            return Inquiry(state=InquiryState.UNKNOWN)
        if state is not InquiryState.PAID:
            return Inquiry(state=state)
        if not order.pid or not order.reference:
            return Inquiry(state=InquiryState.UNKNOWN)
        said = Confirmation(
            provider=PROVIDER,
            account=self.account,
            merchant=order.pid,
            attempt_id=order.attempt_id,
            reference=order.reference,
            amount=order.amount,
            paid=True,
            status=PAID_WORD,
        )
        return Inquiry(state=state, said=said)

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Raises ProviderUnavailable where nothing was sent but a question."""
        return self._version.refund(wanted)

    def may_repeat(self, wanted: RefundOrder) -> bool:
        """A part might go back twice: behind no answer the channel may have acted, and the gateway kept nothing."""
        return wanted.amount == wanted.attempt.amount

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._version.query_refund(wanted)

    def statement(self, day: date) -> Iterator[StatementLine]:  # noqa: ARG002 - there is one of no day
        """A gateway makes none. Raises StatementMissing.

        Its list of orders is no substitute: it takes no day, holds no refunds, is not signed in either version, and
        moves under the reader, as new orders come to its front and unpaid ones are deleted from it.
        """
        raise StatementMissing


def _text(name: str, value: object) -> str:
    """Raises ConfigError for what is empty, padded with white space or no text (a `pid` given as a number, say)."""
    if not is_setting(value):
        _unusable(name)
    return value


def _rsa_signing(merchant_key: object, platform_keys: object) -> RsaSigning:
    """Raises ConfigError, which never quotes a key."""
    if not isinstance(merchant_key, str):
        _unusable("merchant_private_key")
    if not isinstance(platform_keys, list) or not 0 < len(platform_keys) <= MAX_PLATFORM_KEYS:
        _unusable("platform_public_keys")
    try:
        private = private_key_of(merchant_key)
    except ValueError:
        _unusable("merchant_private_key")
    try:
        public = tuple(public_key_of(_text("platform_public_keys", key)) for key in platform_keys)
    except ValueError:
        _unusable("platform_public_keys")
    if is_among(private, public):
        _unusable("platform_public_keys")
    return RsaSigning(private, public)


def _unusable(name: str) -> NoReturn:
    raise ConfigError(f"{PROVIDER}.{name}") from None


def _shown_name(title: str) -> str:
    """`title` as a gateway gives it back unchanged: within its limit, and without the sign that joins parameters."""
    return title.replace("&", "＆").encode()[:MAX_NAME_BYTES].decode(errors="ignore")
