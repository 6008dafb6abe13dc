"""How an entry ends when the venue's answers, its brackets or other people come in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.errors import ErrorClass, Rejected
from engine.model import BracketState, OrderState, Protection
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import QUICK, Fault, Rig, down, passes, refuse, without_bracket

BTC = "BTC-USDT-SWAP"


async def close_by_hand(rig: Rig) -> None:
    await rig.real.close_position(BTC, "byhand13")


def then_closed_by_hand(rig: Rig, fault: Fault) -> Fault:
    async def closed(call: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await fault(call, args, kwargs)
        finally:
            await close_by_hand(rig)

    return closed


async def live_bracket(rig: Rig) -> str:
    for _ in range(100):
        live = [b for b in await rig.brackets() if b.state is BracketState.LIVE]
        if live:
            return live[0].algo_id
        await asyncio.sleep(0.02)
    raise AssertionError("the attached bracket never came")


async def test_an_order_whose_id_the_venue_knows_already_is_asked_for_and_not_sent_again(rig: Rig) -> None:
    async def known(call: Any, args: Any, kwargs: Any) -> Any:
        await call(*args, **kwargs)
        raise Rejected("duplicate client id", "51016", ErrorClass.DUPLICATE_ID)

    rig.venue.faults["place_order"] = [known]
    outcome = await rig.desk.entry.enter(await rig.plan("en-known"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert rig.venue.sent("place_order") == 1
    assert len(await rig.brackets()) == 1


async def test_an_order_that_rests_and_cannot_be_cancelled_stays_unknown_until_the_venue_tells(rig: Rig) -> None:
    rig.timing = replace(QUICK, fill_deadline_s=0.1)
    await rig.restart()

    async def live(call: Any, args: Any, kwargs: Any) -> Any:
        return replace(await call(*args, **kwargs), state=OrderState.LIVE)

    rig.venue.always["order"] = live
    rig.venue.always["cancel_order"] = refuse("51400")
    outcome = await rig.desk.entry.enter(await rig.plan("en-rests"))
    assert outcome.reason is Reason.UNKNOWN_ORDER
    assert any(e.kind == "log" and "could not cancel the rest" in e.text for e in rig.events)
    rig.venue.always.clear()
    await rig.desk.boot()
    [view] = rig.desk.guard.last
    assert view.protection is Protection.PROTECTED


@pytest.mark.parametrize("refused", [False, True])
async def test_a_bracket_larger_than_what_filled_is_cut_now_or_by_the_guard(rig: Rig, refused: bool) -> None:
    plan = await rig.plan(f"en-part-{refused}")
    half = floor_to_step(plan.contracts / 2, plan.instrument.lot_size)

    async def half_only(call: Any, args: Any, kwargs: Any) -> Any:
        ack = await call(replace(args[0], contracts=half), **kwargs)
        await rig.real.amend_bracket(BTC, await live_bracket(rig), contracts=plan.contracts)
        return ack

    rig.venue.faults["place_order"] = [half_only]
    if refused:
        rig.venue.faults["amend_bracket"] = [refuse("51503")]
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert outcome.filled == half
    [bracket] = await rig.brackets()
    assert bracket.contracts == (plan.contracts if refused else half)
    await rig.desk.guard_pass()
    [bracket] = await rig.brackets()
    assert bracket.contracts == half


@pytest.mark.parametrize("told", [True, False])
async def test_a_position_that_a_person_closed_before_its_bracket_came_was_an_entry(rig: Rig, told: bool) -> None:
    """Also where the venue does not tell at once how brackets ended: nothing failed, and nothing is left."""
    rig.venue.faults["place_order"] = [then_closed_by_hand(rig, without_bracket)]
    if not told:
        rig.venue.always["bracket_history"] = down
    outcome = await rig.desk.entry.enter(await rig.plan(f"en-gone-{told}"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert ("not by this program" if told else "how is not known yet") in outcome.detail
    rig.venue.always.clear()
    await rig.desk.boot()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.CLOSED_ELSEWHERE]
    assert (await rig.position(), await rig.brackets()) == (None, [])


async def test_a_position_that_a_person_closed_while_its_bracket_was_refused_is_not_closed_twice(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [refuse("51000"), then_closed_by_hand(rig, refuse("51000"))]
    outcome = await rig.desk.entry.enter(await rig.plan("en-both"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert "not by this program" in outcome.detail
    assert rig.venue.sent("place_order") == 1
    assert rig.venue.sent("close_position") == 0


async def test_a_bracket_that_comes_late_is_the_only_one(rig: Rig) -> None:
    """The list was unreadable while it became live: the next look finds it, and none is placed beside it."""
    rig.venue.faults["brackets"] = [passes, *[down] * 3]
    outcome = await rig.desk.entry.enter(await rig.plan("en-late"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert rig.venue.sent("place_bracket") == 0
    assert len(await rig.brackets()) == 1
