"""The compute of a cycle alone: the product's, plain TA-Lib's and pandas', interleaved in one run.

Full indicators of 17 tickers × 3 timeframes × 300 bars, books of 20 levels, RS, 17 × 17 correlations, 17 briefs;
no network, no model, no forecast. The product's are the functions that its engine calls, from cold.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench import plain_pandas, plain_talib
from bench.compute_market import BARS, snapshots, windows_of
from engine.experts.bars import Bars, history_of, places_of, step_of
from engine.experts.gather_result import gather, technical_of
from engine.experts.live_core import LiveCore
from engine.experts.live_series import LiveSeries
from engine.experts.scanner import rs_scores
from engine.experts.signal_board import SignalBoard
from engine.model import Candles, FloatArray, GatherResult, MarketSnapshot, Timeframe
from engine.risk.correlation import correlation_matrix

NEW_BARS = 400
TURN = 20
ADDED = "bar flow, VPIN, toxicity, realised volatility, jump test, VWAP, votes, score, and the table of them all"


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


def figures(repeats: int) -> dict[str, Any]:
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
    return {name: round(value, 3) for name, value in (found | ratios).items()} | new_bar_figures()


def new_bar_figures() -> dict[str, Any]:
    """One new bar of all 51 series, four ways, in turns of 20 bars; medians.

    `new_bar_core_ms` is what the goal of 0.1 ms is of: EMA, RSI, MACD, Bollinger and ATR, by the part of the live
    state that keeps them; `new_bar_talib_ms` the same indicators by TA-Lib's streams, which keep
    a state for each. `new_bar_ms` is the
    whole: those, and what `new_bar_adds` names. `new_bar_signals_ms` goes the engine's whole way, from windows that
    have grown by a bar to signals by ticker.
    """
    markets = snapshots(seed=2, bars=BARS + NEW_BARS)
    first = windows_of(markets, 0, BARS)
    lanes = {tf: [window for (_, t), window in first.items() if t is tf] for tf in Timeframe}
    live, core, board = LiveSeries(lanes), CoreAlone(list(lanes.values())), SignalBoard()
    streams = plain_talib.CoreStreams(first.values())
    board.refresh(first)
    every = tuple(Timeframe)
    samples: dict[str, list[float]] = defaultdict(list)
    for begin in range(BARS, BARS + NEW_BARS, TURN):
        ends = range(begin, begin + TURN)
        bars = [bars_at(markets, end) for end in ends]
        grown = [windows_of(markets, end - BARS + 1, end + 1) for end in ends]
        samples["new_bar_core_ms"] += each_timed_ms(core.advance, bars)
        samples["new_bar_talib_ms"] += each_timed_ms(streams.advance, bars)
        samples["new_bar_ms"] += each_timed_ms(partial(live.advance, every), bars)
        samples["new_bar_signals_ms"] += each_timed_ms(board.refresh, grown)
    found: dict[str, Any] = {name: round(statistics.median(values[1:]), 3) for name, values in samples.items()}
    return found | {"new_bar_adds": ADDED}


def each_timed_ms(work: Callable[[Any], object], inputs: Sequence[Any]) -> list[float]:
    return [timed_ms(partial(work, one)) for one in inputs]


class CoreAlone:
    """The core indicators of all series without what the rest of the live state makes of them."""

    def __init__(self, lanes: Sequence[Sequence[Candles]]) -> None:
        places = places_of([len(series) for series in lanes])
        self._step = step_of(range(len(lanes)), places)
        self._core = LiveCore([history_of(series) for series in lanes], places)

    def advance(self, bars: Bars) -> FloatArray:
        self._core.advance(self._step, bars)
        return self._core.read(self._step)


def bars_at(markets: Sequence[MarketSnapshot], row: int) -> Bars:
    series = [market.candles[timeframe] for timeframe in Timeframe for market in markets]
    ts = np.array([window.ts[row] for window in series])
    return Bars(ts, *(np.array([getattr(w, f)[row] for w in series]) for f in ("high", "low", "close", "volume")))
