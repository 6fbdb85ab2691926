"""Redemption: verify, activate, redeem, take back. A warm process sends one request for each.

Each begins alike. A code of our own that is mistyped is refused by its check symbol, before any table but the guards'
is looked at; so is whoever has to wait after too many wrong codes. What stands still and who has to wait are read
together, and at most every two seconds.
"""

import unicodedata
from dataclasses import dataclass
from datetime import tzinfo

from keyrail.catalog.service import Catalog
from keyrail.inventory.model.keys import Key, NotSold
from keyrail.inventory.model.redeeming import (
    Asked,
    Obstacle,
    entry_of,
    is_elsewhere,
    obstacle,
    reversal_of,
    why_inactive,
)
from keyrail.inventory.model.uses import Moment, Use, moment
from keyrail.inventory.service.redeemable_keys import RedeemableKeys
from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.dynamo import StoreUnavailable
from keyrail.platform.errors import FieldError, IdempotencyConflict, Invalid, KeyrailError
from keyrail.platform.logs import Entry
from keyrail.redemption.model import (
    Activated,
    Caller,
    CodeUnknown,
    NotReversible,
    Presented,
    Redeemed,
    RedemptionUnknown,
    Verified,
    Wanted,
    active_until,
    is_same,
    redeemed,
    refusal_of,
    taken_back,
    verified,
)
from keyrail.risk.model import Counted, Dimension, Weight
from keyrail.risk.service import Guards
from keyrail.vault.codes import OWN_ISSUER, MistypedCode, canonical

MAX_REREADS = 8
PREFIX_SYMBOLS = 2  # a SKU's prefix may be short; what follows it is chance, and would spread the count
PREFIX_NAME_LENGTH = 10  # of its fingerprint; there are 1,024 prefixes
TELLING_LENGTH = 8  # so many characters of a code do not stand in another text by chance
_TAKEN_FOR_DIGITS = str.maketrans("ilo", "110")
_PREFIXES = "prefix of guesses"
"""No issuer is called so: prefixes are named by the fingerprint key like codes, and never meet them."""


@dataclass(frozen=True)
class _Named:
    """A code by its fingerprint, and what a failed attempt at it counts."""

    key_id: str
    prefix: Counted
    weight: int


