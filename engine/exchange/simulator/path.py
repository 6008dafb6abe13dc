"""The way of the price inside each base bar: through open, high, low and close exactly, every few seconds.

Between those four anchors runs a Brownian bridge, folded back where it would leave the bar. The first step
is the open at the bar's open time, the last is the close one step before its end: whatever candle is cut
from the path holds exactly the trades of its span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.exchange.simulator.bars import Bars
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.noise import normals, uniforms
from engine.model import FloatArray, IntArray

MINUTE_MS = 60_000
_BRIDGE_SCALE = 0.55
_LOW_FIRST_SHARE = 0.8


def step_ms(interval_ms: int) -> int:
    """Length of one sub-step: 5 s, for bars above 5 minutes 10 s."""
    return 5_000 if interval_ms <= 5 * MINUTE_MS else 10_000


@dataclass(frozen=True, slots=True)
class PathSlice:
    """Trade times (ms), prices on the tick grid and volumes in base units, each of shape (n,)."""

    ts: IntArray
    price: FloatArray
    volume: FloatArray

    def between(self, from_ms: int, to_ms: int) -> PathSlice:
        """The steps in (from_ms, to_ms]."""
        first, last = np.searchsorted(self.ts, (from_ms, to_ms), side="right")
        return PathSlice(self.ts[first:last], self.price[first:last], self.volume[first:last])


def _anchors(bars: Bars, key: int, steps: int) -> tuple[IntArray, FloatArray]:
    """Step numbers (n, 4), ascending, and prices (n, 4): open, the two extremes in their order, close."""
    draws = uniforms(key, bars.ts[:, None] * 8 + np.arange(3))
    places = np.sort(1 + (draws[:, :2] * (steps - 2)).astype(np.int64), axis=1)
    places[:, 1] = np.where(places[:, 0] == places[:, 1], places[:, 1] + 1, places[:, 1])
    places -= (places[:, 1:] > steps - 2).astype(np.int64)
    low_first = (draws[:, 2] < _LOW_FIRST_SHARE) == (bars.close >= bars.open)
    low_at, high_at = np.where(low_first, places[:, 0], places[:, 1]), np.where(low_first, places[:, 1], places[:, 0])
    # An extreme that the open or the close already is needs no second visit.
    low_at, high_at = (
        np.where(extreme == bars.open, 0, np.where(extreme == bars.close, steps - 1, at))
        for extreme, at in ((bars.low, low_at), (bars.high, high_at))
    )
    first_low = low_at <= high_at
    index = np.stack(
        [
            np.zeros_like(low_at),
            np.where(first_low, low_at, high_at),
            np.where(first_low, high_at, low_at),
            np.full_like(low_at, steps - 1),
        ],
        axis=1,
    )
    price = np.stack(
        [bars.open, np.where(first_low, bars.low, bars.high), np.where(first_low, bars.high, bars.low), bars.close],
        axis=1,
    )
    return index, price


def _bridge(walk: FloatArray, index: IntArray, price: FloatArray, steps: int) -> tuple[FloatArray, FloatArray]:
    """The straight way between anchors and the noise that vanishes at them, both (n, steps)."""
    at = np.arange(steps)[None, :]
    segment = (at > index[:, 1:2]).astype(np.int64) + (at > index[:, 2:3])
    left, right = (np.take_along_axis(index, segment + side, axis=1) for side in (0, 1))
    share = (at - left) / np.maximum(right - left, 1)
    from_price, to_price = (np.take_along_axis(price, segment + side, axis=1) for side in (0, 1))
    from_walk, to_walk = (np.take_along_axis(walk, place, axis=1) for place in (left, right))
    straight = from_price + share * (to_price - from_price)
    return straight, walk - from_walk - share * (to_walk - from_walk)


def _volumes(prices: FloatArray, bars: Bars, noise: FloatArray) -> FloatArray:
    """The bar's volume shared among its steps: more where the price moves, in bursts."""
    moves = np.abs(np.diff(prices, axis=1, prepend=prices[:, :1]))
    mean = np.maximum(moves.mean(axis=1, keepdims=True), 1e-12)
    weights: FloatArray = (0.4 + moves / mean) * np.exp(0.9 * noise)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True) * bars.volume[:, None], dtype=np.float64)


def build_path(bars: Bars, interval_ms: int, grid: Grid, key: int) -> PathSlice:
    """The path of consecutive `bars`; a bar without volume had no trade and leaves none."""
    traded: NDArray[np.bool_] = bars.volume > 0
    bars = bars.pick(traded)
    step = step_ms(interval_ms)
    steps = interval_ms // step
    ts = bars.ts[:, None] + np.arange(steps) * step
    noise = normals(key, ts)
    index, anchors = _anchors(bars, key + 1, steps)
    straight, loose = _bridge(np.cumsum(noise, axis=1), index, anchors, steps)
    high, low = bars.high[:, None], bars.low[:, None]
    prices = straight + loose * ((high - low) * (_BRIDGE_SCALE / steps**0.5))
    prices = np.where(prices > high, 2 * high - prices, prices)
    prices = np.where(prices < low, 2 * low - prices, prices)
    prices = grid.snap(np.clip(prices, low, high))
    np.put_along_axis(prices, index, anchors, axis=1)
    volumes = _volumes(prices, bars, normals(key + 2, ts))
    return PathSlice(ts.ravel(), prices.ravel(), volumes.ravel())
