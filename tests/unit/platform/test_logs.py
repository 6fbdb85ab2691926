"""What is logged of a failure: where it was and of which kind, and never what a message quotes."""

import pytest

from keyrail.platform import logs
from keyrail.platform.config import ConfigError
from tests.logged import logged

SECRET = "never-to-be-seen"


def failing(cause: Exception) -> None:
    raise RuntimeError(SECRET) from cause


def test_of_a_failure_its_kinds_and_its_place_are_logged_and_no_message() -> None:
    with pytest.raises(RuntimeError) as failed:
        failing(ValueError(SECRET))
    with logged() as lines:
        logs.log_failure(failed.value, unit_id="unt_1")
    (line,) = lines()
    assert (line["error"], line["unit_id"]) == (["RuntimeError", "ValueError"], "unt_1")
    assert line["frames"][-1].endswith(":failing")
    assert SECRET not in repr(line)
    assert "setting" not in line


def test_of_a_setting_that_is_wrong_the_name_is_logged() -> None:
    with pytest.raises(RuntimeError) as failed:
        failing(ConfigError("sandbox.stage"))
    with logged() as lines:
        logs.log_failure(failed.value)
    (line,) = lines()
    assert line["setting"] == "sandbox.stage"
    assert SECRET not in repr(line)
