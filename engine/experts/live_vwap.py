"""VWAP since midnight UTC of many series at their last bar, one bar after another; see `vwap` and `live_series`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.rolling import ZERO, ratio_into
from engine.experts.vwap import DAY_MS, ROUNDING_NOISE
from engine.model import FloatArray, IntArray

_PRICES = np.array(3.0)
_NOISE = np.array(ROUNDING_NOISE)


class LiveVwap:
    """`_anchor` is the day's first typical price, beside which the day's moments are added up:
    Σv, Σv·offset, Σv·offset²."""

    def __init__(self, lanes: Sequence[Bars]) -> None:
        self._midnight = side_by_side((bars.ts[-1] // DAY_MS + 1) * DAY_MS for bars in lanes)
        """When the day ends, ms. Bars come in the order of time."""
        days = [_since_midnight(bars) for bars in lanes]
        self._anchor = side_by_side(anchor for anchor, _ in days)
        self._moments = side_by_side(moments for _, moments in days)
        self._views: dict[tuple[int, ...], _Views] = {}

    def advance(self, at: Step, bars: Bars) -> None:
        of, volume = self._at(at), bars.volume
        typical, (traded, first, second) = of.typical, of.added
        np.add(bars.high, bars.low, out=typical)
        np.add(typical, bars.close, out=typical)
        np.divide(typical, _PRICES, out=typical)
        begun = bars.ts >= of.midnight
        if np.count_nonzero(begun):
            of.midnight[:] = (bars.ts // DAY_MS + 1) * DAY_MS
            of.anchor[begun] = typical[begun]
            of.moments[:, begun] = 0.0
        traded[:] = volume
        offset = np.subtract(typical, of.anchor, out=typical)
        np.multiply(volume, offset, out=first)
        np.multiply(first, offset, out=second)
        np.add(of.moments, of.adding, out=of.moments)

    def read(self, at: Step, vwap: FloatArray, sigma: FloatArray) -> None:
        """Writes VWAP (NaN on a day without volume) and its σ, 0 where only rounding is left of it."""
        of = self._at(at)
        centre, square = of.mean
        of.volumes[:] = of.moments[0]
        ratio_into(of.means, of.moments[1:], of.volumes)
        np.add(of.anchor, centre, out=vwap)
        np.multiply(centre, centre, out=sigma)
        np.subtract(square, sigma, out=sigma)
        np.sqrt(np.maximum(sigma, ZERO, out=sigma), out=sigma)
        np.copyto(sigma, ZERO, where=sigma <= vwap * _NOISE)

    def _at(self, at: Step) -> _Views:
        of = self._views.get(at.lanes)
        if of is None:
            cut = at.columns
            of = self._views[at.lanes] = _Views(self._midnight[cut], self._anchor[cut], self._moments[:, cut])
        return of


class _Views:
    """The state in the columns of one step, cut out once, and room to compute in."""

    def __init__(self, midnight: IntArray, anchor: FloatArray, moments: FloatArray) -> None:
        self.midnight, self.anchor, self.moments = midnight, anchor, moments
        self.typical = np.empty(len(anchor))
        self.adding, self.means = np.empty((3, len(anchor))), np.empty((2, len(anchor)))
        self.added, self.mean, self.volumes = [*self.adding], [*self.means], np.empty((2, len(anchor)))


def _since_midnight(bars: Bars) -> tuple[FloatArray, FloatArray]:
    today = bars.ts // DAY_MS == bars.ts[-1] // DAY_MS
    typical = (bars.high + bars.low + bars.close) / 3
    anchor = typical[today.argmax(axis=0), np.arange(typical.shape[1])]
    offset = np.where(today, typical - anchor, 0.0)
    volume = np.where(today, bars.volume, 0.0)
    first = volume * offset
    return anchor, np.stack([np.add.reduce(moment, axis=0) for moment in (volume, first, first * offset)])
