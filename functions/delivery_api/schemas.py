"""What a buyer is shown."""

from keyrail.platform.documents import outgoing


@outgoing
class KeyOut:
    key_id: str
    code: str
    password: str | None
    expires_at: str | None


@outgoing
class UnitOut:
    unit_id: str
    sku_id: str
    keys: tuple[KeyOut, ...]


@outgoing
class RevealOut:
    units: tuple[UnitOut, ...]
