"""The SDK's clock stands where the events were signed."""

import time

import pytest

from tests.stripe_events import NOW_S


@pytest.fixture(autouse=True)
def sdk_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK takes no clock, and a long suite outlives its tolerance."""
    monkeypatch.setattr(time, "time", lambda: float(NOW_S))
