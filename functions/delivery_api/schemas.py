"""What a buyer is shown."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class KeyOut:
    key_id: str
    code: str = field(repr=False)
    password: str | None = field(repr=False)
    expires_at: str | None


@dataclass(frozen=True, kw_only=True)
class UnitOut:
    unit_id: str
    sku_id: str
    keys: tuple[KeyOut, ...]


@dataclass(frozen=True, kw_only=True)
class RevealOut:
    units: tuple[UnitOut, ...]
