"""How a bracket ended: by the venue's word, in words, and asked for again while the venue does not tell."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.okx.kill_client import OkxKillVenue
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import BracketLife
from engine.execution.ids import bracket_id, entry_id
from engine.execution.kill_switch import KillSwitch, KillTiming
from engine.execution.states import IllegalTransition, IntentState
from engine.model import BracketState
from engine.reasons import Reason
from tests.execution.rig import Rig, down, endpoint

L = BracketLife
BTC = "BTC-USDT-SWAP"


async def entered(rig: Rig, decision: str) -> str:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    return bracket_id(decision, 0)


async def ended(rig: Rig, client_id: str) -> tuple[BracketLife, str]:
    """Once the desk has had its passes."""
    for _ in range(10):
        await rig.desk.reconcile()
        await rig.desk.guard_pass()
        if not rig.desk.fates.pending:
            break
        await asyncio.sleep(0.1)
    row = await rig.desk.brackets.get(client_id)
    assert row is not None
    return row.state, row.detail


async def test_while_the_venue_does_not_tell_how_one_ended_it_is_asked_again_and_the_position_is_covered(
    rig: Rig,
) -> None:
    bracket = await entered(rig, "fa-down")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])
    rig.venue.always["bracket_history"] = down
    await rig.desk.guard_pass()
    assert len(await rig.brackets()) == 1
    row = await rig.desk.brackets.get(bracket)
    assert row is not None and row.state is L.LIVE
    assert any(e.kind == "log" and "how a bracket ended is not known yet" in e.text for e in rig.events)
    rig.venue.always.clear()
    assert await ended(rig, bracket) == (L.CANCELLED, "cancelled at the venue, and not by this program")


async def test_one_that_a_person_took_away_together_with_its_position_went_with_it(rig: Rig) -> None:
    bracket = await entered(rig, "fa-hand")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])
    await rig.real.close_position(BTC, "byhand15")
    assert await ended(rig, bracket) == (L.CANCELLED, "cancelled with its position")


async def test_one_that_the_kill_switch_took_away_is_told_as_that(rig: Rig) -> None:
    bracket = await entered(rig, "fa-kill")
    switch = KillSwitch(OkxKillVenue(endpoint(rig.sim)), rig.latch, KillTiming(retry_s=0.02, settle_s=0.05))
    await asyncio.to_thread(switch.engage, True, "operator")
    assert await ended(rig, bracket) == (L.CANCELLED, "cancelled by the kill switch, or with its position")


async def test_an_instrument_that_somebody_works_on_is_asked_about_later(rig: Rig) -> None:
    bracket = await entered(rig, "fa-busy")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])
    await rig.real.close_position(BTC, "byhand16")
    async with rig.desk.shared.locks.of(BTC):
        await rig.desk.guard_pass()
        row = await rig.desk.brackets.get(bracket)
        assert row is not None and row.state is L.LIVE
    assert (await ended(rig, bracket))[0] is L.CANCELLED


async def test_steps_of_many_brackets_at_once_are_all_on_disk(rig: Rig) -> None:
    names = [bracket_id(f"fa-many-{n}", 1) for n in range(4)]
    rows = [BracketRow(name, f"fa-many-{n}", BTC, False, None, None, None, 1_000) for n, name in enumerate(names)]
    await asyncio.gather(*(rig.desk.brackets.send(row) for row in rows))
    for name in names:
        assert await rig.desk.brackets.history(name) == (("", "intended"), ("intended", "sent"))


async def test_one_whose_closing_order_failed_at_the_venue_is_told_by_that_word(rig: Rig) -> None:
    bracket = await entered(rig, "fa-failed")
    [listed] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [listed.algo_id])

    async def failed(call: object, args: object, kwargs: object) -> Any:
        return (replace(listed, state=BracketState.FAILED),)

    rig.venue.always["bracket_history"] = failed
    assert await ended(rig, bracket) == (L.FAILED, "the venue could not place its closing order")


async def test_a_step_that_no_order_can_take_is_a_defect_and_says_so(rig: Rig) -> None:
    await entered(rig, "fa-defect")
    intent = await rig.desk.journal.get(entry_id("fa-defect"))
    assert intent is not None
    with pytest.raises(IllegalTransition):
        await rig.desk.shared.advance(intent, IntentState.SENT)


async def test_an_ending_is_on_record_also_where_the_position_cannot_be_read(rig: Rig) -> None:
    bracket = await entered(rig, "fa-unread")
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "fa-unread-x")
    rig.venue.always["positions"] = down
    await rig.desk.fates.run()
    row = await rig.desk.brackets.get(bracket)
    assert row is not None and row.state is L.CANCELLED
