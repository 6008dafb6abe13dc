"""A position that opened after our trade's had ended is somebody else's, also before the books know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.errors import UnknownOutcome
from engine.execution.ids import entry_id
from engine.execution.states import IntentState as S
from engine.model import OrderRequest, OrderType, Side
from engine.reasons import Reason
from tests.execution.rig import QUICK, Rig, down, hidden, lose_request, passes, without_bracket

BTC = "BTC-USDT-SWAP"


async def replaced_by_hand(rig: Rig, decision: str) -> Any:
    """Ours is closed by a person, who then buys again; the position that they hold."""
    plan = await rig.plan(decision)
    assert (await rig.desk.entry.enter(plan)).reason is Reason.ENTERED
    rig.advance(5_000)
    await rig.real.close_position(BTC, f"{decision}hand1".replace("-", ""))
    rig.advance(5_000)
    order = OrderRequest(BTC, f"{decision}hand2".replace("-", ""), Side.BUY, OrderType.MARKET, plan.contracts)
    await rig.real.place_order(order)
    return await rig.position()


async def test_an_exit_leaves_it_alone_and_sweeps_what_was_ours(rig: Rig) -> None:
    theirs = await replaced_by_hand(rig, "al-exit")
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "al-exit-x")
    assert outcome.reason is Reason.SELL_WHEN_FLAT, outcome.detail
    left = await rig.position()
    assert left is not None and left.contracts == theirs.contracts
    assert await rig.brackets() == []
    assert BTC not in await rig.desk.shared.book.open_trades()


async def test_no_part_of_it_is_closed_for_the_program(rig: Rig) -> None:
    theirs = await replaced_by_hand(rig, "al-part")
    outcome = await rig.desk.reduce.part(BTC, 0.5, Reason.REDUCED, "al-part-x")
    assert outcome.reason is Reason.SELL_WHEN_FLAT, outcome.detail
    left = await rig.position()
    assert left is not None and left.contracts == theirs.contracts


@pytest.mark.parametrize(
    ("reason", "ends"),
    [(Reason.SIGNAL_EXIT, Reason.VENUE_UNAVAILABLE), (Reason.UNPROTECTED_CLOSED, Reason.EXITED)],
)
async def test_while_nobody_tells_whose_it_is_only_what_is_bare_is_closed(
    rig: Rig, reason: Reason, ends: Reason
) -> None:
    await replaced_by_hand(rig, f"al-{reason.name[:6].lower()}")
    rig.venue.always["fills"] = down
    assert (await rig.desk.exit.close(BTC, reason, f"al-{reason.name}-x")).reason is ends


async def test_a_person_may_close_it_through_the_program(rig: Rig) -> None:
    await replaced_by_hand(rig, "al-hand")
    assert (await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, "al-hand-x")).reason is Reason.EXITED


async def test_an_end_that_the_fills_tell_is_booked_while_the_ledger_is_unreadable(rig: Rig) -> None:
    await replaced_by_hand(rig, "al-bills")
    rig.venue.always["bills"] = down
    assert not (await rig.desk.reconcile()).complete
    assert BTC not in await rig.desk.shared.book.open_trades()


async def test_who_bought_is_waited_for_before_a_position_is_taken_for_a_lost_order(rig: Rig) -> None:
    rig.timing = replace(QUICK, resolve_deadline_s=1.0)
    await rig.restart()
    plan = await rig.plan("al-lost")
    rig.venue.faults["place_order"] = [lose_request]
    rig.venue.always["order"] = hidden
    rig.venue.always["fills"] = down

    async def bought(call: Any, args: Any, kwargs: Any) -> Any:
        order = OrderRequest(BTC, "alhand9", Side.BUY, OrderType.MARKET, plan.contracts)
        await rig.real.place_order(order)
        return None

    rig.venue.faults["order"] = [bought]
    assert (await rig.desk.entry.enter(plan)).reason is Reason.UNKNOWN_ORDER
    assert BTC not in await rig.desk.shared.book.open_trades()
    rig.venue.always["fills"] = passes
    await rig.desk.reconcile()
    intent = await rig.desk.journal.get(entry_id("al-lost"))
    assert intent is not None and intent.state is S.ABSENT
    assert await rig.brackets() == []


async def test_untold_for_long_it_counts_as_ours(rig: Rig) -> None:
    """Bare would be worse than taken by mistake."""
    rig.timing = replace(QUICK, absent_after_s=0.1)
    await rig.restart()
    rig.venue.faults["place_order"] = [unbracketed_and_lost]
    rig.venue.always["order"] = hidden
    rig.venue.always["fills"] = down
    outcome = await rig.desk.entry.enter(await rig.plan("al-untold"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert len(await rig.brackets()) == 1


async def unbracketed_and_lost(call: Any, args: Any, kwargs: Any) -> Any:
    await without_bracket(call, args, kwargs)
    raise UnknownOutcome("read time-out")


async def test_a_position_that_the_venue_dates_late_stays_ours_while_its_trade_is_open(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("al-late"))).reason is Reason.ENTERED
    held = await rig.position()
    assert held is not None
    late = replace(held, opened_at=held.opened_at + 5_000)
    assert await rig.desk.exit.over_already(late, Reason.SIGNAL_EXIT) is None
