"""`make test` runs every test, and each once."""

from pathlib import PurePath

from infra.bootstrap import ROOT
from tests.lanes import LANES


def test_every_test_is_in_one_lane() -> None:
    files = [file.relative_to(ROOT) for file in (ROOT / "tests").rglob("test_*.py")]
    folders = [PurePath(folder) for lane in LANES for folder in lane]
    assert files
    assert [file for file in files if sum(folder in file.parents for folder in folders) != 1] == []
