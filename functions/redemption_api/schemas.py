"""What tills and holders of codes send and are told. A code is posted, never part of an address, never in an answer."""

from typing import Annotated, Any

from keyrail.catalog.model import MAX_PLACE_LENGTH, Activation
from keyrail.platform.documents import Text, incoming, outgoing, view
from keyrail.platform.money import Money
from keyrail.redemption.model import Presented, Verified

Code = Annotated[str, Text(r"^[\s\S]{1,256}$")]
RedemptionId = Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Place = Annotated[str, Text(f"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_PLACE_LENGTH - 1}}}$")]
Actor = Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9._@-]{0,31}$")]
Issuer = Annotated[str, Text("^[a-z0-9][a-z0-9-]{0,62}$")]


def presented(body: Any) -> Presented:
    return Presented(code=body.code, issuer=body.issuer)


@incoming
class VerifyIn:
    """`issuer` is named for codes that somebody else made: they have no check symbol of ours."""

    code: Code
    location: Place | None = None
    issuer: Issuer | None = None


@incoming
class ActivateIn:
    code: Code
    actor: Actor | None = None
    issuer: Issuer | None = None


@incoming
class RedeemIn:
    """`redemption_id` is the caller's own name for this one redemption, different for each: sent again with the same
    code, it leads to the same answer. `amount` is for value cards alone.
    """

    code: Code
    redemption_id: RedemptionId
    amount: Money | None = None
    location: Place | None = None
    actor: Actor | None = None
    issuer: Issuer | None = None


@incoming
class ReverseIn:
    code: Code
    redemption_id: RedemptionId
    actor: Actor | None = None
    issuer: Issuer | None = None


@outgoing
class RedemptionOut:
    """`uses_left` and `value_left` are what was left after this redemption, or after it was taken back where that was
    asked for; they stay so. `reversed_at`: it was taken back.
    """

    redemption_id: str
    sku_id: str
    redeemed_at: str
    location: str | None
    amount: Money | None
    uses_left: int | None
    value_left: Money | None
    reversed_at: str | None


@outgoing
class ActivationOut:
    """`active_until` is left out where a code is active for as long as it is valid."""

    sku_id: str
    activation: Activation
    active_until: str | None


@outgoing
class HoursOut:
    """`HH:MM` where the business is; what ends after midnight belongs to the day on which it began."""

    opens: str
    closes: str


@outgoing
class VerificationOut:
    """`refusal` is the code of the problem that redeeming would meet now; left out where it would not.

    `facts` are what that problem names: of one that is used up, the first redemption.
    """

    sku_id: str
    redeemable: bool
    refusal: str | None
    facts: dict[str, str | int] | None
    activation: Activation
    active_until: str | None
    uses_left: int | None
    value_left: Money | None
    valid_from: str | None
    valid_to: str | None
    last_day: str | None
    weekdays: tuple[int, ...] | None
    hours: HoursOut | None
    locations: tuple[str, ...] | None

    @classmethod
    def of(cls, found: Verified) -> "VerificationOut":
        terms = found.terms
        return view(
            cls,
            found,
            redeemable=found.refusal is None,
            facts=found.facts or None,
            activation=terms.activation,
            valid_from=view(_Validity, terms).valid_from,
            valid_to=view(_Validity, terms).valid_to,
            weekdays=terms.weekdays,
            hours=_hours(terms.opens, terms.closes),
            locations=terms.places,
        )


@outgoing
class _Validity:
    valid_from: str | None
    valid_to: str | None


def _hours(opens: int | None, closes: int | None) -> HoursOut | None:
    return None if opens is None or closes is None else HoursOut(opens=_clock(opens), closes=_clock(closes))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
