"""A whole analysis cycle over the watchlist against a simulator process: wall, stages, loop stalls, compute.

`python -m bench.cycle [--runs 5]`: each run is a cold cycle in a fresh home (rules synthesizer), the loop probed
while it runs and, for what the machine itself does, while it is idle. Then the compute alone, see `bench.compute`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from app import SWITCH_S
from bench.compute import figures
from bench.rig import percentile
from engine.bus import EventBus
from engine.config import Settings
from engine.cycle import CycleReport
from engine.engine import Engine
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.options import EngineOptions

PROBE_S = 0.002
IDLE_S = 1.0


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


async def one_cycle(seed: int) -> tuple[CycleReport, list[float], list[float]]:
    """Report, stalls while it ran, stalls of the idle loop just before."""
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        home = Home(Path(folder)).prepare()
        settings = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": seed}})
        options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
        engine = Engine(settings, home, EventBus(), EntryLatch(home.storage), options)
        try:
            await engine.start()
            idle = await idle_stalls()
            stalls: list[float] = []
            async with asyncio.TaskGroup() as group:
                probe = group.create_task(loop_probe(stalls))
                report = await engine.run_cycle()
                probe.cancel()
            assert report is not None
            return report, stalls, idle
        finally:
            await engine.close()


def stall_figures(runs: Sequence[Sequence[float]]) -> dict[str, object]:
    """Of all runs together, and the longest of each."""
    together = [stall for run in runs for stall in run]
    longest = [round(max(run), 1) for run in runs]
    return {"p99": round(percentile(together, 0.99), 1), "max": max(longest), "max_by_run": longest}


def measure(runs: int) -> dict[str, object]:
    reports, stalls, idle = zip(*(asyncio.run(one_cycle(seed)) for seed in range(1, runs + 1)), strict=True)
    walls = [report.wall_ms / 1000 for report in reports]
    stages = {s: round(statistics.median(r.stages_ms[s] for r in reports), 1) for s in reports[0].stages_ms}
    compute = figures(repeats=15)
    return {
        "bench": "cycle",
        "tickers": len(reports[0].records),
        "wall_s": {"p50": round(percentile(walls, 0.5), 3), "max": round(max(walls), 3)},
        "stages_ms": stages,
        "loop_stall_ms": stall_figures(stalls),
        "idle_loop_stall_ms": stall_figures(idle),
        "load_average": round(os.getloadavg()[0], 2),
        **compute,
        "runs": runs,
        "failed": sum(len(report.failed) for report in reports),
    }


def main() -> None:
    # As the program itself does it.
    sys.setswitchinterval(SWITCH_S)
    parser = argparse.ArgumentParser(prog="python -m bench.cycle", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().runs), allow_nan=False))


if __name__ == "__main__":
    main()
