"""The compute of a cycle alone: the product's, plain TA-Lib's and pandas', interleaved in one run.

Full indicators of 17 tickers × 3 timeframes × 300 bars, books of 20 levels, RS, 17 × 17 correlations, 17 briefs;
no network, no model, no forecast. The product's are the functions that its engine calls, from cold.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from bench import plain_pandas, plain_talib
from bench.compute_market import BARS, snapshots, windows_of
from engine.experts.gather_result import gather, technical_of
from engine.experts.live_series import Bars, LiveSeries
from engine.experts.scanner import rs_scores
from engine.experts.signal_board import SignalBoard
from engine.model import GatherResult, MarketSnapshot, Timeframe
from engine.risk.correlation import correlation_matrix

NEW_BARS = 400


def product(markets: Sequence[MarketSnapshot]) -> dict[str, object]:
    """What a cycle's engine computes of these snapshots."""
    board = SignalBoard()
    board.refresh({(m.instrument.inst_id, tf): m.candles[tf] for tf in Timeframe for m in markets})
    gathered: dict[str, GatherResult] = {}
    for market in markets:
        gathered[market.instrument.ticker] = gather(market, 0, technical=technical_of(market, board=board))
    hours = {m.instrument.ticker: m.candles[Timeframe.H1] for m in markets}
    return {
        "gathered": gathered,
        "rs": rs_scores({ticker: bars.close for ticker, bars in hours.items()}),
        "correlation": correlation_matrix(hours).values,
    }


def timed_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def figures(repeats: int) -> dict[str, float]:
    """Medians in milliseconds and how they compare."""
    markets = snapshots(seed=1)
    work = {"compute_ms": product, "talib_ms": plain_talib.compute, "pandas_ms": plain_pandas.compute}
    samples: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats + 1):
        for name, compute in work.items():
            samples[name].append(timed_ms(lambda compute=compute: compute(markets)))  # type: ignore[misc]
    found = {name: statistics.median(values[1:]) for name, values in samples.items()}
    ratios = {
        "ratio_to_talib": found["compute_ms"] / found["talib_ms"],
        "ratio_pandas": found["pandas_ms"] / found["compute_ms"],
    }
    return {name: round(value, 3) for name, value in (found | ratios | new_bar_figures()).items()}


def new_bar_figures() -> dict[str, float]:
    """One new bar of all 51 series: the vectors alone (every indicator, vote and score), and the whole way that the
    engine goes, from windows that have grown by a bar to signals by ticker."""
    markets = snapshots(seed=2, bars=BARS + NEW_BARS)
    ends = range(BARS, BARS + NEW_BARS)
    live = LiveSeries({tf: [w for (_, t), w in windows_of(markets, 0, BARS).items() if t is tf] for tf in Timeframe})
    bars = [bars_at(markets, row) for row in ends]
    vectors = [timed_ms(lambda row=row: live.advance(tuple(Timeframe), row)) for row in bars]  # type: ignore[misc]
    board = SignalBoard()
    board.refresh(windows_of(markets, 0, BARS))
    grown = [windows_of(markets, end - BARS + 1, end + 1) for end in ends]
    boards = [timed_ms(lambda windows=windows: board.refresh(windows)) for windows in grown]  # type: ignore[misc]
    return {"new_bar_ms": statistics.median(vectors[1:]), "new_bar_signals_ms": statistics.median(boards[1:])}


def bars_at(markets: Sequence[MarketSnapshot], row: int) -> Bars:
    series = [market.candles[timeframe] for timeframe in Timeframe for market in markets]
    ts = np.array([window.ts[row] for window in series])
    return Bars(ts, *(np.array([getattr(w, f)[row] for w in series]) for f in ("high", "low", "close", "volume")))