@dataclass
class Redemption:
    keys: RedeemableKeys
    catalog: Catalog
    guards: Guards
    zone: tzinfo
    now_ms: NowMs

    def redeem(self, presented: Presented, wanted: Wanted, caller: Caller) -> Redeemed:
        """Use the code once, or for an amount; the same call again gets the same answer, however late.

        Raises MistypedCode, CodeUnknown, TooManyAttempts, IdempotencyConflict, Invalid, Unavailable, and whatever
        stands in the way (`redemption.model`).
        """
        _check_tells_no_code(presented.code, wanted)
        if wanted.amount is not None and wanted.amount.amount_minor < 1:
            raise Invalid(FieldError("amount.amount_minor", "below_one"))
        named = self._admitted(presented, caller)
        at = self._moment()
        asked = Asked(name=wanted.redemption_id, by=caller.by, amount=wanted.amount, place=wanted.location)
        tried = self.keys.use(named.key_id, asked, caller.origin(wanted.actor), at)
        key = self._known(tried.key, named, caller)
        entry = entry_of(key, caller.by, wanted.redemption_id)
        if entry is not None:
            if not is_same(key, (key.uses or ())[entry], wanted):
                raise IdempotencyConflict
            if not tried.refused:
                logs.log(Entry.CODE_REDEEMED, key_id=key.key_id, caller=caller.by)
            return redeemed(key, entry)
        self._refuse(obstacle(key, asked, at, self.keys.still), key, named, caller)
        raise StoreUnavailable  # what refused it is over by now

    def verify(self, presented: Presented, location: str | None, caller: Caller) -> Verified:
        """How the code stands, for whoever may know: nothing of one that nobody has bought.

        Raises MistypedCode, CodeUnknown, NotSold, TooManyAttempts, Unavailable.
        """
        named = self._admitted(presented, caller)
        key = self._known(self.keys.find(named.key_id), named, caller)
        found = obstacle(key, None, self._moment(), self.keys.still)
        if key.terms is None or found is Obstacle.NOT_SOLD:
            self._refuse(found, key, named, caller)
            raise CodeUnknown
        if found is None and location is not None and is_elsewhere(key.terms, location):
            found = Obstacle.WRONG_PLACE
        return verified(key, key.terms, refusal_of(found, key) if found else None)

    def activate(self, presented: Presented, actor: str | None, caller: Caller) -> Activated:
        """Make the code active; asked again while it is, the same answer. Printed codes only over a counter that signs.

        Raises as `redeem` does.
        """
        named = self._admitted(presented, caller)
        at = self._moment()
        tried = self.keys.activate(named.key_id, caller.origin(actor), at, over_the_counter=caller.is_signed)
        key = self._known(tried.key, named, caller)
        if tried.refused:
            self._refuse(why_inactive(key, at, self.keys.still), key, named, caller)
        if key.terms is None:
            raise CodeUnknown
        return Activated(sku_id=key.sku_id, activation=key.terms.activation, active_until_ms=active_until(key))

    def reverse(self, presented: Presented, redemption_id: str, actor: str | None, caller: Caller) -> Redeemed:
        """Take one's own redemption back, once, while its SKU's terms allow it; again, the same answer.

        Raises RedemptionUnknown, NotReversible, KeyFrozen, KeyVoid, and what comes before as `redeem` does.
        """
        named = self._admitted(presented, caller)
        for _ in range(MAX_REREADS):
            key = self._known(self.keys.find(named.key_id), named, caller)
            entry = entry_of(key, caller.by, redemption_id)
            if entry is None:
                raise RedemptionUnknown
            use = (key.uses or ())[entry]
            if reversal_of(key, use) is not None:
                return taken_back(key, entry)
            self._check_reversible(key, use)
            tried = self.keys.give_back(key, use, caller.origin(actor))
            if tried.key and not tried.refused:
                logs.log(Entry.REDEMPTION_REVERSED, key_id=key.key_id, caller=caller.by)
                return taken_back(tried.key, entry)
        raise StoreUnavailable

    # what all of them begin with

    def _admitted(self, presented: Presented, caller: Caller) -> _Named:
        """Raises MistypedCode, CodeUnknown, TooManyAttempts, Unavailable."""
        if presented.issuer in {None, OWN_ISSUER}:
            code = self._canonical(presented.code, caller)
            self._look(caller.counted)
            return self._own(code, caller)
        self._look(caller.counted)
        return self._of_issuer(presented.issuer or "", presented.code, caller)

    def _canonical(self, code: str, caller: Caller) -> str:
        try:
            return canonical(code)
        except MistypedCode:
            self.guards.admit([caller.counted])
            self.guards.failed([caller.counted], Weight.MISTYPED)
            raise

    def _look(self, counted: Counted) -> None:
        """What stands still and who has to wait, in one request if either is due."""
        began_ms = self.now_ms()
        found = self.keys.holds.read_with(*self.guards.due())
        if found:
            self.guards.learn(found[0], began_ms)
        self.guards.refuse_blocked([counted])

    def _own(self, code: str, caller: Caller) -> _Named:
        names = self.keys.names()
        if names is None:
            self.guards.failed([caller.counted], Weight.UNKNOWN)
            raise CodeUnknown
        named = names.key_id(_PREFIXES, code[:PREFIX_SYMBOLS], case_sensitive=False)
        tried = Counted(Dimension.PREFIX, named[-PREFIX_NAME_LENGTH:])
        self._refuse_prefix(tried, caller)
        return _Named(names.key_id(OWN_ISSUER, code, case_sensitive=False), tried, Weight.UNKNOWN)

    def _of_issuer(self, issuer_id: str, code: str, caller: Caller) -> _Named:
        tried, names = Counted(Dimension.PREFIX, issuer_id), self.keys.names()
        self._refuse_prefix(tried, caller)
        issuer = self.catalog.issuer(issuer_id)
        if names is None or issuer is None:
            self.guards.failed([caller.counted], Weight.UNKNOWN_WITHOUT_CHECK_SYMBOL)
            raise CodeUnknown
        key_id = names.key_id(issuer_id, code, case_sensitive=issuer.case_sensitive)
        return _Named(key_id, tried, Weight.UNKNOWN_WITHOUT_CHECK_SYMBOL)

    def _refuse_prefix(self, prefix: Counted, caller: Caller) -> None:
        """Strangers wait while a prefix is being guessed; tills that sign, and have limits of their own, go on."""
        if not caller.is_signed:
            self.guards.refuse_blocked([prefix])

    def _known(self, key: Key | None, named: _Named, caller: Caller) -> Key:
        if key is None or key.terms is None:
            self._count_failed(named, caller)
            raise CodeUnknown
        return key

    def _refuse(self, found: Obstacle | None, key: Key, named: _Named, caller: Caller) -> None:
        """Raise what stands in the way, if anything does. A code that nobody has bought was guessed, or stolen."""
        if found is None:
            return
        refusal: KeyrailError = refusal_of(found, key)
        if isinstance(refusal, NotSold):
            self._count_failed(named, caller)
        raise refusal

    def _count_failed(self, named: _Named, caller: Caller) -> None:
        self.guards.failed([caller.counted, named.prefix], named.weight)

    def _check_reversible(self, key: Key, use: Use) -> None:
        window_ms = key.terms.reversal_ms if key.terms else None
        if window_ms is None or self.now_ms() - use.at_ms > window_ms:
            raise NotReversible
        found = why_inactive(key, self._moment(), self.keys.still)
        if found in {Obstacle.VOID, Obstacle.FROZEN}:
            raise refusal_of(found, key)

    def _moment(self) -> Moment:
        return moment(self.now_ms(), self.zone)


def _check_tells_no_code(code: str, wanted: Wanted) -> None:
    """What stays on record must not be the code, or hold it. Raises Invalid."""
    told = {"redemption_id": wanted.redemption_id, "location": wanted.location, "actor": wanted.actor}
    secret = _letters(code)
    for name, text in told.items():
        shown = _letters(text or "")
        if secret and (secret == shown or (len(secret) >= TELLING_LENGTH and secret in shown)):
            raise Invalid(FieldError(name, "tells_the_code"))


def _letters(text: str) -> str:
    """As the code would still be read."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_TAKEN_FOR_DIGITS)
    return "".join(c for c in plain if c.isalnum())
