"""EMA, MACD, RSI, ATR and the Bollinger band of many series at their last bar, one bar after another.

The definitions of `trend`, `momentum` and `volatility`; see `live_series`. All is computed in place, in the rows of a
few tables: for so few series NumPy takes longer to be called, or to cut a view, than to compute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.flow import SIGMA_BARS
from engine.experts.momentum import RSI_PERIOD
from engine.experts.rolling import ZERO, blank, ratio_into
from engine.experts.sliding_sums import SlidingSums
from engine.experts.smoothing import (
    CLOSES,
    FAST_EMA,
    GAINS,
    LOSSES,
    RANGES,
    SHARES,
    SIGNAL_SHARE,
    SLOW_EMA,
    seeded,
    step,
)
from engine.experts.smoothing import EMA9 as EMA9_AT
from engine.experts.volatility import BOLLINGER_PERIOD, BOLLINGER_SIGMAS, ROUNDING_NOISE
from engine.model import FloatArray

SUMMED = (BOLLINGER_PERIOD, BOLLINGER_PERIOD, RSI_PERIOD, SIGMA_BARS)
"""Bars over which the marks are summed: the close beside a fixed price, its square, and twice the squared change."""
EMA9, EMA20, EMA50, ATR, MACD, SIGNAL, HISTOGRAM, RSI, POSITION, WIDTH, ATR_PCT = range(11)
"""Rows of what is read. The first four of them are averages, the last four ratios."""

_PERIOD = np.array(float(BOLLINGER_PERIOD))
_SIGMAS = np.array(BOLLINGER_SIGMAS)
_NOISE = np.array(BOLLINGER_SIGMAS * ROUNDING_NOISE)
_PERCENT = np.array(100.0)


class LiveCore:
    """Everything that needs closes and ranges alone, but for the logarithms."""

    def __init__(self, lanes: Sequence[Bars], columns: Sequence[slice]) -> None:
        averages = side_by_side(_averages(bars) for bars in lanes)
        self._state = np.zeros((EMA9_AT + ATR_PCT + 1, averages.shape[1]))
        """The averages, and from the EMA 9 on what is read."""
        self._state[: len(SHARES)], self._state[EMA9_AT + SIGNAL] = averages[:-1], averages[-1]
        np.subtract(averages[FAST_EMA], averages[SLOW_EMA], out=self._state[EMA9_AT + MACD])
        self._base = side_by_side(bars.close[0] for bars in lanes)
        """The price beside which closes are summed, so that little is lost of their squares."""
        self._close = side_by_side(bars.close[-1] for bars in lanes)
        self._sums = SlidingSums(side_by_side(_marks(bars.close) for bars in lanes), SUMMED, columns)
        self._views: dict[tuple[int, ...], _Views] = {}

    def advance(self, at: Step, bars: Bars) -> FloatArray:
        """One bar later; the changes of the closes, in an array that the next bar overwrites."""
        of = self._at(at)
        close, before, change = bars.close, of.close, of.change
        np.subtract(close, before, out=change)
        of.inputs[CLOSES] = close
        np.maximum(change, ZERO, out=of.gain)
        np.subtract(of.gain, change, out=of.loss)
        np.maximum(bars.high, before, out=of.span)
        np.subtract(of.span, np.minimum(bars.low, before), out=of.span)
        step(of.averages, of.inputs, of.shares)
        np.subtract(of.average[FAST_EMA], of.average[SLOW_EMA], out=of.said[MACD])
        of.line[:] = of.said[MACD]
        step(of.said[SIGNAL], of.line, SIGNAL_SHARE)
        offset, offset_squared, recent_move, move = of.mark
        np.subtract(close, of.base, out=offset)
        np.multiply(offset, offset, out=offset_squared)
        np.multiply(change, change, out=move)
        recent_move[:] = move
        self._sums.push(at.lanes, at.columns, of.marks)
        before[:] = close
        return change

    def close(self, at: Step) -> FloatArray:
        """A view, which the next bar overwrites."""
        return self._at(at).close

    def squared_changes(self, at: Step) -> FloatArray:
        """Of the last 50 bars, summed up; a view."""
        return self._at(at).sums[3]

    def read(self, at: Step) -> FloatArray:
        """Shape (11, series), in the order of the rows' names; a view, which the next bar overwrites."""
        of = self._at(at)
        close, gains, said = of.close, of.average[GAINS], of.said
        percents, from_middle, width, spans = of.over
        up_and_down, half, middle, price = of.under
        of.band(middle, half)
        np.subtract(said[MACD], said[SIGNAL], out=said[HISTOGRAM])
        np.multiply(gains, _PERCENT, out=percents)
        np.subtract(close, middle, out=from_middle)
        np.add(half, half, out=width)
        spans[:] = said[ATR]
        np.add(gains, of.average[LOSSES], out=up_and_down)
        # A frozen market has no momentum.
        np.multiply(up_and_down, np.sign(of.sums[2]), out=up_and_down)
        price[:] = close
        ratio_into(of.ratios, of.overs, of.unders)
        return of.read

    def _at(self, at: Step) -> _Views:
        of = self._views.get(at.lanes)
        if of is None:
            cut = at.columns
            of = self._views[at.lanes] = _Views(
                self._state[:, cut], self._close[cut], self._base[cut], self._sums.now[:, cut]
            )
        return of


