"""The locks name versions and hashes, and never the place that a package came from."""

from __future__ import annotations

import json
import re

import pytest

from infra.bootstrap import ROOT

_LOCKS = ("layer", "dev", "ministack")


@pytest.mark.parametrize("name", _LOCKS)
def test_a_lock_pins_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert all(re.match(r"[a-z0-9._-]+==\S+ ", pin) and pin.endswith("\\") for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)


def test_the_lock_of_the_command_line_names_no_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for path, package in lock["packages"].items():
        assert "resolved" not in package
        assert path == "" or package["integrity"].startswith("sha512-")


def test_tests_run_with_the_versions_that_are_shipped() -> None:
    dev = _versions("dev")
    assert {name: dev[name] for name in _versions("layer")} == _versions("layer")


def _versions(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) ", text, flags=re.MULTILINE))
