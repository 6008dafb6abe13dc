"""One analysis cycle over the watchlist: preparations side by side, decisions one by one, strongest first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.agent import Agent, AnalysisFailed, Prepared
from engine.clock import Clock
from engine.events import CycleFinished, CycleStarted, Event, LogLine, StageChanged
from engine.exchange.errors import ExchangeError
from engine.fetch import last_closed_bar
from engine.model import DecisionRecord, Instrument, Stage

log = logging.getLogger(__name__)

# How many tickers are prepared ahead of the one being decided: enough to hide latency, few enough
# that no decision rests on old data.
AHEAD = 4
STAGES = (Stage.FETCH, Stage.EXPERTS, Stage.SYNTHESIS, Stage.RISK, Stage.EXECUTE)


@dataclass(slots=True)
class CycleReport:
    """What a cycle did; `stages_ms` sums the tickers' own times, which overlap in wall time."""

    cycle: int
    bar_ts: int
    records: list[DecisionRecord] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    wall_ms: float = 0.0

    @property
    def stages_ms(self) -> dict[str, float]:
        return {s.value: round(sum(r.stages_ms.get(s.value, 0.0) for r in self.records), 3) for s in STAGES}


class Cycle:
    """Runs the agent over a list of instruments."""

    def __init__(self, agent: Agent, clock: Clock, publish: Callable[[Event], None]) -> None:
        self._agent = agent
        self._clock = clock
        self._publish = publish

    async def run(self, number: int, order: Sequence[Instrument], next_at: int | None) -> CycleReport:
        """A ticker that fails is reported by name and never stops the others."""
        began = self._clock.monotonic()
        report = CycleReport(number, last_closed_bar(self._clock.now_ms()))
        tickers = tuple(instrument.ticker for instrument in order)
        self._publish(CycleStarted(number, report.bar_ts, tickers, self._clock.now_ms()))
        for instrument in order:
            self._publish(StageChanged(number, instrument.ticker, Stage.QUEUED, "", self._clock.now_ms()))
        await self._agent.refresh_signals(order)
        await self._pipeline(report, order)
        report.wall_ms = (self._clock.monotonic() - began) * 1000
        self._publish(self._finished(report, len(order), next_at))
        return report

    async def _pipeline(self, report: CycleReport, order: Sequence[Instrument]) -> None:
        slots = asyncio.Semaphore(AHEAD)
        async with asyncio.TaskGroup() as group:
            preparing = [group.create_task(self._prepare(report, instrument, slots)) for instrument in order]
            for instrument, task in zip(order, preparing, strict=True):
                prepared = await task
                if prepared is not None:
                    await self._conclude(report, instrument, prepared)
                slots.release()

    async def _prepare(self, report: CycleReport, instrument: Instrument, slots: asyncio.Semaphore) -> Prepared | None:
        await slots.acquire()
        try:
            return await self._agent.prepare(instrument, report.cycle)
        except (AnalysisFailed, ExchangeError) as error:
            self._fail(report, instrument, str(error))
        except Exception as error:
            log.exception("preparing %s", instrument.ticker)
            self._fail(report, instrument, f"{type(error).__name__}: {error}")
        return None

    async def _conclude(self, report: CycleReport, instrument: Instrument, prepared: Prepared) -> None:
        try:
            report.records.append(await self._agent.conclude(prepared))
        except Exception as error:
            log.exception("deciding %s", instrument.ticker)
            self._fail(report, instrument, f"{type(error).__name__}: {error}")

    def _fail(self, report: CycleReport, instrument: Instrument, detail: str) -> None:
        report.failed[instrument.ticker] = detail
        now = self._clock.now_ms()
        self._publish(StageChanged(report.cycle, instrument.ticker, Stage.FAILED, detail, now))
        self._publish(
            LogLine("error", "cycle", f"{instrument.ticker}: analysis failed: {detail}", now, instrument.ticker)
        )

    def _finished(self, report: CycleReport, tickers: int, next_at: int | None) -> CycleFinished:
        return CycleFinished(
            cycle=report.cycle,
            bar_ts=report.bar_ts,
            wall_ms=report.wall_ms,
            stages_ms=report.stages_ms,
            tickers=tickers,
            decisions=len(report.records),
            failed=report.failed,
            next_at=next_at,
            ts=self._clock.now_ms(),
        )
