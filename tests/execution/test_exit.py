"""Closing a position: by the venue's size, reduce-only, until it is flat and nothing of ours rests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.events import OrderFilled
from engine.exchange.errors import ErrorClass
from engine.exchange.port import BracketRequest
from engine.execution.ids import bracket_id, entry_id, exit_id
from engine.execution.states import IntentState as S
from engine.model import BracketPrices, KillState
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import QUICK, Rig, down, hidden, lose_reply, lose_request, refuse

BTC = "BTC-USDT-SWAP"


async def opened(rig: Rig, decision: str) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail


async def test_exit_ends_flat_swept_and_journalled(rig: Rig) -> None:
    await opened(rig, "e1")
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "e1-sell")
    assert outcome.reason is Reason.EXITED
    assert await rig.position() is None
    assert await rig.brackets() == []
    intent = await rig.desk.journal.get(exit_id("e1-sell", 0))
    assert intent is not None
    assert intent.state is S.FLAT
    assert any(isinstance(e, OrderFilled) and e.purpose == "exit" for e in rig.events)


async def test_exit_when_flat_is_said_to_be_flat(rig: Rig) -> None:
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "nothing")
    assert outcome.reason is Reason.SELL_WHEN_FLAT
    assert rig.venue.sent("place_order") == 0


@pytest.mark.parametrize(
    "fault", [lose_reply, lose_request, refuse("51205", ErrorClass.POSITION_GONE), refuse("51000")]
)
async def test_every_fault_of_the_first_try_still_ends_flat(rig: Rig, fault: object) -> None:
    await opened(rig, f"f-{id(fault)}")
    rig.venue.faults["place_order"] = [fault]  # type: ignore[list-item]
    outcome = await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, f"x-{id(fault)}")
    assert outcome.reason is Reason.EXITED, outcome.detail
    assert await rig.position() is None
    assert await rig.brackets() == []
    assert not await rig.desk.journal.unresolved() or (await rig.desk.reconcile()).complete


async def test_exit_works_while_the_latch_is_engaged(rig: Rig) -> None:
    await opened(rig, "e-latched")
    rig.latch.engage(KillState.LATCHED, "K key")
    outcome = await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, "x-latched")
    assert outcome.reason is Reason.EXITED


async def test_position_larger_than_one_market_order_is_closed_in_slices(rig: Rig) -> None:
    await opened(rig, "e-slices")
    position = await rig.position()
    assert position is not None
    lot = rig.instruments[BTC].lot_size
    half = floor_to_step(position.contracts / 2, lot) + lot
    rig.instruments[BTC] = replace(rig.instruments[BTC], max_market_size=half)
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-slices")
    assert outcome.reason is Reason.EXITED
    assert rig.venue.sent("place_order") == 3


async def test_slice_that_is_refused_is_followed_by_slices_and_not_by_a_close_that_is_too_large(rig: Rig) -> None:
    await opened(rig, "e-slice-refused")
    position = await rig.position()
    assert position is not None
    half = floor_to_step(position.contracts / 2, rig.instruments[BTC].lot_size)
    rig.instruments[BTC] = replace(rig.instruments[BTC], max_market_size=half)
    rig.venue.faults["place_order"] = [refuse("50013", ErrorClass.TRANSIENT)]
    rig.venue.always["close_position"] = refuse("51108", ErrorClass.SIZE_BIG)
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-slice-refused")
    assert outcome.reason is Reason.EXITED, outcome.detail
    assert rig.venue.sent("close_position") == 0


async def test_close_that_the_venue_finds_too_large_goes_back_to_orders(rig: Rig) -> None:
    await opened(rig, "e-too-large")
    rig.venue.faults["place_order"] = [refuse("51000")]
    rig.venue.always["close_position"] = refuse("51108", ErrorClass.SIZE_BIG)
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-too-large")
    assert outcome.reason is Reason.EXITED, outcome.detail


async def test_venue_that_does_not_answer_leaves_the_bracket_and_says_so(rig: Rig) -> None:
    await opened(rig, "e-down")
    rig.venue.always["positions"] = down
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-down")
    assert outcome.reason is Reason.VENUE_UNAVAILABLE
    assert len(await rig.brackets()) == 1


async def test_bracket_is_never_cancelled_before_the_venue_shows_flat(rig: Rig) -> None:
    await opened(rig, "e-order")
    rig.venue.calls.clear()
    rig.venue.faults["place_order"] = [refuse("51000")]
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-order")
    naked = [row for row in rig.sim.ledger()["naked"] if not row.get("covered_wall_ms", True)]
    assert naked == []


async def test_brackets_that_cannot_be_cancelled_hold_up_no_exit_and_are_swept_later(rig: Rig) -> None:
    rig.timing = replace(QUICK, flat_deadline_s=0.6)
    await rig.restart()
    await opened(rig, "e-stuck")
    [first] = await rig.brackets()
    assert first.contracts is not None and first.stop is not None and first.target is not None
    # Two of them: only one goes with the position.
    prices = BracketPrices(first.stop - 100, first.target)
    await rig.real.place_bracket(BracketRequest(BTC, bracket_id("e-stuck", 1), first.contracts, prices))
    rig.venue.always["cancel_brackets"] = refuse("51000")
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x-stuck")
    assert outcome.reason is Reason.EXITED
    assert len(await rig.brackets()) == 1
    rig.venue.always.clear()
    await rig.desk.guard_pass()
    assert await rig.brackets() == []


@pytest.mark.parametrize("silence", [down, hidden])
async def test_exit_whose_fill_the_venue_does_not_tell_is_an_exit_all_the_same(rig: Rig, silence: object) -> None:
    """What it cost comes with the fills; nothing is invented for the tape."""
    decision = f"e-untold-{silence is down}"
    await opened(rig, decision)
    rig.venue.always["order"] = silence  # type: ignore[assignment]
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, f"{decision}-x")
    assert outcome.reason is Reason.EXITED
    assert not any(isinstance(e, OrderFilled) and e.purpose == "exit" for e in rig.events)
    await rig.desk.guard_pass()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.SIGNAL_EXIT]


async def test_closing_what_an_unknown_entry_opened_leaves_the_entrys_fate_to_the_venue(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = down
    assert (await rig.desk.entry.enter(await rig.plan("e-dark"))).reason is Reason.UNKNOWN_ORDER
    assert (await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, "x-dark")).reason is Reason.EXITED
    intent = await rig.desk.journal.get(entry_id("e-dark"))
    assert intent is not None and intent.state is S.UNKNOWN
    del rig.venue.always["order"]
    await rig.desk.boot()
    assert await rig.desk.journal.unresolved() == ()
    assert (await rig.desk.reconcile()).mismatches == {}
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.OPERATOR_CLOSE]
