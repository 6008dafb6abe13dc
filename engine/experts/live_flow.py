"""Bulk-classified flow of many series at their last bar, one bar after another: the formulas of `flow`.

VPIN cannot be carried on: its buckets fill the last 100 bars exactly, so that each bar moves the edges of all of them.
It is cut anew, in one interpolation for all series; the 24 values that toxicity ranks are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step, side_by_side
from engine.experts.flow import (
    OFI_BARS,
    SIGMA_BARS,
    TOXICITY_SAMPLES,
    TOXICITY_STEP,
    VPIN_BARS,
    VPIN_BUCKETS,
    buy_fraction,
)
from engine.experts.rolling import ZERO, ratio, ratio_into
from engine.model import FloatArray

RANKED = TOXICITY_STEP * (TOXICITY_SAMPLES - 1) + 1
"""Newest VPIN values of which every fourth is ranked: 93."""
FLOW_BARS = VPIN_BARS + RANKED - 1
WARM_BARS = FLOW_BARS + SIGMA_BARS
"""Bars after which toxicity is known: 242."""

_EDGES = np.linspace(0.0, 1.0, VPIN_BUCKETS + 1)
_ONE, _INFINITE = np.ones(()), np.full((), np.inf)
_SIGMA_BARS, _SAMPLES = np.array(float(SIGMA_BARS)), np.array(float(TOXICITY_SAMPLES))
_EACH, _EACH_BYTE = np.ones(TOXICITY_SAMPLES), np.ones(TOXICITY_SAMPLES, dtype=np.uint8)
_ROOM = np.array(0.5)
"""Each series takes half a unit of the common axis, so that no two touch."""


class LiveFlow:
    """Running (volume, bought − sold) before and after each of the last 100 bars, and the newest values of VPIN."""

    def __init__(self, lanes: Sequence[Bars]) -> None:
        running = [running_flow(bars) for bars in lanes]
        self._running = np.concatenate([lane[..., -VPIN_BARS - 1 :] for lane in running], axis=1)
        self._history = running
        # Who only ever asks how it began needs no more than every fourth; the rest is worked out at the first bar.
        self._every = 1
        self._vpin = side_by_side(recent_vpin(lane, TOXICITY_STEP).T for lane in running)
        self._views: dict[tuple[int, ...], _Views] = {}

    def advance(self, at: Step, change: FloatArray, squared_changes: FloatArray, volume: FloatArray) -> None:
        """One bar later; `squared_changes` are the sums over the bars that σ is taken of."""
        if self._history:
            self._begin()
        of = self._at(at)
        traded, signed = of.added
        traded[:] = volume
        share = buy_fraction(change, np.sqrt(squared_changes / _SIGMA_BARS))
        np.subtract(np.add(share, share, out=share), _ONE, out=share)
        np.multiply(share, volume, out=signed)
        of.run_on()
        of.vpin_older[:] = of.vpin_newer
        of.newest_vpin()

    def recent(self, at: Step, bought: FloatArray, traded: FloatArray) -> None:
        """Writes bought − sold, and what was traded, over the last 10 bars."""
        of = self._at(at)
        for row, difference in enumerate((traded, bought)):
            np.subtract(of.last[row], of.ten_before[row], out=difference)

    def vpin_and_toxicity(self, at: Step, vpin: FloatArray, toxicity: FloatArray) -> None:
        """Writes both; toxicity is NaN where one of the values that it ranks is."""
        of = self._at(at)
        ranked = of.ranked
        vpin[:] = ranked[-1]
        np.less_equal(ranked, vpin, out=of.not_above)
        # As bytes: to count them as booleans NumPy would widen each to eight.
        np.divide(_EACH_BYTE.dot(of.not_above.view(np.uint8)), _SAMPLES, out=toxicity)
        np.add(toxicity, ZERO * _EACH.dot(ranked), out=toxicity)

    def _begin(self) -> None:
        self._vpin, self._every = side_by_side(recent_vpin(lane).T for lane in self._history), TOXICITY_STEP
        self._history.clear()
        self._views.clear()

    def _at(self, at: Step) -> _Views:
        of = self._views.get(at.lanes)
        if of is None:
            cut = at.columns
            of = self._views[at.lanes] = _Views(cut.start, self._running[:, cut], self._vpin[:, cut], self._every)
        return of


class _Views:
    """The state in the columns of one step, cut out once, and room to compute in."""

    def __init__(self, start: int, running: FloatArray, vpin: FloatArray, every: int) -> None:
        self.running, self.first = running, running[..., :1]
        self.volume, self.flat_signed = running[0], running[1].reshape(-1)
        # Moved in one piece it is faster than row by row; so each row's last becomes the next one's first, and is
        # written anew.
        pieces = [running] if running.flags.c_contiguous else [*running]
        self.moves = [(flat[:-1], flat[1:]) for flat in (piece.reshape(-1) for piece in pieces)]
        self.adding = np.empty((2, vpin.shape[1]))
        self.added = [*self.adding]
        self.newest, self.before = running[..., -1], running[..., -2]
        self.last, self.ten_before = [*running[..., -1]], [*running[..., -1 - OFI_BARS]]
        self.vpin_older, self.vpin_newer, self.vpin = vpin[:-1], vpin[1:], vpin[-1]
        self.ranked = vpin[::every]
        self.not_above = np.empty(self.ranked.shape, dtype=np.bool_)
        # From 1 on: at 0 the last edge of the first series may round into its neighbour.
        place = np.arange(start + 1, start + 1 + vpin.shape[1], dtype=np.float64)[:, None]
        self.places = np.repeat(place, VPIN_BARS + 1, axis=1)
        self.edges = (place + _ROOM * _EDGES).reshape(-1)
        self.axis = np.empty(self.places.shape)
        self.flat_axis = self.axis.reshape(-1)

    def run_on(self) -> None:
        """Sums since the window began, not since the engine did: what an old spike rounded away heals with it."""
        for older, newer in self.moves:
            older[:] = newer
        np.add(self.before, self.adding, out=self.newest)
        np.subtract(self.running, self.first.copy(), out=self.running)

    def newest_vpin(self) -> None:
        """Writes VPIN over the last 100 bars. All series lie one behind the other on one axis of volume, so that one
        interpolation serves them all."""
        total, axis = self.last[0].copy(), self.axis
        scale = total.copy()
        np.copyto(scale, _INFINITE, where=scale <= ZERO)
        np.multiply(self.volume, np.divide(_ROOM, scale, out=scale)[:, None], out=axis)
        np.add(axis, self.places, out=axis)
        at_edges = np.interp(self.edges, self.flat_axis, self.flat_signed)
        ratio_into(self.vpin, _absolute_moves(at_edges.reshape(-1, VPIN_BUCKETS + 1)), total)


def running_flow(bars: Bars) -> FloatArray:
    """(volume, bought − sold) summed up since before the first of the last 192 bars; shape (2, series, 193)."""
    change = bars.close[1:] - bars.close[:-1]
    squares = (change * change)[-(FLOW_BARS + SIGMA_BARS - 1) :]
    squared = squares[:FLOW_BARS].copy()
    for back in range(1, SIGMA_BARS):
        squared += squares[back : back + FLOW_BARS]
    share = buy_fraction(change[-FLOW_BARS:], np.sqrt(squared / SIGMA_BARS))
    volume = bars.volume[-FLOW_BARS:]
    running = np.zeros((2, volume.shape[1], FLOW_BARS + 1))
    np.cumsum(volume.T, axis=1, out=running[0, :, 1:])
    np.cumsum((volume * (2 * share - 1)).T, axis=1, out=running[1, :, 1:])
    return running


def recent_vpin(running: FloatArray, every: int = 1) -> FloatArray:
    """VPIN at each `every`-th of the last 93 bars, the last among them, oldest first; (series, 93 or 24).

    NaN where 100 bars have no volume. `running` is `running_flow`'s.
    """
    values = np.empty((running.shape[1], len(range(0, RANKED, every))))
    for series, (volume, signed) in enumerate(zip(*running, strict=True)):
        start = volume[:RANKED:every]
        total = volume[VPIN_BARS::every] - start
        at_edges = np.interp(start[:, None] + total[:, None] * _EDGES, volume, signed)
        values[series] = ratio(_absolute_moves(at_edges), total)
    return values


def _absolute_moves(at_edges: FloatArray) -> FloatArray:
    moved = np.empty(at_edges.shape)
    # All rows in one piece; what lies between two of them is left out of the sums.
    values, moves = at_edges.reshape(-1), moved.reshape(-1)[:-1]
    np.subtract(values[1:], values[:-1], out=moves)
    np.abs(moves, out=moves)
    total: FloatArray = np.add.reduce(moved[:, :-1], axis=1)
    return total
