"""The exponential averages of many series at once: from a whole window, and one bar later.

The last value of an exponential average is a weighted sum of its inputs, and so is an average of averages.
For windows of one length the weights are always the same, so that all series are one product. Seeds are
TA-Lib's: the simple average of the first `period` inputs, both averages of MACD at the slow one's start.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.experts.trend import EMA_PERIODS
from engine.experts.volatility import ATR_PERIOD
from engine.model import FloatArray

FAST, SLOW, SIGNAL = 12, 26, 9

GAINS, LOSSES, FAST_EMA, SLOW_EMA, EMA9, EMA20, EMA50, RANGES = range(8)
"""Rows of the averages: Wilder's of gains, losses and true ranges, the others of closes."""
CLOSES = slice(FAST_EMA, RANGES)
PERIODS = (FAST, SLOW, *EMA_PERIODS)
SHARES = (*[1 / ATR_PERIOD] * 2, *(2 / (period + 1) for period in PERIODS), 1 / ATR_PERIOD)
"""What the newest input weighs in each of them."""
SIGNAL_SHARE = np.array(2 / (SIGNAL + 1))


def seeded(close: FloatArray, gains: FloatArray, losses: FloatArray, ranges: FloatArray) -> FloatArray:
    """The eight averages and, last, MACD's signal line; shape (9, series).

    `close` is (series, bars), the others (series, bars − 1); bars ≥ 50.
    """
    n = close.shape[1]
    wilder = ema_weights(n - 1, ATR_PERIOD, 1 / ATR_PERIOD)
    averages = np.empty((9, len(close)))
    # einsum, not a matrix product: a series' sum must not depend on how many others stand beside it.
    of_closes = np.einsum("sn,kn->ks", close, _close_weights(n))
    averages[CLOSES], averages[8] = of_closes[:-1], of_closes[-1]
    for row, inputs in ((GAINS, gains), (LOSSES, losses), (RANGES, ranges)):
        averages[row] = np.einsum("sn,n->s", inputs, wilder)
    return averages


def step(averages: FloatArray, inputs: FloatArray, shares: FloatArray) -> None:
    """Averages go on by one input each, in place; `inputs` is lost."""
    inputs -= averages
    inputs *= shares
    averages += inputs


def ema_weights(n: int, period: int, share: float, start: int = 0) -> FloatArray:
    """What each of n inputs weighs in the average's last value; it begins with the plain mean of `period` of them."""
    age = np.arange(n - 1, -1, -1)
    weights: FloatArray = share * np.power(1 - share, age, dtype=np.float64)
    begun = start + period
    weights[start:begun] = (1 - share) ** (n - begun) / period
    weights[:start] = 0.0
    return weights


@cache
def _close_weights(n: int) -> FloatArray:
    """Shape (6, n): the five averages of closes, then MACD's signal line, an average of what is between two of them."""
    starts = (SLOW - FAST, 0, 0, 0, 0)
    rows = [ema_weights(n, p, 2 / (p + 1), start) for p, start in zip(PERIODS, starts, strict=True)]
    line = np.zeros((2, n))
    line[0, :SLOW], line[1, :SLOW] = (ema_weights(SLOW, p, 2 / (p + 1), SLOW - p) for p in (FAST, SLOW))
    steps = np.array([2 / (FAST + 1), 2 / (SLOW + 1)])
    signal = np.zeros(n)
    for bar, weight in enumerate(ema_weights(n - SLOW + 1, SIGNAL, 2 / (SIGNAL + 1)), SLOW - 1):
        if bar >= SLOW:
            line *= 1 - steps[:, None]
            line[:, bar] = steps
        signal += weight * (line[0] - line[1])
    return np.stack([*rows, signal])
