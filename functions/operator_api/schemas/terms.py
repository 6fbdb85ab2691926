"""How codes of a SKU are redeemed by us, as people write it: times of day as `HH:MM`, moments as RFC 3339."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

from keyrail.catalog.model import MAX_ACTIVE_MS, MAX_REVERSAL_MS, MAX_USES, Activation, Terms
from keyrail.platform.documents import incoming, outgoing, view
from keyrail.platform.money import Money

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)

Clock = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]


@incoming
class TermsIn:
    """Each key keeps the terms that it was made with. What is left out is free, or unlimited.

    Either `uses` times, or in part until `value` is used up. `active_ms` is for `on_demand` alone: how long a code
    stays active once its buyer asked. `opens` and `closes` are where the business is; hours that end after midnight
    belong to the day on which they began. `weekdays`: 1 is Monday. `reversal_ms`: for how long whoever redeemed may
    take it back.
    """

    activation: Activation = Activation.ON_SALE
    uses: Annotated[int, Field(ge=1, le=MAX_USES)] | None = None
    value: Money | None = None
    active_ms: Annotated[int, Field(ge=1, le=MAX_ACTIVE_MS)] | None = None
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None
    weekdays: tuple[int, ...] | None = None
    opens: Clock | None = None
    closes: Clock | None = None
    places: tuple[str, ...] | None = None
    reversal_ms: Annotated[int, Field(ge=1, le=MAX_REVERSAL_MS)] | None = None

    def terms(self) -> Terms:
        return view(
            Terms,
            self,
            valid_from_ms=_epoch_ms(self.valid_from),
            valid_to_ms=_epoch_ms(self.valid_to),
            opens=minute_of(self.opens),
            closes=minute_of(self.closes),
        )


@outgoing
class TermsOut:
    activation: Activation
    uses: int | None
    value: Money | None
    active_ms: int | None
    valid_from: str | None
    valid_to: str | None
    weekdays: tuple[int, ...] | None
    opens: str | None
    closes: str | None
    places: tuple[str, ...] | None
    reversal_ms: int | None

    @classmethod
    def of(cls, terms: Terms | None) -> "TermsOut | None":
        return None if terms is None else view(cls, terms, opens=clock_of(terms.opens), closes=clock_of(terms.closes))


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def minute_of(clock: str | None) -> int | None:
    return None if clock is None else int(clock[:2]) * 60 + int(clock[3:])


def clock_of(minute: int | None) -> str | None:
    return None if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"
