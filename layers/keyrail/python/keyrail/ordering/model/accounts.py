"""Where the lines of an order go: a key to whoever holds the order, a recharge to an account. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from keyrail.catalog.account_fields import masked_account, read_account
from keyrail.catalog.model import Sku, SkuKind
from keyrail.ordering.model.orders import Delivery, Line, check_repeated
from keyrail.platform.errors import FieldError, Invalid

_OF_KIND = {SkuKind.RECHARGE: Delivery.RECHARGE, SkuKind.EITHER: Delivery.EITHER, SkuKind.CHOICE: Delivery.RECHARGE}


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """A line and how it is delivered: None, as on a unit, is by keys. `mask` is what is shown of its account, and
    `work_minutes` how long a person has for it.
    """

    line: Line
    delivery: Delivery | None = None
    mask: dict[str, str] | None = field(default=None, repr=False)
    work_minutes: int | None = None


def addressed(lines: Sequence[Line], skus: Sequence[Sku], *, matches: Callable[[str, str], bool]) -> list[Addressed]:
    """The lines, each with its account in the form that it is kept in.

    Raises Invalid with one FieldError for each wrong field of an account, and where two lines are the same after all.
    """
    found: list[Addressed] = []
    wrong: list[FieldError] = []
    for number, (line, sku) in enumerate(zip(lines, skus, strict=True)):
        try:
            found.append(_addressed(line, sku, matches))
        except Invalid as refused:
            wrong += _at(f"items.{number}", refused)
    if wrong:
        raise Invalid(*wrong)
    check_repeated([each.line for each in found])
    return found


def _addressed(line: Line, sku: Sku, matches: Callable[[str, str], bool]) -> Addressed:
    given = line.recharge_account
    if given is None and sku.kind in {SkuKind.KEY, SkuKind.CHOICE}:
        return Addressed(line=line)
    if sku.kind is SkuKind.KEY:
        raise Invalid(FieldError("", "not_of_this_sku"))
    if line.label is not None:
        raise Invalid(FieldError("", "not_with_a_label"))
    fields = sku.account_fields or ()
    account = read_account(fields, given or {}, matches=matches)
    return Addressed(
        line=replace(line, recharge_account=account),
        delivery=_OF_KIND[sku.kind],
        mask=masked_account(fields, account),
        work_minutes=sku.work_minutes,
    )


def _at(where: str, refused: Invalid) -> Iterator[FieldError]:
    for each in refused.fields:
        name = f".{each.field}" if each.field else ""
        yield FieldError(f"{where}.recharge_account{name}", each.reason)