class _Views:
    """The state in the columns of one step, cut out once, and room to compute in. A plural is a table, its singular
    the list of the table's rows."""

    def __init__(self, state: FloatArray, close: FloatArray, base: FloatArray, sums: FloatArray) -> None:
        self.close, self.base, self.band_sums = close, base, sums[:2]
        self.sums: list[FloatArray] = [*sums]
        self.averages, self.read, self.ratios = state[: len(SHARES)], state[EMA9_AT:], state[EMA9_AT + RSI :]
        self.average, self.said = [*self.averages], [*self.read]
        self.shares = np.repeat(np.array(SHARES)[:, None], len(close), axis=1)
        self.inputs = np.empty_like(self.shares)
        self.gain, self.loss, self.span = self.inputs[GAINS], self.inputs[LOSSES], self.inputs[RANGES]
        self.change, self.line = np.empty((2, len(close)))
        self.marks, self.means = np.empty((len(SUMMED), len(close))), np.empty((2, len(close)))
        self.mark, self.mean = [*self.marks], [*self.means]
        self.overs, self.unders = np.empty((2, 4, len(close)))
        self.over, self.under = [*self.overs], [*self.unders]

    def band(self, middle: FloatArray, half: FloatArray) -> None:
        """Writes middle and half width of the Bollinger band; NaN where only rounding is left of it."""
        np.divide(self.band_sums, _PERIOD, out=self.means)
        mean, square = self.mean
        np.multiply(mean, mean, out=half)
        np.subtract(square, half, out=half)
        np.sqrt(np.maximum(half, ZERO, out=half), out=half)
        np.multiply(half, _SIGMAS, out=half)
        np.add(self.base, mean, out=middle)
        blank(half, half <= middle * _NOISE)


def _averages(bars: Bars) -> FloatArray:
    high, low, close = bars.high.T, bars.low.T, bars.close.T
    change = close[:, 1:] - close[:, :-1]
    ranges = np.maximum(high[:, 1:], close[:, :-1]) - np.minimum(low[:, 1:], close[:, :-1])
    return seeded(close, np.maximum(change, 0.0), np.maximum(-change, 0.0), ranges)


def _marks(close: FloatArray) -> FloatArray:
    longest = max(SUMMED)
    offset = close[-longest:] - close[0]
    change = (close[1:] - close[:-1])[-longest:]
    moves = change * change
    return np.stack((offset, offset * offset, moves, moves), axis=1)
