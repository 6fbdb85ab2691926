"""Version 1: MD5 and a shared key; nothing that a gateway answers is signed, so only TLS says who speaks.

Sources: a gateway's `/doc/`, pages on `submit.php`, `mapi.php` and `api.php` (acts `order` and `refund`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyrail.payments.model.attempts import PaymentRefused, ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers import PaymentAction
from keyrail.payments.providers.epay.gateway import (
    ABSENT,
    NO_SUCH_ORDER,
    PAID,
    REFUNDED,
    Gateway,
    GatewayOrder,
    order_in,
    refund_answer,
)
from keyrail.payments.providers.epay.messages import reply_fields, word_of
from keyrail.payments.providers.epay.signing import Md5Signing
from keyrail.payments.providers.qr import qr_action
from keyrail.platform.errors import SignatureInvalid

DONE = "1"
# The request itself is refused; -2 is the channel's trouble, -3 and -4 are about our credentials and parameters.
CREATE_REFUSED = frozenset({"-1"})
# Refused before any channel was asked: refunds are switched off for the merchant or the site, or the key is wrong.
# Not -1, under which a channel's time-out is reported too.
REFUND_REFUSED = frozenset({"-2", "-3", "-4"})


@dataclass(frozen=True)
class VersionOne:
    gateway: Gateway
    pid: str
    key: str = field(repr=False)
    key_joint: str
    currency: str
    refunds: bool

    page = "submit.php"

    @property
    def _signing(self) -> Md5Signing:
        return Md5Signing(self.key, self.key_joint)

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return {**parameters, "sign": self._signing.sign(parameters), "sign_type": Md5Signing.sign_type}

    def verify(self, said: Mapping[str, str], now_ms: int) -> None:  # noqa: ARG002 - nothing says when it was signed
        """An old message cannot be told from a new one. A replay is harmless: it binds to the same attempt and
        reference, and the effect is the same as once. Raises SignatureInvalid.
        """
        if said.get("sign_type", Md5Signing.sign_type) != Md5Signing.sign_type:
            raise SignatureInvalid
        if not self._signing.verifies(said, said.get("sign", "")):
            raise SignatureInvalid

    def create(self, parameters: Mapping[str, str]) -> PaymentAction:
        """The same number with the same parameters opens the same payment, so it may be sent again."""
        said = reply_fields(self.gateway.post("mapi.php", self.signed(parameters), repeatable=True))
        if said.get("code") in CREATE_REFUSED:
            raise PaymentRefused
        if said.get("code") != DONE:
            raise ProviderUnavailable
        if said.get("qrcode"):
            return qr_action(said["qrcode"])
        return self.gateway.redirect(said.get("payurl", ""))

    def order(self, attempt_id: str) -> GatewayOrder:
        query = {"act": "order", "pid": self.pid, "key": self.key, "out_trade_no": attempt_id}
        said = reply_fields(self.gateway.get_with_key("api.php", query))
        if said.get("code") == DONE:
            return order_in(said, self.currency)
        if said.get("msg") in NO_SUCH_ORDER:
            return GatewayOrder(status=ABSENT)
        return GatewayOrder(status=word_of(said))

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Give the whole order back, once, though the gateway takes no number of ours for it.

        A refunded order says so, so each call looks before it asks. Between the two only another call of ours can
        come, and a channel gives no whole order back twice. A part is not refunded: of a second one nobody could tell
        whether it was the first.
        """
        if not self.refunds:
            return refund_answer(wanted, RefundState.FAILED, "not_supported")
        if wanted.amount != wanted.attempt.amount:
            return refund_answer(wanted, RefundState.FAILED, "whole_orders_only")
        order = self.order(wanted.attempt.attempt_id)
        if not self._is_ours(order, wanted) or order.status != PAID:
            return self._by_order(order, wanted)
        return self._send_refund(wanted)

    def _send_refund(self, wanted: RefundOrder) -> RefundAnswer:
        fields = {
            "pid": self.pid,
            "key": self.key,
            "out_trade_no": wanted.attempt.attempt_id,
            "money": wanted.amount.decimal(),
        }
        try:
            said = reply_fields(self.gateway.post("api.php?act=refund", fields, repeatable=False))
        except ProviderUnavailable:
            return refund_answer(wanted, RefundState.UNKNOWN, "no_answer")
        if said.get("code") == DONE:
            return refund_answer(wanted, RefundState.SUCCEEDED, DONE)
        if said.get("code") in REFUND_REFUSED:
            return refund_answer(wanted, RefundState.FAILED, word_of(said))
        return self._after(wanted, said)

    def _after(self, wanted: RefundOrder, said: Mapping[str, str]) -> RefundAnswer:
        """Newer gateways answer 0 for done, others mean an error by it; the order tells which."""
        try:
            order = self.order(wanted.attempt.attempt_id)
        except ProviderUnavailable:
            order = GatewayOrder(status="")
        if self._is_ours(order, wanted) and order.status == REFUNDED:
            return refund_answer(wanted, RefundState.SUCCEEDED, REFUNDED)
        return refund_answer(wanted, RefundState.UNKNOWN, word_of(said))

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._by_order(self.order(wanted.attempt.attempt_id), wanted)

    def _by_order(self, order: GatewayOrder, wanted: RefundOrder) -> RefundAnswer:
        """What the order alone says of its refund."""
        if self._is_ours(order, wanted) and order.status == REFUNDED:
            return refund_answer(wanted, RefundState.SUCCEEDED, REFUNDED)
        return refund_answer(wanted, RefundState.UNKNOWN, order.status)

    def _is_ours(self, order: GatewayOrder, wanted: RefundOrder) -> bool:
        said = (order.pid, order.attempt_id, order.amount)
        return said == (self.pid, wanted.attempt.attempt_id, wanted.attempt.amount)
