"""The house's own books: what was ordered, what becomes of it by time alone, and who was told. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.supplier_sandbox.scenarios import PLAYS, Answer, Call, Pace, Play, Scenario, Status
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money
from keyrail.suppliers.providers.sandbox import Sandbox

KEPT_S = 40 * 24 * 60 * 60
MAX_QUANTITY = 100
NOTHING_MINOR = 0


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A well-formed order, of recharges or `of_keys`. `account` is whom to credit; nothing of it is kept."""

    reference: str
    item: str
    quantity: int
    limit: Money
    account: Mapping[str, str]
    of_keys: bool

    @property
    def digest(self) -> bytes:
        named = [self.item, self.quantity, self.limit.plain(), dict(self.account), self.of_keys]
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).digest()


@dataclass(frozen=True, kw_only=True)
class Sale:
    """One order of one merchant's. `digest` recognises it when it comes again, `placed` counts how often it came.

    `told` of its callbacks are over. `expires_at` is the table's time to live, in epoch seconds.
    """

    sale_id: str
    merchant: str
    reference: str
    number: str
    item: str
    quantity: int
    of_keys: bool
    scenario: Scenario
    price: Money
    digest: bytes
    placed: int = 1
    told: int = 0
    placed_at_ms: int
    ends_at_ms: int
    version: int = 1
    expires_at: int

    @property
    def play(self) -> Play:
        return PLAYS[self.scenario]

    def status(self, now_ms: int) -> Status:
        return self.play.ends if now_ms >= self.ends_at_ms else Status.PROCESSING

    def supplied(self, now_ms: int) -> int:
        """Pieces: of a part, half of them and never all."""
        share = {Status.DONE: self.quantity, Status.PARTIAL: self.quantity // 2}
        return share.get(self.status(now_ms), 0)

    def taken(self, now_ms: int) -> Money:
        refused = self.status(now_ms) in {Status.REFUSED, Status.NO_SUCH_ORDER}
        return Money(NOTHING_MINOR, self.price.currency) if refused else self.price

    def returned(self, now_ms: int) -> Money:
        comes_back = self.status(now_ms) is Status.FAILED and self.play.returns
        return self.price if comes_back else Money(NOTHING_MINOR, self.price.currency)

    def calls_left(self) -> tuple[Call, ...]:
        return self.play.calls[self.told :]


def sale_id(merchant: str, reference: str) -> str:
    return f"{merchant}#{reference}"


def sold(account: Sandbox, ordered: Ordered, scenario: Scenario, price: Money, now_ms: int) -> Sale:
    """What an order that came for the first time makes of it."""
    named = sale_id(account.merchant, ordered.reference)
    seconds = {Pace.AT_ONCE: 0, Pace.SOON: account.settle_after_s, Pace.SLOWLY: account.slow_after_s}
    ends_at_ms = now_ms + seconds[PLAYS[scenario].pace] * 1000
    return Sale(
        sale_id=named,
        merchant=account.merchant,
        reference=ordered.reference,
        number=derived_id("sup", named),
        item=ordered.item,
        quantity=ordered.quantity,
        of_keys=ordered.of_keys,
        scenario=scenario,
        price=price,
        digest=ordered.digest,
        placed_at_ms=now_ms,
        ends_at_ms=ends_at_ms,
        expires_at=ends_at_ms // 1000 + KEPT_S,
    )


def placed_again(sale: Sale) -> Sale:
    """It is counted, and that is all: what has a reference is supplied once."""
    return replace(sale, placed=sale.placed + 1, version=sale.version + 1)


def told(sale: Sale, calls: int) -> Sale:
    """The first `calls` of its callbacks are over. The very sale if they were before."""
    return sale if calls <= sale.told else replace(sale, told=calls, version=sale.version + 1)


def answer_to_order(sale: Sale, now_ms: int) -> dict[str, Any]:
    """A house that has done it already may still say no more than that it was accepted."""
    accepted = sale.play.answer is Answer.ACCEPTED
    return _said(sale, Status.PROCESSING, now_ms) if accepted else standing(sale, now_ms)


def standing(sale: Sale, now_ms: int) -> dict[str, Any]:
    """What a merchant is told who asks about it."""
    return _said(sale, sale.status(now_ms), now_ms)


def _said(sale: Sale, status: Status, now_ms: int) -> dict[str, Any]:
    said: dict[str, Any] = {"reference": sale.reference, "status": status}
    if status is Status.NO_SUCH_ORDER:
        return said
    said |= {"number": sale.number, "item": sale.item}
    if status is Status.REFUSED:
        return said | {"reason": sale.scenario}
    if status is Status.PROCESSING:
        return said
    said |= {"supplied": sale.supplied(now_ms), "currency": sale.price.currency}
    said |= {"taken": sale.taken(now_ms).decimal(), "returned": sale.returned(now_ms).decimal()}
    return said | ({"cards": _cards(sale, now_ms)} if sale.of_keys else {})


def _cards(sale: Sale, now_ms: int) -> list[dict[str, str]]:
    """Made of the reference each time, so that none is ever stored."""
    return [
        {
            "code": derived_id("SBX", sale.sale_id, "code", str(number)).replace("_", "-"),
            "password": derived_id("pin", sale.sale_id, str(number))[-8:],
        }
        for number in range(sale.supplied(now_ms))
    ]
