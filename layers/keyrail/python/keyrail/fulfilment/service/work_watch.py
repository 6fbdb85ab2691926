"""Work of people's that is past due: counted by the clock, so that somebody is called."""

from dataclasses import dataclass

from keyrail.ordering.service.orders import Orders
from keyrail.platform import metrics
from keyrail.platform.clock import NowMs
from keyrail.platform.metrics import Metric


@dataclass(frozen=True)
class WorkWatch:
    orders: Orders
    now_ms: NowMs

    def count_overdue(self) -> int:
        """How many orders have a job that is past due; of very many some are left out. Raises StoreUnavailable."""
        overdue = self.orders.count_overdue(self.now_ms())
        if overdue:
            metrics.count(Metric.WORK_OVERDUE, overdue)
        return overdue
