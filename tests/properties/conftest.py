"""Properties talk to nobody: a socket is an error. Time is no part of what they say."""

import pytest
from hypothesis import settings

settings.register_profile("keyrail", deadline=None, print_blob=True)
settings.load_profile("keyrail")


@pytest.fixture(autouse=True)
def nobody_is_called(socket_disabled: None) -> None:
    """`socket_disabled` is pytest-socket's; it lifts the ban when the test is over."""
