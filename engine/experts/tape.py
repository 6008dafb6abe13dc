"""The last rows of something that grows by one row a bar, in order and in one piece."""

from __future__ import annotations

import numpy as np

from engine.model import FloatArray, IntArray

SPARE = 8
"""How many times the kept rows a tape holds before it moves them to its front again."""


class Tape:
    """Rows of one shape, oldest first; the newest `len(rows)` of them are kept."""

    def __init__(self, rows: FloatArray) -> None:
        self._keep = len(rows)
        self._rows = np.empty((SPARE * self._keep, *rows.shape[1:]))
        self._rows[: self._keep] = rows
        self._end = self._keep

    def push(self, row: FloatArray) -> None:
        if self._end == len(self._rows):
            self._end = self._keep - 1
            self._rows[: self._end] = self._rows[len(self._rows) - self._end :]
        self._rows[self._end] = row
        self._end += 1

    def last(self, count: int, every: int = 1) -> FloatArray:
        """A view of the newest `count` rows; with `every`, only of each so many-th from the first of them."""
        return self._rows[self._end - count : self._end : every]

    def blank(self, ages: IntArray, places: IntArray) -> None:
        """Zeroes one place in each of the rows so many before the newest."""
        self._rows[self._end - 1 - ages, places] = 0.0
