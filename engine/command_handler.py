"""Carries out what is asked of a running engine; each command is answered by one Ack."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine import commands
from engine.commands import Ack, Command
from engine.exchange.errors import ExchangeError
from engine.execution.kill_switch import KillReport
from engine.kill_desk import KillResumeRefused
from engine.model import KillState
from engine.reasons import Reason

if TYPE_CHECKING:
    from engine.engine import Engine


def kill_ack(report: KillReport) -> Ack:
    return Ack(report.state is not KillState.FLATTEN_FAILED, report.detail)


class CommandHandler:
    """One per command; it holds nothing but the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle(self, command: Command) -> Ack:
        """Raises ExchangeError when the venue does not answer."""
        match command:
            case commands.PauseTicker(ticker, by):
                return await self._pause(ticker, by)
            case commands.ResumeTicker(ticker, by):
                await self._engine.opened().desk.controls.resume(ticker, by)
                return Ack(True, f"{ticker} resumed")
            case commands.StopEntries(by):
                await self._engine.opened().desk.controls.stop_entries(by)
                return Ack(True, "entries stopped; brackets and exits go on")
            case commands.ResumeEntries(by):
                await self._engine.opened().desk.controls.resume_entries(by)
                return Ack(True, "entries resumed")
            case commands.EngageKill(flatten, by):
                return await self._kill(flatten, by)
            case commands.ResumeFromKill(by):
                return await self._resume_from_kill(by)
            case commands.ClosePosition(ticker, by, share=share):
                return await self._close(ticker, by, share)
            case commands.ClaimPosition(ticker, by, stop_pct):
                return await self._claim(ticker, by, stop_pct)
            case commands.RunCycleNow(ticker, by):
                return await self._run_now(ticker, by)
            case commands.Resync():
                await self._engine.opened().desk.reconcile()
                await self._engine.refresh_books()
                return Ack(True, "positions, brackets and account read again")
            case commands.SetSpeed(speed):
                return await self._set_speed(speed)

    async def _pause(self, ticker: str, by: str) -> Ack:
        works = self._engine.opened()
        if ticker not in {instrument.ticker for instrument in works.watch.instruments}:
            return Ack(False, f"{ticker} is not on the watchlist")
        await works.desk.controls.pause(ticker, by)
        return Ack(True, f"{ticker} paused")

    async def _kill(self, flatten: bool, by: str) -> Ack:
        """Works while the engine is still starting, as long as the venue's address is known."""
        started = self._engine.kill.engage(flatten, by)
        if started is None:
            return Ack(False, "entries are latched; the venue is not open yet, so nothing could be cancelled")
        report = await asyncio.wrap_future(started)
        await self._engine.kill.after()
        return kill_ack(report)

    async def _resume_from_kill(self, by: str) -> Ack:
        try:
            await self._engine.kill.resume(by)
        except (KillResumeRefused, OSError) as error:
            return Ack(False, str(error))
        return Ack(True, "kill switch released; entries may open again")

    async def _claim(self, ticker: str, by: str, stop_pct: float) -> Ack:
        works = self._engine.opened()
        found = [i for i in works.instruments.values() if i.ticker == ticker]
        if not found or not 0 <= stop_pct <= 50:
            return Ack(False, f"{ticker} is not listed at this venue" if not found else "the stop is 0 to 50 % away")
        outcome = await works.desk.claim.take(found[0].inst_id, by, stop_pct)
        await self._engine.refresh_books()
        return Ack(outcome.reason is Reason.ENTERED, outcome.detail)

    async def _close(self, ticker: str, by: str, share: float) -> Ack:
        works = self._engine.opened()
        found = [i for i in works.instruments.values() if i.ticker == ticker]
        if not found:
            return Ack(False, f"{ticker} is not listed at this venue")
        decision_id = f"{ticker}x{self._engine.clock.now_ms() // 1000}"
        if not 0 < share <= 1:
            return Ack(False, f"the share to close is above 0 and at most 1, got {share:g}")
        if share < 1:
            outcome = await works.desk.reduce.part(found[0].inst_id, share, Reason.OPERATOR_CLOSE, decision_id)
        else:
            outcome = await works.desk.exit.close(found[0].inst_id, Reason.OPERATOR_CLOSE, decision_id)
        await self._engine.refresh_books()
        self._engine.tell("info", "operator", f"{by} closed {ticker}: {outcome.reason} {outcome.detail}", ticker)
        return Ack(outcome.reason in (Reason.EXITED, Reason.REDUCED), outcome.detail or str(outcome.reason))

    async def _run_now(self, ticker: str, by: str) -> Ack:
        self._engine.opened()
        if self._engine.cycling:
            return Ack(False, "a cycle is already running")
        self._engine.tell("info", "operator", f"{by} asked for a cycle{f' of {ticker}' if ticker else ''}")
        report = await self._engine.run_cycle(only=ticker)
        return Ack(report is not None, f"{len(report.records)} decisions" if report else "a cycle is already running")

    async def _set_speed(self, speed: float) -> Ack:
        if not 0 <= speed <= 3600:
            return Ack(False, f"speed must be in [0, 3600], got {speed:g}")
        venue = self._engine.opened().venue
        if venue.embedded is None:
            raise ExchangeError("only a simulated market has a speed")
        await venue.set_speed(speed)
        self._engine.speed_changed()
        return Ack(True, f"the market now runs {speed:g} times as fast as the wall clock" if speed else "frozen")
