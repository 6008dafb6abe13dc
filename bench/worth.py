"""What measuring costs and how often its words are right. One JSON line.

    python -m bench.worth

`signals_ms` is Spearman of 15 signals × 300 rows, median; `observe_ms` what one decided ticker-bar costs on real
SQLite, four decisions included; `review_s` all information coefficients of 45 days × 17 tickers. `coverage` is the
share of seeds whose 95 % interval holds the true mean, by days measured and the memory from day to day.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.db import Database
from engine.model import Candles, Timeframe
from engine.outcome.worth.position import BAR_MS
from engine.outcome.worth.shadows import Shadows
from engine.risk.bootstrap import mean_interval
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.risk.signal_quality import SignalTable, information_coefficients, spearman
from engine.risk.sound import sound_inputs
from engine.synthesis.doctrine import Doctrine

SEEDS = 400
DAYS = (30, 60, 120, 300)
MEMORY = (0.0, 0.3, 0.5)


def timed(work: Callable[[], object], times: int) -> float:
    """Median milliseconds of one call."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def signals_ms() -> float:
    rng = np.random.default_rng(1)
    signals, forward = rng.normal(size=(300, 15)), rng.normal(size=300)
    return timed(lambda: spearman(signals, forward), 200)


def review_s() -> float:
    rng = np.random.default_rng(2)
    bars, tickers, signals = 45 * 96, 17, 38
    table = SignalTable(
        names=tuple(f"s{n}" for n in range(signals)),
        ticker=np.tile(np.arange(tickers), bars),
        bar=np.repeat(np.arange(bars), tickers),
        close=100 * np.exp(np.cumsum(rng.normal(0, 0.003, (bars, tickers)), axis=0)).reshape(-1),
        values=rng.normal(size=(bars * tickers, signals)),
    )
    return timed(lambda: information_coefficients(table), 1) / 1000


def moment(number: int) -> DecisionInputs:
    """A quiet bar after the other; every gate passes."""
    base = sound_inputs(RiskLimits())
    snapshot = base.snapshot
    bar_ts, count = snapshot.bar_ts + number * BAR_MS, 300
    price = np.full(count, 100.0)
    ts = bar_ts - BAR_MS * np.arange(count - 1, -1, -1, dtype=np.int64)
    m15 = Candles(ts, price, price + 0.5, price - 0.5, price, price)
    candles = {**snapshot.candles, Timeframe.M15: m15}
    moved = replace(snapshot, bar_ts=bar_ts, candles=candles)
    return replace(base, decision_id=f"b{number}", snapshot=moved)


async def observe_ms(bars: int = 200) -> float:
    moments = [moment(number) for number in range(bars)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with await Database.open(Path(folder) / "cynosure.db") as db:
            shadows = Shadows(db, Doctrine(), 0.025, lambda _, others: dict.fromkeys(others))
            await shadows.load()
            for inputs in moments:
                began = time.perf_counter()
                await shadows.observe(inputs)
                found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def coverage(days: int, memory: float) -> float:
    """Fat-tailed daily differences (Student's t, 4 degrees of freedom) with mean 0."""
    held = 0
    for seed in range(SEEDS):
        noise = np.random.default_rng(seed).standard_t(4, days + 50)
        for day in range(1, len(noise)):
            noise[day] += memory * noise[day - 1]
        interval = mean_interval(noise[50:])
        held += interval.low <= 0 <= interval.high
    return round(held / SEEDS, 3)


def main() -> None:
    figures = {
        "bench": "worth",
        "signals_ms": round(signals_ms(), 3),
        "observe_ms": round(asyncio.run(observe_ms()), 2),
        "review_s": round(review_s(), 2),
        "coverage": {f"{days} d, memory {memory}": coverage(days, memory) for days in DAYS for memory in MEMORY},
    }
    print(json.dumps(figures, allow_nan=False))


if __name__ == "__main__":
    main()
