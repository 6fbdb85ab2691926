"""Commands on a batch."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from functions.operator_api.schemas.common import Reason
from keyrail.inventory.model.batches import MAX_STAGES
from keyrail.platform.documents import incoming


@incoming
class ExtendIn:
    """No key of the batch expires before that day, which is meant where the business is."""

    expires_on: date
    reason: Reason


@incoming
class ReleaseIn:
    """The stage, counted from 1, goes on sale at `opens_at`, or now."""

    stage: Annotated[int, Field(ge=1, le=MAX_STAGES)]
    opens_at: AwareDatetime | None = None
    reason: Reason
