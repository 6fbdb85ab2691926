"""Keys that are bought for the pool: a purchase from its request to the keys in stock. Pure.

awaiting_approval ─▶ rejected
        │ (a second person)
        ▼
    approved ─▶ unknown ⇄ processing ─▶ stocked
                   │          │      └▶ differs ─▶ settled (by a person)
                   │          └▶ failed
                   └▶ undecided, when the settlement window is over ─▶ failed or unknown (by a person)

A purchase is unknown from before its supplier is asked (promise I7). While one of a SKU is open no other is begun.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.errors import Conflict, Denied, NotFound
from keyrail.platform.ids import BODY_LENGTH, CROCKFORD, derived_id
from keyrail.platform.money import Money
from keyrail.suppliers.model.attempts import is_within
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success

MAX_PIECES = 500  # of one purchase; all of its cards are in memory at once
MAX_OPEN_PURCHASES = 500
MAX_RULES = 1_000
MAX_UP_TO = 1_000_000  # keys in stock
_MARK = "PK01"
_PREFIX = "pur"


class PurchaseStatus(StrEnum):
    """`undecided` and `differs` wait for a person."""

    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    APPROVED = "approved"
    UNKNOWN = "unknown"
    PROCESSING = "processing"
    UNDECIDED = "undecided"
    STOCKED = "stocked"
    DIFFERS = "differs"
    SETTLED = "settled"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        return self not in _OVER

    @property
    def is_asked_about(self) -> bool:
        """Its supplier was asked, perhaps, and only a question can tell."""
        return self in {PurchaseStatus.UNKNOWN, PurchaseStatus.PROCESSING}


_OVER = {PurchaseStatus.REJECTED, PurchaseStatus.STOCKED, PurchaseStatus.SETTLED, PurchaseStatus.FAILED}


class PurchaseNotFound(NotFound):
    code = "purchase_not_found"
    title = "There is no such purchase."
    title_zh = "采购单不存在。"


class PurchaseUnderWay(Conflict):
    code = "purchase_under_way"
    title = "Keys of this SKU are being bought already."
    title_zh = "该商品已有进行中的采购。"


class PurchaseDecided(Conflict):
    code = "purchase_decided"
    title = "This purchase does not wait for that any more."
    title_zh = "该采购单当前状态不允许此操作。"


class OwnPurchase(Denied):
    code = "own_purchase"
    title = "Whoever asked for a purchase, or set its rule, cannot approve it."
    title_zh = "申请人或规则设置人不能审批该采购。"


class BudgetSpent(Conflict):
    code = "purchase_budget_spent"
    title = "What may be spent on keys today does not do for this."
    title_zh = "今日采购预算不足。"


class NoBudget(Conflict):
    code = "no_purchase_budget"
    title = "Nobody has said what may be spent on keys in this currency."
    title_zh = "尚未设置该币种的采购预算。"


class NotOffered(Conflict):
    code = "not_offered_there"
    title = "The supplier does not offer this item, or not at this price."
    title_zh = "供货商未提供该商品或价格超出上限。"


class NotBuyable(Conflict):
    code = "not_buyable"
    title = "Keys of this SKU cannot be bought: they are our own, or its pool takes no more."
    title_zh = "该商品的卡密不可采购。"


class TooManyPurchases(Conflict):
    code = "too_many_purchases"
    title = "Too many purchases are open; look through those that wait for a person."
    title_zh = "未完成的采购单过多。"


class NoRule(NotFound):
    code = "no_purchase_rule"
    title = "Nothing is bought by itself for this SKU."
    title_zh = "该商品未设置自动采购规则。"


class TooManyRules(Conflict):
    code = "too_many_purchase_rules"
    title = "No more SKUs can have a purchase rule."
    title_zh = "自动采购规则数量已达上限。"


@dataclass(frozen=True, kw_only=True)
class PurchaseRule(Versioned):
    """What is bought by itself when the stock of a SKU runs low: at most `pieces` at once, and no more than fill the
    stock up to `up_to`, at `max_price` a piece or less.
    """

    sku_id: str
    supplier: str
    item: str
    pieces: int
    up_to: int
    max_price: Money
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Budget(Versioned):
    """Of all purchases in one currency: what they may cost a day, and what one may without a second person."""

    a_day: Money
    alone: Money

    @property
    def currency(self) -> str:
        return self.a_day.currency


@dataclass(frozen=True, kw_only=True)
class Purchase(Versioned):
    """`reference` is ours, and used once. `price` is what a piece costs by the supplier's catalogue, `max_price` what
    it may; `reserved` is taken from the budget of `day`, and what is not spent of it goes back.

    Until `until_ms` the supplier is asked what became of it; after that a person is. `told` are the cards that came,
    and the three behind it what became of them in the stock.
    """

    purchase_id: str
    sku_id: str
    number: int
    supplier: str
    item: str
    pieces: int
    price: Money
    max_price: Money
    reserved: Money
    day: str
    status: PurchaseStatus
    requested_by: str
    rule_by: str | None = None
    decided_by: str | None = None
    created_at_ms: int
    asked_at_ms: int | None = None
    until_ms: int | None = None
    refusal: Refusal | None = None
    said: str = ""
    their_reference: str | None = None
    cost: Money | None = None
    batch_id: str | None = None
    told: int | None = None
    accepted: int | None = None
    duplicate: int | None = None
    rejected: int | None = None

    @property
    def reference(self) -> str:
        """Thirty letters and digits, as any reference of ours; no unit's."""
        return self.purchase_id.removeprefix(f"{_PREFIX}_") + _MARK

    @property
    def is_under_way(self) -> bool:
        """It goes on by itself; what waits for a person does not."""
        return self.status is PurchaseStatus.APPROVED or self.status.is_asked_about

    @property
    def limit(self) -> Money:
        return self.max_price.times(self.pieces)


