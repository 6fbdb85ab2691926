"""The stages as data: everything in which one deployment differs from another stands here and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Architecture = Literal["arm64", "x86_64"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The interpreter that the functions run on, and for which the layers are built."""

    architecture: Architecture
    python_version: str
    """Major and minor, as in `3.13`."""
    platform: str | None
    """The wheel platform tag to install for; None installs for the interpreter at hand."""

    @property
    def name(self) -> str:
        return f"{self.platform or 'here'}-python{self.python_version}"

    @property
    def runtime(self) -> str:
        return f"python{self.python_version}"


@dataclass(frozen=True, kw_only=True)
class Throttle:
    requests_per_second: int
    burst_requests: int


@dataclass(frozen=True, kw_only=True)
class RefundLimit:
    """Minor units that one person may give back alone: of one payment, and on one UTC day. Above, two have to agree."""

    payment_minor: int
    day_minor: int


DEFAULT_REFUND_LIMITS = {
    "CNY": RefundLimit(payment_minor=500_00, day_minor=3_000_00),
    "HKD": RefundLimit(payment_minor=500_00, day_minor=3_000_00),
    "USD": RefundLimit(payment_minor=70_00, day_minor=420_00),
    "EUR": RefundLimit(payment_minor=70_00, day_minor=420_00),
}
"""Of a currency that is not named every refund that a person asks for takes two."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    local: bool
    """True where the stack goes to the local cloud: no account, no bootstrap, no TLS."""
    retain_data: bool
    """Keep tables, keys and buckets when the stack goes, and refuse to delete tables."""
    sandbox: bool
    """True where paying and supplying may be pretended: there is a payment provider without money and a supplier
    without goods, and no such thing in production.
    """
    password_sign_in: bool
    """Operators may sign in with a plain user name and password; production wants SRP and a second factor."""
    log_level: Literal["DEBUG", "INFO"]
    log_retention_days: Literal[7, 30, 365]
    throttle: Throttle
    cors_origins: tuple[str, ...]
    business_time_zone: str
    """An IANA name; by its clocks and calendar the weekdays and hours of redemption are meant."""
    refund_limits: Mapping[str, RefundLimit]
    """By currency."""
    target: Target


ON_AWS = Target(architecture="arm64", python_version="3.13", platform="manylinux2014_aarch64")
HERE = Target(
    architecture="x86_64",
    # The local cloud runs every function with its own interpreter, whatever the function asks for.
    python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
    platform=None,
)

DEV = Stage(
    name="dev",
    local=False,
    retain_data=True,
    sandbox=True,
    password_sign_in=True,
    log_level="INFO",
    log_retention_days=30,
    throttle=Throttle(requests_per_second=100, burst_requests=200),
    cors_origins=("http://localhost:3000",),
    business_time_zone="Asia/Shanghai",
    refund_limits=DEFAULT_REFUND_LIMITS,
    target=ON_AWS,
)
PROD = replace(
    DEV,
    name="prod",
    sandbox=False,
    password_sign_in=False,
    log_retention_days=365,
    throttle=Throttle(requests_per_second=1_000, burst_requests=2_000),
    # A shop's own addresses go here; with none, no browser on another site may call the API.
    cors_origins=(),
)
LOCAL = replace(
    DEV,
    name="local",
    local=True,
    retain_data=False,
    log_retention_days=7,
    throttle=Throttle(requests_per_second=10_000, burst_requests=10_000),
    cors_origins=("*",),
    target=HERE,
)

CORS_HEADERS = ("authorization", "content-type", "idempotency-key", "keyrail-store")

STAGES = {stage.name: stage for stage in (LOCAL, DEV, PROD)}
