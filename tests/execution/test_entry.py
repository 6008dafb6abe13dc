"""Entries on the real simulator: protected from the first moment, never twice, never in doubt."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.events import BracketVerified, OrderFilled
from engine.exchange.errors import ErrorClass
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.execution.ids import bracket_id, entry_id
from engine.execution.kill_switch import KillSwitch, KillTiming
from engine.execution.states import IntentState as S
from engine.model import BracketPrices, BracketState, KillState, Protection
from engine.reasons import Reason
from engine.rounding import ceil_to_step, floor_to_step
from tests.execution.rig import Rig, down, endpoint, hidden, lose_reply, lose_request, passes, refuse, without_bracket


async def protected(rig: Rig) -> bool:
    position = await rig.position()
    assert position is not None
    live = [b for b in await rig.brackets() if b.state is BracketState.LIVE]
    return len(live) == 1 and live[0].covers(position.contracts) and live[0].contracts == position.contracts


async def test_entry_ends_in_a_whole_position_under_one_live_bracket(rig: Rig) -> None:
    plan = await rig.plan("d-plain")
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.ENTERED, outcome.detail
    position = await rig.position()
    assert position is not None
    assert position.contracts == plan.contracts == outcome.filled
    assert position.leverage == 1
    assert position.margin_mode == "isolated"
    [bracket] = await rig.brackets()
    assert bracket.covers(position.contracts)
    assert (bracket.stop, bracket.target) == (plan.prices.stop, plan.prices.target)
    assert bracket.client_id == bracket_id("d-plain", 0)


async def test_events_tell_what_happened_with_the_measured_unprotected_time(rig: Rig) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan("d-events"))
    assert [k for k in rig.kinds() if k != "log"] == ["order_sent", "order_filled", "bracket_verified"]
    verified = next(e for e in rig.events if isinstance(e, BracketVerified))
    filled = next(e for e in rig.events if isinstance(e, OrderFilled))
    assert verified.unprotected_ms == outcome.unprotected_ms
    assert outcome.unprotected_ms is not None
    assert 0 < outcome.unprotected_ms < 2000
    assert filled.fee < 0


async def test_journal_tells_the_whole_story(rig: Rig) -> None:
    await rig.desk.entry.enter(await rig.plan("d-story"))
    steps = [after for _, after in await rig.desk.journal.history(entry_id("d-story"))]
    assert steps == ["intended", "sent", "accepted", "filled", "covered"]


async def test_intent_is_committed_before_the_order_leaves(rig: Rig) -> None:
    seen: list[S] = []

    async def look(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        intent = await rig.desk.journal.get(entry_id("d-first"))
        assert intent is not None
        seen.append(intent.state)
        return await passes(call, args, kwargs)  # type: ignore[arg-type]

    rig.venue.faults["place_order"] = [look]
    await rig.desk.entry.enter(await rig.plan("d-first"))
    assert seen == [S.SENT]


async def test_second_entry_for_one_decision_is_never_sent(rig: Rig) -> None:
    plan = await rig.plan("d-once")
    await rig.desk.entry.enter(plan)
    await rig.desk.exit.close("BTC-USDT-SWAP", Reason.SIGNAL_EXIT, "d-exit")
    await rig.desk.tracker.sync()
    again = await rig.desk.entry.enter(plan)
    assert again.reason is Reason.UNKNOWN_ORDER
    assert "never sent twice" in again.detail
    assert rig.venue.sent("place_order") == 2  # the entry and the exit
    assert await rig.position() is None


async def test_many_calls_at_once_for_one_decision_send_one_order(rig: Rig) -> None:
    plan = await rig.plan("d-race")
    outcomes = await asyncio.gather(*(rig.desk.entry.enter(plan) for _ in range(5)))
    assert sorted(o.reason for o in outcomes).count(Reason.ENTERED) == 1
    assert rig.venue.sent("place_order") == 1


async def test_lost_reply_is_looked_up_and_adopted_not_sent_again(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_reply]
    outcome = await rig.desk.entry.enter(await rig.plan("d-lost"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert rig.venue.sent("place_order") == 1
    assert await protected(rig)
    steps = [after for _, after in await rig.desk.journal.history(entry_id("d-lost"))]
    assert steps == ["intended", "sent", "unknown", "accepted", "filled", "covered"]


async def test_lost_request_ends_absent_only_after_the_waiting_time(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_request]
    before = rig.clock.monotonic()
    outcome = await rig.desk.entry.enter(await rig.plan("d-never"))
    assert outcome.reason is Reason.ORDER_UNFILLED
    assert rig.clock.monotonic() - before >= rig.timing.absent_after_s
    assert rig.venue.sent("order") >= 2
    assert await rig.position() is None


async def test_unknown_stays_unknown_while_the_venue_does_not_tell_and_blocks(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = down
    outcome = await rig.desk.entry.enter(await rig.plan("d-dark"))
    assert outcome.reason is Reason.UNKNOWN_ORDER
    again = await rig.desk.entry.enter(await rig.plan("d-dark-2"))
    assert again.reason is Reason.UNKNOWN_ORDER
    assert rig.venue.sent("place_order") == 1
    del rig.venue.always["order"]
    await rig.desk.boot()
    intent = await rig.desk.journal.get(entry_id("d-dark"))
    assert intent is not None
    assert intent.state is S.COVERED
    assert await protected(rig)


async def test_order_that_the_venue_first_denies_is_adopted_later(rig: Rig) -> None:
    """The order arrives although the venue said that it knew none: the guard finds its position and asks again."""
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = hidden
    rig.venue.always["positions"] = _no_positions
    outcome = await rig.desk.entry.enter(await rig.plan("d-late"))
    assert outcome.reason is Reason.ORDER_UNFILLED
    rig.venue.always.clear()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert view.trade_id == "d-late"


async def _no_positions(call: object, args: object, kwargs: object) -> tuple[()]:
    return ()


async def test_lost_bracket_is_placed_by_the_entry(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    outcome = await rig.desk.entry.enter(await rig.plan("d-bare"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert await protected(rig)
    [bracket] = await rig.brackets()
    assert bracket.client_id == bracket_id("d-bare", 1)
    assert rig.sim.ledger()["duplicates"] == 0


async def test_lost_reply_to_the_bracket_does_not_double_it(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [lose_reply]
    outcome = await rig.desk.entry.enter(await rig.plan("d-bare-lost"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert await protected(rig)
    assert rig.venue.sent("place_bracket") == 1


async def test_bracket_refused_once_is_tried_again(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [refuse("51000")]
    outcome = await rig.desk.entry.enter(await rig.plan("d-refused-once"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert await protected(rig)


async def test_bracket_throttled_is_not_a_refusal(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [refuse("50011", ErrorClass.THROTTLE)] * 3
    outcome = await rig.desk.entry.enter(await rig.plan("d-throttled"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert await protected(rig)


async def test_bracket_refused_twice_closes_the_position_and_says_so(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults["place_bracket"] = [refuse("51000"), refuse("51000")]
    outcome = await rig.desk.entry.enter(await rig.plan("d-refused"))
    assert outcome.reason is Reason.UNPROTECTED_CLOSED
    assert await rig.position() is None
    assert await rig.brackets() == []
    await rig.desk.tracker.sync()
    [trade] = await rig.desk.tracker.history.closed_trades()
    assert trade.reason is Reason.UNPROTECTED_CLOSED
    assert any(e.kind == "log" and e.level == "error" for e in rig.events)


async def test_position_that_its_bracket_closed_at_once_is_an_entry_and_says_so(rig: Rig) -> None:
    """The bracket fires before it was ever seen: nothing was unprotected, and nothing failed."""
    plan = await rig.plan("d-fired")

    async def fires_at_once(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        ack = await passes(call, args, kwargs)  # type: ignore[arg-type]
        for _ in range(200):
            if (await rig.brackets()) and (await rig.brackets())[0].state is BracketState.LIVE:
                break
            await asyncio.sleep(0.01)
        for _ in range(200):
            if await rig.position() is None:
                break
            rig.advance(3_600_000)
        return ack

    tight = BracketPrices(
        ceil_to_step(plan.price * Decimal("0.998"), plan.instrument.tick_size),
        floor_to_step(plan.price * Decimal("1.002"), plan.instrument.tick_size),
    )
    rig.venue.faults["place_order"] = [fires_at_once]
    outcome = await rig.desk.entry.enter(replace(plan, prices=tight))
    assert await rig.position() is None
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert "the bracket closed it already" in outcome.detail
    await rig.desk.tracker.sync()
    trades = await rig.desk.tracker.history.closed_trades()
    assert {t.reason for t in trades} <= {Reason.STOP_LOSS, Reason.TAKE_PROFIT}
    assert (await rig.desk.reconcile()).complete
    assert not any(e.kind == "log" and e.level == "error" for e in rig.events)


async def test_position_that_the_kill_switch_closed_meanwhile_is_told_as_that(rig: Rig) -> None:
    async def killed(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        ack = await without_bracket(call, args, kwargs)  # type: ignore[arg-type]
        switch = KillSwitch(OkxKillVenue(endpoint(rig.sim)), rig.latch, KillTiming(retry_s=0.05, settle_s=0.05))
        await asyncio.to_thread(switch.engage, True, "operator")
        return ack

    rig.venue.faults["place_order"] = [killed]
    outcome = await rig.desk.entry.enter(await rig.plan("d-killed"))
    assert outcome.reason is Reason.KILL_FLATTEN, outcome.detail
    assert await rig.position() is None
    assert not any(e.kind == "log" and e.level == "error" for e in rig.events)


async def test_refused_entry_leaves_nothing_behind(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [refuse("51008", ErrorClass.MONEY)]
    outcome = await rig.desk.entry.enter(await rig.plan("d-money"))
    assert outcome.reason is Reason.ORDER_REJECTED
    assert "order_refused" in rig.kinds()
    await rig.desk.reconcile()
    assert (await rig.desk.reconcile()).silent


async def test_latch_that_falls_between_decision_and_send_stops_the_order(rig: Rig) -> None:
    async def latch(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        rig.latch.engage(KillState.LATCHED, "K key")
        return await passes(call, args, kwargs)  # type: ignore[arg-type]

    rig.venue.faults["mark_price"] = [latch]
    outcome = await rig.desk.entry.enter(await rig.plan("d-latched"))
    assert outcome.reason is Reason.KILL_ENGAGED
    assert rig.venue.sent("place_order") == 0
    intent = await rig.desk.journal.get(entry_id("d-latched"))
    assert intent is not None
    assert intent.state is S.ABANDONED


async def test_pauses_and_blocks_are_named(rig: Rig) -> None:
    await rig.desk.controls.pause("BTC", "operator")
    assert (await rig.desk.entry.enter(await rig.plan("p1"))).reason is Reason.TICKER_PAUSED
    await rig.desk.controls.resume("BTC", "operator")
    await rig.desk.controls.stop_entries("operator")
    assert (await rig.desk.entry.enter(await rig.plan("p2"))).reason is Reason.ENTRIES_PAUSED
    assert rig.venue.sent("place_order") == 0


async def test_price_that_ran_away_is_drift(rig: Rig) -> None:
    plan = await rig.plan("d-drift")
    outcome = await rig.desk.entry.enter(replace(plan, price=plan.price * Decimal("1.004")))
    assert outcome.reason is Reason.DRIFT
    within = await rig.desk.entry.enter(replace(plan, price=plan.price * Decimal("1.004"), atr15_pct=0.02))
    assert within.reason is Reason.ENTERED


async def test_old_decision_is_drift(rig: Rig) -> None:
    plan = await rig.plan("d-old")
    outcome = await rig.desk.entry.enter(replace(plan, decided_at=plan.decided_at - 121_000))
    assert outcome.reason is Reason.DRIFT


async def test_stop_above_the_market_is_refused_before_the_send(rig: Rig) -> None:
    plan = await rig.plan("d-stop")
    prices = BracketPrices(plan.price * Decimal("1.001"), plan.prices.target)
    outcome = await rig.desk.entry.enter(replace(plan, prices=prices, price=plan.price * Decimal("1.002")))
    assert outcome.reason is Reason.STOP_INVALID


@pytest.mark.parametrize("call", ["brackets", "positions", "book", "mark_price"])
async def test_venue_that_cannot_be_read_is_no_entry(rig: Rig, call: str) -> None:
    plan = await rig.plan("d-down")
    rig.venue.always[call] = down
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.VENUE_UNAVAILABLE
    assert rig.venue.sent("place_order") == 0


async def test_leverage_that_is_not_confirmed_is_no_entry(rig: Rig) -> None:
    async def three(call: object, args: object, kwargs: object) -> Decimal:
        return Decimal(3)

    rig.venue.faults["set_leverage"] = [three]
    assert (await rig.desk.entry.enter(await rig.plan("d-lever"))).reason is Reason.LEVERAGE_REFUSED


async def test_leverage_that_a_person_raised_between_two_entries_is_set_back(rig: Rig) -> None:
    await rig.desk.entry.enter(await rig.plan("d-l1"))
    await rig.desk.exit.close("BTC-USDT-SWAP", Reason.SIGNAL_EXIT, "d-l1x")
    await rig.desk.tracker.sync()
    assert await rig.real.set_leverage("BTC-USDT-SWAP", Decimal(10)) == 10
    assert (await rig.desk.entry.enter(await rig.plan("d-l2"))).reason is Reason.ENTERED
    position = await rig.position()
    assert position is not None
    assert position.leverage == 1


async def test_database_that_cannot_commit_stops_the_entry_before_the_send(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await rig.plan("d-disk")

    async def full(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(rig.desk.journal, "record", full)
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.LEDGER_MISMATCH
    assert rig.venue.sent("place_order") == 0


async def test_database_that_dies_after_the_send_still_ends_protected_and_is_made_good(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incident row 4: the fill came, the database was locked, the trade was never stored."""
    move = rig.desk.journal.move

    async def locked(client_id: str, after: S, *args: object, **kwargs: object) -> object:
        if after is S.SENT:
            return await move(client_id, after)
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(rig.desk.journal, "move", locked)
    rig.venue.faults["place_order"] = [without_bracket]
    outcome = await rig.desk.entry.enter(await rig.plan("d-locked"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert await protected(rig)
    await rig.restart()
    await rig.desk.boot()
    intent = await rig.desk.journal.get(entry_id("d-locked"))
    assert intent is not None
    assert intent.state is S.COVERED
    assert (await rig.desk.reconcile()).silent
