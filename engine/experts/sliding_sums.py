"""Sums over the newest bars of many series at once, one bar after another.

Never a running sum less what leaves it: an old spike would leave its rounding residue behind for good. What a window
holds lies in two parts, as in a queue made of two stacks: sums from each older bar on, added up once in a window's
length, and the sum of the bars since. Every answer is one of the former plus the latter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.model import FloatArray, IntArray


class SlidingSums:
    """`windows` says over how many bars each of the marks is summed. The series of a lane, `lanes[k]` of the last
    axis, always step together; other lanes need not."""

    def __init__(self, marks: FloatArray, windows: Sequence[int], lanes: Sequence[slice]) -> None:
        """`marks` of shape (bars, marks, series), oldest first, at least as many bars as the longest window."""
        self._windows, self._lanes = windows, lanes
        self._steps, self._turns_at = [0] * len(lanes), [min(windows)] * len(lanes)
        # One row more than any window: it stays 0, the sum of the older bars once all of them have left.
        self._older = np.zeros((max(windows) + 1, *marks.shape[1:]))
        for mark, bars in enumerate(windows):
            self._older[:bars, mark] = _sums_to_the_end(marks[-bars:, mark])
        self._flat = self._older.reshape(-1)
        self._stride = np.array(marks[0].size)
        self._place = np.arange(marks[0].size).reshape(marks.shape[1:])
        """Where in `_flat` the bar lies that leaves next."""
        self._newer = np.zeros(marks.shape[1:])
        self._views: dict[tuple[int, int], tuple[IntArray, FloatArray, FloatArray]] = {}
        self.now = self._older[0].copy()
        """The sums, shape (marks, series)."""

    def push(self, lanes: Sequence[int], columns: slice, marks: FloatArray) -> FloatArray:
        """One bar later on neighbouring lanes, which are `columns` together; their sums, a view."""
        place, newer, now = self._at(columns)
        self._flat[place] = marks
        newer += marks
        place += self._stride
        np.add(self._flat[place], newer, out=now)
        for lane in lanes:
            self._steps[lane] += 1
            if self._steps[lane] == self._turns_at[lane]:
                self._turn_those_due(lane)
        return now

    def _at(self, columns: slice) -> tuple[IntArray, FloatArray, FloatArray]:
        """Views of what a step on these columns moves, kept: to cut them takes as long as to add them up."""
        key = (columns.start, columns.stop)
        if key not in self._views:
            self._views[key] = (self._place[:, columns], self._newer[:, columns], self.now[:, columns])
        return self._views[key]

    def _turn_those_due(self, lane: int) -> None:
        steps = self._steps[lane]
        for mark, bars in enumerate(self._windows):
            if steps % bars == 0:
                self._turn(mark, bars, self._lanes[lane])
        self._turns_at[lane] = min(steps - steps % bars + bars for bars in self._windows)

    def _turn(self, mark: int, bars: int, columns: slice) -> None:
        """All the older bars have left: those since become the older ones."""
        whole = self._older[:bars, mark, columns]
        whole[:] = _sums_to_the_end(whole)
        self._newer[mark, columns] = 0.0
        self._place[mark, columns] -= bars * self._stride


def _sums_to_the_end(rows: FloatArray) -> FloatArray:
    """From each row on to the last of them."""
    sums: FloatArray = np.cumsum(rows[::-1], axis=0)[::-1]
    return sums
