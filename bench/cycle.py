"""A whole analysis cycle over the watchlist against a simulator process: wall, stages, loop stalls, compute.

`python -m bench.cycle [--runs 5]`: each run is a cold cycle in a fresh home (rules synthesizer): the engine's whole
run of it, with reconciling, books, feeds, candles and ranking, until the last decision is told; beside that the part
from its first event on, and the whole with what follows, for which nothing waits: the books again and the worth of
the model. As many further cold cycles, which the probe itself makes longer, tell the stalls of the loop, and what the
machine does to a loop that is idle. Then the compute alone, see `bench.compute`. Exits as
`bench/limits.py` says; all its limits are of speed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import SWITCH_S
from bench.compute import figures
from bench.limits import Limit, exit_status, load_now, verdict
from bench.rig import percentile
from engine.bus import EventBus
from engine.config import Settings
from engine.cycle import CycleReport
from engine.engine import Engine
from engine.events import CycleFinished
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.options import EngineOptions

PROBE_S = 0.002
IDLE_S = 1.0
WALL_S = 1.5
STALL_MS = 20.0
TO_TALIB = 2.0
BELOW_PANDAS = 25.0
NEW_BAR_MS = 0.1


async def loop_probe(stalls: list[float]) -> None:
    """How much later than asked the loop wakes this task: the longest stall of everybody else."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(PROBE_S)
        stalls.append((time.perf_counter() - asked - PROBE_S) * 1000)


async def idle_stalls() -> list[float]:
    """What the machine itself does to a loop that has nothing to do."""
    stalls: list[float] = []
    async with asyncio.TaskGroup() as group:
        probe = group.create_task(loop_probe(stalls))
        await asyncio.sleep(IDLE_S)
        probe.cancel()
    return stalls


@dataclass(frozen=True, slots=True)
class Run:
    """One cold cycle: seconds until its last decision was told and until the engine's run of it ended, and what it
    reports."""

    wall_s: float
    whole_s: float
    report: CycleReport


@dataclass(frozen=True, slots=True)
class Stalls:
    """Of the loop, in milliseconds: during one cold cycle, and idle just before."""

    cycle: list[float]
    idle: list[float]


@asynccontextmanager
async def cold_engine(seed: int) -> AsyncIterator[Engine]:
    """A fresh home, engine and market: nothing is cached."""
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        home = Home(Path(folder)).prepare()
        settings = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": seed}})
        options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
        engine = Engine(settings, home, EventBus(), EntryLatch(home.storage), options)
        try:
            await engine.start()
            yield engine
        finally:
            await engine.close()


async def one_cycle(seed: int) -> Run:
    async with cold_engine(seed) as engine:
        decided: list[float] = []
        engine.bus.listen(
            lambda event: decided.append(time.perf_counter()) if isinstance(event, CycleFinished) else None
        )
        began = time.perf_counter()
        report = await engine.run_cycle()
        ended = time.perf_counter()
    assert report is not None
    [told] = decided
    return Run(told - began, ended - began, report)


async def one_probed_cycle(seed: int) -> Stalls:
    async with cold_engine(seed) as engine:
        idle = await idle_stalls()
        stalls: list[float] = []
        async with asyncio.TaskGroup() as group:
            probe = group.create_task(loop_probe(stalls))
            await engine.run_cycle()
            probe.cancel()
    return Stalls(stalls, idle)


def stall_figures(runs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Of all runs together, and the longest of each."""
    together = [stall for run in runs for stall in run]
    longest = [round(max(run), 1) for run in runs]
    return {"p99": round(percentile(together, 0.99), 1), "max": max(longest), "max_by_run": longest}


def measure(runs: int) -> dict[str, Any]:
    load = load_now()
    done = [asyncio.run(one_cycle(seed)) for seed in range(1, runs + 1)]
    probed = [asyncio.run(one_probed_cycle(seed)) for seed in range(1, runs + 1)]
    reports, walls = [run.report for run in done], [run.wall_s for run in done]
    compute = figures(repeats=15)
    stalls = stall_figures([run.cycle for run in probed])
    return {
        "bench": "cycle",
        "tickers": len(reports[0].records),
        "wall_s": spread(walls),
        "whole_run_s": spread([run.whole_s for run in done]),
        "from_first_event_s": spread([report.wall_ms / 1000 for report in reports]),
        "stages_ms": {s: round(statistics.median(r.stages_ms[s] for r in reports), 1) for s in reports[0].stages_ms},
        "loop_stall_ms": stalls,
        "idle_loop_stall_ms": stall_figures([run.idle for run in probed]),
        **compute,
        "runs": runs,
        "failed": sum(len(report.failed) for report in reports),
        **verdict(limits_of(walls, stalls, compute), load),
        "beyond_goal": {"new_bar_ms": {"found": compute["new_bar_ms"], "goal": NEW_BAR_MS}}
        if compute["new_bar_ms"] > NEW_BAR_MS
        else {},
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50": round(percentile(seconds, 0.5), 3), "max": round(max(seconds), 3)}


def limits_of(walls: Sequence[float], stalls: Mapping[str, Any], compute: Mapping[str, Any]) -> list[Limit]:
    """The goal of a new bar is held to the core indicators, which it was stated of; the whole, with everything that
    this product adds, is named under `beyond_goal` while it takes longer."""
    return [
        Limit("wall_s.p50", round(percentile(walls, 0.5), 3), WALL_S, speed=True),
        Limit("loop_stall_ms.max", stalls["max"], STALL_MS, speed=True),
        Limit("ratio_to_talib", compute["ratio_to_talib"], TO_TALIB, speed=True),
        Limit("share_of_pandas", round(1 / compute["ratio_pandas"], 4), 1 / BELOW_PANDAS, speed=True),
        Limit("new_bar_core_ms", compute["new_bar_core_ms"], NEW_BAR_MS, speed=True),
    ]


def main() -> int:
    # As the program itself does it.
    sys.setswitchinterval(SWITCH_S)
    parser = argparse.ArgumentParser(prog="python -m bench.cycle", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    found = measure(parser.parse_args().runs)
    print(json.dumps(found, allow_nan=False))
    return exit_status(found)


if __name__ == "__main__":
    sys.exit(main())
