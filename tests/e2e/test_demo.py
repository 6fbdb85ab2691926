"""`make demo`'s client on the deployed stack: it ends well as often as it is run, and badly when something is wrong."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.bootstrap import ROOT
from infra.local.demo_client import send
from tests.e2e.shop import Shop


def run_demo(card: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.demo", str(card)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def card(shop: Shop, tmp_path: Path) -> Path:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(shop.card))
    return path


@pytest.fixture(scope="module")
def demo(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The second of two."""
    path = tmp_path_factory.mktemp("demo") / "stack.json"
    path.write_text(json.dumps(shop.card))
    for _ in range(2):
        demo = run_demo(path)
        assert demo.returncode == 0, demo.stdout + demo.stderr
    return demo


def test_the_demo_ends_well_and_its_curl_lines_work_as_they_stand(demo: subprocess.CompletedProcess[str]) -> None:
    lines = [shlex.split(line) for line in demo.stdout.splitlines() if line.startswith("curl ")]
    answers = [follow(words) for words in lines]

    shelf, order, sku = answers
    assert shelf["products"]
    assert order["status"] == "delivered"
    assert sku["stock"]["claimable"] > 0


def follow(words: list[str]) -> dict[str, Any]:
    """What curl would ask for."""
    (url,) = (word for word in words if word.startswith("http"))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    answer = send("GET", url, headers=headers)
    assert answer.status == 200
    document: dict[str, Any] = answer.json
    return document


def test_the_demo_shows_no_secret_in_its_timeline(demo: subprocess.CompletedProcess[str], shop: Shop) -> None:
    timeline = demo.stdout.partition("Try it yourself")[0]
    (shown,) = (line for line in timeline.splitlines() if "reveals the key" in line)
    assert "card ***" in shown
    assert shop.card["payments"]["epay"]["key"] not in timeline
    assert "138****5678" in timeline
    assert "13812345678" not in timeline


def test_the_demo_ends_badly_when_the_provider_is_not_believed(card: Path, shop: Shop) -> None:
    epay = {**shop.card["payments"]["epay"], "key": "another"}
    card.write_text(json.dumps({**shop.card, "payments": {**shop.card["payments"], "epay": epay}}))
    demo = run_demo(card)
    assert demo.returncode == 1
    assert "This is not as it should be" in demo.stdout
    assert "Traceback" not in demo.stderr


def test_the_demo_says_so_when_there_is_no_stack(tmp_path: Path) -> None:
    demo = run_demo(tmp_path / "none.json")
    assert demo.returncode == 1
    assert "make up" in demo.stdout


def test_the_demo_says_so_when_the_stack_is_gone(card: Path, shop: Shop) -> None:
    card.write_text(json.dumps({**shop.card, "endpoint_url": "http://127.0.0.1:9"}))
    demo = run_demo(card)
    assert demo.returncode == 1
    assert "make up" in demo.stdout
    assert "Traceback" not in demo.stderr
