"""VWAP since midnight UTC of many series at their last bar, one bar after another; see `vwap` and `live_series`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.rolling import ratio
from engine.experts.vwap import DAY_MS, ROUNDING_NOISE
from engine.model import FloatArray


class LiveVwap:
    """`_anchor` is the day's first typical price, beside which the day's moments are added up:
    Σv, Σv·offset, Σv·offset²."""

    def __init__(self, lanes: Sequence[Bars]) -> None:
        self._day = side_by_side(bars.ts[-1] // DAY_MS for bars in lanes)
        days = [_since_midnight(bars) for bars in lanes]
        self._anchor = side_by_side(anchor for anchor, _ in days)
        self._moments = side_by_side(moments for _, moments in days)

    def advance(self, at: Step, bars: Bars) -> None:
        known, moments, anchor = self._day[at.columns], self._moments[:, at.columns], self._anchor[at.columns]
        typical = (bars.high + bars.low + bars.close) / 3
        day = bars.ts // DAY_MS
        begun = day != known
        if begun.any():
            known[:] = day
            anchor[begun] = typical[begun]
            moments[:, begun] = 0.0
        offset = typical - anchor
        first = bars.volume * offset
        moments[0] += bars.volume
        moments[1] += first
        moments[2] += first * offset

    def read(self, columns: slice) -> tuple[FloatArray, FloatArray]:
        """VWAP (NaN on a day without volume) and its σ, 0 where only rounding is left of it."""
        moments = self._moments[:, columns]
        centre, square = ratio(moments[1:], moments[0])
        vwap = self._anchor[columns] + centre
        sigma = np.sqrt(np.maximum(square - centre * centre, 0.0))
        return vwap, sigma * (sigma > ROUNDING_NOISE * vwap)


def _since_midnight(bars: Bars) -> tuple[FloatArray, FloatArray]:
    today = bars.ts // DAY_MS == bars.ts[-1] // DAY_MS
    typical = (bars.high + bars.low + bars.close) / 3
    anchor = typical[today.argmax(axis=0), np.arange(typical.shape[1])]
    offset = np.where(today, typical - anchor, 0.0)
    volume = np.where(today, bars.volume, 0.0)
    first = volume * offset
    return anchor, np.stack([np.add.reduce(moment, axis=0) for moment in (volume, first, first * offset)])
