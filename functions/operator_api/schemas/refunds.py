"""What a person does about refused refunds."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.common import Reason
from keyrail.platform.documents import incoming


@incoming
class AskAgainIn:
    reason: Reason


@incoming
class GivenBackIn:
    """`reference` is where the payment shows: the number of a transfer, say."""

    reference: Annotated[str, Field(min_length=1, max_length=128)]
    reason: Reason
