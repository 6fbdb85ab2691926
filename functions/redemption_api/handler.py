"""`/v1/redemptions*` for whoever holds a code, `/partner/v1/redemptions*` for tills that sign."""

from functions.redemption_api.app import Settings, api, holder, redemption, signer, signer_once
from functions.redemption_api.schemas import (
    ActivateIn,
    ActivationOut,
    RedeemIn,
    RedemptionOut,
    ReverseIn,
    VerificationOut,
    VerifyIn,
    presented,
)
from keyrail.inventory.model.keys import KeyFrozen, KeyVoid, NotSold
from keyrail.platform.documents import view
from keyrail.platform.errors import IdempotencyConflict, Invalid, SignatureInvalid
from keyrail.platform.http import Call
from keyrail.redemption.model import (
    AlreadyRedeemed,
    CodeUnknown,
    NoLongerValid,
    NotActive,
    NotReversible,
    NotYetValid,
    RedemptionUnknown,
    UsedTooOften,
    ValueInsufficient,
    Wanted,
    WrongDay,
    WrongHour,
    WrongPlace,
)
from keyrail.risk.model import TooManyAttempts
from keyrail.vault.codes import MistypedCode

__all__ = ["Settings", "api", "handler"]

handler = api

_OF_ANY_CODE = (Invalid, MistypedCode, CodeUnknown, NotSold, TooManyAttempts)
_OF_A_STANDING_CODE = (*_OF_ANY_CODE, KeyFrozen, KeyVoid, AlreadyRedeemed, NotActive, NotYetValid, NoLongerValid)
_OF_A_REDEMPTION = (
    *_OF_A_STANDING_CODE,
    WrongDay,
    WrongHour,
    WrongPlace,
    ValueInsufficient,
    UsedTooOften,
    IdempotencyConflict,
)
_OF_A_REVERSAL = (Invalid, MistypedCode, CodeUnknown, TooManyAttempts, KeyFrozen, KeyVoid)


def verify(call: Call) -> VerificationOut:
    body: VerifyIn = call.body
    return VerificationOut.of(redemption().verify(presented(body), body.location, call.caller))


def activate(call: Call) -> ActivationOut:
    body: ActivateIn = call.body
    return view(ActivationOut, redemption().activate(presented(body), body.actor, call.caller))


def redeem(call: Call) -> RedemptionOut:
    body: RedeemIn = call.body
    return view(RedemptionOut, redemption().redeem(presented(body), view(Wanted, body), call.caller))


def reverse(call: Call) -> RedemptionOut:
    body: ReverseIn = call.body
    return view(RedemptionOut, redemption().reverse(presented(body), body.redemption_id, body.actor, call.caller))


api.operation(
    "POST",
    "/v1/redemptions/verify",
    summary="How a code stands now",
    body=VerifyIn,
    answer=VerificationOut,
    raises=_OF_ANY_CODE,
    admit=holder,
)(verify)
api.operation(
    "POST",
    "/v1/redemptions/activate",
    summary="Make a code active that is so on demand; asked again while it is, the same answer",
    body=ActivateIn,
    answer=ActivationOut,
    raises=_OF_A_STANDING_CODE,
    admit=holder,
)(activate)
api.operation(
    "POST",
    "/v1/redemptions",
    summary="Redeem a code once, or an amount of a value card",
    body=RedeemIn,
    answer=RedemptionOut,
    raises=_OF_A_REDEMPTION,
    admit=holder,
)(redeem)
api.operation(
    "POST",
    "/partner/v1/redemptions/verify",
    summary="How a code stands now",
    body=VerifyIn,
    answer=VerificationOut,
    raises=(SignatureInvalid, *_OF_ANY_CODE),
    admit=signer,
)(verify)
api.operation(
    "POST",
    "/partner/v1/redemptions/activate",
    summary="Make a code active: one that is so on demand, or a printed one that is sold over the counter",
    body=ActivateIn,
    answer=ActivationOut,
    raises=(SignatureInvalid, *_OF_A_STANDING_CODE),
    admit=signer_once,
)(activate)
api.operation(
    "POST",
    "/partner/v1/redemptions",
    summary="Redeem a code once, or an amount of a value card",
    body=RedeemIn,
    answer=RedemptionOut,
    raises=(SignatureInvalid, *_OF_A_REDEMPTION),
    admit=signer,
)(redeem)
api.operation(
    "POST",
    "/partner/v1/redemptions/reverse",
    summary="Take your own redemption back, once, while the terms of its SKU allow it",
    body=ReverseIn,
    answer=RedemptionOut,
    raises=(SignatureInvalid, *_OF_A_REVERSAL, RedemptionUnknown, NotReversible),
    admit=signer,
)(reverse)
