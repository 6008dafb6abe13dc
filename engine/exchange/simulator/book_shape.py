"""The order book at a moment: a thick best quote, thin levels behind it, a wall here and there.

Shape after recorded books (BTC, ETH, 78 others): spread one tick in 99 % of samples, sizes at levels
2..25 a few percent of the best, mean several times the median, imbalance that forgets within ten seconds
and leans weakly towards the next move. A level's size belongs to its price and a short while, so that
neighbouring snapshots look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import BookRow
from engine.exchange.simulator.noise import key_of, normals, smooth, uniform, uniforms
from engine.exchange.simulator.price_feed import PriceFeed
from engine.exchange.simulator.seasons import is_weekend
from engine.exchange.simulator.specs import InstrumentSpec
from engine.model import FloatArray, IntArray

_FLICKER_MS = 200
_REFILL_MS = 1_000
_LEVEL_MS = 4_000
_WALL_MS = 600_000
_WALL_SHARE, _WALL_SIZE = 0.012, 14.0
_HINT = 0.3
_BURST_SHARE = 0.008


@dataclass(frozen=True, slots=True)
class Best:
    """The best quotes in ticks and their sizes in lots; `quote_lots` is the usual size there."""

    bid: int
    ask: int
    bid_lots: int
    ask_lots: int
    quote_lots: float


class BookShape:
    """Books of every instrument of one feed."""

    def __init__(self, feed: PriceFeed) -> None:
        self._feed = feed
        self._keys = {inst_id: key_of(feed.source.seed, "book", inst_id) for inst_id in feed.source.specs}
        self._lots = {inst_id: Grid.of(spec.lot_sz) for inst_id, spec in feed.source.specs.items()}

    def best(self, inst_id: str, t_ms: int) -> Best:
        """Best bid and ask; one of them is where the last trade was."""
        spec, grid, key = self._feed.source.specs[inst_id], self._feed.grid(inst_id), self._keys[inst_id]
        price = self._feed.last(inst_id, t_ms)
        last = grid.tick(price)
        quiet = is_weekend(spec.asset_class, t_ms)
        spread = self._spread(spec, key, t_ms, quiet)
        lean = self._lean(inst_id, key, t_ms, price)
        bought = smooth(key + 5, t_ms, 3_000) + 0.5 * lean > 0
        ask = last if bought else last + spread
        usual = _quote_usdt(spec) * (0.35 if quiet else 1.0) / (price * float(spec.units * spec.lot_sz))
        tilt = float(np.tanh(0.85 * lean))
        noise = 0.35 * smooth(key + 6, t_ms, _REFILL_MS)
        bid_lots = max(1, round(usual * (1 + tilt) * np.exp(noise)))
        ask_lots = max(1, round(usual * (1 - tilt) * np.exp(-noise)))
        return Best(max(1, ask - spread), ask, bid_lots, ask_lots, usual)

    def snapshot(self, inst_id: str, t_ms: int, depth: int) -> tuple[list[BookRow], list[BookRow]]:
        """(bids, asks), best first, at most `depth` (≤ 400) levels a side."""
        best = self.best(inst_id, t_ms)
        depth = max(1, min(depth, 400))
        bids = self._side(inst_id, t_ms, best, depth, -1)
        return bids, self._side(inst_id, t_ms, best, depth, 1)

    def _spread(self, spec: InstrumentSpec, key: int, t_ms: int, quiet: bool) -> int:
        usual = spec.spread_ticks
        if usual > 1.05:
            usual *= float(np.exp(0.35 * smooth(key + 1, t_ms, 30_000))) * (2.2 if quiet else 1.0)
        chance = uniform(key + 2, t_ms // _FLICKER_MS)
        if chance < _BURST_SHARE:
            usual += 2 + 10 * (chance / _BURST_SHARE) ** 3
        return max(1, round(usual))

    def _lean(self, inst_id: str, key: int, t_ms: int, price: float) -> float:
        """Imbalance before it is bounded: noise that forgets in seconds, and a hint of the next step."""
        noise = 0.5 * smooth(key + 3, t_ms, 4_000) + 0.45 * smooth(key + 4, t_ms, 1_200)
        coming = self._feed.trades(inst_id, t_ms, t_ms + 5_000).price
        return noise + (_HINT * float(np.sign(coming[-1] - price)) if len(coming) else 0.0)

    def _side(self, inst_id: str, t_ms: int, best: Best, depth: int, sign: int) -> list[BookRow]:
        spec, grid, key = self._feed.source.specs[inst_id], self._feed.grid(inst_id), self._keys[inst_id] + sign
        inner, lots = (best.bid, best.bid_lots) if sign < 0 else (best.ask, best.ask_lots)
        tick_bps = 1e4 / max(inner, 1)
        occupied = 0.45 if tick_bps < 0.2 else 0.88
        reach = int(depth / occupied * 1.3) + 10
        ticks = inner + sign * np.arange(1, reach + 1, dtype=np.int64)
        taken = (uniforms(key + 10, ticks * 4096 + t_ms // _LEVEL_MS % 4096) < occupied) & (ticks > 0)
        ticks = ticks[taken][: depth - 1]
        thin = min(0.3 * best.quote_lots, _density_share(spec) * best.quote_lots * tick_bps / occupied)
        sizes = np.maximum(1, np.rint(thin * self._shape(key, ticks, t_ms))).astype(np.int64)
        lot_grid = self._lots[inst_id]
        crowd = uniforms(key + 14, ticks)
        rows = [
            BookRow(grid.decimal(inner), lot_grid.decimal(lots), 1 + int(8 * uniform(key + 15, t_ms // _REFILL_MS)))
        ]
        for tick, size, share in zip(ticks.tolist(), sizes.tolist(), crowd.tolist(), strict=True):
            rows.append(BookRow(grid.decimal(tick), lot_grid.decimal(size), 1 + int(4 * share * share)))
        return rows

    def _shape(self, key: int, ticks: IntArray, t_ms: int) -> FloatArray:
        """Sizes of the deeper levels relative to a thin level: skewed, growing outwards, with rare walls."""
        steady = normals(key + 11, ticks * 512 + t_ms // _LEVEL_MS % 512)
        fresh = normals(key + 12, ticks * 512 + t_ms // _REFILL_MS % 512)
        wall = uniforms(key + 13, ticks * 512 + t_ms // _WALL_MS % 512) < _WALL_SHARE
        round_number = np.where(ticks % 100 == 0, 3.0, 1.0)
        growth = 1 + 0.35 * np.log1p(np.arange(len(ticks)))
        shape: FloatArray = np.exp(0.95 * steady + 0.35 * fresh - 0.5) * growth * round_number
        return np.where(wall, shape + _WALL_SIZE, shape)


def _quote_usdt(spec: InstrumentSpec) -> float:
    """Usual USDT at the best quote: 240 k for BTC, some 5 k for a stock."""
    return float(0.5 * spec.turnover_5m**0.775)


def _density_share(spec: InstrumentSpec) -> float:
    """USDT per basis point behind the best quote, over what rests at it."""
    return float(1.5 * spec.turnover_5m**0.72 / _quote_usdt(spec))
