"""What is sold: products and their SKUs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from keyrail.catalog.account_fields import AccountField, check_account_fields
from keyrail.platform.changes import Event, Versioned
from keyrail.platform.errors import Conflict, FieldError, Invalid, NotFound
from keyrail.platform.ids import CROCKFORD
from keyrail.platform.money import Money

MAX_QUANTITY_PER_UNIT = 90  # a unit's keys and its order fit into one transaction of 100 writes
DEFAULT_MAX_QUANTITY = 10
DEFAULT_LOW_STOCK = 10
MAX_USES = 100  # of one code; each is remembered on it for good
MAX_PLACES = 20
MAX_PLACE_LENGTH = 32
MIN_ACTIVE_MS, MAX_ACTIVE_MS = 60_000, 30 * 86_400_000
MAX_REVERSAL_MS = 30 * 86_400_000
MINUTES_A_DAY = 24 * 60
MAX_WORK_MINUTES = 30 * MINUTES_A_DAY
MAX_CODE_LENGTH = 256  # characters
MAX_PATTERN_LENGTH = 250
MAX_CODE_PREFIX = 8

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PLACE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_PLACE_LENGTH - 1}}}")


class SkuKind(StrEnum):
    """What a buyer gets: a `key`, a `recharge` of their account, `either` as it comes to hand, or what they choose
    (`choice`): with an account it is a recharge, without one a key.
    """

    KEY = "key"
    RECHARGE = "recharge"
    EITHER = "either"
    CHOICE = "choice"


class Shelf(StrEnum):
    ON = "on_shelf"
    OFF = "off_shelf"


class UnknownSku(NotFound):
    code = "unknown_sku"
    title = "There is no such SKU in this store."
    title_zh = "商品规格不存在。"


class UnknownProduct(NotFound):
    code = "unknown_product"
    title = "There is no such product in this store."
    title_zh = "商品不存在。"


class NotOnSale(Conflict):
    code = "not_on_sale"
    title = "This SKU is not on sale at the moment."
    title_zh = "该商品暂未上架。"


class NotOffered(NotFound):
    code = "not_offered"
    title = "The keys of this SKU cannot be chosen."
    title_zh = "该商品不支持选号。"


class SkuWithoutKeys(Conflict):
    code = "sku_without_keys"
    title = "This SKU is recharged; it has no keys."
    title_zh = "该规格为直充商品，没有卡密。"


class FieldFixed(Conflict):
    """A field that other records were built on: a SKU's issuer and its rule of case are part of every fingerprint of
    its keys, a store and a product are where its orders come from.
    """

    code = "field_fixed"
    title = "This cannot be changed any more."
    title_zh = "该字段不可更改。"


@dataclass(frozen=True, kw_only=True)
class Product(Versioned):
    """What a store shows. `product_id` is the merchant's own slug."""

    product_id: str
    store_id: str
    name: str
    name_zh: str | None = None
    description: str | None = None
    shelf: Shelf = Shelf.ON


@dataclass(frozen=True, kw_only=True)
class CodeFormat:
    """How a SKU's codes are written; what is written otherwise is refused at import.

    `pattern` is a regular expression of RE2 (https://github.com/google/re2/wiki/Syntax), which must match the whole
    code; it and the lengths, in characters, look at the code as it is written, with full-width characters folded.
    """

    pattern: str | None = None
    min_length: int = 1
    max_length: int = MAX_CODE_LENGTH
    case_sensitive: bool = False


@dataclass(frozen=True, kw_only=True)
class Issuer(Versioned):
    """Who redeems codes. Whether two of them may differ in case only was fixed with its first SKU: it is part of every
    fingerprint of its codes, whichever SKU they are of.
    """

    issuer_id: str
    case_sensitive: bool


