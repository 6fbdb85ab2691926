"""What a supplier's callback does: whoever waits for news of that unit asks. It is not believed, and moves nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from keyrail.ordering.model.orders import Order, Unit, order_of
from keyrail.ordering.model.supplying import again
from keyrail.ordering.service.orders import Orders
from keyrail.platform import logs, metrics
from keyrail.platform.clock import NowMs
from keyrail.platform.logs import Entry
from keyrail.platform.metrics import Metric
from keyrail.risk.service import News
from keyrail.suppliers.model.attempts import SupplyAttempt, unit_of
from keyrail.suppliers.model.notices import NoticeReason
from keyrail.suppliers.model.outcomes import word
from keyrail.suppliers.model.purchases import purchase_of
from keyrail.suppliers.service.accounts import Callback, SupplierAccounts
from keyrail.suppliers.service.notices import Notices


class Heard(StrEnum):
    """`over`: of an attempt whose outcome the supplier has told. `unmatched`: of nothing that this supplier was asked
    for, or of what a person has decided about.
    """

    TOLD = "told"
    OVER = "over"
    UNMATCHED = "unmatched"


@dataclass(frozen=True)
class SupplierNews:
    """`go_on` wakes whoever waits with a token, False if nobody does. `start` begins to see to a unit under a name,
    with the ids of order and unit. `ask_about` has a purchase asked about, False if that supplier has none of that id.
    """

    orders: Orders
    suppliers: SupplierAccounts
    news: News
    notices: Notices
    go_on: Callable[[str], bool]
    start: Callable[[str, str, str], bool]
    ask_about: Callable[[str, str], bool]
    now_ms: NowMs

    def hear(self, supplier: str, callback: Callback) -> Heard:
        """Once this returns, that there is news is stored. Raises UnknownSupplier, SignatureInvalid, Unavailable."""
        reference = self.suppliers.parse_callback(supplier, callback, self.now_ms())
        purchase_id = purchase_of(reference)
        if purchase_id is not None and self.ask_about(purchase_id, supplier):
            return Heard.TOLD
        return self._hear_of_unit(supplier, reference)

    def _hear_of_unit(self, supplier: str, reference: str) -> Heard:
        unit_id = unit_of(reference)
        if unit_id is None:
            return self._unmatched(supplier, reference, NoticeReason.NO_REFERENCE)
        order = self.orders.find(order_of(unit_id))
        unit, attempt = _attempt(order, reference)
        if order is None or unit is None or attempt is None:
            return self._unmatched(supplier, reference, NoticeReason.NO_ATTEMPT)
        if attempt.supplier != supplier:
            return self._unmatched(supplier, reference, NoticeReason.OTHER_SUPPLIER, order.order_id)
        if any(job.job == reference and job.word and job.word.final for job in unit.worked or ()):
            if unit.open_attempt() is None:  # whoever sees to the unit next asks whether the supplier says the same
                self._start(order, unit)
            return self._unmatched(supplier, reference, NoticeReason.DECIDED, order.order_id)
        if not attempt.is_open:
            logs.log(Entry.CALLBACK_IGNORED, supplier=supplier, reference=reference)
            return Heard.OVER
        self._tell(order, unit)
        logs.log(Entry.NEWS_TOLD, supplier=supplier, reference=reference)
        return Heard.TOLD

    def _tell(self, order: Order, unit: Unit) -> None:
        """Stored first: whoever comes to wait after that finds it. What is a person's has nobody who waits."""
        token = self.news.tell(unit.unit_id)
        if token is not None and self.go_on(token):
            return
        if unit.work is not None:
            self._start(order, unit)

    def _start(self, order: Order, unit: Unit) -> None:
        self.start(f"{again(order, unit)}-{self.now_ms() // 1000}", order.order_id, unit.unit_id)

    def _unmatched(self, supplier: str, reference: str, reason: NoticeReason, order_id: str | None = None) -> Heard:
        """Rings for each that is new: a supplier sends the same again and again."""
        if self.notices.keep(supplier, reference, reason, order_id):
            metrics.count(Metric.SUPPLIER_NEWS_UNMATCHED)
        logs.warn(Entry.NEWS_UNMATCHED, supplier=supplier, reference=word(reference), reason=reason)
        return Heard.UNMATCHED


def _attempt(order: Order | None, reference: str) -> tuple[Unit | None, SupplyAttempt | None]:
    units = order.units if order else ()
    found = ((unit, each) for unit in units for each in unit.attempts or () if each.reference == reference)
    return next(found, (None, None))
