"""A whole analysis cycle over the watchlist against a simulator process: wall, stages, loop stalls, compute.

`python -m bench.cycle [--runs 5]`: each run is a cold cycle in a fresh home (rules synthesizer). The experts'
compute is timed alone on the same number of windows as TA-Lib's and pandas' versions of the shared
indicators, interleaved in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.indicators import pandas_once, talib_once, windows_like
from bench.rig import percentile
from engine.bus import EventBus
from engine.config import Settings
from engine.cycle import CycleReport
from engine.engine import Engine
from engine.execution.latch import EntryLatch
from engine.experts.technical_expert import technical_signals
from engine.home import Home
from engine.model import Timeframe
from engine.options import EngineOptions

PROBE_S = 0.002


async def loop_probe(stalls: list[float]) -> None:
    """How much later than asked the loop wakes this task: the longest stall of everybody else."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(PROBE_S)
        stalls.append((time.perf_counter() - asked - PROBE_S) * 1000)


async def one_cycle(seed: int) -> tuple[CycleReport, float]:
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        home = Home(Path(folder)).prepare()
        settings = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": seed}})
        options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
        engine = Engine(settings, home, EventBus(), EntryLatch(home.storage), options)
        try:
            await engine.start()
            stalls: list[float] = []
            async with asyncio.TaskGroup() as group:
                probe = group.create_task(loop_probe(stalls))
                report = await engine.run_cycle()
                probe.cancel()
            assert report is not None
            return report, max(stalls)
        finally:
            await engine.close()


def experts_once(windows: list[dict[Timeframe, object]]) -> None:
    for window in windows:
        technical_signals(window)  # type: ignore[arg-type]


def timed_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def compute_figures(repeats: int) -> dict[str, float]:
    flat = windows_like(51, 300, seed=1)
    grouped = [dict(zip(Timeframe, flat[k : k + 3], strict=True)) for k in range(0, 51, 3)]
    samples: dict[str, list[float]] = {"experts": [], "talib": [], "pandas": []}
    for _ in range(repeats + 1):
        samples["experts"].append(timed_ms(lambda: experts_once(grouped)))  # type: ignore[arg-type]
        samples["talib"].append(timed_ms(lambda: talib_once(flat)))
        samples["pandas"].append(timed_ms(lambda: pandas_once(flat)))
    return {name: round(statistics.median(values[1:]), 3) for name, values in samples.items()}


def measure(runs: int) -> dict[str, object]:
    reports, stalls = zip(*(asyncio.run(one_cycle(seed)) for seed in range(1, runs + 1)), strict=True)
    walls = [report.wall_ms / 1000 for report in reports]
    stages = {s: round(statistics.median(r.stages_ms[s] for r in reports), 1) for s in reports[0].stages_ms}
    compute = compute_figures(repeats=7)
    return {
        "bench": "cycle",
        "tickers": len(reports[0].records),
        "wall_s": {"p50": round(percentile(walls, 0.5), 3), "max": round(max(walls), 3)},
        "experts_ms": {"p50": compute["experts"]},
        "stages_ms": stages,
        "loop_stall_ms_max": round(max(stalls), 1),
        "talib_floor_ms": compute["talib"],
        "pandas_ms": compute["pandas"],
        "runs": runs,
        "failed": sum(len(report.failed) for report in reports),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cycle", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().runs), allow_nan=False))


if __name__ == "__main__":
    main()
