"""Goods used: who presents a code, what they are told, and why not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from keyrail.catalog.model import Activation, Terms
from keyrail.inventory.model.keys import Key, KeyFrozen, KeyVoid, NotSold
from keyrail.inventory.model.redeeming import FOREVER_MS, Obstacle, first_use, left_after, reversal_of, uses_left
from keyrail.inventory.model.uses import Use
from keyrail.platform.changes import Origin
from keyrail.platform.clock import rfc3339
from keyrail.platform.errors import Conflict, FieldError, Invalid, KeyrailError, NotFound
from keyrail.platform.money import Money
from keyrail.risk.model import Counted, Dimension, by_address

PUBLIC = "*"
"""Whoever holds a code and signs nothing; no credential can be called so."""


class CodeUnknown(NotFound):
    code = "code_unknown"
    title = "There is no such code."
    title_zh = "兑换码不存在。"


class AlreadyRedeemed(Conflict):
    """Nothing is left of it. Names the first redemption: which, when and where."""

    code = "already_redeemed"
    title = "This code has been redeemed already."
    title_zh = "该兑换码已被核销。"


class NotActive(Conflict):
    code = "not_active"
    title = "This code has to be activated first."
    title_zh = "该兑换码尚未激活。"


class NotYetValid(Conflict):
    code = "not_yet_valid"
    title = "This code is not valid yet."
    title_zh = "该兑换码尚未生效。"


class NoLongerValid(Conflict):
    code = "no_longer_valid"
    title = "This code is no longer valid."
    title_zh = "该兑换码已过期。"


class WrongDay(Conflict):
    code = "wrong_day"
    title = "This code is not taken on this day of the week."
    title_zh = "该兑换码今日不可使用。"


class WrongHour(Conflict):
    code = "wrong_hour"
    title = "This code is not taken at this hour."
    title_zh = "该兑换码当前时段不可使用。"


class WrongPlace(Conflict):
    code = "wrong_place"
    title = "This code is not taken here."
    title_zh = "该兑换码不可在此门店使用。"


class ValueInsufficient(Conflict):
    """Names what is left."""

    code = "value_insufficient"
    title = "Not enough is left on this code."
    title_zh = "该兑换码余额不足。"


class UsedTooOften(Conflict):
    """A key keeps account of so many uses and reversals and no more (`uses.MAX_ENTRIES`)."""

    code = "used_too_often"
    title = "This code was used and reversed too often; please contact the shop."
    title_zh = "该兑换码核销及撤销次数过多，请联系商家。"


class RedemptionUnknown(NotFound):
    code = "redemption_unknown"
    title = "You have made no such redemption of this code."
    title_zh = "未找到您的该笔核销。"


class NotReversible(Conflict):
    """Too late, or its SKU lets nobody take a redemption back."""

    code = "not_reversible"
    title = "This redemption can no longer be reversed."
    title_zh = "该笔核销已不可撤销。"


@dataclass(frozen=True)
class Caller:
    """`by` is what the names of their redemptions are told apart by: a signed call's credential, else PUBLIC."""

    by: str
    address: str

    @property
    def is_signed(self) -> bool:
        return self.by != PUBLIC

    @property
    def counted(self) -> Counted:
        """What their failed attempts count for."""
        return Counted(Dimension.CREDENTIAL, self.by) if self.is_signed else by_address(self.address)

    def origin(self, actor: str | None = None) -> Origin:
        """`actor` is a signed caller's word for who stands at the till; of a stranger it would mean nothing."""
        if not self.is_signed:
            return Origin("holder", self.address)
        return Origin(f"partner:{self.by}/{actor}" if actor else f"partner:{self.by}", self.address)


