"""What skipping moot calls and asking two at a time saves of a cycle: `python -m bench.synthesis` prints one JSON line.

For each seed two engines run the same simulated market over the same bars, against a scripted model server: one asks
only where an answer can make a difference (llm.skip_when_forced), the other asks for every ticker. After each bar
their decisions are compared: action and contracts must be the same for every ticker. Stops and targets are wide and
the minimum hold is short, so that positions end by decisions and not by their brackets alone: `decisions` counts the
entries and exits among what is compared.

The last bars of each seed are timed, with 5 s of wall time for each call; the bars before them are answered without
delay. The naive cycle that the wall time is compared with asks for every ticker, one after the other: tickers × 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
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
from engine.model import Action, Timeframe
from engine.options import EngineOptions
from engine.schedule import next_boundary

Decided = dict[str, tuple[str, str]]

SEEDS = (600, 601)
BARS = 36
TIMED = 8
DECIDED_EXITS = {"risk": {"sl_mult": 8, "tp_mult": 16}, "trading": {"min_hold_minutes": 30}}


@dataclass(frozen=True)
class Bar:
    """One cycle: what was decided by ticker, how many calls it took, and its wall time."""

    decided: Decided
    calls: int
    wall_s: float

    def count(self, action: str) -> int:
        return sum(said == action for said, _ in self.decided.values())


async def run(seed: int, skip: bool, bars: int, timed: int, latency_s: float) -> list[Bar]:
    """All bars of one engine in a fresh home, the last `timed` of them with `latency_s` a call."""
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder, OllamaServer(Script()) as server:
        home = Home(Path(folder)).prepare()
        llm = {"host": server.host, "skip_when_forced": skip, "parallel": 2, "timeout_s": 60.0}
        rest = {"demo": {"seed": seed}, "forecast": {"enabled": False}}
        settings = Settings.model_validate({"llm": llm, **rest, **DECIDED_EXITS})
        options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
        engine = Engine(settings, home, EventBus(), EntryLatch(home.storage), options)
        try:
            await engine.start()
            quick = [await measured(engine, server) for _ in range(bars - timed)]
            server.play = replace(server.play, latency_s=latency_s)
            return quick + [await measured(engine, server) for _ in range(timed)]
        finally:
            await engine.close()


async def measured(engine: Engine, server: OllamaServer) -> Bar:
    before, began = len(server.requests), time.perf_counter()
    report = await cycle(engine)
    decided = {r.ticker: (r.action.value, str(r.sizing.contracts) if r.sizing and r.action == "BUY" else "0")
               for r in report.records}  # fmt: skip
    assert not report.failed, report.failed
    return Bar(decided, len(server.requests) - before, time.perf_counter() - began)


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


def counts(bars: Sequence[Bar]) -> dict[str, int]:
    return {action.value: sum(bar.count(action.value) for bar in bars) for action in Action}


def measure(seeds: Sequence[int], bars: int, timed: int, latency_s: float) -> tuple[dict[str, object], list[str]]:
    ours: list[Bar] = []
    theirs: list[Bar] = []
    clocked: list[Bar] = []
    for seed in seeds:
        skipping = asyncio.run(run(seed, True, bars, timed, latency_s))
        ours += skipping
        clocked += skipping[-timed:]
        theirs += asyncio.run(run(seed, False, bars, 1, 0.0))
    differences = changed(ours, theirs)
    wall, naive = sum(bar.wall_s for bar in clocked), sum(len(bar.decided) for bar in clocked) * latency_s
    figures: dict[str, object] = {
        "bench": "synthesis",
        "seeds": list(seeds),
        "cycles": len(ours),
        "decisions": counts(ours),
        "results_changed": len(differences),
        "calls_of_all": sum(bar.calls for bar in ours),
        "calls_of_all_without_skipping": sum(bar.calls for bar in theirs),
        "timed_cycles": len(clocked),
        "timed_decisions": counts(clocked),
        "calls": sum(bar.calls for bar in clocked),
        "wall_s": round(wall, 1),
        "naive_s": round(naive, 1),
        "speedup_vs_naive": round(naive / wall, 1) if latency_s else None,
        "latency_s": latency_s,
        "parallel": 2,
    }
    return figures, differences


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.synthesis", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="of the simulated markets")
    parser.add_argument("--bars", type=int, default=BARS, help="bars that are compared, of each seed")
    parser.add_argument("--timed", type=int, default=TIMED, help="of these the last ones, timed")
    parser.add_argument("--latency", type=float, default=5.0, help="wall seconds a call")
    given = parser.parse_args()
    if not 1 <= given.timed <= given.bars:
        parser.error("--timed must be from 1 to --bars")
    figures, differences = measure(given.seeds, given.bars, given.timed, given.latency)
    print(json.dumps(figures, allow_nan=False))
    for line in differences:
        print(line, file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
