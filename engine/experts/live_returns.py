"""Realised volatility and the jump test of many series at their last bar, one bar after another; see `live_series`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.jumps import JUMP_BARS, MAX_ZERO_SHARE, jump_test
from engine.experts.sliding_sums import SlidingSums
from engine.experts.volatility import REALISED_BARS
from engine.model import FloatArray

SUMMED = (REALISED_BARS, JUMP_BARS, JUMP_BARS - 1, JUMP_BARS - 2)
"""Log returns over which the marks are summed: r², whether r is zero, |r r₋₁| and |r r₋₁ r₋₂|^{4/3}."""


class LiveReturns:
    """`yearly` turns a sum of squared returns into a year's variance, one number a series."""

    def __init__(self, lanes: Sequence[Bars], columns: Sequence[slice], yearly: FloatArray) -> None:
        logs = [np.log(bars.close) for bars in lanes]
        self._log = side_by_side(lane[-1] for lane in logs)
        self._sizes = side_by_side(np.abs(np.diff(lane[-3:], axis=0))[::-1] for lane in logs)
        """The last two absolute returns, newest first."""
        self._sums = SlidingSums(side_by_side(_marks(lane) for lane in logs), SUMMED, columns)
        self._marks = np.empty((len(SUMMED), len(self._log)))
        self._yearly = yearly

    def advance(self, at: Step, close: FloatArray) -> None:
        log, sizes, marks = self._log[at.columns], self._sizes[:, at.columns], self._marks[:, at.columns]
        logs = np.log(close)
        size = np.abs(logs - log)
        np.multiply(size, size, out=marks[0])
        np.equal(size, 0.0, out=marks[1])
        np.multiply(size, sizes[0], out=marks[2])
        root = np.cbrt(marks[2] * sizes[1])
        root *= root
        np.multiply(root, root, out=marks[3])
        sizes[1] = sizes[0]
        sizes[0] = size
        log[:] = logs
        self._sums.push(at.lanes, at.columns, marks)

    def read(self, columns: slice) -> tuple[FloatArray, FloatArray]:
        """(realised volatility, jump z)."""
        squared, still, paired, tripled = self._sums.now[:, columns]
        z = jump_test(squared, paired, tripled, JUMP_BARS)[3]
        np.copyto(z, np.nan, where=still > MAX_ZERO_SHARE * JUMP_BARS)
        return np.sqrt(squared * self._yearly[columns]), z


def _marks(logs: FloatArray) -> FloatArray:
    size = np.abs(logs[1:] - logs[:-1])
    pairs = size[1:] * size[:-1]
    roots = np.cbrt(pairs[1:] * size[:-2])
    roots *= roots
    size, pairs, roots = (values[-max(SUMMED) :] for values in (size, pairs, roots))
    return np.stack((size * size, size == 0, pairs, roots * roots), axis=1)
