"""RSI(14) with Wilder's smoothing. Source: Wilder, New Concepts in Technical Trading Systems (1978)."""

from __future__ import annotations

import numpy as np
import talib

from engine.experts.rolling import padded, trailing_sums
from engine.model import FloatArray

RSI_PERIOD = 14


def rsi_column(close: FloatArray, rows: int) -> FloatArray:
    """RSI in [0, 100]; unknown while the last 14 changes are all zero.

    TA-Lib answers 0, the most bearish value there is, for a price that never moved: a frozen
    market has no momentum to measure.
    """
    rsi = padded(talib.RSI(close, RSI_PERIOD), rows)
    tail = close[max(0, len(close) - rows - RSI_PERIOD) :]
    changes = trailing_sums((tail[1:] != tail[:-1]).astype(np.float64), RSI_PERIOD, rows)
    return np.where(changes > 0, rsi, np.nan)
