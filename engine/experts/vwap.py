"""VWAP anchored at 00:00 UTC, and how far the close is from it."""

from __future__ import annotations

import numpy as np

from engine.experts.rolling import ratio
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
    days = candles.ts // DAY_MS
    begin = int(days.searchsorted(days[len(days) - rows]))
    typical = (candles.high[begin:] + candles.low[begin:] + candles.close[begin:]) / 3
    starts = np.flatnonzero(np.diff(days[begin:], prepend=-1))
    anchor = np.repeat(typical[starts], np.diff(starts, append=len(typical)))
    v, pv, ppv = _since_midnight(candles.volume[begin:], typical - anchor, starts)[:, -rows:]
    return _deviations(v, pv, ppv, anchor[-rows:], candles.close[len(candles) - rows :])


def _since_midnight(volume: FloatArray, offset: FloatArray, starts: IntArray) -> FloatArray:
    """Σv, Σv·offset and Σv·offset² from each bar's midnight to the bar; each day is added up by itself, so that a
    day's first bars keep no rounding residue of the days before. Shape (3, bars)."""
    first = volume * offset
    weighted = np.stack((volume, first, first * offset))
    return np.concatenate([np.cumsum(day, axis=1) for day in np.split(weighted, starts[1:], axis=1)], axis=1)


def _deviations(
    v: FloatArray, pv: FloatArray, ppv: FloatArray, anchor: FloatArray, close: FloatArray
) -> tuple[FloatArray, FloatArray]:
    centre = ratio(pv, v)
    variance = ratio(ppv, v) - centre * centre
    vwap = anchor + centre
    sigma = np.sqrt(np.maximum(variance, 0.0))
    deviation = close - vwap
    return ratio(deviation, vwap), ratio(deviation, np.where(sigma > ROUNDING_NOISE * vwap, sigma, np.nan))
