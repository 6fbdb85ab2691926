"""The promises of the business, read off the tables alone: whatever was raced, broken or repeated before."""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any

from keyrail.inventory.model.batches import NOTHING_HELD, Batch, Held, Standing
from keyrail.inventory.model.faults import Source
from keyrail.inventory.model.following import follow
from keyrail.inventory.model.keys import Key, KeyState, secret_id
from keyrail.ordering.model.disputes import is_frozen
from keyrail.ordering.model.orders import Order, OrderStatus, Unit, UnitStatus
from keyrail.ordering.model.work import Verdict
from keyrail.payments.model.confirmations import DisputeState
from keyrail.payments.model.desk import DeskStatus, UnmatchedPayment
from keyrail.payments.model.disputes import Dispute
from keyrail.payments.model.refunds import Refund
from keyrail.platform.documents import from_attributes
from keyrail.platform.money import Money, total
from keyrail.suppliers.model.attempts import SupplyState, reference, unit_of
from keyrail.suppliers.model.sources import Sourcing
from tests.redeeming import check_account
from tests.supplier import Wholesaler
from tests.tables import TABLES
from tests.world import World

LONG_AFTER_MS = 60 * 60 * 1000  # every lease and every unpaid order is over by then


def check_promises(world: World, codes: Iterable[str] = ()) -> None:
    """Raises AssertionError naming the first broken promise. No table may hold `codes`, or what suppliers sold us."""
    tables = {kind: world.scan(kind) for kind in TABLES}
    items = [item for item in tables["keys"] if item["key_id"]["S"].startswith("key_")]
    keys = {key.key_id: key for key in (from_attributes(Key, item) for item in items)}
    orders = [from_attributes(Order, item) for item in tables["orders"]]
    _one_owner_a_key(keys, orders)
    _replaced_once_by_one(keys, orders)
    _charged_exactly(keys.values(), tables["keys"])
    _in_one_index(keys.values())
    _as_their_batches_say(keys.values(), tables["keys"])
    _used_as_often_as_allowed(keys.values())
    for order in orders:
        _delivered_whole_and_paid(order, keys)
        _no_money_dropped(order)
        _frozen_where_disputed(order, keys)
        _supplied_once(order)
    _quotas_are_what_attempts_hold(tables["suppliers"])
    _as_the_suppliers_know(world.wholesalers.values(), orders)
    _goods_or_money_back_or_on_the_desk(tables["payments"], orders)
    sold_to_us = [code for each in world.wholesalers.values() for code in each.codes()]
    _nothing_in_the_clear(tables, [*codes, *sold_to_us])


def _quotas_are_what_attempts_hold(items: list[dict[str, Any]]) -> None:
    """No counter is above what its attempts took and did not give back, nor below, nor above its quota."""
    held: Counter[str] = Counter()
    for item in items:
        if item["pk"]["S"].startswith("taken#"):
            held[item["sk"]["S"]] += int(item["holds"]["N"])
    counted: Counter[str] = Counter()
    for item in items:
        sku_id, (kind, _, name) = item["pk"]["S"].removeprefix("sku#"), item["sk"]["S"].partition("#")
        if kind == "quota":
            counted[f"{sku_id}#{name}"] = int(item["taken"]["N"])
    assert +counted == +held
    for sourcing in (from_attributes(Sourcing, item) for item in items if item["sk"]["S"] == "sourcing"):
        for source in sourcing.sources:
            place = f"{sourcing.sku_id}#{source.source_id}#"
            taken = max((count for name, count in counted.items() if name.startswith(place)), default=0)
            assert taken <= (source.quota or taken), place


def check_stock(world: World, sku_id: str) -> None:
    """Once time has run, whatever is for sale can be bought: no key is lost to a dead lease, nor to a freeze."""
    later = world.another_process()
    later.ahead_ms += LONG_AFTER_MS
    keys = [key for key in later.stored_keys() if key.sku_id == sku_id and key.sold_at_ms is None]
    open_batches = {batch for batch in {key.batch_id for key in keys} if world.keys.get_batch(batch).standing == "open"}
    alive = [key for key in keys if key.batch_id in open_batches and key.state is not KeyState.EXPIRED]
    for_sale = [key for key in alive if not key.uses]  # what was used unsold is in somebody's hands
    stock = later.claims.stock(sku_id)
    assert (stock.claimable + stock.scheduled, stock.leased) == (len(for_sale), 0), (
        "a key can neither be bought nor sold"
    )


def _used_as_often_as_allowed(keys: Iterable[Key]) -> None:
    for key in keys:
        if key.terms is not None:
            check_account(key, key.terms)


_UNSOLD = {KeyState.AVAILABLE, KeyState.LEASED, KeyState.EXPIRED}


