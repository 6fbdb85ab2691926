"""A supplier's callback: whoever waits for that unit is woken, and nothing else happens, whatever it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from keyrail.fulfilment.service.recharging import Turn
from keyrail.fulfilment.service.supplier_news import Heard, SupplierNews
from keyrail.ordering.model.orders import UnitStatus
from keyrail.ordering.model.work import Verdict, Waiting
from keyrail.ordering.model.working import Saying
from keyrail.ordering.service.checkout import Placed
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.metrics import Metric
from keyrail.platform.workflows import WorkflowUnavailable
from keyrail.suppliers.model.attempts import reference, unit_of
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.notices import NoticeReason
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.service.notices import Notices
from tests import recharging
from tests.jobs import ALICE
from tests.promises import check_promises
from tests.racing import at_once
from tests.recharging import buy, recharge, sell, supplied, take
from tests.supplier import Plan
from tests.world import World

TOKEN = "a-token-of-a-workflow"


@dataclass
class Workflows:
    """`waiting` are the tokens with which somebody waits."""

    waiting: set[str] = field(default_factory=set)
    woken: list[str] = field(default_factory=list)
    started: list[tuple[str, str, str]] = field(default_factory=list)
    is_up: bool = True

    def go_on(self, token: str) -> bool:
        if not self.is_up:
            raise WorkflowUnavailable
        if token not in self.waiting:
            return False
        self.waiting.remove(token)
        self.woken.append(token)
        return True

    def start(self, name: str, order_id: str, unit_id: str) -> bool:
        self.started.append((name, order_id, unit_id))
        return True


@dataclass
class Shop:
    world: World
    workflows: Workflows = field(default_factory=Workflows)
    rung: list[Metric] = field(default_factory=list)
    asked_about: list[tuple[str, str]] = field(default_factory=list)
    has_purchase: bool = True

    @property
    def news(self) -> SupplierNews:
        return SupplierNews(
            self.world.orders,
            SupplierAccounts(self.world.wholesalers),
            self.world.news,
            Notices(self.world.suppliers, self.world.now_ms),
            self.workflows.go_on,
            self.workflows.start,
            self.ask_about,
            self.world.now_ms,
        )

    def ask_about(self, purchase_id: str, supplier: str) -> bool:
        self.asked_about.append((purchase_id, supplier))
        return self.has_purchase

    def hear(self, reference: str, supplier: str = "first", *, genuine: bool = True) -> Heard:
        callback = self.world.wholesalers["first"].callback(reference, genuine=genuine)
        return self.news.hear(supplier, callback)

    def wait(self, placed: Placed) -> bool:
        """Whether whoever comes to wait goes on at once."""
        self.workflows.waiting.add(TOKEN)
        return self.world.recharging.await_news(self.unit_id(placed), TOKEN, 60)

    def unit_id(self, placed: Placed) -> str:
        return recharging.unit_of(self.world, placed).unit_id

    def reference(self, placed: Placed) -> str:
        (attempt,) = recharging.unit_of(self.world, placed).attempts or ()
        return attempt.reference

    def stored(self) -> dict[str, Any]:
        """All that could be moved."""
        return {kind: self.world.scan(kind) for kind in ("orders", "keys", "payments", "guards")}


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    shop = Shop(world)
    monkeypatch.setattr("keyrail.platform.metrics.count", shop.rung.append)
    yield shop
    check_promises(world)


def accepted(shop: Shop, plan: Plan = Plan.SLOW) -> Placed:
    """A paid unit whose supplier is at work on it."""
    placed = buy(shop.world, sell(shop.world, recharge("first"), recharge("second"), first=[plan]))
    assert take(shop.world, placed.order.order_id, shop.unit_id(placed), Turn.PLACE).turn is Turn.ASK
    return placed


def test_news_wakes_whoever_waits_and_moves_nothing(shop: Shop) -> None:
    placed = accepted(shop)
    assert not shop.wait(placed)
    before = shop.world.orders.of_operator(placed.order.order_id)
    assert shop.hear(shop.reference(placed)) is Heard.TOLD
    assert shop.workflows.woken == [TOKEN]
    assert shop.world.orders.of_operator(placed.order.order_id) == before
    assert shop.world.wholesalers["first"].questions == []
    assert supplied(shop.world, placed) is Turn.DONE


def test_news_before_anybody_waits_is_found_by_whoever_comes(shop: Shop) -> None:
    placed = accepted(shop)
    assert shop.hear(shop.reference(placed)) is Heard.TOLD
    assert (shop.workflows.woken, shop.workflows.started) == ([], [])
    assert shop.wait(placed)


def test_news_that_comes_often_at_once_wakes_once(shop: Shop) -> None:
    placed = accepted(shop)
    shop.wait(placed)
    heard = at_once([partial(shop.hear, shop.reference(placed)) for _ in range(8)])
    assert heard == [Heard.TOLD] * 8
    assert shop.workflows.woken == [TOKEN]


def test_news_that_could_not_be_passed_on_is_kept_and_wakes_when_it_comes_again(shop: Shop) -> None:
    placed = accepted(shop)
    shop.wait(placed)
    shop.workflows.is_up = False
    with pytest.raises(WorkflowUnavailable):
        shop.hear(shop.reference(placed))
    shop.workflows.is_up = True
    assert shop.wait(placed)
    assert shop.hear(shop.reference(placed)) is Heard.TOLD
    assert shop.workflows.woken == [TOKEN]


def test_news_of_what_is_over_does_nothing(shop: Shop) -> None:
    placed = accepted(shop)
    assert supplied(shop.world, placed) is Turn.DONE
    before = shop.stored()
    assert shop.hear(shop.reference(placed)) is Heard.OVER
    assert shop.stored() == before
    assert (shop.rung, shop.workflows.started) == ([], [])


def test_news_of_what_a_person_has_is_asked_about_without_them(shop: Shop) -> None:
    placed = accepted(shop, Plan.STUCK)
    assert supplied(shop.world, placed) is Turn.PERSON
    told = shop.reference(placed)
    assert shop.hear(told) is Heard.TOLD
    ((name, order_id, unit_id),) = shop.workflows.started
    assert (order_id, unit_id) == (placed.order.order_id, shop.unit_id(placed))
    assert name.startswith(unit_id)
    assert len(name) <= 80
    shop.world.ahead_ms += 1_000
    shop.hear(told)
    assert shop.workflows.started[1][0] != name, "nothing is started twice under one name"
    shop.world.wholesalers["first"].books[told] = Plan.SLOW
    assert supplied(shop.world, placed) is Turn.DONE
    assert recharging.unit_of(shop.world, placed).status is UnitStatus.DELIVERED


@pytest.mark.parametrize(
    ("name", "refused"), [("first", SignatureInvalid), ("third", UnknownSupplier), ("", UnknownSupplier)]
)
def test_what_is_forged_or_of_nobody_changes_nothing(shop: Shop, name: str, refused: type[Exception]) -> None:
    placed = accepted(shop)
    shop.wait(placed)
    before = shop.stored()
    with pytest.raises(refused):
        shop.hear(shop.reference(placed), name, genuine=name != "first")
    assert shop.stored() == before
    assert (shop.workflows.woken, shop.world.suppliers.notices("first", 10)) == ([], [])


def of_nobody(_: Shop, __: Placed) -> str:
    return "7" * 26 + "0101"


def of_no_form(_: Shop, __: Placed) -> str:
    return "ORDER-1\n" + "x" * 500


def of_another_try(shop: Shop, placed: Placed) -> str:
    return reference(shop.unit_id(placed), 2)


def of_another_unit(shop: Shop, placed: Placed) -> str:
    unit = unit_of(shop.reference(placed)) or ""
    return reference(f"{unit[:-2]}02", 1)


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (of_nobody, NoticeReason.NO_ATTEMPT),
        (of_another_try, NoticeReason.NO_ATTEMPT),
        (of_another_unit, NoticeReason.NO_ATTEMPT),
        (of_no_form, NoticeReason.NO_REFERENCE),
    ],
)
def test_genuine_news_of_no_order_of_ours_is_kept_and_rings_once(
    shop: Shop, named: Callable[[Shop, Placed], str], reason: NoticeReason
) -> None:
    placed = accepted(shop)
    shop.wait(placed)
    before = shop.stored()
    for _ in range(3):
        assert shop.hear(named(shop, placed)) is Heard.UNMATCHED
    assert shop.stored() == before
    (kept,) = shop.world.suppliers.notices("first", 10)
    assert (kept.reason, kept.supplier, len(kept.reference) <= 64) == (reason, "first", True)
    assert (shop.rung, shop.workflows.woken) == ([Metric.SUPPLIER_NEWS_UNMATCHED], [])


def test_a_supplier_has_no_say_in_what_another_was_asked_for(shop: Shop) -> None:
    placed = accepted(shop)
    shop.wait(placed)
    before = shop.stored()
    assert shop.hear(shop.reference(placed), "second") is Heard.UNMATCHED
    assert shop.stored() == before
    (kept,) = shop.world.suppliers.notices("second", 10)
    assert (kept.reason, kept.order_id) == (NoticeReason.OTHER_SUPPLIER, placed.order.order_id)
    assert shop.workflows.woken == []


def test_news_of_what_a_person_has_decided_about_is_kept_for_somebody_to_compare(shop: Shop) -> None:
    placed = accepted(shop, Plan.STUCK)
    assert supplied(shop.world, placed) is Turn.PERSON
    told, order_id, unit_id = shop.reference(placed), placed.order.order_id, shop.unit_id(placed)
    shop.world.work_desk.claim(order_id, unit_id, told, ALICE)
    done = Saying(job=told, verdict=Verdict.DONE, reference="R-1")
    shop.world.work_desk.say(order_id, unit_id, done, ALICE, anybodys=False)
    before = shop.stored()
    assert shop.hear(told) is Heard.UNMATCHED
    assert shop.stored() == before
    (kept,) = shop.world.suppliers.notices("first", 10)
    assert (kept.reason, kept.order_id) == (NoticeReason.DECIDED, order_id)
    ((_, *started),) = shop.workflows.started
    assert started == [order_id, unit_id]
    shop.world.wholesalers["first"].books[told] = Plan.SLOW_THEN_FAILED
    assert supplied(shop.world, placed) is Turn.DONE
    assert recharging.unit_of(shop.world, placed).status is UnitStatus.DELIVERED
    (listed,), _ = shop.world.work_desk.page(Waiting.CONTRADICTED, 10, None)
    assert listed.order.order_id == order_id


def test_news_of_a_purchase_has_it_asked_about_and_that_of_none_is_kept(shop: Shop) -> None:
    sell(shop.world, recharge("first"), first=[])
    reference = "0123456789ABCDEFGHJKMNPQRS" + "PK01"
    assert shop.hear(reference) is Heard.TOLD
    assert (shop.asked_about, shop.rung) == ([("pur_0123456789ABCDEFGHJKMNPQRS", "first")], [])
    shop.has_purchase = False
    assert shop.hear(reference) is Heard.UNMATCHED
    assert shop.hear("x" * 26 + "PK01") is Heard.UNMATCHED
