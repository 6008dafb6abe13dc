"""VWAP anchored at 00:00 UTC, and how far the close is from it."""

from __future__ import annotations

import numpy as np

from engine.experts.rolling import padded, ratio
from engine.model import Candles, FloatArray, IntArray

DAY_MS = 86_400_000
ROUNDING_NOISE = 1e-9


def vwap_columns(candles: Candles, rows: int) -> tuple[FloatArray, FloatArray]:
    """(deviation as a fraction of VWAP, deviation in σ) of the last `rows` closes.

    VWAP = Σ(typical·v)/Σv over the bars of the close's UTC day, typical = (H + L + C)/3, σ the
    volume-weighted deviation of typical around it. NaN on a day without volume; the σ form is also
    NaN on a day's first bar. Bars are placed by their open time.
    """
    rows = min(rows, len(candles))
    midnight = candles.ts[len(candles) - rows :] // DAY_MS * DAY_MS
    begin = int(candles.ts.searchsorted(midnight[0]))
    typical = (candles.high[begin:] + candles.low[begin:] + candles.close[begin:]) / 3
    anchor = candles.ts[begin:].searchsorted(midnight)
    return _deviations(typical, candles.volume[begin:], candles.close, anchor)


def _deviations(
    typical: FloatArray, volume: FloatArray, close: FloatArray, anchor: IntArray
) -> tuple[FloatArray, FloatArray]:
    rows = len(anchor)
    offset = typical - typical[0]
    first_moment = volume * offset
    v, pv, ppv = (_since(anchor, weighted, rows) for weighted in (volume, first_moment, first_moment * offset))
    centre = ratio(pv, v)
    variance = ratio(ppv, v) - centre * centre
    vwap = typical[0] + centre
    sigma = np.sqrt(np.maximum(variance, 0.0))
    deviation = padded(close, rows) - vwap
    return ratio(deviation, vwap), ratio(deviation, np.where(sigma > ROUNDING_NOISE * vwap, sigma, np.nan))


def _since(anchor: IntArray, weighted: FloatArray, rows: int) -> FloatArray:
    """Sum from each row's day anchor to the row itself."""
    if rows == 1:
        return np.add.reduce(weighted, keepdims=True)
    running = np.concatenate(([0.0], np.cumsum(weighted)))
    sums: FloatArray = running[len(running) - rows :] - running[anchor]
    return sums
