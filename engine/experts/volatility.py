"""Range and dispersion: ATR(14), Bollinger(20, 2) and realised volatility."""

from __future__ import annotations

import numpy as np
import talib

from engine.experts.rolling import padded, ratio, trailing_sums
from engine.model import FloatArray, Timeframe

ATR_PERIOD = 14
BOLLINGER_PERIOD = 20
BOLLINGER_SIGMAS = 2.0
REALISED_BARS = 96
YEAR_MS = 365 * 86_400_000
ROUNDING_NOISE = 1e-7
"""A 20-bar deviation under this fraction of the price is what float64 leaves of a constant, not dispersion."""


def atr_column(high: FloatArray, low: FloatArray, close: FloatArray, rows: int) -> FloatArray:
    """ATR in price units; ATR_t = (13·ATR_{t−1} + TR_t)/14. Source: Wilder (1978)."""
    return padded(talib.ATR(high, low, close, ATR_PERIOD), rows)


def bollinger_columns(close: FloatArray, rows: int) -> tuple[FloatArray, FloatArray]:
    """(position, width) of the 20-bar band of two population sigmas.

    Position is −1 on the lower band, 0 on the middle, +1 on the upper; width is (upper − lower)/middle.
    Source: Bollinger (2001).
    """
    upper, middle, lower = (
        padded(band, rows) for band in talib.BBANDS(close, BOLLINGER_PERIOD, BOLLINGER_SIGMAS, BOLLINGER_SIGMAS)
    )
    half = (upper - lower) / 2
    half = np.where(half > BOLLINGER_SIGMAS * ROUNDING_NOISE * middle, half, np.nan)
    return (padded(close, rows) - middle) / half, ratio(2 * half, middle)


def bars_per_year(timeframe: Timeframe) -> float:
    """Bars of a market that never closes: 35,040 of 15 minutes."""
    return YEAR_MS / timeframe.ms


def realised_vol_column(returns: FloatArray, per_year: float, rows: int) -> FloatArray:
    """Annualised volatility, a fraction: sqrt(RV·K/M) with RV the sum of the last M = 96 squared log returns.

    Source: Andersen, Bollerslev, Diebold, Labys, Econometrica 71(2) (2003).
    """
    variance = trailing_sums(returns * returns, REALISED_BARS, rows)
    annual: FloatArray = np.sqrt(variance * (per_year / REALISED_BARS))
    return annual
