"""`python -m bench.market [--seed N] [--days D]`: is the generated market believable, and is it fast?

Prints one JSON line: each figure with the range that recorded markets measure, how many lie inside, and
what start-up and the usual questions cost. Exit status 1 when fewer than 95 % lie inside.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from engine.exchange.simulator.bars import Bars, joined
from engine.exchange.simulator.generator import GeneratedBars
from engine.exchange.simulator.simulated_market import SimulatedMarket
from engine.exchange.simulator.stats import Series, pair_statistics, series_of, session_statistics, statistics
from engine.exchange.simulator.stats_ranges import PAIR_RANGES, RANGES, Ranges
from engine.exchange.simulator.wild_days import is_wild
from engine.model import AssetClass

DAY_MS = 86_400_000
ENOUGH = 0.95


def measured_series(source: GeneratedBars, days: int) -> dict[str, Series]:
    """15-minute series of every instrument that has ranges, the wild days left out."""
    first, start = source.history_start_ms // DAY_MS, source.start_ms // DAY_MS
    span = range(first + 1, first + 1 + days)
    wild = [day for day in span if is_wild(source.seed, day, first, start)]
    pieces: dict[str, list[Bars]] = {base: [] for base in RANGES}
    for day in span:
        for base, bars in pieces.items():
            bars.append(source.bars(f"{base}-USDT-SWAP", day * DAY_MS, (day + 1) * DAY_MS))
    found = {base: series_of(joined(bars)) for base, bars in pieces.items()}
    return {base: series.during(~np.isin(series.ts // DAY_MS, wild)) for base, series in found.items()}


def _judged(values: Mapping[str, float], ranges: Ranges) -> dict[str, dict[str, object]]:
    return {
        name: {"value": round(values[name], 4), "range": [low, high], "inside": bool(low <= values[name] <= high)}
        for name, (low, high) in ranges.items()
    }


def judge(source: GeneratedBars, days: int) -> dict[str, dict[str, dict[str, object]]]:
    """Every figure of instruments and pairs beside its range."""
    series = measured_series(source, days)
    verdicts = {}
    for base, ranges in RANGES.items():
        kind = source.specs[f"{base}-USDT-SWAP"].asset_class
        stock = kind in {AssetClass.STOCK, AssetClass.INDEX}
        values = session_statistics(series[base]) if stock else statistics(series[base])
        verdicts[base] = _judged(values, ranges)
    for (one, other), ranges in PAIR_RANGES.items():
        verdicts[f"{one}-{other}"] = _judged(pair_statistics(series[one], series[other]), ranges)
    return verdicts


def _timed_ms(call: Callable[[], object], times: int = 30) -> float:
    call()
    began = time.perf_counter()
    for _ in range(times):
        call()
    return round((time.perf_counter() - began) / times * 1000, 4)


def _costs(source: GeneratedBars) -> dict[str, float]:
    """Milliseconds of the usual questions, warm."""
    market, inst, now = SimulatedMarket(source), "BTC-USDT-SWAP", source.start_ms + 1_234_567
    return {
        "candles_300_4h_ms": _timed_ms(lambda: market.candles(inst, "4H", limit=300, now_ms=now)),
        "candles_300_15m_ms": _timed_ms(lambda: market.candles(inst, "15m", limit=300, now_ms=now)),
        "book_20_ms": _timed_ms(lambda: market.book(inst, now, 20)),
        "ticker_ms": _timed_ms(lambda: market.ticker(inst, now)),
        "trades_100_ms": _timed_ms(lambda: market.trades(inst, now, 100)),
        "extremes_ms": _timed_ms(lambda: market.extremes(inst, now - 36_000, now)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.market", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    began = time.perf_counter()
    source = GeneratedBars(options.seed)
    start_up_s = round(time.perf_counter() - began, 3)
    costs = _costs(source)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    verdicts = judge(source, options.days)
    inside = [figure["inside"] for group in verdicts.values() for figure in group.values()]
    share = sum(map(bool, inside)) / len(inside)
    report = {
        "bench": "market",
        "seed": options.seed,
        "days": options.days,
        "inside": sum(map(bool, inside)),
        "of": len(inside),
        "start_up_s": start_up_s,
        "memory_mb": memory,
        **costs,
        "figures": verdicts,
    }
    print(json.dumps(report, allow_nan=False))
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
