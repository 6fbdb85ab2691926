"""Products and SKUs."""

from typing import Annotated

from pydantic import Field

from functions.operator_api.schemas.account_fields import AccountFieldIn
from functions.operator_api.schemas.common import Name, Reason, Slug, Text
from functions.operator_api.schemas.terms import TermsIn, TermsOut
from keyrail.catalog.account_fields import MAX_ACCOUNT_FIELDS, AccountField
from keyrail.catalog.model import (
    DEFAULT_LOW_STOCK,
    DEFAULT_MAX_QUANTITY,
    MAX_CODE_LENGTH,
    MAX_CODE_PREFIX,
    MAX_PATTERN_LENGTH,
    MAX_QUANTITY_PER_UNIT,
    MAX_WORK_MINUTES,
    AfterRefund,
    CodeFormat,
    Shelf,
    SkuKind,
)
from keyrail.inventory.model.keys import Stock
from keyrail.platform.documents import incoming, outgoing
from keyrail.platform.money import Money


@incoming
class ProductIn:
    name: Name
    name_zh: Name | None = None
    description: Text | None = None
    store_id: Slug | None = None
    shelf: Shelf = Shelf.ON
    reason: Reason


@incoming
class CodeFormatIn:
    """How the SKU's codes are written; other ones are refused at import.

    `pattern` (RE2) must match the whole code. Whether codes that differ in case only are two codes is fixed with the
    first SKU of an issuer.
    """

    pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)] | None = None
    min_length: Annotated[int, Field(ge=1, le=MAX_CODE_LENGTH)] = 1
    max_length: Annotated[int, Field(ge=1, le=MAX_CODE_LENGTH)] = MAX_CODE_LENGTH
    case_sensitive: bool = False


@incoming
class SkuIn:
    """`issuer` is needed wherever keys are delivered, `account_fields` wherever an account is recharged."""

    product_id: Slug
    name: Name
    name_zh: Name | None = None
    kind: SkuKind = SkuKind.KEY
    price: Money
    issuer: Slug | None = None
    max_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY_PER_UNIT)] = DEFAULT_MAX_QUANTITY
    low_stock: Annotated[int, Field(ge=0, le=10_000)] = DEFAULT_LOW_STOCK
    code_format: CodeFormatIn = CodeFormatIn()
    code_prefix: Annotated[str, Field(max_length=MAX_CODE_PREFIX)] = ""
    face_value: Money | None = None
    pick_fee: Money | None = None
    terms: TermsIn | None = None
    after_refund: AfterRefund | None = None
    account_fields: Annotated[tuple[AccountFieldIn, ...], Field(max_length=MAX_ACCOUNT_FIELDS)] | None = None
    work_minutes: Annotated[int, Field(ge=1, le=MAX_WORK_MINUTES)] | None = None
    store_id: Slug | None = None
    shelf: Shelf = Shelf.ON
    reason: Reason


@outgoing
class ProductOut:
    product_id: str
    store_id: str
    name: str
    name_zh: str | None
    description: str | None
    shelf: Shelf
    version: int


@outgoing
class SkuDetails:
    sku_id: str
    product_id: str
    store_id: str
    name: str
    name_zh: str | None
    kind: SkuKind
    price: Money
    issuer: str | None
    max_quantity: int
    low_stock: int
    code_format: CodeFormat
    code_prefix: str
    face_value: Money | None
    pick_fee: Money | None
    terms: TermsOut | None
    after_refund: AfterRefund | None
    account_fields: tuple[AccountField, ...] | None
    work_minutes: int | None
    shelf: Shelf
    version: int


@outgoing
class SkuOut:
    sku: SkuDetails
    stock: Stock
