"""A trade that is over and booked while its entry is still at work: an entry that ended, never a defect."""

from __future__ import annotations

from typing import Any

from engine.execution.ids import entry_id
from engine.execution.states import IntentState
from engine.reasons import Reason
from tests.execution.rig import Fault, Rig, passes, refuse, without_bracket

BTC = "BTC-USDT-SWAP"


def then_closed_and_booked(rig: Rig, fault: Fault) -> Fault:
    """The answer comes after a person has closed the position and the books have read it."""

    async def closed(call: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await fault(call, args, kwargs)
        finally:
            await rig.real.close_position(BTC, "byhand14")
            await rig.desk.tracker.sync()

    return closed


async def still_listed(call: Any, args: Any, kwargs: Any) -> Any:
    """The brackets as they were before the position was closed."""
    for _ in range(100):
        if listed := await call(*args, **kwargs):
            return listed
    raise AssertionError("the attached bracket never came")


async def assert_over(rig: Rig, decision: str) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert "not by this program" in outcome.detail
    intent = await rig.desk.journal.get(entry_id(decision))
    assert intent is not None and intent.state is IntentState.CLOSED
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.CLOSED_ELSEWHERE]
    assert (await rig.position(), await rig.brackets()) == (None, [])


async def test_one_that_is_booked_closed_just_as_its_bracket_is_seen_was_an_entry(rig: Rig) -> None:
    rig.venue.faults["brackets"] = [passes, then_closed_and_booked(rig, still_listed)]
    await assert_over(rig, "eb-covered")
    assert "bracket_verified" not in rig.kinds()


async def test_one_that_is_booked_closed_while_no_bracket_is_listed_needs_no_healing(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["brackets"] = [passes, then_closed_and_booked(rig, passes)]
    await assert_over(rig, "eb-healing")
    assert rig.venue.sent("place_bracket") == 0


async def test_one_that_is_booked_closed_while_its_bracket_is_refused_is_not_closed_twice(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [refuse("51000"), then_closed_and_booked(rig, refuse("51000"))]
    await assert_over(rig, "eb-refused")
    assert (rig.venue.sent("place_order"), rig.venue.sent("close_position")) == (1, 0)
