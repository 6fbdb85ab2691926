"""The tests are tested: each planted bug must make one of them fail, in a copy of the product of its own."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from tests.engines import JAR_VARIABLE
from tests.faults.planted_bugs import BUGS, SOURCE, PlantedBug
from tests.faults.planted_bugs.trying import Run, Runner, runner
from tests.local_cloud import LocalCloud

ALL_PASSED, SOME_FAILED = 0, 1
PARALLEL_RUNS = 2
MOST_TRIES = 3  # threads that race meet by chance, though nearly always, and a cloud may not answer in time
CATCHING = sorted({bug.caught_by for bug in BUGS})
PARTS = {f"part-{part}": CATCHING[part::PARALLEL_RUNS] for part in range(PARALLEL_RUNS)}


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, "Future[Run]"]]:
    """Every test that was asked for, tried, a few at a time: each bug by its name, and parts of the untouched copy."""
    asked = {str(item.callspec.id) for item in request.session.items if hasattr(item, "callspec")}
    # Made here: the factory is not made for threads.
    folder = tmp_path_factory.mktemp("planted")
    one_engine_tells_as_much = str(folder / "nowhere")
    environment = {"KEYRAIL_TEST_ENDPOINT": local_cloud.endpoint, JAR_VARIABLE: one_engine_tells_as_much}
    idle: SimpleQueue[Runner] = SimpleQueue()

    def plant_and_run(name: str, bug: PlantedBug | None, selection: list[str]) -> Run:
        copy = folder / name
        shutil.copytree(SOURCE, copy)
        if bug is not None:
            bug.plant(copy)
        free = idle.get()
        try:
            run = free.run(copy, selection)
            for _ in range(MOST_TRIES - 1 if bug else 0):
                if noticed(run):
                    break
                run = free.run(copy, selection)
            return run
        finally:
            idle.put(free)

    with ExitStack() as stack:
        for _ in range(PARALLEL_RUNS):
            idle.put(stack.enter_context(runner(environment)))
        pool = stack.enter_context(ThreadPoolExecutor(PARALLEL_RUNS, "planted"))
        parts = {name: pool.submit(plant_and_run, name, None, tests) for name, tests in PARTS.items() if name in asked}
        bugs = [(number, bug) for number, bug in enumerate(BUGS) if bug.name in asked]
        yield parts | {bug.name: pool.submit(plant_and_run, str(number), bug, [bug.caught_by]) for number, bug in bugs}


def noticed(run: Run) -> bool:
    """A test that could not even start has noticed nothing."""
    code, said = run
    return code == SOME_FAILED and " failed" in said


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: PlantedBug, runs: dict[str, "Future[Run]"]) -> None:
    run = runs[bug.name].result()
    assert noticed(run), f"nobody noticed a product that {bug.name}:\n{run[1]}"


@pytest.mark.parametrize("part", PARTS)
def test_an_untouched_copy_passes_every_test_that_catches_a_bug(part: str, runs: dict[str, "Future[Run]"]) -> None:
    code, said = runs[part].result()
    assert code == ALL_PASSED, said
