"""--once: analysis cycles without a cockpit, for cron, scripts and tests.

In a simulated market the clock stands still except between cycles: each run moves it to the next bar's
close, so that the same seed and history give the same decisions on any machine.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.bus import EventBus
from engine.cli.arguments import Arguments
from engine.cli.decision_text import cycle_lines, decision_line
from engine.cli.prepare import Prepared
from engine.cli.say import say
from engine.cycle import CycleReport
from engine.engine import Engine
from engine.execution.latch import EntryLatch
from engine.forecast.service import ForecastHealth
from engine.home import StorageLock
from engine.jobs import CYCLE_OFFSET_MS
from engine.model import Timeframe
from engine.options import EngineOptions
from engine.schedule import next_boundary

# The guard looks this often between the bars of a stepped market, as it would on a running one.
GUARD_STEP_MS = 300_000


def run_once(prepared: Prepared, arguments: Arguments) -> int:
    """Prints the decisions; 0 when every ticker was decided, 1 when one failed."""
    lock = StorageLock(prepared.home)
    lock.acquire()
    try:
        return asyncio.run(_run(prepared, arguments))
    finally:
        lock.release()


async def _run(prepared: Prepared, arguments: Arguments) -> int:
    latch = EntryLatch(prepared.home.storage)
    options = EngineOptions(
        speed=0.0, scheduled=False, retry_venue=False, cassette=arguments.cassette, wait_for_forecasts=True
    )
    engine = Engine(prepared.settings, prepared.home, EventBus(), latch, options)
    failed = False
    try:
        engine.supervisor.start("heartbeat", engine.beat())
        await engine.start()
        for _ in range(arguments.cycles):
            await _step(engine)
            report = await engine.run_cycle()
            assert report is not None, "no other cycle can run here"
            _print(report, engine.opened().surroundings.forecast_health(), arguments.json)
            failed = failed or bool(report.failed)
    finally:
        await engine.close()
    return 1 if failed else 0


async def _step(engine: Engine) -> None:
    """Moves a simulated market to the next bar's close, letting the guard look on the way."""
    works = engine.opened()
    if works.venue.embedded is None:
        return
    target = next_boundary(engine.clock.now_ms(), Timeframe.M15.ms, CYCLE_OFFSET_MS)
    while (now := engine.clock.now_ms()) < target:
        await works.venue.advance_to(min(target, now + GUARD_STEP_MS) if works.books.positions else target)
        await engine.guard()
    if engine.clock.now_ms() % Timeframe.H1.ms < Timeframe.M15.ms:
        await engine.rank()


def _print(report: CycleReport, forecast: ForecastHealth, as_json: bool) -> None:
    if not as_json:
        *lines, summed = cycle_lines(report)
        told = f"forecast {'ok' if forecast.status == 'ok' else 'n/a'}: {forecast.detail}"
        say("\n".join((*lines, told, summed)))
        return
    for record in report.records:
        say(json.dumps(decision_line(record), allow_nan=False))
    say(json.dumps(_cycle_line(report, forecast), allow_nan=False))


def _cycle_line(report: CycleReport, forecast: ForecastHealth) -> dict[str, Any]:
    return {
        "type": "cycle",
        "cycle": report.cycle,
        "bar_ts": report.bar_ts,
        "decisions": len(report.records),
        "failed": report.failed,
        "wall_ms": round(report.wall_ms, 1),
        "stages_ms": report.stages_ms,
        "forecast": {"status": forecast.status, "detail": forecast.detail},
    }
