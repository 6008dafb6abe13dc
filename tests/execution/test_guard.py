"""The guard: compares positions with brackets at the venue and heals the difference; strangers are left alone."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.port import BracketRequest
from engine.execution.ids import bracket_id
from engine.model import BracketPrices, OrderRequest, OrderType, Protection, Side
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import Rig, down, hidden, lose_reply, passes, refuse

BTC = "BTC-USDT-SWAP"
ETH = "ETH-USDT-SWAP"


async def opened(rig: Rig, decision: str) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail


def actions(rig: Rig) -> list[str]:
    return [event.action for event in rig.events if event.kind == "bracket_healed"]


async def foreign_order(
    rig: Rig, side: Side, contracts: Decimal, inst_id: str = BTC, client_id: str = "byhand1"
) -> None:
    await rig.real.place_order(
        OrderRequest(inst_id, client_id, side, OrderType.MARKET, contracts, reduce_only=side is Side.SELL)
    )


async def test_quiet_when_everything_is_as_it_should_be(rig: Rig) -> None:
    await opened(rig, "g-quiet")
    report = await rig.desk.guard.run()
    assert report.silent
    [view] = report.positions
    assert view.protection is Protection.PROTECTED
    assert view.trade_id == "g-quiet"


async def test_bracket_cancelled_by_hand_is_restored_at_the_trades_own_prices(rig: Rig) -> None:
    await opened(rig, "g-cancel")
    [before] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [before.algo_id])
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    [after] = await rig.brackets()
    assert (after.stop, after.target, after.client_id) == (before.stop, before.target, bracket_id("g-cancel", 1))
    assert (await rig.desk.guard.run()).silent


async def test_bracket_that_is_too_small_is_resized(rig: Rig) -> None:
    await opened(rig, "g-small")
    [bracket] = await rig.brackets()
    assert bracket.contracts is not None
    half = floor_to_step(bracket.contracts / 2, rig.instruments[BTC].lot_size)
    await rig.real.amend_bracket(BTC, bracket.algo_id, contracts=half)
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    [after] = await rig.brackets()
    assert after.contracts == bracket.contracts


async def test_position_cut_by_hand_gets_its_bracket_cut(rig: Rig) -> None:
    await opened(rig, "g-cut")
    position = await rig.position()
    assert position is not None
    half = floor_to_step(position.contracts / 2, rig.instruments[BTC].lot_size)
    await foreign_order(rig, Side.SELL, half)
    await rig.desk.guard_pass()
    [bracket] = await rig.brackets()
    assert bracket.contracts == position.contracts - half
    assert (await rig.desk.reconcile()).mismatches == {}


async def test_second_bracket_of_ours_is_taken_away(rig: Rig) -> None:
    await opened(rig, "g-two")
    [first] = await rig.brackets()
    assert first.contracts is not None
    assert first.stop is not None
    assert first.target is not None
    lower = BracketPrices(first.stop - 100, first.target)
    await rig.real.place_bracket(BracketRequest(BTC, bracket_id("g-two", 9), first.contracts, lower))
    assert len(await rig.brackets()) == 2
    await rig.desk.guard_pass()
    assert [b.algo_id for b in await rig.brackets()] == [first.algo_id]


async def test_bracket_that_cannot_be_restored_closes_the_position(rig: Rig) -> None:
    await opened(rig, "g-refused")
    [before] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [before.algo_id])
    rig.venue.always["place_bracket"] = refuse("51000")
    assert await rig.desk.guard_pass() == ()
    assert await rig.position() is None
    await rig.desk.tracker.sync()
    trades = await rig.desk.tracker.history.closed_trades()
    assert trades[-1].reason is Reason.UNPROTECTED_CLOSED


async def test_lost_reply_while_healing_places_no_second_bracket(rig: Rig) -> None:
    await opened(rig, "g-lost")
    [before] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [before.algo_id])
    rig.venue.faults["place_bracket"] = [lose_reply]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert len(await rig.brackets()) == 1


async def test_price_beyond_the_stop_closes_at_once_instead_of_waiting(rig: Rig) -> None:
    await opened(rig, "g-crossed")
    [before] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [before.algo_id])

    async def under(call: object, args: object, kwargs: object) -> Decimal:
        return (before.stop or Decimal(0)) - 1

    rig.venue.always["mark_price"] = under
    assert await rig.desk.guard_pass() == ()
    assert await rig.position() is None
    assert rig.venue.sent("place_bracket") == 0


async def test_orphan_of_ours_is_swept_and_a_strangers_is_not(rig: Rig) -> None:
    await opened(rig, "g-orphan")
    [bracket] = await rig.brackets()
    assert bracket.contracts is not None
    assert bracket.stop is not None
    assert bracket.target is not None
    prices = BracketPrices(bracket.stop, bracket.target)
    # Not cancelled with the position, as an app's own OCO would be.
    await rig.real.place_bracket(BracketRequest(BTC, "byhandoco", bracket.contracts, prices))
    await foreign_order(rig, Side.SELL, bracket.contracts)
    await rig.desk.guard_pass()
    assert [b for b in await rig.brackets() if b.client_id.startswith("cyn")] == []
    if await rig.brackets():
        block = rig.desk.blocks.of(BTC)
        assert block is not None
        assert block.reason is Reason.FOREIGN_ORDER
        assert (await rig.desk.entry.enter(await rig.plan("g-beside"))).reason is Reason.FOREIGN_ORDER


async def test_strangers_position_is_shown_blocks_and_is_never_touched(rig: Rig) -> None:
    plan = await rig.plan("g-foreign", ETH)
    await foreign_order(rig, Side.BUY, plan.contracts, ETH)
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    assert await rig.brackets(ETH) == []
    assert rig.venue.sent("place_bracket") == rig.venue.sent("place_order") == 0
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.FOREIGN_ORDER


async def test_close_by_a_stranger_is_seen_and_booked_in_one_pass(rig: Rig) -> None:
    await opened(rig, "g-closed")
    position = await rig.position()
    assert position is not None
    await foreign_order(rig, Side.SELL, position.contracts)
    assert await rig.desk.guard_pass() == ()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.CLOSED_ELSEWHERE]
    assert await rig.brackets() == []


async def test_venue_that_cannot_be_read_blocks_and_keeps_the_last_view(rig: Rig) -> None:
    await opened(rig, "g-down")
    before = await rig.desk.guard_pass()
    rig.venue.always["positions"] = down
    assert await rig.desk.guard_pass() == before
    block = rig.desk.blocks.of(ETH)
    assert block is not None
    assert block.reason is Reason.VENUE_UNAVAILABLE
    rig.venue.always.clear()
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of(ETH) is None


async def test_stop_follows_a_winner_upward_once_and_not_again(rig: Rig) -> None:
    await opened(rig, "g-trail")
    [before] = await rig.brackets()
    position = await rig.position()
    assert position is not None
    assert before.stop is not None

    async def risen(call: object, args: object, kwargs: object) -> object:
        return tuple(replace(p, mark_price=p.entry_price * Decimal("1.0405")) for p in await rig.real.positions())

    trade = (await rig.desk.shared.book.open_trades())[BTC]
    assert trade.trail_pct == 0.025
    await rig.db.execute("UPDATE trades SET trail_pct = 0.04 WHERE trade_id = 'g-trail'")
    rig.venue.always["positions"] = risen
    await rig.desk.guard_pass()
    [after] = await rig.brackets()
    assert after.algo_id == before.algo_id
    assert after.stop is not None
    assert after.stop > before.stop
    assert after.target == before.target
    amended = rig.venue.sent("amend_bracket")
    await rig.desk.guard_pass()
    assert rig.venue.sent("amend_bracket") == amended
    # A lost bracket is restored at the raised stop, not at the first one.
    await rig.real.cancel_brackets(BTC, [after.algo_id])
    rig.venue.always.clear()
    await rig.desk.guard_pass()
    [restored] = await rig.brackets()
    assert restored.stop == after.stop


async def test_trail_that_is_refused_keeps_the_stop(rig: Rig) -> None:
    await opened(rig, "g-trail-no")
    [before] = await rig.brackets()

    async def risen(call: object, args: object, kwargs: object) -> object:
        return tuple(replace(p, mark_price=p.entry_price * Decimal("1.0405")) for p in await rig.real.positions())

    await rig.db.execute("UPDATE trades SET trail_pct = 0.04 WHERE trade_id = 'g-trail-no'")
    rig.venue.always["positions"] = risen
    rig.venue.always["amend_bracket"] = refuse("51503")
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert await rig.brackets() == [before]


async def test_dead_database_does_not_stop_the_guard(rig: Rig) -> None:
    """Incident row 4: what is at the venue is protected whether or not it can be written down."""
    await opened(rig, "g-nodb")
    await rig.desk.guard_pass()
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    await rig.db.close()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert len(await rig.brackets()) == 1


async def test_position_that_cannot_be_handled_does_not_keep_the_guard_from_the_others(rig: Rig) -> None:
    await opened(rig, "g-one")
    assert (await rig.desk.entry.enter(await rig.plan("g-other", ETH))).reason is Reason.ENTERED
    for bracket in await rig.real.brackets():
        await rig.real.cancel_brackets(bracket.inst_id, [bracket.algo_id])
    rig.venue.faults["brackets"] = [passes, down]
    await rig.desk.guard_pass()
    covered = {b.inst_id for b in await rig.real.brackets()}
    assert covered
    await rig.desk.guard_pass()
    assert {b.inst_id for b in await rig.real.brackets()} == {BTC, ETH}


async def test_liquidated_trade_is_named_and_stops_entries(rig: Rig) -> None:
    await rig.desk.boot()
    await opened(rig, "g-liq")
    await rig.desk.tracker.sync()
    position = await rig.position()
    assert position is not None
    await foreign_order(rig, Side.SELL, position.contracts)

    async def forced(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        fills = await rig.real.fills(*args)  # type: ignore[arg-type]
        return tuple(replace(f, liquidation=f.side is Side.SELL and f.client_id == "byhand1") for f in fills)

    rig.venue.always["fills"] = forced
    await rig.desk.guard_pass()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.LIQUIDATED]
    assert rig.desk.controls.entries_stopped
    await rig.desk.controls.resume_entries("operator")
    await rig.desk.guard_pass()
    assert not rig.desk.controls.entries_stopped


async def test_a_defect_on_one_position_does_not_bare_the_others(rig: Rig) -> None:
    """Not only the venue's and the database's errors: whatever happens, the next position is looked after."""
    await opened(rig, "g-bug1")
    outcome = await rig.desk.entry.enter(await rig.plan("g-bug2", ETH))
    assert outcome.reason is Reason.ENTERED
    [naked] = await rig.brackets(ETH)
    await rig.real.cancel_brackets(ETH, [naked.algo_id])
    follow = rig.desk.trailing.follow

    async def defect(trade: Any, position: Any, bracket: Any) -> Any:
        if trade.inst_id == BTC:
            raise AssertionError("a defect of ours")
        return await follow(trade, position, bracket)

    rig.desk.trailing.follow = defect  # type: ignore[method-assign]
    views = {view.position.inst_id: view for view in await rig.desk.guard_pass()}
    assert views[ETH].protection is Protection.PROTECTED
    assert views[BTC].protection is Protection.PROTECTED
    assert "a defect of ours" in views[BTC].detail


async def test_an_orphan_that_cannot_be_cancelled_blinds_nobody(rig: Rig) -> None:
    await opened(rig, "g-stuck")
    [bracket] = await rig.brackets()
    orphan = replace(bracket, inst_id=ETH, algo_id="stuck")

    async def with_orphan(call: Any, args: Any, kwargs: Any) -> Any:
        return (*await call(*args, **kwargs), orphan)

    rig.venue.always["brackets"] = with_orphan
    rig.venue.always["cancel_brackets"] = refuse("51000")
    rig.events.clear()
    [view] = await rig.desk.guard_pass()
    assert view.position.inst_id == BTC
    assert rig.venue.sent("cancel_brackets") == 1
    assert rig.desk.unreadable == ""
    assert "positions" in rig.kinds()
    assert rig.desk.blocks.of(BTC) is None


async def test_a_raised_stop_is_not_lowered_by_a_pass_that_saw_older_prices(rig: Rig) -> None:
    await opened(rig, "g-older")
    [before] = await rig.brackets()
    position = await rig.position()
    assert position is not None
    assert before.stop is not None
    trade = (await rig.desk.shared.book.open_trades())[BTC]
    raised = before.stop + 100 * rig.instruments[BTC].tick_size
    await rig.real.amend_bracket(BTC, before.algo_id, stop=raised)
    # The older pass still sees the first stop, and a mark that would raise it by less.
    mark = (before.stop + 50 * rig.instruments[BTC].tick_size) / Decimal("0.975")
    older = replace(position, entry_price=mark / 2, mark_price=mark)
    assert await rig.desk.trailing.follow(trade, older, before) is None
    [after] = await rig.brackets()
    assert after.stop == raised


async def test_an_observer_sees_ours_and_strangers_and_touches_nothing(rig: Rig) -> None:
    await opened(rig, "g-look")
    await foreign_order(rig, Side.BUY, (await rig.plan("g-look-2", ETH)).contracts, ETH, "byhand14")
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    rig.venue.calls.clear()
    views = {view.position.inst_id: view.protection for view in await rig.desk.look()}
    assert views == {BTC: Protection.MISSING, ETH: Protection.FOREIGN}
    assert set(rig.venue.calls) == {"brackets", "open_orders", "positions"}
    assert rig.kinds()[-1] == "positions"


async def test_a_position_that_somebody_works_on_is_shown_as_such_and_left_to_them(rig: Rig) -> None:
    await opened(rig, "g-busy")
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    async with rig.desk.shared.locks.of(BTC):
        [view] = await rig.desk.guard_pass()
    assert (view.protection, view.trade_id) == (Protection.HEALING, "g-busy")
    assert rig.venue.sent("place_bracket") == 0
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED


async def test_a_position_whose_order_the_venue_does_not_tell_of_is_adopted_once_it_does(rig: Rig) -> None:
    async def none(call: object, args: object, kwargs: object) -> tuple[()]:
        return ()

    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = hidden
    rig.venue.always["positions"] = none
    outcome = await rig.desk.entry.enter(await rig.plan("g-told-late"))
    assert outcome.reason is Reason.ORDER_UNFILLED
    rig.venue.always.clear()
    rig.venue.faults["order"] = [down]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    [view] = await rig.desk.guard_pass()
    assert (view.protection, view.trade_id) == (Protection.PROTECTED, "g-told-late")


async def test_a_stop_that_a_person_raised_is_ours_from_then_on_also_where_the_disk_refuses_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(rig, "g-raised")
    [bracket] = await rig.brackets()
    assert bracket.stop is not None
    raised = bracket.stop + 10 * rig.instruments[BTC].tick_size
    await rig.real.amend_bracket(BTC, bracket.algo_id, stop=raised)

    async def full(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as refusing:
        refusing.setattr(rig.desk.shared.book, "raise_stop", full)
        [view] = await rig.desk.guard_pass()
    assert (view.protection, view.stop) == (Protection.PROTECTED, raised)
    assert any(e.kind == "log" and "raised stop is not written" in e.text for e in rig.events)
    assert (await rig.desk.shared.book.open_trades())[BTC].prices.stop == bracket.stop
    await rig.desk.guard_pass()
    assert (await rig.desk.shared.book.open_trades())[BTC].prices.stop == raised


async def listed_once_more(rig: Rig, decision: str) -> Any:
    """A bracket of ours as it was before its position was closed; the venue's list may be a moment old."""
    await opened(rig, decision)
    listed = tuple(await rig.brackets())
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, f"{decision}-x")
    await rig.desk.guard_pass()
    rig.venue.calls.clear()

    async def stale(call: object, args: object, kwargs: object) -> Any:
        return listed

    return stale


async def test_an_orphan_in_an_old_list_is_looked_at_again_before_anything_is_cancelled(rig: Rig) -> None:
    rig.venue.faults["brackets"] = [await listed_once_more(rig, "g-stale")]
    assert (await rig.desk.guard.run()).swept == 0
    assert rig.venue.sent("cancel_brackets") == 0


async def test_an_orphan_where_somebody_is_at_work_is_left_to_them(rig: Rig) -> None:
    rig.venue.faults["brackets"] = [await listed_once_more(rig, "g-theirs")]
    async with rig.desk.shared.locks.of(BTC):
        assert (await rig.desk.guard.run()).swept == 0
    assert rig.venue.sent("brackets") == 1
