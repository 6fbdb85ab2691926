"""Exports: codes of our own leave for the printer, encrypted, after two people said so, once.

requested ──another person──▶ approved ──key_export──▶ made ──handed out once──▶ handed_out
                                  └──what speaks against it by then──▶ failed

A request that nobody approved in time, an approval that was not carried out in time and a file that nobody fetched in
time lapse by time alone. Each further export of the same batch is a request of its own.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyrail.inventory.model.batches import Batch, BatchStatus, Standing
from keyrail.platform.changes import Event, Origin, Versioned, stamp
from keyrail.platform.errors import Conflict, Denied, NotFound
from keyrail.platform.handover import Handover

MAX_EXPORTS_A_BATCH = 50
REQUEST_LIFETIME_MS = 3 * 24 * 60 * 60 * 1000  # a long weekend
APPROVAL_LIFETIME_MS = 24 * 60 * 60 * 1000


class ExportStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    MADE = "made"
    HANDED_OUT = "handed_out"
    FAILED = "failed"


class ExportNotFound(NotFound):
    code = "export_not_found"
    title = "There is no such export."
    title_zh = "导出申请不存在。"


class NotForPrint(Conflict):
    """Codes that are sold online stay in the pool: a printed one would be sold twice."""

    code = "not_for_print"
    title = "Only batches of our own codes that were made for print can be exported."
    title_zh = "仅可导出为印刷生成的自有码批次。"


class NotGenerated(Conflict):
    code = "not_generated"
    title = "The codes of this batch are not all made yet."
    title_zh = "该批次的码尚未全部生成。"


class BatchNotOpen(Conflict):
    code = "batch_not_open"
    title = "This batch is frozen, closed or void."
    title_zh = "该批次已冻结、关闭或作废。"


class TooManyExports(Conflict):
    code = "too_many_exports"
    title = "This batch has been exported as often as a batch can be."
    title_zh = "该批次的导出次数已达上限。"


class SamePerson(Denied):
    code = "same_person"
    title = "Whoever requested an export cannot approve it."
    title_zh = "申请人不能审批自己的导出申请。"


class AlreadyApproved(Conflict):
    code = "already_approved"
    title = "Somebody else has approved this export already."
    title_zh = "该导出申请已由他人审批。"


class NotApproved(Conflict):
    code = "not_approved"
    title = "A second person has to approve this export first."
    title_zh = "该导出申请尚未经第二人审批。"


class ExportNotMade(Conflict):
    code = "export_not_made"
    title = "The file of this export is not made yet."
    title_zh = "导出文件尚未生成。"


class ExportFailed(Conflict):
    """Its `problem` says why; it takes a new request."""

    code = "export_failed"
    title = "This export could not be made. Please request a new one."
    title_zh = "导出失败，请重新申请。"


class ExportLapsed(Conflict):
    code = "export_lapsed"
    title = "This request or its approval is too old. Please request a new export."
    title_zh = "该申请或审批已过期，请重新申请。"


@dataclass(frozen=True, kw_only=True)
class Export(Versioned):
    """One way of a batch's codes to one recipient.

    `certificate` is the recipient's, PEM; `recipient` its subject and `certificate_sha256` its fingerprint, by which
    people compare it. `sha256` is that of the file as it is handed out, encrypted. `problem` is the code of the refusal
    that ended it.
    """

    export_id: str
    batch_id: str
    sku_id: str
    status: ExportStatus = ExportStatus.REQUESTED
    certificate: str
    certificate_sha256: str
    recipient: str
    requested_by: str
    requested_at_ms: int
    approved_by: str | None = None
    approved_at_ms: int | None = None
    keys: int | None = None
    sha256: str | None = None
    file: Handover | None = None
    problem: str | None = None

    def check_approved(self, now_ms: int) -> None:
        """Whether its file may be made. Raises NotApproved, ExportLapsed."""
        if self.status is not ExportStatus.APPROVED or self.approved_by in {None, self.requested_by}:
            raise NotApproved
        self._check_in_time(now_ms)

    def _check_in_time(self, now_ms: int) -> None:
        if now_ms >= (self.approved_at_ms or 0) + APPROVAL_LIFETIME_MS:
            raise ExportLapsed

    def made(self, file: Handover, keys: int, sha256: str, origin: Origin, now_ms: int) -> "Export":
        return replace(
            self,
            status=ExportStatus.MADE,
            file=file,
            keys=keys,
            sha256=sha256,
            **stamp(origin, now_ms, self.version + 1),
        )

    def failed(self, problem: str, origin: Origin, now_ms: int) -> "Export":
        return replace(self, status=ExportStatus.FAILED, problem=problem, **stamp(origin, now_ms, self.version + 1))

    def handed_out(self, file: Handover, origin: Origin, now_ms: int) -> "Export":
        return replace(self, status=ExportStatus.HANDED_OUT, file=file, **stamp(origin, now_ms, self.version + 1))

    def check_file(self, now_ms: int) -> Handover:
        """The file to hand out, or that was handed out.

        Raises NotApproved, ExportNotMade, ExportLapsed if it will not be made any more, ExportFailed.
        """
        if self.status is ExportStatus.FAILED:
            raise ExportFailed
        if self.status is ExportStatus.REQUESTED:
            raise NotApproved
        if self.file is None:
            self._check_in_time(now_ms)
            raise ExportNotMade
        return self.file

    def why_not_approved(self, by: str) -> Conflict | Denied:
        """What speaks against an approval by `by` that was refused."""
        if self.status is not ExportStatus.REQUESTED:
            return AlreadyApproved()
        return SamePerson() if self.requested_by == by else ExportLapsed()


def check_exportable(batch: Batch) -> None:
    """Raises NotForPrint, NotGenerated, BatchNotOpen."""
    if not batch.for_print:
        raise NotForPrint
    if batch.status is not BatchStatus.GENERATED:
        raise NotGenerated
    if batch.standing is not Standing.OPEN:
        raise BatchNotOpen


def export_events_between(_old: Export | None, new: Export | None) -> list[Event]:
    """Each step of an export has a name, and nothing else changes it."""
    if new is None:
        return []
    data: dict[str, object] = {"batch_id": new.batch_id, "sku_id": new.sku_id}
    told = {"keys": new.keys, "problem": new.problem}
    data |= {name: value for name, value in told.items() if value is not None}
    return [Event(f"export.{new.status}", f"export:{new.export_id}", data)]
