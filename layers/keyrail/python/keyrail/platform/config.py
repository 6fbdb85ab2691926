"""Configuration: one frozen dataclass a function, read from the environment on first use, never at import."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_type_hints

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

C = TypeVar("C")


class ConfigError(RuntimeError):
    """A setting is missing or empty. Names the variable, never a value."""


def load(cls: type[C], env: Mapping[str, str] | None = None) -> C:
    """Build `cls` from variables named like its fields in upper case. Empty counts as missing."""
    env = os.environ if env is None else env
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in fields(cls):  # type: ignore[arg-type]  # a dataclass by contract; the stub wants an instance type
        raw = env.get(field.name.upper(), "")
        if raw:
            values[field.name] = int(raw) if hints[field.name] is int else raw
        elif field.default is MISSING:
            raise ConfigError(field.name.upper())
    return cls(**values)


def is_setting(value: object) -> TypeGuard[str]:
    """A text with something in it, and no white space around it."""
    return isinstance(value, str) and bool(value) and value == value.strip()


def zone_named(name: str) -> "ZoneInfo":
    """The time zone of that IANA name, as BUSINESS_TIME_ZONE gives it. Raises ConfigError."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 7 ms that most functions need not pay for

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError("BUSINESS_TIME_ZONE") from None
