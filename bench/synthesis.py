"""What skipping moot calls and asking two at a time saves of a cycle: `python -m bench.synthesis` prints one JSON line.

Two engines run the same simulated market from the same seed over the same bars, against a model server that takes 5 s
of wall time for each call: one asks only where an answer can make a difference (llm.skip_when_forced), the other asks
for every ticker. After each bar their decisions are compared: action and contracts must be the same for every ticker.
The naive cycle that the wall time is compared with asks for every ticker, one after the other: tickers × 5 s. The
bars before the measured ones, which only build up streaks, are answered without delay.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.ollama_server.script import Script
from bench.ollama_server.server import OllamaServer
from engine.bus import EventBus
from engine.config import Settings
from engine.cycle import CycleReport
from engine.engine import Engine
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.jobs import CYCLE_OFFSET_MS
from engine.model import Timeframe
from engine.options import EngineOptions
from engine.schedule import next_boundary

Decided = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Bar:
    """One cycle: what was decided by ticker, how many calls it took, and its wall time."""

    decided: Decided
    skipped: int
    calls: int
    wall_s: float


async def run(seed: int, skip: bool, warm: int, bars: int, latency_s: float) -> list[Bar]:
    """The measured bars of one engine in a fresh home."""
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder, OllamaServer(Script()) as server:
        home = Home(Path(folder)).prepare()
        llm = {"host": server.host, "skip_when_forced": skip, "parallel": 2, "timeout_s": 60.0}
        settings = Settings.model_validate({"llm": llm, "demo": {"seed": seed}})
        options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
        engine = Engine(settings, home, EventBus(), EntryLatch(home.storage), options)
        try:
            await engine.start()
            for _ in range(warm):
                await cycle(engine)
            server.play = replace(server.play, latency_s=latency_s)
            return [await measured(engine, server) for _ in range(bars)]
        finally:
            await engine.close()


async def measured(engine: Engine, server: OllamaServer) -> Bar:
    before, began = len(server.requests), time.perf_counter()
    report = await cycle(engine)
    decided = {r.ticker: (r.action.value, str(r.sizing.contracts) if r.sizing and r.action == "BUY" else "0")
               for r in report.records}  # fmt: skip
    assert not report.failed, report.failed
    skipped = sum(record.synthesis.source == "skipped" for record in report.records)
    return Bar(decided, skipped, len(server.requests) - before, time.perf_counter() - began)


async def cycle(engine: Engine) -> CycleReport:
    """The next bar of a market that stands still in between."""
    venue = engine.opened().venue
    await venue.advance_to(next_boundary(engine.clock.now_ms(), Timeframe.M15.ms, CYCLE_OFFSET_MS))
    await engine.guard()
    report = await engine.run_cycle()
    assert report is not None, "no other cycle runs here"
    return report


def changed(ours: list[Bar], theirs: list[Bar]) -> list[str]:
    """Tickers that were decided otherwise, by bar."""
    return [
        f"bar {number}: {ticker} {mine} and {other.decided.get(ticker)}"
        for number, (bar, other) in enumerate(zip(ours, theirs, strict=True), 1)
        for ticker, mine in bar.decided.items()
        if other.decided.get(ticker) != mine
    ]


def measure(seed: int, warm: int, bars: int, latency_s: float) -> tuple[dict[str, object], list[str]]:
    skipping = asyncio.run(run(seed, True, warm, bars, latency_s))
    asking = asyncio.run(run(seed, False, warm, bars, 0.0))
    differences = changed(skipping, asking)
    tickers = sum(len(bar.decided) for bar in skipping)
    wall, naive = sum(bar.wall_s for bar in skipping), tickers * latency_s
    figures: dict[str, object] = {
        "bench": "synthesis",
        "cycles": bars,
        "tickers": tickers,
        "calls": sum(bar.calls for bar in skipping),
        "calls_without_skipping": sum(bar.calls for bar in asking),
        "wall_s": round(wall, 1),
        "naive_s": round(naive, 1),
        "speedup_vs_naive": round(naive / wall, 1) if latency_s else None,
        "results_changed": len(differences),
        "entries": sum(action == "BUY" for bar in skipping for action, _ in bar.decided.values()),
        "exits": sum(action == "SELL" for bar in skipping for action, _ in bar.decided.values()),
        "latency_s": latency_s,
        "parallel": 2,
        "seed": seed,
    }
    return figures, differences


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.synthesis", description=__doc__)
    parser.add_argument("--seed", type=int, default=600, help="of the simulated market")
    parser.add_argument("--warm", type=int, default=12, help="bars before the measured ones")
    parser.add_argument("--bars", type=int, default=8, help="bars that are measured")
    parser.add_argument("--latency", type=float, default=5.0, help="wall seconds a call")
    given = parser.parse_args()
    figures, differences = measure(given.seed, given.warm, given.bars, given.latency)
    print(json.dumps(figures, allow_nan=False))
    for line in differences:
        print(line, file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
