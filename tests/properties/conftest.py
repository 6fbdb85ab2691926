"""Properties talk to nobody: a socket is an error."""

import pytest


@pytest.fixture(autouse=True)
def nobody_is_called(socket_disabled: None) -> None:
    """`socket_disabled` is pytest-socket's; it lifts the ban when the test is over."""
