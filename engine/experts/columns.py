"""Every indicator, vote and score of one timeframe, for as many of its last bars as are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.experts.flow import BarFlow
from engine.experts.jumps import JUMP_Z, jump_z_column
from engine.experts.momentum import rsi_column
from engine.experts.rolling import blank, padded, ratio
from engine.experts.score import scores_of, votes_of
from engine.experts.trend import ema_columns, macd_columns, stack_gap
from engine.experts.volatility import REALISED_BARS, atr_column, bars_per_year, bollinger_columns, realised_vol_column
from engine.experts.vwap import vwap_columns
from engine.model import Candles, FloatArray, IntArray, Timeframe

MEASURED = (
    "ema9", "ema20", "ema50", "atr", "macd", "macd_signal", "macd_histogram", "rsi", "bollinger_position",
    "bollinger_width_pct", "atr_pct", "vpin", "toxicity", "realised_vol", "jump_z", "ofi_bar",
    "vwap_deviation_sigma", "vwap_deviation_pct",
)  # fmt: skip
"""The indicators, in the order of the rows of `TimeframeColumns.measured`; signals carry them under these names."""


@dataclass(frozen=True, slots=True)
class TimeframeColumns:
    """Of the last `rows` bars, oldest first, NaN = unknown: arrays of shape (rows,), but `measured` is (18, rows) and
    `votes`, of −1, 0, +1, (5, rows).

    Column i uses nothing after bar i. Units as in `engine.model.TimeframeSignals`.
    """

    bar_ts: IntArray
    close: FloatArray
    measured: FloatArray
    votes: NDArray[np.int8]
    score: FloatArray

    def of(self, name: str) -> FloatArray:
        """One indicator by its name in `MEASURED`; raises ValueError for another."""
        row: FloatArray = self.measured[MEASURED.index(name)]
        return row


def timeframe_columns(timeframe: Timeframe, candles: Candles, rows: int | None = None) -> TimeframeColumns:
    """Columns of the last `rows` bars (None = all of them) of at least one confirmed candle."""
    candles = _contiguous(candles)
    rows = len(candles) if rows is None else min(rows, len(candles))
    close = candles.close
    ema9, ema20, ema50 = ema_columns(close, rows)
    macd, macd_signal, histogram = macd_columns(close, rows)
    atr = atr_column(candles.high, candles.low, close, rows)
    rsi = rsi_column(close, rows)
    position, width = bollinger_columns(close, rows)
    flow = BarFlow(close, candles.volume, rows)
    ofi_bar = flow.ofi_bar()
    vpin, toxicity = flow.vpin_and_toxicity()
    returns = _log_returns(close[max(0, len(close) - rows - REALISED_BARS) :])
    jump_z = jump_z_column(returns, rows)
    vwap_pct, vwap_sigma = vwap_columns(candles, rows)
    gap = stack_gap(ema9, ema20, ema50)
    spans = atr.copy()
    # Of a price that stands only noise is left, in the averages as in the range.
    blank(spans, flow.frozen)
    evidence = np.array([ratio(gap, spans), rsi - 50, ratio(macd + histogram, spans), ofi_bar, vwap_sigma, position])
    last = padded(close, rows)
    measured = {
        "ema9": ema9, "ema20": ema20, "ema50": ema50, "atr": atr, "macd": macd, "macd_signal": macd_signal,
        "macd_histogram": histogram, "rsi": rsi, "bollinger_position": position, "bollinger_width_pct": width,
        "atr_pct": ratio(atr, last), "vpin": vpin, "toxicity": toxicity,
        "realised_vol": realised_vol_column(returns, bars_per_year(timeframe), rows), "jump_z": jump_z,
        "ofi_bar": ofi_bar, "vwap_deviation_sigma": vwap_sigma, "vwap_deviation_pct": vwap_pct,
    }  # fmt: skip
    return TimeframeColumns(
        bar_ts=candles.ts[len(candles) - rows :],
        close=last,
        measured=np.array([measured[name] for name in MEASURED]),
        votes=votes_of(evidence),
        score=scores_of(evidence, jump_z, toxicity, JUMP_Z),
    )


def _contiguous(candles: Candles) -> Candles:
    """TA-Lib takes float64 in one piece and nothing else."""
    fields = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    return Candles(candles.ts, *(np.ascontiguousarray(values, dtype=np.float64) for values in fields))


def _log_returns(close: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(close)
        returns: FloatArray = logs[1:] - logs[:-1]
    return returns
