"""The commands around the local cloud leave alone what is not theirs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.card import write_card
from infra.local.ministack import free_port
from infra.local.process import Process


@pytest.fixture
def sleeper() -> Process:
    return Process.start(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        environment=dict(os.environ),
        log=Path(os.devnull),
        endpoint="http://127.0.0.1:1",
        record=Path(os.devnull),
    )


def test_a_process_of_ours_is_stopped_and_stopping_again_does_no_harm(sleeper: Process) -> None:
    assert sleeper.is_alive()
    sleeper.stop()
    assert not sleeper.is_alive()
    sleeper.stop()


def test_somebody_elses_process_under_our_old_number_is_left_alone(sleeper: Process) -> None:
    ours_long_ago = Process(sleeper.pid, "another start", sleeper.endpoint)
    assert not ours_long_ago.is_alive()
    ours_long_ago.stop()
    assert sleeper.is_alive()
    sleeper.stop()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_that_a_kill_left_half_written_counts_as_none(tmp_path: Path, text: str) -> None:
    record = tmp_path / "ministack.json"
    record.write_text(text)
    assert Process.recorded(record) is None


def test_another_projects_port_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = int(other.getsockname()[1])
        assert free_port(taken) != taken


def test_the_card_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    card = tmp_path / "stack.json"
    write_card(card, {"stage": "local"})
    assert json.loads(card.read_text()) == {"stage": "local"}
    assert card.stat().st_mode & 0o077 == 0


def test_stopping_needs_nothing_installed() -> None:
    """`make down` and `make clean` run before any environment exists, or after it broke."""
    answer = subprocess.run(
        [sys.executable, "-S", "-c", "import infra.local.down"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
