"""Fear & Greed of the simulated market: what its own BTC did, and what the crowd says of it.

The index of a day is published at its 00:00 UTC and knows the days before it only. It is a pure function of market
and day. The real index, 2018 to 2025: mean 46, deviation 22, autocorrelation of a day .957, daily change 6.5.
"""

from __future__ import annotations

import numpy as np

from engine.exchange.simulator.market import Market
from engine.exchange.simulator.noise import normal, normals
from engine.model import FloatArray

DAY_MS = 86_400_000
BTC = "BTC-USDT-SWAP"
_DAYS = 100
_FEWEST_DAYS = 30
_MEAN, _DEVIATION, _WOBBLE = 46.0, 19.0, 2.6
_MEMORY, _STORM_MEMORY = 0.94, 0.93
"""What is left of a day's feeling, and of its storm, on the next one."""
_MOMENTUM, _STORM, _TALK = 0.72, 0.30, 0.62
"""Shares of the deviation: past returns, range against its usual, and what no price explains."""


def fear_greed(market: Market, key: int, now_ms: int) -> tuple[int, int] | None:
    """(index 0–100, its day in ms UTC) as published last at `now_ms`; None before there are 30 days to judge by."""
    day = now_ms // DAY_MS * DAY_MS
    rows = market.candles(BTC, "1Dutc", now_ms=day, after_ms=day, limit=_DAYS)
    if len(rows) < _FEWEST_DAYS:
        return None
    opened, high, low, close = np.array([row[1:5] for row in reversed(rows)], dtype=np.float64).T
    number = day // DAY_MS
    feeling = (
        _MOMENTUM * _faded(_standard(np.log(close / opened)), _MEMORY)
        - _STORM * _faded(_standard(np.log(high / low)), _STORM_MEMORY)
        + _TALK * _faded(normals(key, np.arange(number - _DAYS, number, dtype=np.int64)), _MEMORY)
    )
    index = _MEAN + _DEVIATION * feeling + _WOBBLE * normal(key + 1, number)
    return int(np.clip(round(index), 3, 97)), day


def _standard(values: FloatArray) -> FloatArray:
    """In deviations from the usual, within ±3: one wild day is one day."""
    scale = float(np.std(values)) or 1.0
    return np.clip((values - np.mean(values)) / scale, -3.0, 3.0)


def _faded(values: FloatArray, memory: float) -> float:
    """Past values, oldest first, each day's weighing `memory` times the next one's; noise keeps variance 1."""
    weights = memory ** np.arange(len(values) - 1, -1, -1) * np.sqrt(1 - memory**2)
    return float(values @ weights)
