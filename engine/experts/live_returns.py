"""Realised volatility and the jump test of many series at their last bar, one bar after another; see `live_series`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.jumps import JUMP_BARS, MAX_ZERO_SHARE, jump_test
from engine.experts.rolling import blank
from engine.experts.sliding_sums import SlidingSums
from engine.experts.volatility import REALISED_BARS
from engine.model import FloatArray

SUMMED = (REALISED_BARS, JUMP_BARS, JUMP_BARS - 1, JUMP_BARS - 2)
"""Log returns over which the marks are summed: r², whether r is not zero, |r r₋₁| and |r r₋₁ r₋₂|^{4/3}."""
_LEAST_MOVES = np.array(JUMP_BARS - MAX_ZERO_SHARE * JUMP_BARS)


class LiveReturns:
    """`yearly` turns a sum of squared returns into a year's variance, one number a series."""

    def __init__(self, lanes: Sequence[Bars], columns: Sequence[slice], yearly: FloatArray) -> None:
        logs = [np.log(bars.close) for bars in lanes]
        self._log = side_by_side(lane[-1] for lane in logs)
        self._sizes = side_by_side(np.abs(np.diff(lane[-3:], axis=0))[::-1] for lane in logs)
        """The last two absolute returns, newest first."""
        self._sums = SlidingSums(side_by_side(_marks(lane) for lane in logs), SUMMED, columns)
        self._yearly = yearly
        self._views: dict[tuple[int, ...], _Views] = {}

    def advance(self, at: Step, close: FloatArray) -> None:
        of = self._at(at)
        logs, size, (last, second_last) = of.logs, of.size, of.sizes
        np.log(close, out=logs)
        np.abs(np.subtract(logs, of.log, out=size), out=size)
        squared, moved, paired, tripled = of.mark
        np.multiply(size, size, out=squared)
        np.sign(size, out=moved)
        np.multiply(size, last, out=paired)
        root = np.cbrt(np.multiply(paired, second_last, out=tripled), out=tripled)
        np.multiply(root, root, out=root)
        np.multiply(root, root, out=tripled)
        second_last[:] = last
        last[:] = size
        of.log[:] = logs
        self._sums.push(at.lanes, at.columns, of.marks)

    def read(self, at: Step, volatility: FloatArray, jump_z: FloatArray) -> None:
        """Writes both."""
        of = self._at(at)
        squared, moved, paired, tripled = of.sums
        jump_z[:] = jump_test(squared, paired, tripled, JUMP_BARS)[3]
        blank(jump_z, moved < _LEAST_MOVES)
        np.multiply(squared, of.yearly, out=volatility)
        np.sqrt(volatility, out=volatility)

    def _at(self, at: Step) -> _Views:
        of = self._views.get(at.lanes)
        if of is None:
            cut = at.columns
            of = self._views[at.lanes] = _Views(
                self._log[cut], self._sizes[:, cut], self._sums.now[:, cut], self._yearly[cut]
            )
        return of


class _Views:
    """The state in the columns of one step, cut out once, and room to compute in."""

    def __init__(self, log: FloatArray, sizes: FloatArray, sums: FloatArray, yearly: FloatArray) -> None:
        self.log, self.sizes, self.sums, self.yearly = log, [*sizes], [*sums], yearly
        self.logs, self.size = np.empty((2, len(log)))
        self.marks = np.empty((len(SUMMED), len(log)))
        self.mark = [*self.marks]


def _marks(logs: FloatArray) -> FloatArray:
    size = np.abs(logs[1:] - logs[:-1])
    pairs = size[1:] * size[:-1]
    roots = np.cbrt(pairs[1:] * size[:-2])
    roots *= roots
    size, pairs, roots = (values[-max(SUMMED) :] for values in (size, pairs, roots))
    return np.stack((size * size, np.sign(size), pairs, roots * roots), axis=1)
