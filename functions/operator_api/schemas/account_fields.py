"""What a recharge asks its buyer for, as an operator writes it."""

from typing import Annotated

from pydantic import Field

from keyrail.catalog.account_fields import (
    MAX_ACCOUNT_LENGTH,
    MAX_ACCOUNT_PATTERN_LENGTH,
    MAX_CHOICES,
    MAX_LABEL_LENGTH,
    AccountField,
    Choice,
    FieldKind,
)
from keyrail.platform.documents import incoming, view

Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_LENGTH)]
Value = Annotated[str, Field(min_length=1, max_length=MAX_ACCOUNT_LENGTH)]
Length = Annotated[int, Field(ge=1, le=MAX_ACCOUNT_LENGTH)]
FieldName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")]


@incoming
class ChoiceIn:
    """`within`: the values of the field that its own `depends_on`, with which it may be chosen."""

    value: Value
    label: Label
    label_zh: Label | None = None
    within: Annotated[tuple[Value, ...], Field(min_length=1, max_length=MAX_CHOICES)] | None = None


@incoming
class AccountFieldIn:
    """`phone` is a mobile number of mainland China. `pattern` (RE2) must match the whole of a phone, digits or text,
    lengths are of digits and text. A `choice` has `choices`, and may depend on an earlier one: servers on a region.
    """

    name: FieldName
    label: Label
    label_zh: Label | None = None
    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_ACCOUNT_PATTERN_LENGTH)] | None = None
    min_length: Length | None = None
    max_length: Length | None = None
    choices: Annotated[tuple[ChoiceIn, ...], Field(min_length=1, max_length=MAX_CHOICES)] | None = None
    depends_on: FieldName | None = None

    def field(self) -> AccountField:
        choices = None if self.choices is None else tuple(view(Choice, choice) for choice in self.choices)
        return view(AccountField, self, choices=choices)
