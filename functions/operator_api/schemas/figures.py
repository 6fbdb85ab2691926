"""Stock figures."""

from typing import Annotated

from pydantic import Field

from keyrail.inventory.model.figures import Figures
from keyrail.inventory.model.forecast import Forecast, forecast
from keyrail.platform.clock import rfc3339
from keyrail.platform.documents import incoming, outgoing, view


@incoming
class StockQuery:
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None


@outgoing
class SalesOfDay:
    """`day` is a UTC date."""

    day: str
    sold: int


@outgoing
class SourceFigures:
    """Keys from one source: how many came in, were ever sold, and were seen by buyers who have their money back."""

    source: str
    imported: int
    issued: int
    flagged: int


@outgoing
class FiguresOut:
    """Stock figures of a SKU, a moment behind the sales. Every key that was imported is in exactly one of `on_hand`,
    `unpooled` (for print), `sold`, `frozen`, `void`, `expired` and `redeemed`; `issued` were ever sold.

    `low`: no more than `low_stock` are on hand. No `forecast`: nothing was sold in the last week.
    """

    sku_id: str
    imported: int
    on_hand: int
    leased: int
    unpooled: int
    sold: int
    frozen: int
    void: int
    expired: int
    redeemed: int
    issued: int
    revealed: int
    low: bool
    low_stock: int | None
    sales: tuple[SalesOfDay, ...]
    sources: tuple[SourceFigures, ...]
    forecast: Forecast | None
    counted_at: str

    @classmethod
    def of(cls, figures: Figures, now_ms: int) -> "FiguresOut":
        tally = figures.tally
        return view(
            cls,
            tally,
            sku_id=figures.sku_id,
            on_hand=figures.on_hand(now_ms),
            expired=tally.expired + figures.past_last_day(now_ms),
            low=figures.low,
            low_stock=figures.low_stock,
            sales=tuple(SalesOfDay(day=day, sold=sold) for day, sold in figures.sales_by_day()),
            sources=tuple(
                view(SourceFigures, of_source, source=name) for name, of_source in sorted(figures.sources.items())
            ),
            forecast=forecast(figures, now_ms),
            counted_at=rfc3339(figures.counted_at_ms),
        )


@outgoing
class StockOut:
    """SKUs whose stock is low come first, and the page ends with the last of them, though there be none: `cursor` leads
    on to the others.
    """

    skus: tuple[FiguresOut, ...]
    cursor: str | None
