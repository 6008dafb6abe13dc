"""Bulk-classified flow of many series side by side: the formulas of `flow`, time first, series second."""

from __future__ import annotations

import numpy as np

from engine.experts.flow import SIGMA_BARS, TOXICITY_SAMPLES, TOXICITY_STEP, VPIN_BARS, VPIN_BUCKETS, buy_fraction
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


def running_flow(change: FloatArray, volume: FloatArray) -> FloatArray:
    """(volume, bought − sold) summed up since before the first of the last 192 bars; shape (193, 2, series).

    `change` holds at least 241 close-to-close changes, oldest first, and `volume` the bars' volumes.
    """
    squares = (change * change)[-(FLOW_BARS + SIGMA_BARS - 1) :]
    squared = squares[:FLOW_BARS].copy()
    for back in range(1, SIGMA_BARS):
        squared += squares[back : back + FLOW_BARS]
    share = buy_fraction(change[-FLOW_BARS:], np.sqrt(squared / SIGMA_BARS))
    running = np.zeros((FLOW_BARS + 1, 2, change.shape[1]))
    np.cumsum(volume[-FLOW_BARS:], axis=0, out=running[1:, 0])
    np.cumsum(volume[-FLOW_BARS:] * (2 * share - 1), axis=0, out=running[1:, 1])
    return running


def recent_vpin(running: FloatArray, every: int = 1) -> FloatArray:
    """VPIN at each `every`-th of the last 93 bars, the last among them, oldest first; (93 or 24, series).

    NaN where 100 bars have no volume. `running` is `running_flow`'s.
    """
    values = np.empty((len(range(0, RANKED, every)), running.shape[2]))
    for column in range(running.shape[2]):
        volume, signed = (np.ascontiguousarray(running[:, part, column]) for part in (0, 1))
        start = volume[:RANKED:every]
        total = volume[VPIN_BARS::every] - start
        at_edges = np.interp(start[:, None] + total[:, None] * _EDGES, volume, signed)
        values[:, column] = ratio(_absolute_moves(at_edges), total)
    return values


def newest_vpin(volume: FloatArray, signed: FloatArray) -> FloatArray:
    """VPIN over the last 100 bars, shape (series,), from running sums (series, 101).

    All series lie one behind the other on one axis of volume, so that one interpolation serves them all.
    """
    start = volume[:, :1]
    total = volume[:, -1:] - start
    places = np.arange(len(volume), dtype=np.float64)[:, None]
    axis = volume - start
    axis *= _ROOM / np.where(total > 0, total, np.inf)
    axis += places
    at_edges = np.interp((places + _ROOM * _EDGES).ravel(), axis.ravel(), signed.ravel())
    return ratio(_absolute_moves(at_edges.reshape(-1, VPIN_BUCKETS + 1)), total[:, 0])


def _absolute_moves(at_edges: FloatArray) -> FloatArray:
    moved = at_edges[:, 1:] - at_edges[:, :-1]
    total: FloatArray = np.add.reduce(np.abs(moved, out=moved), axis=1)
    return total
