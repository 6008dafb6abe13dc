"""Exponential averages and what is made of them: the 9/20/50 stack and MACD(12, 26, 9).

TA-Lib seeds an EMA with the simple average of its first period, so the first values appear at bar
`period`. Source: Appel (1979) for MACD; EMA multiplier 2 / (period + 1).
"""

from __future__ import annotations

import numpy as np
import talib

from engine.experts.rolling import ZERO, padded
from engine.model import FloatArray

EMA_PERIODS = (9, 20, 50)


def ema_columns(close: FloatArray, rows: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """EMA 9, 20 and 50 in price units, shape (rows,) each."""
    nine, twenty, fifty = (padded(talib.EMA(close, period), rows) for period in EMA_PERIODS)
    return nine, twenty, fifty


def macd_columns(close: FloatArray, rows: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """MACD line, its signal line and the histogram between them, in price units."""
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    return padded(line, rows), padded(signal, rows), padded(histogram, rows)


def stack_gap(ema9: FloatArray, ema20: FloatArray, ema50: FloatArray) -> FloatArray:
    """How far the three averages are stacked in one order, in price units.

    The smaller of the two gaps when 9 > 20 > 50, minus the smaller when 9 < 20 < 50, else 0: the
    weakest link of the stack, which goes to 0 continuously where the order breaks.
    """
    fast, slow = ema9 - ema20, ema20 - ema50
    rising, falling = np.minimum(fast, slow), np.maximum(fast, slow)
    gap: FloatArray = np.maximum(rising, ZERO) + np.minimum(falling, ZERO)
    return gap