def _one_owner_a_key(keys: dict[str, Key], orders: list[Order]) -> None:
    delivered = [(order, unit, key) for order in orders for unit in _delivered(order) for key in unit.key_ids]
    taken_back = [(order, unit, key) for order in orders for unit in _given_up(order) for key in unit.key_ids]
    owners = Counter(key for _, _, key in (*delivered, *taken_back))
    assert not [key for key, count in owners.items() if count > 1], "a key went to two units"
    assert {key.key_id for key in keys.values() if key.refund_id} == {key for _, _, key in taken_back}, (
        "goods and money"
    )
    for order, unit, key in taken_back:
        (gone,) = (each.refund_id for each in _gone(order) if unit.unit_id in each.unit_ids)
        assert keys[key].refund_id == gone, "taken back for another refund"
        assert keys[key].state is KeyState.VOID, "money back, and the key is good for something"
    sold = {key.key_id for key in keys.values() if key.sold_at_ms is not None and key.replaced_by is None}
    assert sold <= set(owners), "a key was sold to nobody"
    assert set(owners) <= sold, "a unit was delivered with a key that is not sold"
    assert not [key for key in sold if keys[key].state in _UNSOLD], "a key was sold and is for sale again"
    for order, unit, key in (*delivered, *taken_back):
        assert (keys[key].order_id, keys[key].unit_id) == (order.order_id, unit.unit_id), "a key names another owner"
        assert keys[key].claim_order is None, "a sold key can still be claimed"


def _in_one_index(keys: Iterable[Key]) -> None:
    for key in keys:
        assert (key.claim_order is None) == (key.left_pool is not None), "a key stands in two indexes, or in none"
        assert key.claim_order is None or key.state in {KeyState.AVAILABLE, KeyState.LEASED}, "claimable, and it is not"
        assert (key.state is KeyState.FROZEN) == (key.state_before is not None), (
            "a frozen key has forgotten what it was"
        )


def _as_their_batches_say(keys: Iterable[Key], items: list[dict[str, Any]]) -> None:
    """A batch leaves the list of those that stand still when its keys refuse by themselves, and not before."""
    batches = {b.batch_id: b for b in (from_attributes(Batch, i) for i in items if i["key_id"]["S"].startswith("bat_"))}
    held = next((from_attributes(Held, item) for item in items if item["key_id"]["S"] == "holds"), NOTHING_HELD)
    followed = {batch_id for batch_id, batch in batches.items() if batch.followed == batch.generation}
    still = {batch_id for batch_id, batch in batches.items() if batch.standing is not Standing.OPEN}
    assert set(held.unsaleable) == still - followed, "another batch stands still than was commanded"
    assert len(held.unsaleable) == len(set(held.unsaleable)), "a batch stands in the list twice"
    for key in keys:
        if key.batch_id in followed & batches.keys():
            assert follow(batches[key.batch_id], key, key.changed_at_ms) is key, "a key does not follow its batch"


def _replaced_once_by_one(keys: dict[str, Key], orders: list[Order]) -> None:
    given_back = [(order, unit, key) for order in orders for unit in order.units for key in unit.replaced]
    known = [key for _, _, key in given_back]
    assert sorted(known) == sorted(key.key_id for key in keys.values() if key.replaced_by), "replaced behind the order"
    stand_ins = {key.key_id for key in keys.values() if key.replaces}
    assert stand_ins == {keys[bad].replaced_by for bad in known}, "stands in for nothing"
    for order, unit, bad in given_back:
        assert keys[bad].state is KeyState.VOID, "a replaced key is good for something"
        assert (keys[bad].order_id, keys[bad].unit_id) == (order.order_id, unit.unit_id), "replaced for somebody else"
        by = keys[str(keys[bad].replaced_by)]
        assert by.replaces == bad, "the two do not name each other"
        # A key that is refunded alone leaves its unit for one of its own.
        its = [*unit.replaced, *(key for each in (unit, *_given_up(order)) for key in each.key_ids)]
        assert by.key_id in its, "what stands in went to another unit"


def _charged_exactly(keys: Iterable[Key], items: list[dict[str, Any]]) -> None:
    charged = Counter(key.batch_id for key in keys if key.charged_back_at_ms is not None)
    batches = [from_attributes(Batch, item) for item in items if item["key_id"]["S"].startswith("bat_")]
    assert {each.batch_id: each.charged_back for each in batches if each.charged_back} == charged, "charged to a batch"
    sources = [from_attributes(Source, item) for item in items if item["key_id"]["S"].startswith("source#")]
    for source in sources:
        its = [each for each in batches if each.source == source.name]
        assert source.charged_back == sum(charged[each.batch_id] for each in its), "charged to a source"
        owed: Counter[str] = Counter()
        for each in its:
            if each.unit_cost:
                owed[each.unit_cost.currency] += charged[each.batch_id] * each.unit_cost.amount_minor
        assert {money.currency: money.amount_minor for money in source.charged_money} == dict(+owed), "another sum"


