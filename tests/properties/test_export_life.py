"""Exports under any order of hands, repetitions, freezes and delays: two people, one file, one link, or nothing."""

from contextlib import ExitStack, suppress
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keyrail.inventory.model.batches import Standing
from keyrail.inventory.model.exports import Export, ExportStatus
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.errors import Conflict, Denied
from tests.own_codes import ALICE, BOB, CAROL, Workshop, printer
from tests.properties.in_memory import world_in_memory
from tests.world import SYSTEM

HOUR_MS = 3_600_000
PEOPLE = st.sampled_from([ALICE, BOB, CAROL])
REQUESTED = precondition(lambda self: self.export_ids)
_RANK = list(ExportStatus)


class Printing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.shop = Workshop(world_in_memory(self.until))
        self.shop.sku()
        self.batch_id = self.shop.filled(2, for_print=True).batch_id
        self.export_ids: list[str] = []
        self.seen: dict[str, Export] = {}
        self.links: dict[str, int] = {}
        self.approvals: dict[str, set[str]] = {}

    def draw(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.export_ids))

    @rule(hours=st.sampled_from([1, 20, 30]))
    def wait(self, hours: int) -> None:
        self.shop.world.ahead_ms += hours * HOUR_MS

    @rule(standing=st.sampled_from([Standing.OPEN, Standing.OPEN, Standing.FROZEN]))
    def command(self, standing: Standing) -> None:
        batch = self.shop.world.keys.get_batch(self.batch_id)
        said = stamp(CAROL, self.shop.world.now_ms(), batch.version + 1)
        self.shop.world.keys.replace_batch(replace(batch, standing=standing, **said))

    @rule(who=PEOPLE, name=st.integers(0, 2))
    def request(self, who: Origin, name: int) -> None:
        with suppress(Conflict):
            wanted = self.shop.exports.request(self.batch_id, printer().pem, f"the request with number {name}", who)
            assert wanted.requested_by == who.by
            if wanted.export_id not in self.export_ids:
                self.export_ids.append(wanted.export_id)

    @REQUESTED
    @rule(data=st.data(), who=PEOPLE)
    def approve(self, data: st.DataObject, who: Origin) -> None:
        export_id = self.draw(data)
        with suppress(Conflict, Denied):
            self.shop.exports.approve(export_id, who)
            self.approvals.setdefault(export_id, set()).add(who.by)

    @REQUESTED
    @rule(data=st.data())
    def bring_the_message(self, data: st.DataObject) -> None:
        with suppress(Conflict):
            self.shop.printing.make(self.draw(data), SYSTEM)

    @REQUESTED
    @rule(data=st.data(), who=PEOPLE)
    def ask_for_the_link(self, data: st.DataObject, who: Origin) -> None:
        export_id = self.draw(data)
        with suppress(Conflict):
            self.shop.exports.hand_out(export_id, who)
            self.links[export_id] = self.links.get(export_id, 0) + 1

    @invariant()
    def every_promise_holds(self) -> None:
        exports = self.shop.exports.of_batch(self.batch_id)
        assert [export.export_id for export in exports] == self.export_ids, "the batch does not tell of each"
        for export in exports:
            self.holds(export)
            self.seen[export.export_id] = export
        files = {export.file.object_name for export in exports if export.file}
        assert files == set(self.shop.bucket), "a file that nobody approved"

    def holds(self, export: Export) -> None:
        before = self.seen.get(export.export_id, export)
        assert _RANK.index(before.status) <= _RANK.index(export.status), "an export went back"
        assert before.requested_by == export.requested_by, "another requester"
        assert before.approved_by in {None, export.approved_by}, "another approver"
        approvers = self.approvals.get(export.export_id, set())
        assert approvers == ({export.approved_by} if export.approved_by else set()), "not one second person"
        assert export.requested_by not in approvers, "one person alone"
        if export.file:
            assert export.approved_by, "a file without approval"
            rows = self.shop.printed(export)
            assert sorted(code for _, code, _ in rows) == sorted(self.shop.codes(self.batch_id).values())
        links = self.links.get(export.export_id, 0)
        assert links == (export.status is ExportStatus.HANDED_OUT), "not one link for one handover"

    def teardown(self) -> None:
        self.until.close()


TestPrinting = Printing.TestCase
TestPrinting.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
