"""Version 2: RSA both ways, a time stamp in each message, and refunds under a number of ours.

A gateway signs what it did and what it refused to do; what it did not understand it answers unsigned. So an unsigned
reply is believed only where that changes nothing: a refused opening, an order or a refund that it does not have.

Sources: a gateway's `/doc/`, pages on signing, `/api/pay/submit`, `create`, `query`, `refund` and `refundquery`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from keyrail.payments.model.attempts import PaymentRefused, ProviderUnavailable
from keyrail.payments.model.refunds import RefundAnswer, RefundOrder, RefundState
from keyrail.payments.providers import PaymentAction
from keyrail.payments.providers.epay.gateway import (
    ABSENT,
    NO_SUCH_ORDER,
    Gateway,
    GatewayOrder,
    amount_in,
    order_in,
    refund_answer,
)
from keyrail.payments.providers.epay.messages import reply_fields, word_of
from keyrail.payments.providers.epay.signing import RsaSigning
from keyrail.payments.providers.qr import qr_action
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import SignatureInvalid

DONE = "0"
CREATE_REFUSED = frozenset({"-1"})
REFUND_STATES = {"0": RefundState.FAILED, "1": RefundState.SUCCEEDED}
TOLERANCE_S = 300

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")


@dataclass(frozen=True)
class VersionTwo:
    gateway: Gateway
    pid: str
    signing: RsaSigning = field(repr=False)
    currency: str
    now_ms: NowMs = field(repr=False)

    page = "api/pay/submit"

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        stamped = {**parameters, "timestamp": str(self.now_ms() // 1000)}
        return {**stamped, "sign": self.signing.sign(stamped), "sign_type": RsaSigning.sign_type}

    def verify(self, said: Mapping[str, str], now_ms: int) -> None:
        """Raises SignatureInvalid for a forged message, and for one from more than five minutes before or after."""
        if said.get("sign_type") != RsaSigning.sign_type or not self.signing.verifies(said, said.get("sign", "")):
            raise SignatureInvalid
        timestamp = said.get("timestamp", "")
        if not _TIMESTAMP.fullmatch(timestamp) or abs(now_ms - int(timestamp) * 1000) > TOLERANCE_S * 1000:
            raise SignatureInvalid

    def _ask(self, path: str, parameters: Mapping[str, str], *, repeatable: bool) -> tuple[dict[str, str], bool]:
        """The reply, and whether it is signed.

        Raises ProviderUnavailable as `reply_fields` does, for a bad signature, and for an unsigned success.
        """
        said = reply_fields(self.gateway.post(path, self.signed(parameters), repeatable=repeatable))
        if "sign" not in said and said.get("code", DONE) != DONE:
            return said, False
        try:
            self.verify(said, self.now_ms())
        except SignatureInvalid:
            raise ProviderUnavailable from None
        return said, True

    def create(self, parameters: Mapping[str, str]) -> PaymentAction:
        """The same number with the same parameters opens the same payment, so it may be sent again."""
        said, _ = self._ask("api/pay/create", {**parameters, "method": "web"}, repeatable=True)
        if said.get("code") in CREATE_REFUSED:
            raise PaymentRefused
        if said.get("code") != DONE:
            raise ProviderUnavailable
        content = said.get("pay_info", "")
        match said.get("pay_type"):
            case "qrcode":
                return qr_action(content)
            case "jump":
                return self.gateway.redirect(content)
        raise ProviderUnavailable

    def order(self, attempt_id: str) -> GatewayOrder:
        said, signed = self._ask("api/pay/query", {"pid": self.pid, "out_trade_no": attempt_id}, repeatable=True)
        if signed and said.get("code") == DONE:
            return order_in(said, self.currency)
        if said.get("msg") in NO_SUCH_ORDER:
            return GatewayOrder(status=ABSENT)
        return GatewayOrder(status=word_of(said))

    def refund(self, wanted: RefundOrder) -> RefundAnswer:
        """Refund under our number. The gateway gives back once what it has recorded under it.

        It records a refund when the channel has made it, and looks only before it asks the channel; so a second
        request while the first is still under way could pay twice. Hence the look, which leaves only a repeat within
        the seconds of an unanswered one. A signed refusal is `failed` and no invitation to try again: behind it may
        lie a channel's time-out, of which the gateway keeps nothing, and a part would then be given back twice.
        """
        recorded = self._recorded(wanted)
        if recorded is not None and recorded.state is not RefundState.FAILED:
            return recorded
        fields = {
            "pid": self.pid,
            "out_trade_no": wanted.attempt.attempt_id,
            "money": wanted.amount.decimal(),
            "out_refund_no": wanted.refund_id,
        }
        try:
            said, signed = self._ask("api/pay/refund", fields, repeatable=False)
        except ProviderUnavailable:
            return refund_answer(wanted, RefundState.UNKNOWN, "no_answer")
        if not signed:
            return refund_answer(wanted, RefundState.UNKNOWN, word_of(said))
        if said.get("code") != DONE:
            return refund_answer(wanted, RefundState.FAILED, word_of(said))
        if not self._is_ours(said, wanted):
            return refund_answer(wanted, RefundState.UNKNOWN, "another_refund")
        return refund_answer(wanted, RefundState.SUCCEEDED, DONE, said)

    def query_refund(self, wanted: RefundOrder) -> RefundAnswer:
        return self._recorded(wanted) or refund_answer(wanted, RefundState.UNKNOWN, "not_recorded")

    def _recorded(self, wanted: RefundOrder) -> RefundAnswer | None:
        """The refund as the gateway has it, None where it has none. Raises ProviderUnavailable."""
        asked = {"pid": self.pid, "out_refund_no": wanted.refund_id}
        said, signed = self._ask("api/pay/refundquery", asked, repeatable=True)
        if not signed or said.get("code") != DONE:
            return None
        if not self._is_ours(said, wanted) or said.get("out_trade_no") != wanted.attempt.attempt_id:
            return refund_answer(wanted, RefundState.UNKNOWN, "another_refund")
        status = said.get("status", "")
        return refund_answer(wanted, REFUND_STATES.get(status, RefundState.UNKNOWN), status, said)

    def _is_ours(self, said: Mapping[str, str], wanted: RefundOrder) -> bool:
        return (said.get("out_refund_no"), amount_in(said, self.currency)) == (wanted.refund_id, wanted.amount)
