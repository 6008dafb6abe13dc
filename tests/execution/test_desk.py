"""The desk as the engine holds it: what goes wrong beside trading is told, and trading goes on."""

from __future__ import annotations

from engine.reasons import Reason
from tests.execution.rig import Rig


async def test_a_log_folder_that_cannot_be_written_is_told_and_stops_no_entry(rig: Rig) -> None:
    (rig.home / "logs").write_text("in the way")
    outcome = await rig.desk.entry.enter(await rig.plan("desk-logs"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    warned = [e for e in rig.events if e.kind == "log" and e.source == "log"]
    assert warned
    assert {e.level for e in warned} == {"warning"}