def _delivered_whole_and_paid(order: Order, keys: dict[str, Key]) -> None:
    for unit in _delivered(order):
        assert order.paid_attempt() is not None, "delivered and not paid"
        if unit.is_credited:
            assert not unit.comes_as_keys, "delivered without its keys"
            continue
        assert len(set(unit.key_ids)) == unit.quantity, "half a delivery"
        assert {keys[key].sku_id for key in unit.key_ids} == {unit.sku_id}, "delivered something else"
        assert len({secret_id(key) for key in unit.key_ids}) == unit.quantity, "the same secret twice"
        if unit.label is not None and not unit.replaced:
            assert [keys[key].label for key in unit.key_ids] == [unit.label], "another number than the chosen one"


def _supplied_once(order: Order) -> None:
    """One after the other was asked, each after the one before had surely failed; and what may be done is not given
    back.
    """
    for unit in order.units:
        attempts = unit.attempts or ()
        assert not attempts or order.paid_attempt() is not None, "asked for and not paid"
        numbers = [reference(unit.unit_id, number + 1) for number in range(len(attempts))]
        assert [attempt.reference for attempt in attempts] == numbers, "a try without a number of its own"
        after_all, in_stock = _done_after_all(unit), _in_stock(unit)
        before = [each for each in attempts[:-1] if each.reference not in after_all | in_stock]
        assert all(each.state is SupplyState.FAILED for each in before), "asked elsewhere while nobody knew"
        behind = [each for bought, each in pairwise(attempts) if bought.reference in in_stock]
        assert not [each for each in behind if each.supplier], "bought again, and nobody said so"
        assert unit.work is None or unit.open_attempt() is not None, "a person has work with what is decided"
        assert unit.is_open or unit.open_attempt() is None, "over, and nobody knows whether it was supplied"
        done = any(each.state is SupplyState.SUCCEEDED and each.reference not in in_stock for each in attempts)
        assert not unit.is_credited or done, "delivered, and nobody supplied it"
        knowingly = any(r.request and r.request.even_if_used for r in order.refunds if unit.unit_id in r.unit_ids)
        assert not done or unit.is_credited or knowingly, "goods and money back, or neither"


def _in_stock(unit: Unit) -> set[str]:
    """What was bought with these is in our stock; whether the unit has it, or somebody else, its keys say."""
    bought = (each for each in unit.attempts or () if each.of_keys or unit.comes_as_keys)
    return {each.reference for each in bought if each.state is SupplyState.SUCCEEDED}


def _done_after_all(unit: Unit) -> set[str]:
    """A person had said that it was not, and another one has seen that the supplier was right."""
    seen = {work.job: work.contradiction.seen for work in unit.jobs if work.contradiction}
    return {job for job, word in seen.items() if word and word.verdict is Verdict.DONE}


def _as_the_suppliers_know(suppliers: Collection[Wholesaler], orders: list[Order]) -> None:
    """By their own books: none was ordered twice, and what they did is not given back, nor done by two of them."""
    placed = Counter(wanted.reference for each in suppliers for wanted in each.placed)
    assert not [one for one, times in placed.items() if times > 1], "sent again"
    keys = {one for each in suppliers for one in each.of_keys}
    units = {unit.unit_id: unit for order in orders for unit in order.units}
    said = {job.job for unit in units.values() for job in unit.jobs if job.word and job.word.final}
    done = Counter(unit_of(one) for each in suppliers for one in each.credited.keys() - (keys & said))
    assert not [one for one, times in done.items() if times > 1], "supplied twice"
    known = {attempt.reference for unit in units.values() for attempt in unit.attempts or ()}
    assert placed.keys() <= known, "asked for before that was on record"
    for each in (units[str(one)] for one in done.keys() - {unit_of(one) for one in keys}):
        assert each.is_credited or each.is_open, "supplied, and its money goes back"


