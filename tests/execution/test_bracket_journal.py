"""The journal of brackets: what was placed, when and how it ended, over lost answers, a broken disk and crashes."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from engine.events import LogLine
from engine.exchange.port import BracketRequest
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import OPEN_ENDED, BracketLife
from engine.execution.ids import bracket_id
from engine.execution.states import IllegalTransition
from engine.model import BracketPrices, BracketState, Protection
from engine.reasons import Reason
from tests.execution.rig import Rig, down, lose_reply, lose_request, passes, refuse, without_bracket
from tests.execution.test_restart import Crash, crash_after, crash_before

L = BracketLife
BTC = "BTC-USDT-SWAP"
PLACED = [("", "intended"), ("intended", "sent"), ("sent", "live")]


async def entered(rig: Rig, decision: str) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail


async def state_of(rig: Rig, client_id: str) -> BracketLife:
    row = await rig.desk.brackets.get(client_id)
    assert row is not None, f"no bracket {client_id}"
    return row.state


async def at_rest(rig: Rig) -> None:
    """The journal's open-ended rows are exactly the brackets that rest at the venue."""
    for _ in range(20):
        await rig.desk.reconcile()
        await rig.desk.guard_pass()
        if not rig.desk.fates.pending:
            break
        await asyncio.sleep(0.1)
    marks = ", ".join("?" * len(OPEN_ENDED))
    rows = await rig.db.fetch_all(f"SELECT client_id FROM brackets WHERE state IN ({marks})", sorted(OPEN_ENDED))  # noqa: S608
    live = {b.client_id for b in await rig.real.brackets() if b.state is BracketState.LIVE}
    assert {row["client_id"] for row in rows} == live


def told(rig: Rig) -> str:
    return "\n".join(event.text for event in rig.events if isinstance(event, LogLine))


async def test_the_attached_bracket_is_on_record_with_its_entry_before_anything_is_sent(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [crash_before]
    with pytest.raises(Crash):
        await rig.desk.entry.enter(await rig.plan("b-attached"))
    rows = await rig.db.fetch_all("SELECT state, attached FROM brackets WHERE trade_id = 'b-attached'")
    assert [tuple(row) for row in rows] == [("sent", 1)]


async def test_a_bracket_lives_once_the_venue_lists_it_and_ends_with_its_position(rig: Rig) -> None:
    await entered(rig, "b-life")
    bracket = bracket_id("b-life", 0)
    assert await rig.desk.brackets.history(bracket) == tuple(PLACED)
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "b-life-x")
    await at_rest(rig)
    row = await rig.desk.brackets.get(bracket)
    assert row is not None
    assert row.state is L.CANCELLED
    assert row.algo_id
    assert "its position has not" not in told(rig)


async def test_one_that_somebody_cancelled_is_told_while_its_position_stays(rig: Rig) -> None:
    await entered(rig, "b-hand")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])
    await rig.desk.guard_pass()
    assert await state_of(rig, bracket_id("b-hand", 0)) is L.CANCELLED
    assert await state_of(rig, bracket_id("b-hand", 1)) is L.LIVE
    assert "cancelled at the venue, and not by this program, its position has not" in told(rig)
    await at_rest(rig)


async def test_a_trigger_is_on_record_with_its_leg(rig: Rig) -> None:
    inst_id = "SOL-USDT-SWAP"
    assert (await rig.desk.entry.enter(await rig.plan("b-fired", inst_id))).reason is Reason.ENTERED
    for _ in range(60):
        rig.advance(6 * 3_600_000)
        if await rig.position(inst_id) is None:
            break
    await at_rest(rig)
    row = await rig.desk.brackets.get(bracket_id("b-fired", 0))
    assert row is not None
    assert row.state is L.TRIGGERED
    assert row.detail in ("sl triggered", "tp triggered")


@pytest.mark.parametrize(
    ("fault", "steps"),
    [
        (lose_reply, [*PLACED[:2], ("sent", "unknown"), ("unknown", "live")]),
        (passes, PLACED),
        (refuse("51000"), [*PLACED[:2], ("sent", "refused")]),
    ],
)
async def test_what_the_venue_answers_is_on_record(rig: Rig, fault: Any, steps: list[tuple[str, str]]) -> None:
    decision = f"b-answer-{len(steps)}-{steps[-1][1]}"
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [fault]
    await entered(rig, decision)
    assert await rig.desk.brackets.history(bracket_id(decision, 1)) == tuple(steps)
    await at_rest(rig)


