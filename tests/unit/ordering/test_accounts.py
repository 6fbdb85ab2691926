"""Where a line goes is settled before anything is held for it: to an account that fits the SKU, or to nobody."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from functions.storefront_api.schemas import OrderIn, OrderOut, SkuOut
from keyrail.catalog.model import Sku, SkuKind
from keyrail.inventory.model.keys import StockLevel
from keyrail.ordering.model.accounts import Addressed, addressed
from keyrail.ordering.model.dividing import divided
from keyrail.ordering.model.events import events_between
from keyrail.ordering.model.orders import AccountCredited, Delivery, Line, Order, UnitStatus, check_lines
from keyrail.ordering.model.refund_requests import refundable_units, requested, take_back
from keyrail.ordering.model.steps import deliver, pay
from keyrail.ordering.model.supplying import deliver_keys, hear, next_reference
from keyrail.ordering.service.supply import Offer
from keyrail.payments.model.refunds import RefundRequest
from keyrail.platform.documents import from_json, to_attributes, to_json
from keyrail.platform.errors import Invalid
from keyrail.platform.patterns import matches
from keyrail.suppliers.model.attempts import Decision
from tests.accounts import GAME, PHONE
from tests.unit.ordering.test_orders_model import FIRST, KEYS, PAID, SECOND, SYSTEM
from tests.unit.ordering.test_quote import sku as priced
from tests.unit.ordering.test_supplying import DONE, UNIT, begun, paid, unpaid, wanted

NUMBER = {"phone": "13800138000"}


def sku(kind: SkuKind, sku_id: str = "a") -> Sku:
    fields = None if kind is SkuKind.KEY else (PHONE,)
    return replace(priced(sku_id, PAID.total), kind=kind, account_fields=fields)


def goes(*lines: tuple[Line, SkuKind]) -> list[Addressed]:
    return addressed([line for line, _ in lines], [sku(kind, line.sku_id) for line, kind in lines], matches=matches)


def refused(*lines: tuple[Line, SkuKind]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        goes(*lines)
    return [(error.field, error.reason) for error in refusal.value.fields]


def to(account: dict[str, str] | None, sku_id: str = "a", label: str | None = None) -> Line:
    return Line(sku_id, 1, label, account)


@pytest.mark.parametrize(
    ("kind", "account", "delivery"),
    [
        (SkuKind.KEY, None, None),
        (SkuKind.RECHARGE, NUMBER, Delivery.RECHARGE),
        (SkuKind.EITHER, NUMBER, Delivery.EITHER),
        (SkuKind.CHOICE, NUMBER, Delivery.RECHARGE),
        (SkuKind.CHOICE, None, None),
    ],
)
def test_the_kind_of_a_sku_says_how_it_is_delivered_and_an_account_decides_where_the_buyer_may(
    kind: SkuKind, account: dict[str, str] | None, delivery: Delivery | None
) -> None:
    (line,) = goes((to(account), kind))
    assert (line.delivery, line.line.recharge_account) == (delivery, account)
    assert line.mask == (None if account is None else {"phone": "138****8000"})


@pytest.mark.parametrize(
    ("line", "kind", "where", "reason"),
    [
        (to(NUMBER), SkuKind.KEY, "", "not_of_this_sku"),
        (to({}), SkuKind.KEY, "", "not_of_this_sku"),
        (to(NUMBER, label="888"), SkuKind.CHOICE, "", "not_with_a_label"),
        (to(None), SkuKind.RECHARGE, ".phone", "missing"),
        (to(None), SkuKind.EITHER, ".phone", "missing"),
        (to({}), SkuKind.CHOICE, ".phone", "missing"),
        (to({"phone": "12345"}), SkuKind.CHOICE, ".phone", "not_a_mobile_number"),
        (to({**NUMBER, "qq": "1"}), SkuKind.RECHARGE, ".qq", "unknown"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place_in_the_request(
    line: Line, kind: SkuKind, where: str, reason: str
) -> None:
    place = f"items.1.recharge_account{where}"
    assert refused((to(None, "b"), SkuKind.KEY), (line, kind)) == [(place, reason)]


def test_every_wrong_account_of_an_order_is_named() -> None:
    wrong = (to({"phone": "1"}), SkuKind.RECHARGE), (to(None, "b"), SkuKind.EITHER)
    assert refused(*wrong) == [
        ("items.0.recharge_account.phone", "not_a_mobile_number"),
        ("items.1.recharge_account.phone", "missing"),
    ]


def test_one_sku_goes_to_several_accounts_but_to_each_in_one_line() -> None:
    other = {"phone": "13900139000"}
    check_lines([to(NUMBER), to(other), to(None)])
    found = goes((to(NUMBER), SkuKind.CHOICE), (to(other), SkuKind.CHOICE), (to(None), SkuKind.CHOICE))
    assert [line.line.recharge_account for line in found] == [NUMBER, other, None]
    with pytest.raises(Invalid):
        check_lines([to(NUMBER), to(other), to(dict(NUMBER))])
    written_otherwise = {"phone": "+86 138 0013 8000"}
    check_lines([to(NUMBER), to(written_otherwise)])
    assert refused((to(NUMBER), SkuKind.RECHARGE), (to(written_otherwise), SkuKind.RECHARGE)) == [
        ("items", "sku_repeated")
    ]


def test_a_request_is_known_by_its_accounts_whatever_the_order_of_their_names() -> None:
    def fingerprint(account: str) -> bytes:
        items = f'[{{"sku_id": "a", "quantity": 1, "recharge_account": {account}}}]'
        return (
            from_json(OrderIn, f'{{"items": {items}, "payment": {{"provider": "epay"}}}}').wanted("main").fingerprint()
        )

    one = fingerprint('{"qq": "10001", "region": "ios"}')
    assert one == fingerprint('{"region": "ios", "qq": "10001"}')
    others = ['{"qq": "10002", "region": "ios"}', '{"qq": "10001"}', "{}", "null", '{"qq": "ios", "region": "10001"}']
    assert len({one, *map(fingerprint, others)}) == len(others) + 1


def test_the_shelf_says_what_to_ask_for_in_both_languages() -> None:
    game = replace(sku(SkuKind.RECHARGE), account_fields=GAME)
    shown: dict[str, Any] = from_json(dict, to_json(SkuOut.of(game, Offer(StockLevel.IN_STOCK))))
    assert shown["delivery"] == "recharge"
    assert [(field["name"], field["kind"], field["label"], field["label_zh"]) for field in shown["account_fields"]] == [
        ("qq", "digits", "QQ number", "QQ号"),
        ("region", "choice", "Region", "大区"),
        ("server", "choice", "Server", "区服"),
        ("note", "text", "Note", "备注"),
    ]
    assert shown["account_fields"][2]["choices"][0] == {
        "value": "1",
        "label": "Dragon 1",
        "label_zh": "青龙1区",
        "within": ["android"],
    }
    for by_hand, word in ((False, "recharge"), (True, "manual")):
        offer = Offer(StockLevel.IN_STOCK, by_hand)
        by_kind = {kind: SkuOut.of(sku(kind), offer).delivery for kind in SkuKind}
        assert by_kind == {"key": "instant_key", "recharge": word, "either": word, "choice": "instant_key"}
        assert SkuOut.of(sku(SkuKind.CHOICE), replace(offer, keys=False)).delivery == word


def test_a_buyer_sees_how_it_goes_and_most_of_the_account_is_hidden() -> None:
    def shown() -> Any:
        (unit,) = from_json(dict, to_json(OrderOut.of(order, 9_000)))["units"]
        return unit

    order = unpaid()
    order = replace(order, units=(replace(order.units[0], account_mask={"phone": "138****8000"}),))
    assert (shown()["status"], shown()["delivery"], shown()["history"]) == ("reserved", "recharge", [])
    order = pay(order, order.attempts[0].attempt_id, "T-1", SYSTEM, 1_000)
    order = begun(order)
    order = hear(order, (order.unit(UNIT).attempts or ())[0].reference, DONE, SYSTEM, 3_000)
    assert shown()["account"] == {"phone": "138****8000"}
    assert shown()["history"][-2:] == [
        {"at": "1970-01-01T00:00:02.000Z", "status": "recharging"},
        {"at": "1970-01-01T00:00:03.000Z", "status": "delivered"},
    ]
    assert "13800138000" not in to_json(OrderOut.of(order, 9_000)).decode()


def test_a_buyer_is_told_what_a_unit_that_was_left_open_came_as() -> None:
    def shown(order: Order) -> list[tuple[str, str | None]]:
        units = from_json(dict, to_json(OrderOut.of(order, 9_000)))["units"]
        return [(unit["delivery"], unit.get("came_as")) for unit in units]

    waits = paid()
    waits = replace(waits, units=(replace(waits.unit(UNIT), delivery=Delivery.EITHER),))
    assert shown(waits) == [("either", None)]
    of_keys = deliver_keys(waits, UNIT, ("key_1",), Decision(at_ms=2_000, chosen="pool"), SYSTEM, 2_000)
    assert shown(of_keys) == [("either", "key")]
    credited = hear(begun(waits), next_reference(waits.unit(UNIT)), DONE, SYSTEM, 3_000)
    assert shown(credited) == [("either", "recharge")]
    assert shown(deliver(PAID, KEYS, SYSTEM, 1_600)) == [("key", "key")] * len(PAID.units)
    lost = replace(credited, units=(replace(credited.unit(UNIT), status=UnitStatus.REFUNDED),))
    assert shown(lost) == [("either", None)]


def test_no_event_of_a_recharge_has_the_account_in_it() -> None:
    order = unpaid()
    bought = pay(order, order.attempts[0].attempt_id, "T-1", SYSTEM, 1_000)
    asked = begun(bought)
    done = hear(asked, next_reference(bought.unit(UNIT)), DONE, SYSTEM, 3_000)
    steps = (None, order, bought, asked, done)
    told = [event for old, new in pairwise(steps) for event in events_between(old, new)]
    assert {event.name for event in told} >= {"order.placed", "order.paid", "order.delivered"}
    assert "13800138000" in repr(to_attributes(order))
    assert "13800138000" not in repr(told)
    assert "13800138000" not in repr(steps)


def test_what_was_credited_is_given_back_only_where_somebody_says_so_knowing_it() -> None:
    order = hear(begun(paid()), next_reference(paid().unit(UNIT)), DONE, SYSTEM, 3_000)
    request = RefundRequest(by=SYSTEM.by, at_ms=4_000, why="why", fingerprint="f")
    (unit,) = refundable_units(order, None)
    with pytest.raises(AccountCredited):
        requested(order, "ref_1", [unit], request)
    refund = requested(order, "ref_1", [unit], replace(request, even_if_used=True))
    back = take_back(order, refund, SYSTEM, 4_000).unit(UNIT)
    assert back.status is UnitStatus.FAILED
    assert (back.history or ())[-1].at_ms == 4_000


def test_keys_that_are_parted_from_a_unit_leave_the_tries_to_supply_it_behind() -> None:
    whole = deliver(PAID, KEYS, SYSTEM, 1_600)
    unit = replace(
        whole.unit(FIRST),
        delivery=Delivery.EITHER,
        account=NUMBER,
        attempts=(wanted(paid()),),
        decisions=(Decision(at_ms=1_500, chosen="pool"),),
    )
    order, (apart,) = divided(replace(whole, units=(unit, whole.unit(SECOND))), ["key_1"])
    assert (apart.account, apart.attempts, apart.decisions) == (NUMBER, None, None)
    assert order.unit(FIRST).attempts == unit.attempts
