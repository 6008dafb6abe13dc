"""Who was the aggressor, read from bars alone: bulk volume classification and what follows from it.

`ofi_bar` is a proxy under a name of its own; the order flow imbalance of quotes is in `engine.model.quote_flow`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from engine.experts.rolling import ZERO, padded, ratio, trailing_sums
from engine.model import FloatArray, IntArray

SIGMA_BARS = 50
OFI_BARS = 10
VPIN_BARS = 100
VPIN_BUCKETS = 50
TOXICITY_STEP = 4
TOXICITY_SAMPLES = 24

_EDGES = np.linspace(0.0, 1.0, VPIN_BUCKETS + 1)
_INFINITE = np.full((), np.inf)
_STEPS_BACK = TOXICITY_STEP * np.arange(TOXICITY_SAMPLES)


def buy_fraction(change: FloatArray, sigma: FloatArray) -> FloatArray:
    """Share of a bar's volume that was bought, Φ(ΔP/σ).

    A bar whose σ is zero says nothing about its aggressor and is split in half.
    Source: Easley, López de Prado, O'Hara, Rev. Fin. Studies 25(5):1457-1493 (2012).
    """
    moving = sigma.copy()
    np.copyto(moving, _INFINITE, where=~(moving > ZERO))
    share: FloatArray = ndtr(change / moving)
    return share


def bucket_vpin(bought: FloatArray, bucket_volume: float) -> float:
    """Σ|V^B − V^S| / (n·V) over n buckets of equal volume V, in [0, 1]. Source: as `buy_fraction`."""
    return float(np.abs(2 * bought - bucket_volume).sum() / (len(bought) * bucket_volume))


class BarFlow:
    """Signed volume of every bar from the first whose σ is known, oldest first.

    σ is the root mean square of the last 50 close-to-close changes, the bar's own included: mean zero
    is assumed, because a drift taken out of 50 bars is the trend that is to be seen.
    """

    def __init__(self, close: FloatArray, volume: FloatArray, rows: int) -> None:
        need = rows + VPIN_BARS + TOXICITY_STEP * (TOXICITY_SAMPLES - 1)
        change = (close[1:] - close[:-1])[-(need + SIGMA_BARS) :]
        bars = min(need, max(0, len(change) - SIGMA_BARS + 1))
        self._rows = rows
        self.sigma = np.sqrt(trailing_sums(change * change, SIGMA_BARS, bars) / SIGMA_BARS) if bars else change[:0]
        self.volume = volume[len(volume) - bars :]
        share = buy_fraction(change[len(change) - bars :], self.sigma)
        still = padded(self.sigma, rows)
        self._moving = still > 0
        self.frozen = still <= 0
        """Whether each of the last rows closes 50 bars without a change; false where so many are not known."""
        self.signed = self.volume * (2 * share - 1)

    def ofi_bar(self) -> FloatArray:
        """(V^B − V^S)/V over the last 10 bars, in [−1, 1]; NaN without volume or in a frozen market."""
        bought = trailing_sums(self.signed, OFI_BARS, self._rows)
        return self._unless_frozen(ratio(bought, trailing_sums(self.volume, OFI_BARS, self._rows)))

    def vpin_and_toxicity(self) -> tuple[FloatArray, FloatArray]:
        """VPIN in [0, 1] and its toxicity: the share of its own recent values that it is not below.

        VPIN: 50 buckets of equal volume fill the last 100 bars exactly (V = their volume / 50), a bar that
        straddles an edge is split in proportion. Toxicity ranks the value among itself and the 23 values
        at steps of 4 bars before (the paper's CDF of VPIN); unknown until all of them exist. A flag to be careful,
        never a direction: Andersen & Bondarenko (J. Fin. Markets 2014) find no power beyond volatility.
        """
        bars = len(self.volume)
        latest = np.arange(bars - self._rows + 1, bars + 1)
        sampled = np.maximum(latest[:, None] - _STEPS_BACK, 0)
        if self._rows == 1:
            window = self._vpin(sampled[0])[None, :]
        else:
            ends, place = np.unique(sampled, return_inverse=True)
            window = self._vpin(ends)[place.reshape(sampled.shape)]
        latest_vpin = window[:, 0]
        rank = np.add.reduce(window <= window[:, :1], axis=1) / TOXICITY_SAMPLES
        rank = np.where(np.isnan(np.add.reduce(window, axis=1)), np.nan, rank)
        return self._unless_frozen(latest_vpin), self._unless_frozen(rank)

    def _vpin(self, ends: IntArray) -> FloatArray:
        """VPIN of the 100 bars before each of `ends` (counts of bars); NaN where fewer exist."""
        values = np.full(len(ends), np.nan)
        enough = ends >= VPIN_BARS
        if len(self.volume) < VPIN_BARS:
            return values
        volume, signed = _running(self.volume), _running(self.signed)
        start, stop = volume[ends[enough] - VPIN_BARS], volume[ends[enough]]
        edges = start[:, None] + (stop - start)[:, None] * _EDGES
        at_edges = np.interp(edges, volume, signed)
        values[enough] = ratio(np.abs(at_edges[:, 1:] - at_edges[:, :-1]).sum(axis=1), stop - start)
        return values

    def _unless_frozen(self, values: FloatArray) -> FloatArray:
        return np.where(self._moving, values, np.nan)


def _running(values: FloatArray) -> FloatArray:
    """Cumulative sums with the 0 before the first."""
    sums = np.zeros(len(values) + 1)
    values.cumsum(out=sums[1:])
    return sums