@pytest.mark.slow
async def test_no_second_bracket_goes_out_while_the_first_ones_fate_could_not_be_looked_at(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    plan = await rig.plan("b-blind")

    async def lost_then_blind(call: Any, args: Any, kwargs: Any) -> Any:
        rig.venue.always["brackets"] = down
        asyncio.get_running_loop().call_later(1.2, rig.venue.always.pop, "brackets")
        return await lose_reply(call, args, kwargs)

    rig.venue.faults["place_bracket"] = [lost_then_blind]
    assert (await rig.desk.entry.enter(plan)).reason is Reason.ENTERED
    assert rig.venue.sent("place_bracket") == 1
    assert len(await rig.brackets()) == 1
    await at_rest(rig)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("place_order", crash_before),
        ("place_order", crash_after),
        ("place_bracket", crash_before),
        ("place_bracket", crash_after),
        ("place_bracket", lose_request),
        ("brackets", crash_after),
    ],
)
async def test_over_a_crash_every_row_ends_or_rests_at_the_venue(rig: Rig, where: str, fault: Any) -> None:
    if where == "place_bracket":
        rig.venue.faults["place_order"] = [without_bracket]
    plan = await rig.plan(f"b-crash-{where}-{fault.__name__}")
    rig.venue.faults[where] = [passes, fault] if where == "brackets" else [fault]
    try:
        await rig.desk.entry.enter(plan)
    except Crash:
        await rig.restart()
        await rig.desk.boot()
    await at_rest(rig)


async def test_of_two_the_one_that_goes_is_replaced_by_the_one_that_stays(rig: Rig) -> None:
    await entered(rig, "b-two")
    [first] = await rig.brackets()
    assert first.contracts is not None
    assert first.stop is not None
    assert first.target is not None
    prices = BracketPrices(first.stop, first.target)
    await rig.real.place_bracket(BracketRequest(BTC, bracket_id("b-two", 9), first.contracts, prices))
    for _ in range(2):
        await rig.desk.guard_pass()
    states = {row.state for row in await rig.desk.brackets.of_trade("b-two")}
    assert states == {L.LIVE, L.REPLACED}
    await at_rest(rig)


async def test_a_refused_entry_takes_its_bracket_along(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [refuse("51008")]
    await rig.desk.entry.enter(await rig.plan("b-refused"))
    assert await state_of(rig, bracket_id("b-refused", 0)) is L.REFUSED


async def test_a_broken_disk_stops_no_bracket_and_its_steps_are_made_good(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await entered(rig, "b-disk")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])

    async def refused(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("engine.execution.bracket_journal.write_steps", refused)
        [view] = await rig.desk.guard_pass()
        assert view.protection is Protection.PROTECTED
    assert "bracket not journalled (disk I/O error); going on" in told(rig)
    assert await rig.desk.brackets.history(bracket_id("b-disk", 1)) == ()
    await rig.desk.reconcile()
    assert await rig.desk.brackets.history(bracket_id("b-disk", 1)) == tuple(PLACED)
    await at_rest(rig)


async def test_one_that_was_placed_while_the_disk_refused_is_found_after_a_crash(rig: Rig) -> None:
    await entered(rig, "b-found")
    await rig.db.execute("DELETE FROM bracket_events")
    await rig.db.execute("DELETE FROM brackets")
    await rig.restart()
    await rig.desk.boot()
    assert await rig.desk.brackets.history(bracket_id("b-found", 0)) == tuple(PLACED)
    await at_rest(rig)


async def test_a_quiet_pass_writes_nothing(rig: Rig) -> None:
    await entered(rig, "b-quiet")
    await rig.desk.guard_pass()
    before = await rig.db.fetch_one("SELECT total_changes()")
    for _ in range(3):
        await rig.desk.guard.run()
    after = await rig.db.fetch_one("SELECT total_changes()")
    assert before is not None
    assert after is not None
    assert tuple(before) == tuple(after)


async def test_the_same_word_twice_changes_nothing_and_a_forbidden_step_is_an_error(rig: Rig) -> None:
    brackets = rig.desk.brackets
    row = BracketRow(bracket_id("b-steps", 1), "b-steps", BTC, False, None, None, None, 1_000)
    await brackets.send(row)
    await brackets.move(row.client_id, L.LIVE)
    await brackets.move(row.client_id, L.LIVE)
    with pytest.raises(IllegalTransition):
        await brackets.move(row.client_id, L.REFUSED)
    await brackets.answered(row.client_id, L.UNKNOWN, "late")
    assert await brackets.history(row.client_id) == tuple(PLACED)
    await brackets.move(row.client_id, L.FAILED)
    await brackets.move(row.client_id, L.LIVE)
    assert await state_of(rig, row.client_id) is L.FAILED
