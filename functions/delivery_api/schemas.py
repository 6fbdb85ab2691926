"""What a buyer is shown."""

from keyrail.platform.documents import outgoing


@outgoing
class KeyOut:
    """With its code; or, where it cannot be shown at the moment or any more, with the code of the reason instead."""

    key_id: str
    code: str | None
    password: str | None
    expires_at: str | None
    withheld: str | None


@outgoing
class UnitOut:
    unit_id: str
    sku_id: str
    keys: tuple[KeyOut, ...]


@outgoing
class RevealOut:
    units: tuple[UnitOut, ...]
