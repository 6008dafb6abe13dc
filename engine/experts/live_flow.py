"""Bulk-classified flow of many series at their last bar, one bar after another: the formulas of `flow`.

VPIN cannot be carried on: its buckets fill the last 100 bars exactly, so that each bar moves the edges of all of them.
It is cut anew, in one interpolation for all series; the 24 values that toxicity ranks are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.experts.bars import Bars, Step
from engine.experts.flow import (
    OFI_BARS,
    SIGMA_BARS,
    TOXICITY_SAMPLES,
    TOXICITY_STEP,
    VPIN_BARS,
    VPIN_BUCKETS,
    buy_fraction,
)
from engine.experts.rolling import ratio
from engine.model import FloatArray

RANKED = TOXICITY_STEP * (TOXICITY_SAMPLES - 1) + 1
"""Newest VPIN values of which every fourth is ranked: 93."""
FLOW_BARS = VPIN_BARS + RANKED - 1
WARM_BARS = FLOW_BARS + SIGMA_BARS
"""Bars after which toxicity is known: 242."""

_EDGES = np.linspace(0.0, 1.0, VPIN_BUCKETS + 1)
_ROOM = 0.5
"""Each series takes half a unit of the common axis, so that no two touch."""


class LiveFlow:
    """Running (volume, bought − sold) before and after each of the last 100 bars, and the newest values of VPIN."""

    def __init__(self, lanes: Sequence[Bars]) -> None:
        running = [running_flow(bars) for bars in lanes]
        self._running = np.concatenate([lane[..., -VPIN_BARS - 1 :] for lane in running], axis=1)
        self._history = running
        # Who only ever asks how it began needs no more than every fourth; the rest is worked out at the first bar.
        self._every = 1
        self._vpin = np.concatenate([recent_vpin(lane, TOXICITY_STEP) for lane in running])
        # From 1 on: at 0 the last edge of the first series may round into its neighbour.
        self._places = np.arange(1, len(self._vpin) + 1, dtype=np.float64)[:, None]
        self._edges = self._places + _ROOM * _EDGES

    def advance(self, at: Step, change: FloatArray, squared_changes: FloatArray, volume: FloatArray) -> None:
        """One bar later; `squared_changes` are the sums over the bars that σ is taken of."""
        if self._history:
            self._vpin, self._every = np.concatenate([recent_vpin(lane) for lane in self._history]), TOXICITY_STEP
            self._history.clear()
        signed = buy_fraction(change, np.sqrt(squared_changes / SIGMA_BARS))
        signed += signed
        signed -= 1
        signed *= volume
        running, vpin = self._running[:, at.columns], self._vpin[at.columns]
        running[..., :-1] = running[..., 1:]
        running[0, :, -1] += volume
        running[1, :, -1] += signed
        # Sums since the window began, not since the engine did: what an old spike rounded away heals with it.
        running -= running[..., :1].copy()
        vpin[:, :-1] = vpin[:, 1:]
        vpin[:, -1] = self._newest_vpin(at.columns)

    def recent(self, columns: slice) -> tuple[FloatArray, FloatArray]:
        """(bought − sold, traded) over the last 10 bars."""
        running = self._running[:, columns]
        traded, bought = running[..., -1] - running[..., -1 - OFI_BARS]
        return bought, traded

    def vpin_and_toxicity(self, columns: slice) -> tuple[FloatArray, FloatArray]:
        """Toxicity is NaN where one of the values that it ranks is."""
        ranked = self._vpin[columns, :: self._every]
        newest = ranked[:, -1]
        unknown = 0.0 * np.add.reduce(ranked, axis=1)
        return newest, np.add.reduce(ranked <= newest[:, None], axis=1) / TOXICITY_SAMPLES + unknown

    def _newest_vpin(self, columns: slice) -> FloatArray:
        """VPIN over the last 100 bars. All series lie one behind the other on one axis of volume, so that one
        interpolation serves them all."""
        volume, signed = self._running[:, columns]
        start = volume[:, :1]
        total = volume[:, -1] - volume[:, 0]
        axis = volume - start
        axis *= (_ROOM / np.where(total > 0, total, np.inf))[:, None]
        axis += self._places[columns]
        at_edges = np.interp(self._edges[columns].reshape(-1), axis.reshape(-1), signed.reshape(-1))
        return ratio(_absolute_moves(at_edges.reshape(-1, VPIN_BUCKETS + 1)), total)


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
    moved = at_edges[:, 1:] - at_edges[:, :-1]
    total: FloatArray = np.add.reduce(np.abs(moved, out=moved), axis=1)
    return total
