"""A key file read as the import reads it, with a stock that knows nothing but the file itself."""

from dataclasses import dataclass, replace

from keyrail.catalog.model import CodeFormat
from keyrail.inventory.model.batches import MAX_EXPIRY_GROUPS, ImportReport
from keyrail.inventory.model.imports import Survey, Verdict, counted, read_rows
from keyrail.inventory.model.key_columns import FileProblem, Unreadable
from keyrail.inventory.model.key_file import FileKey, Reason, Requirements
from keyrail.inventory.service.importing.beginning import rules
from keyrail.inventory.service.importing.reading import check_size, look_through, open_reader, reopen
from keyrail.platform.money import Money
from keyrail.vault.model import mask, normalised
from tests.files import UploadInMemory

ANY_CODE = CodeFormat()


@dataclass(frozen=True)
class KeyFile:
    """What a file holds. `report` is how its import would end."""

    keys: tuple[FileKey, ...]
    report: ImportReport
    survey: Survey | None = None
    verdicts: tuple[Verdict, ...] = ()


def parse(
    raw: bytes,
    today: str,
    *,
    code_format: CodeFormat = ANY_CODE,
    face_value: Money | None = None,
    expires_on: str | None = None,
    by_label: bool = False,
    own_issuer: bool = False,
) -> KeyFile:
    """Never raises. The rows are read in two runs, the second one from where the first was broken off."""
    asked = Requirements(
        today=today,
        code_format=code_format,
        face_value=face_value,
        expires_on=expires_on,
        by_label=by_label,
        own_issuer=own_issuer,
    )
    try:
        return _parsed(UploadInMemory(raw), asked)
    except Unreadable as unreadable:
        return KeyFile((), ImportReport(file_problem=unreadable.problem))


def _parsed(upload: UploadInMemory, asked: Requirements) -> KeyFile:
    check_size(upload)
    found = open_reader(upload, look_through(upload)).survey(
        lambda layout: rules(asked, layout), MAX_EXPIRY_GROUPS, sales_per_key=1
    )
    verdicts = _heard(_verdicts(upload, asked, found.survey), asked)
    keys = tuple(verdict.key for verdict in verdicts if verdict.key and verdict.reason is None)
    assert bool(keys) == bool(found.keys)
    report = counted(ImportReport(ignored=found.survey.elsewhere), verdicts)
    report = replace(report, file_problem=None if keys else FileProblem.NO_KEY)
    return KeyFile(keys, report, found.survey, tuple(verdicts))


def _verdicts(upload: UploadInMemory, asked: Requirements, survey: Survey) -> list[Verdict]:
    layout = survey.layout
    decided = rules(asked, layout, with_password=survey.with_password)
    at_once = list(read_rows(reopen(upload, survey).rows(layout), decided))
    half = at_once[: len(at_once) // 2]
    if not half:
        return at_once
    last = half[-1].row
    rest = reopen(upload, survey).rows(layout, last.end, last.line + last.lines)
    in_two_runs = [*half, *read_rows(rest, decided)]
    assert in_two_runs == at_once
    return at_once


def _heard(verdicts: list[Verdict], asked: Requirements) -> list[Verdict]:
    seen: set[str] = set()
    heard = []
    for verdict in verdicts:
        if verdict.key is None:
            heard.append(verdict)
            continue
        code = verdict.key.secret.code
        name = normalised(code, case_sensitive=asked.code_format.case_sensitive)
        again = replace(verdict, reason=Reason.DUPLICATE_IN_FILE, mask=mask(code))
        heard.append(again if name in seen else verdict)
        seen.add(name)
    return heard