def _no_money_dropped(order: Order) -> None:
    paid = order.paid_attempt()
    if paid is None:
        assert order.refunds == (), "money back that never came"
        assert order.status in {OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED}
        return
    assert order.units_to_issue() == () or is_frozen(order), "paid, and neither delivered nor owed back"
    waiting = (*order.units_to_issue(), *order.units_to_supply())
    failed = [unit for unit in order.units if unit.status in {UnitStatus.FAILED, UnitStatus.REFUNDED}]
    of_units = [refund for refund in order.refunds if refund.unit_ids and refund.is_owed]
    owed = {unit_id: refund.amount for refund in of_units for unit_id in refund.unit_ids}
    assert len(owed) == sum(len(refund.unit_ids) for refund in of_units), "the same money is owed back twice"
    too_many = [(r.attempt_id, r.payment_reference) for r in order.refunds if not r.unit_ids]
    assert len(too_many) == len(set(too_many)), "the same payment is owed back twice"
    assert (paid.attempt_id, paid.reference) not in too_many, "goods and money back"
    lost = [unit for dispute in order.disputes or () for unit in order.units if unit.unit_id in dispute.unit_ids]
    gone = owed.keys() | {unit.unit_id for unit in lost}
    assert {unit.unit_id for unit in failed} >= gone, "what is owed back is not what was not delivered"
    assert not owed.keys() & {unit.unit_id for unit in lost}, "given back by us and by the bank"
    nothing, kept = Money(0, order.total.currency), [unit.amount for unit in _delivered(order)]
    back = total([nothing, *(refund.amount for refund in of_units)])
    in_part = any(each.state is DisputeState.LOST and not each.unit_ids for each in order.disputes or ())
    if paid.came_in == order.total and not in_part:
        assert gone == {unit.unit_id for unit in failed}, "what is owed back is not what was not delivered"
        for refund in of_units:
            assert refund.amount == total([u.amount for u in failed if u.unit_id in refund.unit_ids]), "another sum"
        assert total([back, *kept, *(unit.amount for unit in (*lost, *waiting))]) == order.total
    assert back.amount_minor <= paid.came_in.amount_minor, "more is owed back than ever came"
    bank_or_not_yet = lost or in_part or waiting
    assert kept or bank_or_not_yet or back == paid.came_in, (
        "nothing was delivered, and not all of the money is owed back"
    )
    if waiting:
        return
    expected = OrderStatus.DELIVERED if not failed else OrderStatus.PARTIALLY_DELIVERED
    all_back = {unit.status for unit in order.units} == {UnitStatus.REFUNDED}
    none_kept = OrderStatus.REFUNDED if all_back else OrderStatus.REFUNDING
    assert order.status is (expected if kept else none_kept)


def _goods_or_money_back_or_on_the_desk(items: list[dict[str, Any]], orders: list[Order]) -> None:
    attempts = [(order, attempt) for order in orders for attempt in order.attempts]
    paying = {attempt.payment_id: (order, attempt) for order, attempt in attempts if attempt.payment_id}
    used = {(attempt.provider, attempt.account, attempt.reference) for _, attempt in attempts if attempt.reference}
    on_desk = [item for item in items if item["payment_id"]["S"].startswith("upm_")]
    for payment in (from_attributes(UnmatchedPayment, item) for item in on_desk):
        placed, decided = paying.pop(payment.payment_id, None), payment.decision
        if decided is not None and decided.what in {DeskStatus.ACCEPTED, DeskStatus.ASSIGNED}:
            assert placed is not None, "a payment was placed, and no order knows it"
            order, attempt = placed
            where = (order.order_id, attempt.attempt_id, attempt.reference, attempt.came_in)
            assert where == (decided.order_id, decided.attempt_id, payment.reference, payment.amount), "misplaced"
            assert payment.refund is None, "goods and money back"
            continue
        assert placed is None, "an order was paid by a payment that is still on the desk, or goes back"
        if payment.refund is not None:
            assert payment.refund.amount == payment.amount, "another sum goes back than came"
            assert (payment.provider, payment.account, payment.reference) not in used, "goods and money back"
        assert (payment.status is DeskStatus.WAITING) == (decided is None), "off the desk, and nobody decided that"
    assert not paying, "an order was paid by a payment that never came"


def _delivered(order: Order) -> list[Unit]:
    return [unit for unit in order.units if unit.status is UnitStatus.DELIVERED]


def _frozen_where_disputed(order: Order, keys: dict[str, Key]) -> None:
    for key in (key for unit in order.units for key in unit.key_ids if key in keys):
        held = keys[key].order_id == order.order_id and keys[key].held_for is not None
        is_delivered = any(key in unit.key_ids for unit in _delivered(order))
        assert held == (is_delivered and is_frozen(order)), "disputed and not frozen, or frozen for nothing"


def _gone(order: Order) -> list[Refund | Dispute]:
    """Money that is owed back, went back or was taken back by a bank, with the units that gave up their goods."""
    lost = [dispute for dispute in order.disputes or () if dispute.unit_ids]
    return [*lost, *(refund for refund in order.refunds if refund.is_owed and refund.unit_ids)]


def _given_up(order: Order) -> list[Unit]:
    """Were delivered once, and are refunded."""
    return [unit for unit in order.units if unit.status in {UnitStatus.FAILED, UnitStatus.REFUNDED}]


def _nothing_in_the_clear(tables: dict[str, list[dict[str, Any]]], codes: Iterable[str]) -> None:
    stored = json.dumps(tables, default=repr).casefold()
    assert not [code for code in codes if code.casefold() in stored], "a code lies in a table in the clear"