@dataclass(frozen=True, kw_only=True)
class Stocked:
    """What became of a purchase's cards: `told` of them came, and each of those is in one of the three."""

    batch_id: str
    told: int
    accepted: int
    duplicate: int
    rejected: int


def purchase_id(*names: str) -> str:
    """The same for the same request: by whoever asked and their key, or by the SKU and its purchase's number."""
    return derived_id(_PREFIX, *names)


def purchase_of(reference: str) -> str | None:
    """The purchase that a reference is of; None for what is none of them."""
    body = reference.removesuffix(_MARK)
    is_ours = reference.endswith(_MARK) and len(body) == BODY_LENGTH and all(each in CROCKFORD for each in body)
    return f"{_PREFIX}_{body}" if is_ours else None


def pieces_wanted(rule: PurchaseRule, on_hand: int) -> int:
    return max(0, min(rule.pieces, rule.up_to - on_hand))


def needs_second_person(budget: Budget, limit: Money) -> bool:
    return limit.amount_minor > budget.alone.amount_minor


def approved(purchase: Purchase, origin: Origin, now_ms: int) -> Purchase:
    """Raises PurchaseDecided, OwnPurchase."""
    if purchase.status is not PurchaseStatus.AWAITING_APPROVAL:
        raise PurchaseDecided
    if origin.by in {purchase.requested_by, purchase.rule_by}:
        raise OwnPurchase
    return _moved(purchase, PurchaseStatus.APPROVED, origin, now_ms, decided_by=origin.by)


def rejected(purchase: Purchase, origin: Origin, now_ms: int) -> Purchase:
    """Of one that no supplier was asked for yet. Raises PurchaseDecided."""
    if purchase.status not in {PurchaseStatus.AWAITING_APPROVAL, PurchaseStatus.APPROVED}:
        raise PurchaseDecided
    return _moved(purchase, PurchaseStatus.REJECTED, origin, now_ms, decided_by=origin.by)


def begun(purchase: Purchase, settlement_ms: int, origin: Origin, now_ms: int) -> Purchase:
    """As it is stored before its supplier is asked; only who stored that asks. Raises PurchaseDecided."""
    if purchase.status is not PurchaseStatus.APPROVED:
        raise PurchaseDecided
    until_ms = now_ms + settlement_ms
    return _moved(purchase, PurchaseStatus.UNKNOWN, origin, now_ms, asked_at_ms=now_ms, until_ms=until_ms)


def heard(purchase: Purchase, outcome: Outcome, origin: Origin, now_ms: int) -> Purchase:
    """As an answer without cards leaves it; the very purchase where that is nothing new.

    A success without its cards is one whose cards are still to come.
    """
    if not purchase.status.is_asked_about:
        return purchase
    known = {"said": outcome.said, "their_reference": outcome.their_reference or purchase.their_reference}
    if isinstance(outcome, DefiniteFailure):
        return _moved(purchase, PurchaseStatus.FAILED, origin, now_ms, refusal=outcome.refusal, **known)
    if purchase.until_ms is not None and now_ms >= purchase.until_ms:
        return _moved(purchase, PurchaseStatus.UNDECIDED, origin, now_ms, **known)
    is_at_work = isinstance(outcome, Processing | Success)
    status = PurchaseStatus.PROCESSING if is_at_work else PurchaseStatus.UNKNOWN
    if (status, known["said"], known["their_reference"]) == (purchase.status, purchase.said, purchase.their_reference):
        return purchase
    return _moved(purchase, status, origin, now_ms, **known)


