"""Public trades: prints that add up to the path's volume and end each step at the path's price."""

from __future__ import annotations

from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import Trade
from engine.exchange.simulator.noise import key_of, smooth, uniform
from engine.exchange.simulator.path import step_ms
from engine.exchange.simulator.price_feed import PriceFeed

_MOST_PRINTS = 5
_ID_ORIGIN_MS = 1_500_000_000_000
_PRINT_MS = 2_400
"""About the time between two prints; the latest trades are looked for that far back, then further."""
_LONGEST_REACH_MS = 4 * 86_400_000


class Tape:
    """Trades of every instrument of one feed."""

    def __init__(self, feed: PriceFeed) -> None:
        self._feed = feed
        self._keys = {inst_id: key_of(feed.source.seed, "tape", inst_id) for inst_id in feed.source.specs}
        self._lots = {inst_id: Grid.of(spec.lot_sz) for inst_id, spec in feed.source.specs.items()}

    def between(self, inst_id: str, from_ms: int, to_ms: int) -> list[Trade]:
        """Trades in (from_ms, to_ms], oldest first."""
        step = step_ms(self._feed.source.interval_ms(inst_id))
        path = self._feed.trades(inst_id, from_ms - step, to_ms + step)
        trades: list[Trade] = []
        previous = self._feed.last(inst_id, from_ms - step)
        for ts, price, volume in zip(path.ts.tolist(), path.price.tolist(), path.volume.tolist(), strict=True):
            if ts > from_ms:
                trades += self._prints(inst_id, ts, step, (previous, price), volume)
            previous = price
        return [trade for trade in trades if from_ms < trade.ts <= to_ms]

    def latest(self, inst_id: str, t_ms: int, limit: int) -> list[Trade]:
        """The latest trades at or before `t_ms`, newest first."""
        reach = 12_000 + _PRINT_MS * limit
        trades = self.between(inst_id, t_ms - reach, t_ms)
        while len(trades) < limit and reach < _LONGEST_REACH_MS:
            reach *= 8
            trades = self.between(inst_id, t_ms - reach, t_ms)
        return trades[: -limit - 1 : -1]

    def _prints(self, inst_id: str, ts: int, step: int, prices: tuple[float, float], volume: float) -> list[Trade]:
        """The trades of the step that ends at `ts`: at the old price first, the last at the new one."""
        key, lots, grid = self._keys[inst_id], self._lots[inst_id], self._feed.grid(inst_id)
        total = max(1, lots.tick(volume / float(self._feed.source.specs[inst_id].units)))
        opens_bar = ts % self._feed.source.interval_ms(inst_id) == 0
        count = 1 if opens_bar else min(total, 1 + int(_MOST_PRINTS * uniform(key, ts)))
        before, after = (grid.decimal_of(price) for price in prices)
        mood = smooth(key + 1, ts, 20_000) + (after > before) - (after < before)
        first_id = (ts - _ID_ORIGIN_MS) // step * 8
        trades = []
        for place in range(count - 1):
            share = uniform(key + 2, ts * 8 + place)
            size = min(total - (count - 1 - place), max(1, int(total * 0.6 * share**3)))
            at = ts - step + (place + 1) * step // (count + 1)
            side = "buy" if mood + 1.2 * (uniform(key + 3, ts * 8 + place) - 0.5) > 0 else "sell"
            trades.append(Trade(str(first_id + place), before, lots.decimal(size), side, at))
            total -= size
        side = "buy" if after > before or (after == before and mood > 0) else "sell"
        trades.append(Trade(str(first_id + count - 1), after, lots.decimal(total), side, ts))
        return trades
