"""Outcomes on the real simulator: trades named by how they ended, and an account that balances to the cent."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.clock import utc_day
from engine.events import TradeClosed
from engine.model import BracketPrices, ClosedTrade
from engine.outcome.outcome_tracker import leg_reason
from engine.outcome.trade_fills import TradeFills
from engine.reasons import Reason
from tests.execution.rig import Rig, passes

CENT = Decimal("0.01")
HOUR = 3_600_000
TICKERS = ["BTC", "ETH", "SOL", "XRP", "SUI", "XAU"]


async def test_account_balances_to_the_cent_over_days_of_fills_fees_and_funding(rig: Rig) -> None:
    await rig.desk.boot()
    first = await rig.desk.sync_outcomes()
    assert first.balanced_to == 0
    for ticker in TICKERS:
        plan = await rig.plan(f"acc-{ticker}", f"{ticker}-USDT-SWAP")
        assert (await rig.desk.entry.enter(plan)).reason is Reason.ENTERED
    for _ in range(8):
        rig.advance(7 * HOUR)
        await rig.desk.guard_pass()
        view = await rig.desk.sync_outcomes()
        assert abs(view.balanced_to) < CENT
        explained = view.total_realised + view.unrealised + view.total_fees + view.total_funding
        assert abs(view.total_pnl - explained) < CENT
        today = view.day_realised + view.day_unrealised + view.day_fees + view.day_funding
        assert abs(view.day_pnl - today) < CENT
        assert view.day == utc_day(rig.clock.now_ms())
    assert view.total_funding != 0
    totals = rig.sim.ledger()["totals"]
    assert abs(view.equity - Decimal(str(totals["equity"]))) < CENT


async def test_closed_trade_is_net_of_its_fees_and_funding(rig: Rig) -> None:
    await rig.desk.boot()
    await rig.desk.entry.enter(await rig.plan("net-1"))
    rig.advance(9 * HOUR)
    await rig.desk.guard_pass()
    if await rig.position() is not None:
        await rig.desk.exit.close("BTC-USDT-SWAP", Reason.SIGNAL_EXIT, "net-1x")
    await rig.desk.tracker.sync()
    [trade] = await rig.desk.tracker.history.closed_trades()
    assert trade.fees < 0
    assert trade.funding != 0
    assert trade.net == trade.pnl + trade.fees + trade.funding
    assert trade.strength == 0.7
    assert trade.opened_at < trade.closed_at


@pytest.mark.slow
async def test_stop_and_target_are_told_apart_by_the_leg_that_fired(rig: Rig) -> None:
    await rig.desk.boot()
    for number, (below, above) in enumerate([("0.996", "1.5"), ("0.5", "1.004")]):
        plan = await rig.plan(f"leg-{number}", "SUI-USDT-SWAP")
        tick = plan.instrument.tick_size
        prices = BracketPrices(
            (plan.price * Decimal(below)).quantize(tick), (plan.price * Decimal(above)).quantize(tick)
        )
        outcome = await rig.desk.entry.enter(replace(plan, prices=prices))
        assert outcome.reason is Reason.ENTERED, outcome.detail
        for _ in range(400):
            if await rig.position("SUI-USDT-SWAP") is None:
                break
            rig.advance(HOUR)
        await rig.desk.guard_pass()
    reasons = [t.reason for t in await rig.desk.tracker.history.closed_trades()]
    assert reasons == [Reason.STOP_LOSS, Reason.TAKE_PROFIT]


async def test_a_close_that_cannot_be_booked_leaves_none_before_it_untold(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.desk.boot()
    for ticker in ("BTC", "ETH"):
        await rig.desk.entry.enter(await rig.plan(f"two-{ticker}", f"{ticker}-USDT-SWAP"))
        await rig.real.close_position(f"{ticker}-USDT-SWAP", f"hand{ticker}")
    books = rig.desk.tracker.books
    close = books.close

    async def closes_one(trade: TradeFills, reason: Reason) -> ClosedTrade:
        monkeypatch.setattr(books, "close", refuses)
        return await close(trade, reason)

    async def refuses(trade: TradeFills, reason: Reason) -> ClosedTrade:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(books, "close", closes_one)
    rig.events.clear()
    with pytest.raises(sqlite3.OperationalError):
        await rig.desk.tracker.sync()
    assert len([event for event in rig.events if isinstance(event, TradeClosed)]) == 1


async def test_syncing_again_books_nothing_twice(rig: Rig) -> None:
    await rig.desk.boot()
    await rig.desk.entry.enter(await rig.plan("twice"))
    assert not (await rig.desk.tracker.sync()).silent
    assert (await rig.desk.tracker.sync()).silent
    await rig.restart()
    assert (await rig.desk.tracker.sync()).silent


async def test_baseline_of_the_day_survives_a_restart(rig: Rig) -> None:
    await rig.desk.boot()
    before = await rig.desk.tracker.account()
    await rig.desk.entry.enter(await rig.plan("base"))
    await rig.restart()
    after = await rig.desk.tracker.account()
    assert after.day_baseline == before.day_baseline
    assert after.day_fees < 0
    assert after.entries_today == 1
    assert after.open_positions == 1


async def test_fill_between_balance_and_ledger_does_not_unbalance_the_account(rig: Rig) -> None:
    await rig.desk.boot()
    await rig.desk.tracker.account()
    plan = await rig.plan("race")

    async def enter_first(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        await rig.desk.entry.enter(plan)
        return await passes(call, args, kwargs)  # type: ignore[arg-type]

    rig.venue.faults["balance"] = [passes, enter_first]
    view = await rig.desk.tracker.account()
    assert abs(view.balanced_to) < CENT


async def test_questions_about_history(rig: Rig) -> None:
    await rig.desk.boot()
    history = rig.desk.tracker.history
    assert (await history.performance()).closed_trades == 0
    assert (await history.performance()).win_rate is None
    for number in range(3):
        await rig.desk.entry.enter(await rig.plan(f"h-{number}"))
        rig.advance(60_000)
        await rig.desk.exit.close("BTC-USDT-SWAP", Reason.SIGNAL_EXIT, f"h-{number}x")
        await rig.desk.tracker.sync()
    trades = await history.closed_trades()
    performance = await history.performance()
    assert performance.closed_trades == 3
    assert performance.win_rate == sum(t.net > 0 for t in trades) / 3
    assert len(await history.outcomes()) == 3
    assert await history.ticker_return("ETH") == 0
    assert (await history.unprotected()).entries == 3
    assert ((await history.unprotected()).longest_s or 9) < 2


def test_nearest_leg_is_taken_when_the_venue_does_not_name_it() -> None:
    from engine.model import Bracket, BracketState, Side

    bracket = Bracket("I", "1", "c", Side.SELL, None, True, Decimal(97), Decimal(106), True, BracketState.TRIGGERED, 1)
    assert leg_reason(bracket, Decimal("96.2")) is Reason.STOP_LOSS
    assert leg_reason(bracket, Decimal("105.7")) is Reason.TAKE_PROFIT
    assert leg_reason(replace(bracket, triggered_leg="tp"), Decimal("96.2")) is Reason.TAKE_PROFIT
