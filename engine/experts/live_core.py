"""EMA, MACD, RSI, ATR and the Bollinger band of many series at their last bar, one bar after another.

The definitions of `trend`, `momentum` and `volatility`; see `live_series`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.flow import SIGMA_BARS
from engine.experts.momentum import RSI_PERIOD
from engine.experts.rolling import ratio
from engine.experts.sliding_sums import SlidingSums
from engine.experts.smoothing import CLOSES, seeded, step
from engine.experts.volatility import BOLLINGER_PERIOD, BOLLINGER_SIGMAS, ROUNDING_NOISE
from engine.model import FloatArray

SUMMED = (BOLLINGER_PERIOD, BOLLINGER_PERIOD, RSI_PERIOD, SIGMA_BARS)
"""Bars over which the marks are summed: the close beside a fixed price, its square, whether the close changed, and
the squared change."""
EMA9, EMA20, EMA50, MACD, SIGNAL, HISTOGRAM, ATR, RSI, POSITION, WIDTH, ATR_PCT = range(11)
"""Rows of what is read."""


class LiveCore:
    """Everything that needs closes and ranges alone, but for the logarithms."""

    def __init__(self, lanes: Sequence[Bars], columns: Sequence[slice]) -> None:
        self._averages = side_by_side(_averages(bars) for bars in lanes)
        self._base = side_by_side(bars.close[0] for bars in lanes)
        """The price beside which closes are summed, so that little is lost of their squares."""
        self.close = side_by_side(bars.close[-1] for bars in lanes)
        self._sums = SlidingSums(side_by_side(_marks(bars.close) for bars in lanes), SUMMED, columns)
        self._inputs = np.empty((8, len(self.close)))
        self._marks = np.empty((4, len(self.close)))

    def advance(self, at: Step, bars: Bars) -> FloatArray:
        """One bar later; the changes of the closes."""
        before = self.close[at.columns]
        change: FloatArray = bars.close - before
        inputs = self._inputs[:, at.columns]
        inputs[:CLOSES] = bars.close
        gain, loss, span = inputs[5], inputs[6], inputs[7]
        np.maximum(change, 0.0, out=gain)
        np.subtract(gain, change, out=loss)
        np.maximum(bars.high, before, out=span)
        span -= np.minimum(bars.low, before)
        step(self._averages[:, at.columns], inputs)
        marks = self._marks[:, at.columns]
        np.subtract(bars.close, self._base[at.columns], out=marks[0])
        np.not_equal(change, 0.0, out=marks[2])
        marks[3] = change
        marks[1::2] = marks[::3] * marks[::3]
        self._sums.push(at.lanes, at.columns, marks)
        before[:] = bars.close
        return change

    def squared_changes(self, columns: slice) -> FloatArray:
        """Of the last 50 bars, summed up."""
        summed: FloatArray = self._sums.now[3, columns]
        return summed

    def read(self, columns: slice) -> FloatArray:
        """Shape (11, series), in the order of the rows' names."""
        close, sums, averages = self.close[columns], self._sums.now[:, columns], self._averages[:, columns]
        said = np.empty((11, averages.shape[1]))
        said[:3] = averages[:3]
        np.subtract(averages[3], averages[4], out=said[MACD])
        said[SIGNAL] = averages[8]
        np.subtract(said[MACD], averages[8], out=said[HISTOGRAM])
        gain, loss, said[ATR] = averages[5:8]
        middle, half = self._band(columns, sums)
        over, under = np.empty((2, 4, len(close)))
        over[0], over[1], over[2], over[3] = 100 * gain, close - middle, half + half, said[ATR]
        # A frozen market has no momentum.
        under[0], under[1], under[2], under[3] = (gain + loss) * (sums[2] > 0), half, middle, close
        said[RSI:] = ratio(over, under)
        return said

    def _band(self, columns: slice, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Middle and half width of the Bollinger band; NaN where only rounding is left of it."""
        mean, square = sums[:2] / BOLLINGER_PERIOD
        half = BOLLINGER_SIGMAS * np.sqrt(np.maximum(square - mean * mean, 0.0))
        middle = self._base[columns] + mean
        return middle, np.where(half > BOLLINGER_SIGMAS * ROUNDING_NOISE * middle, half, np.nan)


def _averages(bars: Bars) -> FloatArray:
    high, low, close = bars.high.T, bars.low.T, bars.close.T
    change = close[:, 1:] - close[:, :-1]
    ranges = np.maximum(high[:, 1:], close[:, :-1]) - np.minimum(low[:, 1:], close[:, :-1])
    return seeded(close, np.maximum(change, 0.0), np.maximum(-change, 0.0), ranges)


def _marks(close: FloatArray) -> FloatArray:
    longest = max(SUMMED)
    offset = close[-longest:] - close[0]
    change = (close[1:] - close[:-1])[-longest:]
    return np.stack((offset, offset * offset, change != 0, change * change), axis=1)
