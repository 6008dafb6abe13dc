"""Trailing stops (move_order_stop): follow the best price, fire when it falls back by the callback. Pure.

A sell follows the highest price and fires at peak × (1 − ratio) or peak − spread; a buy mirrors it. With an
activation price it starts to follow only when that has been reached.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.exchange.simulator.records import Algo
from engine.model import FloatArray


def move_trigger(algo: Algo) -> Decimal | None:
    """The price at which it would fire now; None when it is another type or not active yet."""
    if algo.ord_type != "move_order_stop" or algo.peak is None:
        return None
    return Decimal(repr(round(float(fire_levels(algo, np.array([algo.peak]))[0]), 10)))


def fire_levels(algo: Algo, peaks: FloatArray) -> FloatArray:
    """The firing price for each peak."""
    if algo.callback_ratio is not None:
        levels: FloatArray = peaks * (1 + algo.sign * float(algo.callback_ratio))
    else:
        levels = peaks + algo.sign * float(algo.callback_spread or 0)
    return levels


def peaks_along(algo: Algo, prices: FloatArray) -> FloatArray:
    """The best price up to each step; NaN while not active."""
    selling = algo.sign < 0
    peak = algo.peak
    followed = np.full(len(prices), np.nan)
    start = 0
    if peak is None:
        active = float(algo.active_px or 0)
        reached = np.flatnonzero(prices >= active if selling else prices <= active)
        if not len(reached):
            return followed
        start = int(reached[0])
        peak = float(prices[start])
    best = np.maximum.accumulate if selling else np.minimum.accumulate
    followed[start:] = best(np.concatenate(([peak], prices[start:])))[1:]
    return followed


def first_fire(algo: Algo, prices: FloatArray) -> int | None:
    """Index of the first step at which it fires."""
    peaks = peaks_along(algo, prices)
    levels = fire_levels(algo, peaks)
    fired = np.flatnonzero(prices <= levels if algo.sign < 0 else prices >= levels)
    return int(fired[0]) if len(fired) else None