@dataclass(frozen=True, kw_only=True)
class Presented:
    """A code as somebody typed it; `issuer` names who made it, unless we did."""

    code: str = field(repr=False)
    issuer: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A redemption that somebody asks for, by their own name of it."""

    redemption_id: str
    amount: Money | None = None
    location: str | None = None
    actor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Redeemed:
    """A redemption as it was made. What was left is told as of then, and stays the same however late one asks."""

    redemption_id: str
    sku_id: str
    redeemed_at_ms: int
    location: str | None
    amount: Money | None
    uses_left: int | None
    value_left: Money | None
    reversed_at_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Verified:
    """How a code stands now; `refusal` is the code of the error that redeeming it would meet."""

    sku_id: str
    refusal: str | None
    terms: Terms
    uses_left: int | None
    value_left: Money | None
    active_until_ms: int | None
    last_day: str | None
    facts: dict[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Activated:
    """`active_until_ms` None: for as long as the code is valid at all."""

    sku_id: str
    activation: Activation
    active_until_ms: int | None


def redeemed(key: Key, entry: int) -> Redeemed:
    """The use of that number; what was left is told as of the use itself."""
    return _redeemed(key, entry, entry)


def taken_back(key: Key, entry: int) -> Redeemed:
    """The use of that number, which was taken back; what was left is told as of then."""
    back = reversal_of(key, (key.uses or ())[entry])
    return _redeemed(key, entry, entry if back is None else back)


def _redeemed(key: Key, entry: int, told_of: int) -> Redeemed:
    use = (key.uses or ())[entry]
    value = key.terms.value if key.terms else None
    left, back = left_after(key, told_of), reversal_of(key, use)
    return Redeemed(
        redemption_id=use.name,
        sku_id=key.sku_id,
        redeemed_at_ms=use.at_ms,
        location=use.place,
        amount=Money(use.spent, value.currency) if value else None,
        uses_left=None if value else left,
        value_left=Money(left, value.currency) if value else None,
        reversed_at_ms=None if back is None else (key.uses or ())[back].at_ms,
    )


def verified(key: Key, terms: Terms, refusal: KeyrailError | None) -> Verified:
    return Verified(
        sku_id=key.sku_id,
        refusal=refusal.code if refusal else None,
        terms=terms,
        uses_left=uses_left(key),
        value_left=value_left(key),
        active_until_ms=active_until(key),
        last_day=key.expires_on,
        facts=refusal.facts if refusal else {},
    )


def value_left(key: Key) -> Money | None:
    value = key.terms.value if key.terms else None
    return Money(key.value_left or 0, value.currency) if value else None


def active_until(key: Key) -> int | None:
    """None: nobody asked, or it is for good."""
    return key.active_until_ms if key.active_until_ms is not None and key.active_until_ms < FOREVER_MS else None


def is_same(key: Key, use: Use, wanted: Wanted) -> bool:
    """Whether the use is what is asked for again."""
    value = key.terms.value if key.terms else None
    amount = Money(use.spent, value.currency) if value else None
    return (amount, use.place) == (wanted.amount, wanted.location)


def refusal_of(obstacle: Obstacle, key: Key) -> KeyrailError:
    """The typed refusal, with what it names."""
    return _REFUSALS[obstacle](key)


def _plain(error: type[KeyrailError]) -> Callable[[Key], KeyrailError]:
    return lambda _key: error()


def _wrong_amount(reason: str) -> Callable[[Key], KeyrailError]:
    return lambda _key: Invalid(FieldError("amount", reason))


def _already_redeemed(key: Key) -> KeyrailError:
    first = first_use(key)
    if first is None:
        return AlreadyRedeemed()
    where = {"location": first.place} if first.place is not None else {}
    return AlreadyRedeemed(
        facts={"redemption_id": first.name, "redeemed_at": rfc3339(first.at_ms), **where},
    )


def _not_yet_valid(key: Key) -> KeyrailError:
    begins_ms = key.terms.valid_from_ms if key.terms else None
    return NotYetValid(facts={"valid_from": rfc3339(begins_ms)} if begins_ms is not None else None)


def _no_longer_valid(key: Key) -> KeyrailError:
    ends_ms = key.terms.valid_to_ms if key.terms else None
    ended = {"valid_to": rfc3339(ends_ms)} if ends_ms is not None else {}
    return NoLongerValid(facts=ended | ({"last_day": key.expires_on} if key.expires_on else {}))


def _value_insufficient(key: Key) -> KeyrailError:
    left = value_left(key)
    return ValueInsufficient(facts={"left_minor": left.amount_minor, "currency": left.currency} if left else None)


_REFUSALS: dict[Obstacle, Callable[[Key], KeyrailError]] = {
    Obstacle.NOT_REDEEMED_HERE: _plain(CodeUnknown),
    Obstacle.VOID: _plain(KeyVoid),
    Obstacle.USED_UP: _already_redeemed,
    Obstacle.FROZEN: _plain(KeyFrozen),
    Obstacle.NOT_SOLD: _plain(NotSold),
    Obstacle.NOT_ACTIVE: _plain(NotActive),
    Obstacle.NOT_YET_VALID: _not_yet_valid,
    Obstacle.NO_LONGER_VALID: _no_longer_valid,
    Obstacle.WRONG_DAY: _plain(WrongDay),
    Obstacle.WRONG_HOUR: _plain(WrongHour),
    Obstacle.WRONG_PLACE: _plain(WrongPlace),
    Obstacle.AMOUNT_MISSING: _wrong_amount("required"),
    Obstacle.AMOUNT_NOT_TAKEN: _wrong_amount("not_a_value_card"),
    Obstacle.WRONG_CURRENCY: _wrong_amount("another_currency"),
    Obstacle.VALUE_INSUFFICIENT: _value_insufficient,
    Obstacle.USED_TOO_OFTEN: _plain(UsedTooOften),
}
