"""`make test` runs every test, and each once."""

from pathlib import PurePath

from infra.bootstrap import ROOT
from tests.lanes import LANES, left_out


def test_every_test_is_in_one_lane() -> None:
    files = [file.relative_to(ROOT) for file in (ROOT / "tests").rglob("test_*.py")]
    assert files
    assert [file for file in files if sum(is_in(lane, file) for lane in LANES) != 1] == []


def is_in(lane: tuple[str, ...], file: PurePath) -> bool:
    without = [option.removeprefix("--ignore=") for option in left_out(lane)]
    return any(PurePath(folder) in file.parents for folder in lane) and not any(
        PurePath(folder) in file.parents for folder in without
    )
