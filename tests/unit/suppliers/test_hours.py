"""Hours and days are the business's, also where its clocks change and where it is open past midnight."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import epoch_ms
from keyrail.platform.money import Money
from keyrail.suppliers.model.routing import Need
from keyrail.suppliers.model.sources import RECHARGE_KINDS, Source, SourceKind, Sourcing
from keyrail.suppliers.service.routing import Routing
from keyrail.suppliers.store import SuppliersStore
from tests.quick_tables import QuickTables
from tests.tables import create_table

BY = Origin("system:test", "test")
NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"


class Counter:
    """A source that is a person's, at a place of the world and with a moment that is set."""

    def __init__(self, zone: str, **rules: Any) -> None:
        tables: Any = QuickTables()
        create_table(tables, "suppliers", "suppliers")
        self.store, self.now_ms, self.number = SuppliersStore(tables, "suppliers"), 0, 0
        source = Source(source_id="desk", kind=SourceKind.MANUAL, **rules)
        self.store.put_sourcing(Sourcing(sku_id="sku", sources=(source,), **stamp(BY, 0)))
        self.routing = Routing(self.store, ZoneInfo(zone), lambda: self.now_ms)

    def is_open(self, utc: str) -> bool:
        self.now_ms, self.number = epoch_ms(datetime.fromisoformat(f"{utc}+00:00")), self.number + 1
        need = Need(
            sku_id="sku",
            quantity=1,
            paid=Money(1000, "CNY"),
            kinds=RECHARGE_KINDS,
            reference=f"reference-{self.number}",
        )
        return self.routing.choose(need, BY).source is not None


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "by_time"),
    [
        (
            SHANGHAI,
            9 * 60,
            18 * 60,
            {"2026-03-08T00:59:59": False, "2026-03-08T01:00": True, "2026-03-08T10:00": False},
        ),
        (SHANGHAI, 22 * 60, 2 * 60, {"2026-03-08T13:59": False, "2026-03-08T14:00": True, "2026-03-08T18:00": False}),
        (SHANGHAI, 0, 24 * 60, {"2026-03-08T15:59:59": True, "2026-03-08T16:00": True}),
        # Clocks go from two to three: what opens at three does so an hour sooner after the last time.
        (NEW_YORK, 3 * 60, 4 * 60, {"2026-03-08T06:59": False, "2026-03-08T07:00": True, "2026-03-08T08:00": False}),
        (NEW_YORK, 2 * 60, 3 * 60, {"2026-03-08T06:59": False, "2026-03-08T07:00": False, "2026-03-09T06:00": True}),
        # And back from two to one: what is open from one to two is so twice.
        (NEW_YORK, 60, 2 * 60, {"2026-11-01T05:00": True, "2026-11-01T06:59": True, "2026-11-01T07:00": False}),
    ],
)
def test_a_source_is_open_by_the_clock_on_the_wall(
    zone: str, opens: int, closes: int, by_time: dict[str, bool]
) -> None:
    counter = Counter(zone, opens=opens, closes=closes)
    assert {utc: counter.is_open(utc) for utc in by_time} == by_time


@pytest.mark.parametrize(
    ("zone", "last", "first"),
    [
        (SHANGHAI, "2026-03-07T15:59:59", "2026-03-07T16:00:00"),
        (NEW_YORK, "2026-03-09T03:59:59", "2026-03-09T04:00:00"),  # a day of 23 hours
        (NEW_YORK, "2026-11-02T04:59:59", "2026-11-02T05:00:00"),  # one of 25
    ],
)
def test_a_quota_is_a_days_where_the_business_is(zone: str, last: str, first: str) -> None:
    counter = Counter(zone, quota=1)
    assert [counter.is_open(utc) for utc in (last, last, first, first, last)] == [True, False, True, False, False]