def stocked(purchase: Purchase, success: Success, stock: Stocked, origin: Origin, now_ms: int) -> Purchase:
    """As its cards leave it, which are in stock by now. Fewer or more of them, a duplicate, or more money than was
    offered are for a person.
    """
    if not purchase.status.is_asked_about:
        return purchase
    is_whole = stock.told == stock.accepted == purchase.pieces and is_within(purchase.limit, success.cost)
    return _moved(
        purchase,
        PurchaseStatus.STOCKED if is_whole else PurchaseStatus.DIFFERS,
        origin,
        now_ms,
        said=success.said,
        their_reference=success.their_reference or purchase.their_reference,
        cost=success.cost,
        batch_id=stock.batch_id,
        told=stock.told,
        accepted=stock.accepted,
        duplicate=stock.duplicate,
        rejected=stock.rejected,
    )


class Resolution(StrEnum):
    """What a person found out. `ask_again`: the supplier is asked for another settlement window; `not_done`: nothing
    was bought, the supplier says; `seen`: what differs is dealt with.
    """

    ASK_AGAIN = "ask_again"
    NOT_DONE = "not_done"
    SEEN = "seen"


def resolved(purchase: Purchase, resolution: Resolution, window_ms: int, origin: Origin, now_ms: int) -> Purchase:
    """Raises PurchaseDecided."""
    waits_for = PurchaseStatus.DIFFERS if resolution is Resolution.SEEN else PurchaseStatus.UNDECIDED
    if purchase.status is not waits_for:
        raise PurchaseDecided
    match resolution:
        case Resolution.ASK_AGAIN:
            return _moved(purchase, PurchaseStatus.UNKNOWN, origin, now_ms, until_ms=now_ms + window_ms)
        case Resolution.NOT_DONE:
            return _moved(purchase, PurchaseStatus.FAILED, origin, now_ms, refusal=Refusal.REFUSED)
        case Resolution.SEEN:
            return _moved(purchase, PurchaseStatus.SETTLED, origin, now_ms)


def unspent(before: Purchase, after: Purchase) -> int:
    """What this step gives back to the budget of the purchase's day, in minor units; less than nothing where the
    supplier took more than it may.
    """
    reserved = before.reserved.amount_minor
    if after.status in {PurchaseStatus.FAILED, PurchaseStatus.REJECTED}:
        return reserved
    if after.status in {PurchaseStatus.STOCKED, PurchaseStatus.DIFFERS} and before.status.is_asked_about:
        spent = after.cost
        if spent is None or spent.currency != before.reserved.currency:
            return 0
        return reserved - spent.amount_minor
    return 0


def _moved(purchase: Purchase, status: PurchaseStatus, origin: Origin, now_ms: int, **known: object) -> Purchase:
    stamped = stamp(origin, now_ms, purchase.version + 1)
    changed: Purchase = replace(purchase, status=status, **known, **stamped)  # type: ignore[arg-type]  # callers name fields
    return changed


def purchase_events_between(_old: Purchase | None, new: Purchase | None) -> list[Event]:
    if new is None:
        return []
    data: dict[str, object] = {
        "sku_id": new.sku_id,
        "supplier": new.supplier,
        "pieces": new.pieces,
        "limit": new.limit.plain(),
    }
    if new.cost is not None:
        data["cost"] = new.cost.plain()
    if new.refusal is not None:
        data["refusal"] = new.refusal
    if new.told is not None:
        data |= {
            "told": new.told,
            "accepted": new.accepted,
            "duplicate": new.duplicate,
            "rejected": new.rejected,
            "batch_id": new.batch_id,
        }
    return [Event(f"purchase.{new.status}", f"purchase:{new.purchase_id}", data)]


def rule_events_between(_old: PurchaseRule | None, new: PurchaseRule | None) -> list[Event]:
    if new is None:
        return []
    data = {
        "supplier": new.supplier,
        "pieces": new.pieces,
        "up_to": new.up_to,
        "max_price": new.max_price.plain(),
        "enabled": new.enabled,
    }
    return [Event("purchasing.set", f"purchasing:{new.sku_id}", data)]


def budget_events_between(_old: Budget | None, new: Budget | None) -> list[Event]:
    if new is None:
        return []
    return [Event("budget.set", f"budget:{new.currency}", {"a_day": new.a_day.plain(), "alone": new.alone.plain()})]