class Activation(StrEnum):
    """What makes a code redeemable."""

    ON_IMPORT = "on_import"
    ON_SALE = "on_sale"
    ON_REVEAL = "on_reveal"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How codes of a SKU are redeemed by us; each key keeps those that it was made with.

    Either `uses` times, or in part until `value` is used up. `active_ms` is how long a code of ON_DEMAND stays active
    once somebody asked (None: for good). It is valid before `valid_to_ms` and not before `valid_from_ms`, and only on
    `weekdays` (ISO numbers, 1 is Monday) from `opens` until `closes` (minutes of the day where the business is, not
    counting the last; hours that end after midnight belong to the day on which they began) at `places`; what is None
    is free. `reversal_ms` is for how long whoever redeemed may take it back (None: never).
    """

    activation: Activation = Activation.ON_SALE
    uses: int | None = None
    value: Money | None = None
    active_ms: int | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    weekdays: tuple[int, ...] | None = None
    opens: int | None = None
    closes: int | None = None
    places: tuple[str, ...] | None = None
    reversal_ms: int | None = None


class AfterRefund(StrEnum):
    """What a key that its buyer has looked at counts as, once its price went back. It is void with us in any case.

    `flag`: whoever saw it may use it where it is redeemed, so it is a loss, and counted with its source.
    """

    VOID = "void"
    FLAG = "flag"


@dataclass(frozen=True, kw_only=True)
class Sku(Versioned):
    """What is priced, stocked and ordered.

    `issuer` is who redeems the code: two SKUs with one issuer can never hold the same code twice. One that is recharged
    only needs none. `account_fields` are what a recharge asks its buyer for.
    `low_stock` is the number of claimable keys below which the shelf says `low`. `code_prefix` begins the codes that
    we make ourselves. `pick_fee` is what choosing a key by its public label costs, per key; None: there is no choice.
    `terms` are those of codes that we redeem ourselves. `face_value` is what a supplier's file must name where it names
    one. `after_refund` None: what we redeem ourselves is void, what others redeem is flagged. `work_minutes` are those
    in which a person is to be done with a recharge that is left to one; None: as with other SKUs.
    """

    sku_id: str
    product_id: str
    store_id: str
    name: str
    name_zh: str | None = None
    kind: SkuKind = SkuKind.KEY
    price: Money
    issuer: str | None = None
    max_quantity: int = DEFAULT_MAX_QUANTITY
    low_stock: int = DEFAULT_LOW_STOCK
    code_prefix: str = ""
    pick_fee: Money | None = None
    terms: Terms | None = None
    code_format: CodeFormat = CodeFormat()
    face_value: Money | None = None
    after_refund: AfterRefund | None = None
    account_fields: tuple[AccountField, ...] | None = None
    work_minutes: int | None = None
    shelf: Shelf = Shelf.ON

    @property
    def has_keys(self) -> bool:
        return self.kind is not SkuKind.RECHARGE

    @property
    def key_issuer(self) -> str:
        """Raises SkuWithoutKeys."""
        if self.issuer is None:
            raise SkuWithoutKeys
        return self.issuer

    @property
    def flags_refunded(self) -> bool:
        return self.after_refund is AfterRefund.FLAG or (self.after_refund is None and self.terms is None)

    @property
    def case_sensitive(self) -> bool:
        return self.code_format.case_sensitive


def check_code_prefix(prefix: str) -> None:
    """Raises Invalid unless it is of the alphabet of our own codes, at most MAX_CODE_PREFIX characters."""
    if len(prefix) > MAX_CODE_PREFIX or not set(prefix) <= set(CROCKFORD):
        raise Invalid(FieldError("code_prefix", "not_of_the_alphabet"))


def check_slug(field: str, value: str) -> str:
    """Raises Invalid unless `value` is lower-case letters, digits and dashes, at most 63 characters."""
    if not _SLUG.fullmatch(value):
        raise Invalid(FieldError(field, "not_a_slug"))
    return value


def check_kind(sku: Sku, *, is_pattern: Callable[[str], bool]) -> None:
    """Raises Invalid where a SKU lacks what its kind needs, or has what its kind has no use for."""
    wrong: list[FieldError] = []
    if sku.has_keys and sku.issuer is None:
        wrong.append(FieldError("issuer", "missing"))
    if sku.kind is SkuKind.KEY and sku.account_fields:
        wrong.append(FieldError("account_fields", "not_of_this_kind"))
    if sku.kind is SkuKind.KEY and sku.work_minutes is not None:
        wrong.append(FieldError("work_minutes", "not_of_this_kind"))
    if sku.kind is not SkuKind.KEY and not sku.account_fields:
        wrong.append(FieldError("account_fields", "missing"))
    if sku.kind in {SkuKind.RECHARGE, SkuKind.EITHER} and sku.pick_fee is not None:
        wrong.append(FieldError("pick_fee", "not_of_this_kind"))
    if wrong:
        raise Invalid(*wrong)
    if sku.account_fields:
        check_account_fields(sku.account_fields, is_pattern=is_pattern)


def check_code_format(wanted: CodeFormat, *, is_pattern: Callable[[str], bool]) -> None:
    """Raises Invalid for lengths that no code can have, and for what RE2 does not take for a pattern."""
    wrong: list[FieldError] = []
    if not 1 <= wanted.min_length <= wanted.max_length <= MAX_CODE_LENGTH:
        wrong.append(FieldError("code_format.min_length", "not_1_to_max_length"))
    pattern = wanted.pattern
    if pattern is not None and not (0 < len(pattern) <= MAX_PATTERN_LENGTH and is_pattern(pattern)):
        wrong.append(FieldError("code_format.pattern", "not_a_pattern_of_re2"))
    if wrong:
        raise Invalid(*wrong)


def issuer_events_between(old: Issuer | None, new: Issuer | None) -> list[Event]:
    """An issuer never changes."""
    if old is not None or new is None:
        return []
    return [Event("issuer.created", f"issuer:{new.issuer_id}", {"case_sensitive": new.case_sensitive})]


def check_terms(terms: Terms) -> None:
    """Raises Invalid with one FieldError for each field that contradicts itself or another, or is beyond its limit."""
    problems = [*_what_is_used(terms), *_when_active(terms), *_when_valid(terms), *_where(terms)]
    if problems:
        raise Invalid(*(FieldError(f"terms.{field}", reason) for field, reason in problems))


_Problems = Iterator[tuple[str, str]]


def _what_is_used(terms: Terms) -> _Problems:
    if (terms.uses is None) == (terms.value is None):
        yield "uses", "either_uses_or_value"
    if terms.uses is not None and not 1 <= terms.uses <= MAX_USES:
        yield "uses", f"not_between_1_and_{MAX_USES}"
    if terms.value is not None and terms.value.amount_minor < 1:
        yield "value.amount_minor", "below_one"


def _when_active(terms: Terms) -> _Problems:
    if terms.active_ms is not None:
        if terms.activation is not Activation.ON_DEMAND:
            yield "active_ms", "only_on_demand"
        elif not MIN_ACTIVE_MS <= terms.active_ms <= MAX_ACTIVE_MS:
            yield "active_ms", f"not_between_{MIN_ACTIVE_MS}_and_{MAX_ACTIVE_MS}"
    if terms.reversal_ms is not None and not 1 <= terms.reversal_ms <= MAX_REVERSAL_MS:
        yield "reversal_ms", f"not_between_1_and_{MAX_REVERSAL_MS}"


def _when_valid(terms: Terms) -> _Problems:
    valid_from, valid_to = terms.valid_from_ms, terms.valid_to_ms
    if valid_from is not None and valid_to is not None and valid_to <= valid_from:
        yield "valid_to", "not_after_valid_from"
    if terms.weekdays is not None and not _are_days(terms.weekdays):
        yield "weekdays", "not_different_days_from_1_to_7"
    if (terms.opens is None) != (terms.closes is None):
        yield "closes", "not_without_each_other"
    elif terms.opens is not None and terms.closes is not None and not _are_hours(terms.opens, terms.closes):
        yield "closes", "no_hours_of_a_day"


def _are_days(weekdays: tuple[int, ...]) -> bool:
    return 0 < len(weekdays) == len(set(weekdays)) and set(weekdays) <= set(range(1, 8))


def _are_hours(opens: int, closes: int) -> bool:
    """The same minute twice would be no time at all, or all of it: that is said by leaving both out."""
    return 0 <= opens < MINUTES_A_DAY and 0 < closes <= MINUTES_A_DAY and opens != closes


def _where(terms: Terms) -> _Problems:
    if terms.places is None:
        return
    if not 0 < len(terms.places) <= MAX_PLACES or len(set(terms.places)) != len(terms.places):
        yield "places", f"not_1_to_{MAX_PLACES}_different_places"
    for number, place in enumerate(terms.places):
        if not _PLACE.fullmatch(place):
            yield f"places.{number}", "not_the_name_of_a_place"


def events_between(old: Product | Sku | None, new: Product | Sku | None) -> list[Event]:
    if new is None:
        return []
    what, subject = ("sku", new.sku_id) if isinstance(new, Sku) else ("product", new.product_id)
    happened = "created" if old is None else "changed"
    data: dict[str, object] = {"store_id": new.store_id, "shelf": new.shelf}
    if isinstance(new, Sku):
        data["price"] = new.price.plain()
    return [Event(f"{what}.{happened}", f"{what}:{subject}", data)]
