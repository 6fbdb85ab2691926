"""A batch as the back office shows it, while its file is imported and afterwards."""

import json
from dataclasses import replace
from typing import Any

from functions.operator_api.schemas.batches import BatchOut
from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.batches import Batch, BatchStatus, ImportReport, LineProblem, RejectedLines
from keyrail.inventory.model.imports import Group, ImportProgress, Survey
from keyrail.inventory.model.key_file import Encoding, Layout, Requirements
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.documents import to_json
from keyrail.platform.handover import Handover

STAMP = stamp(Origin("operator:test", "192.0.2.1"), 0)
BATCH = Batch(batch_id="bat_1", sku_id="a", source="s", status=BatchStatus.IMPORTING, created_at_ms=0, **STAMP)
PROGRESS = ImportProgress(
    batch_id="bat_1",
    upload="u",
    object_name="imports/bat_1/u",
    asked=Requirements(today="2026-01-15", code_format=CodeFormat()),
    survey=Survey(
        encoding=Encoding("utf_8", 0), layout=Layout(), with_password=False, lines=5_000, precision=10,
        groups=(Group("9999-12-31", 3),),
    ),
    position=77,
    line=2_001,
    report=ImportReport(accepted=1_990, rejected=10, problems=(LineProblem(7, "formula"),)),
    **STAMP,
)  # fmt: skip


def shown(batch: Batch, progress: ImportProgress | None = None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(BatchOut.of(batch, generated=None, progress=progress)))
    return document


def test_an_import_that_runs_says_how_far_it_has_come_and_what_became_of_that() -> None:
    assert shown(BATCH, PROGRESS)["progress"] == {
        "lines": 5_000,
        "done": 2_000,
        "accepted": 1_990,
        "duplicate": 0,
        "rejected": 10,
        "ignored": 0,
        "problems": [{"line": 7, "reason": "formula"}],
    }
    assert not {"progress", "report", "rejected_lines"} & shown(BATCH).keys()


def test_a_file_of_rejected_lines_is_announced_and_its_name_is_told_to_nobody() -> None:
    file = Handover(object_name="rejected/chance", size_bytes=99, made_at_ms=0)
    batch = replace(BATCH, rejected_lines=RejectedLines(file=file, complete=False))
    assert shown(batch)["rejected_lines"] == {"complete": False, "size_bytes": 99}
    taken = replace(BATCH, rejected_lines=RejectedLines(file=file.taken(1_000), complete=True))
    assert shown(taken)["rejected_lines"] == {
        "complete": True, "size_bytes": 99, "taken_at": "1970-01-01T00:00:01.000Z",
    }  # fmt: skip
    assert "chance" not in json.dumps(shown(taken))
