"""The tests are tested: each planted bug must make one of them fail, in a copy of the product of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.bootstrap import ROOT
from tests.engines import JAR_VARIABLE
from tests.faults.planted_bugs import BUGS, SOURCE, PlantedBug
from tests.local_cloud import LocalCloud

ALL_PASSED, SOME_FAILED = 0, 1
PATIENCE_S = 600  # only what hangs takes as long
PARALLEL_RUNS = 2

Run = tuple[int, str]


def run_tests(copy: Path, selection: list[str], cloud: LocalCloud) -> Run:
    """The selection against the copy in the place of the product; pytest's exit code and what it said."""
    environment = {
        **os.environ,
        "KEYRAIL_TEST_ENDPOINT": cloud.endpoint,
        JAR_VARIABLE: str(copy / "nowhere"),  # one engine tells a bug as well as two
    }
    command = [
        *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"),
        *("-o", f"pythonpath={copy} ."),
        *selection,
    ]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return run.returncode, run.stdout[-2_000:] + run.stderr[-2_000:]


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, "Future[Run]"]]:
    """Every bug that was asked for, planted and tried, a few at a time."""
    asked = {str(item.callspec.id) for item in request.session.items if hasattr(item, "callspec")}
    # Made here: the factory is not made for threads.
    folder = tmp_path_factory.mktemp("planted")

    def plant_and_run(bug: PlantedBug) -> Run:
        copy = folder / str(BUGS.index(bug))
        shutil.copytree(SOURCE, copy)
        bug.plant(copy)
        return run_tests(copy, [bug.caught_by], local_cloud)

    with ThreadPoolExecutor(PARALLEL_RUNS, "planted") as runners:
        yield {bug.name: runners.submit(plant_and_run, bug) for bug in BUGS if bug.name in asked}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: PlantedBug, runs: dict[str, "Future[Run]"]) -> None:
    code, said = runs[bug.name].result()
    # A test that could not even start has noticed nothing.
    assert (code, " failed" in said) == (SOME_FAILED, True), f"nobody noticed a product that {bug.name}:\n{said}"


def test_an_untouched_copy_passes_every_test_that_catches_a_bug(local_cloud: LocalCloud, tmp_path: Path) -> None:
    copy = tmp_path / "python"
    shutil.copytree(SOURCE, copy)
    code, said = run_tests(copy, sorted({bug.caught_by for bug in BUGS}), local_cloud)
    assert code == ALL_PASSED, said
