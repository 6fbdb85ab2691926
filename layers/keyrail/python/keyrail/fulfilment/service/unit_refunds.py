"""Refunds of what was delivered: the goods are given up in the transaction that owes their price back."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrail.inventory.model.keys import Key, NotSold
from keyrail.inventory.model.withdrawing import condition_of
from keyrail.inventory.service.withdrawals import Withdrawals
from keyrail.ordering.model import refund_requests
from keyrail.ordering.model.orders import Order, SeenSince
from keyrail.ordering.model.refund_requests import (
    WantedRefund,
    given_alone,
    meant_by,
    requested,
    standing,
    take_back,
    to_decide,
    wait_for_approval,
)
from keyrail.ordering.service.orders import Orders
from keyrail.payments.model.refunds import Refund, RefundRequest
from keyrail.payments.service.refund_limits import GivenToday
from keyrail.platform import logs
from keyrail.platform.changes import Origin
from keyrail.platform.clock import NowMs
from keyrail.platform.contention import let_others_go
from keyrail.platform.dynamo import StoreUnavailable, TransactionFailed, Write, transact
from keyrail.platform.logs import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MAX_TRIES = 10
_OF_THE_DAY = 1  # the position of its count in the transaction


@dataclass(frozen=True)
class UnitRefunds:
    orders: Orders
    withdrawals: Withdrawals
    given_today: GivenToday
    client: "DynamoDBClient"
    now_ms: NowMs

    def request(self, order_id: str, wanted: WantedRefund, name: str, origin: Origin) -> Order:
        """Give delivered units back, or have it wait for a second person where it is more than one may give alone.

        The same name and request have the effect of once. Raises OrderNotFound, Invalid, IdempotencyConflict,
        NotRefundable, AccountCredited, RefundWaits, TooManyRefunds, KeyRedeemed, Unavailable; by none of them
        anything is changed.
        """
        known, over_the_day = refund_requests.refund_id(order_id, name), False
        for number in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            if standing(order, wanted, known) is not None:
                return order
            parted, units = meant_by(order, wanted)
            keys = self.withdrawals.keys([key for unit in units for key in unit.key_ids])
            refund = requested(parted, known, units, self._request(wanted, keys, origin))
            with suppress(NotSold):  # the order was read before somebody changed it together with its keys
                withdrawn = self._withdrawn(parted, refund, keys, origin, even_if_used=wanted.even_if_used)
                done, over_the_day = self._record(order, parted, refund, withdrawn, origin, alone=not over_the_day)
                if done is not None:
                    return done
            let_others_go(number)
        raise StoreUnavailable

    def approve(self, order_id: str, refund_id: str, origin: Origin) -> Order:
        """The second person's word: the units give up their keys as they stand by then. The same again is once.

        Raises OrderNotFound, RefundNotFound, OwnRequest, AlreadyDecided, SeenSince, NotRefundable, KeyRedeemed,
        Unavailable.
        """

        def decide(order: Order, refund: Refund) -> Order | None:
            approved = refund_requests.approve(order, refund, origin, self.now_ms())
            owed = next(each for each in approved.refunds if each.refund_id == refund_id)
            units = [unit for unit in approved.units if unit.unit_id in owed.unit_ids]
            keys = self.withdrawals.keys([key for unit in units for key in unit.key_ids])
            request = refund.request
            if request is None or _known_better(keys, request):
                raise SeenSince
            withdrawn = self._withdrawn(approved, owed, keys, origin, even_if_used=request.even_if_used)
            refused = self._refused([self.orders.replacement(order, approved), *withdrawn])
            return approved if refused is None else None

        return self._decide(order_id, refund_id, decide, origin, approved=True)

    def reject(self, order_id: str, refund_id: str, origin: Origin) -> Order:
        """Nothing comes of the request. Raises OrderNotFound, RefundNotFound, AlreadyDecided, Unavailable."""

        def decide(order: Order, refund: Refund) -> Order | None:
            rejected = refund_requests.reject(order, refund, origin, self.now_ms())
            return rejected if self.orders.replace(order, rejected) else None

        return self._decide(order_id, refund_id, decide, origin, approved=False)

    def _request(self, wanted: WantedRefund, keys: list[Key], origin: Origin) -> RefundRequest:
        found = condition_of(keys)
        return RefundRequest(
            by=origin.by,
            at_ms=self.now_ms(),
            why=wanted.why,
            fingerprint=wanted.fingerprint,
            keys_seen=found.seen,
            keys_used=found.used,
            even_if_used=wanted.even_if_used,
            key_ids=wanted.key_ids,
        )

    def _withdrawn(
        self, order: Order, refund: Refund, keys: list[Key], origin: Origin, *, even_if_used: bool
    ) -> list[Write]:
        units = {key: unit.unit_id for unit in order.units for key in unit.key_ids}
        return self.withdrawals.writes(keys, refund.refund_id, origin, even_if_used=even_if_used, units=units)

    def _record(
        self, order: Order, parted: Order, refund: Refund, withdrawn: list[Write], origin: Origin, *, alone: bool
    ) -> tuple[Order | None, bool]:
        """The order as it stands then, or None where somebody was faster; and whether the person's day is full."""
        now_ms, before = self.now_ms(), given_alone(order, origin.by)
        if not alone or self.given_today.limits.needs_second_person(refund.amount, before):
            waiting = wait_for_approval(order, refund, origin, now_ms)
            return waiting if self.orders.replace(order, waiting) else None, not alone
        owing = take_back(parted, refund, origin, now_ms)
        counted = self.given_today.counting(refund.amount, origin, now_ms)
        refused = self._refused([self.orders.replacement(order, owing), counted, *withdrawn])
        if refused is not None:
            return None, _OF_THE_DAY in refused.failed
        logs.log(Entry.REFUND_DUE, order_id=order.order_id, unit_id=None, reason=refund.reason)
        return owing, False

    def _decide(
        self,
        order_id: str,
        refund_id: str,
        decide: Callable[[Order, Refund], Order | None],
        origin: Origin,
        *,
        approved: bool,
    ) -> Order:
        for number in range(MAX_TRIES):
            order = self.orders.of_operator(order_id)
            refund = to_decide(order, refund_id, origin.by, approved=approved)
            if refund is None:
                return order
            with suppress(NotSold):  # as above
                if decided := decide(order, refund):
                    return decided
            let_others_go(number)
        raise StoreUnavailable

    def _refused(self, writes: list[Write]) -> TransactionFailed | None:
        """None if all of it is written now."""
        try:
            transact(self.client, writes)
        except TransactionFailed as refused:
            return refused
        return None


def _known_better(keys: list[Key], request: RefundRequest) -> bool:
    """Whether keys were looked at or used since, or others stand in for them that were."""
    found = condition_of(keys)
    others = condition_of(key for key in keys if key.sold_at_ms is not None and key.sold_at_ms > request.at_ms)
    return found.seen > request.keys_seen or found.used > request.keys_used or others.seen + others.used > 0
