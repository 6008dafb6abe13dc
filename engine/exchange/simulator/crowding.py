"""What the crowd holds: open interest, long/short accounts, taker volume, liquidations."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.exchange.simulator.candles import BAR_MS
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import Liquidation, OpenInterestRow, RatioRow
from engine.exchange.simulator.noise import key_of, smooth, uniform, uniforms, wander
from engine.exchange.simulator.price_feed import PriceFeed
from engine.exchange.simulator.seasons import DAY_MS
from engine.model import AssetClass

_HOUR = 3_600_000
_OI_TURNOVERS = 90.0
"""Open interest in typical 5-minute turnovers: OKX 2025-08, 25 k BTC, 685 k ETH."""
_OI_NOISE = ((20 * 60_000, 0.0022), (6 * _HOUR, 0.010), (5 * DAY_MS, 0.06), (40 * DAY_MS, 0.16))
_OI_FLIGHT = 0.5
"""Share of an hour's absolute log return by which open interest falls."""
_RATIO_NOISE = ((2 * _HOUR, 0.03), (DAY_MS, 0.10), (9 * DAY_MS, 0.22))
_MOVE_MS = 60_000
_LIQUIDATION_FLOOR_USDT = 250.0
_LIQUIDATION_TAIL = 1.15
_LIQUIDATION_CAP = 0.05
"""Largest single liquidation as a share of the typical 5-minute turnover."""


class Crowding:
    """Positions of everybody else, for every instrument of one feed."""

    def __init__(self, feed: PriceFeed) -> None:
        self._feed = feed
        self._keys = {inst_id: key_of(feed.source.seed, "crowd", inst_id) for inst_id in feed.source.specs}

    def open_interest(self, inst_id: str, t_ms: int) -> Decimal:
        """Contracts outstanding."""
        spec = self._feed.source.specs[inst_id]
        return Grid.of(spec.lot_sz).decimal_of(self._contracts(inst_id, t_ms))

    def open_interest_history(self, inst_id: str, period: str, now_ms: int, limit: int) -> list[OpenInterestRow]:
        spec = self._feed.source.specs[inst_id]
        rows = []
        for ts in self._times(period, now_ms, limit):
            contracts = self._contracts(inst_id, ts)
            base = contracts * float(spec.units)
            rows.append(OpenInterestRow(ts, contracts, base, base * self._feed.source.close_before(inst_id, ts)))
        return rows

    def long_short_ratio(self, inst_or_ccy: str, period: str, now_ms: int, limit: int) -> list[RatioRow]:
        """Accounts long over accounts short; crypto only."""
        name = inst_or_ccy if inst_or_ccy in self._keys else f"{inst_or_ccy}-USDT-SWAP"
        spec = self._feed.source.specs.get(name)
        if spec is None or spec.asset_class is not AssetClass.CRYPTO:
            return []
        return [RatioRow(ts, self._ratio(name, ts)) for ts in self._times(period, now_ms, limit)]

    def taker_volume(self, inst_id: str, period: str, now_ms: int, limit: int) -> list[tuple[int, float, float]]:
        """(ts, sell contracts, buy contracts) per finished period, newest first."""
        length, units = BAR_MS[period], float(self._feed.source.specs[inst_id].units)
        rows = []
        for ts in self._times(period, now_ms, limit):
            bars = self._feed.source.bars(inst_id, ts - length, ts)
            if len(bars):
                gain = float(np.log(bars.close[-1] / bars.open[0]))
                reach = float(np.log(bars.high.max() / bars.low.min())) + 1e-6
                lean = 0.06 * smooth(self._keys[inst_id] + 8, ts, length) + 0.12 * gain / reach
                total = float(bars.volume.sum()) / units
                rows.append((ts - length, total * (0.5 - lean), total * (0.5 + lean)))
        return rows

    def liquidations(self, from_ms: int, to_ms: int) -> list[Liquidation]:
        """Across all crypto instruments in (from_ms, to_ms], oldest first."""
        found: list[Liquidation] = []
        for inst_id, spec in self._feed.source.specs.items():
            if spec.asset_class is AssetClass.CRYPTO:
                found += self._liquidated(inst_id, from_ms, to_ms)
        return sorted(found, key=lambda row: (row.ts, row.inst_id))

    def _times(self, period: str, now_ms: int, limit: int) -> list[int]:
        length = BAR_MS[period]
        oldest = self._feed.source.history_start_ms + _HOUR
        return list(range(now_ms // length * length, oldest, -length)[:limit])

    def _contracts(self, inst_id: str, t_ms: int) -> float:
        spec = self._feed.source.specs[inst_id]
        moved = abs(self._gained(inst_id, t_ms, _HOUR))
        level = float(np.exp(wander(self._keys[inst_id], t_ms, _OI_NOISE) - _OI_FLIGHT * min(moved, 0.3)))
        return _OI_TURNOVERS * spec.turnover_5m / (spec.typical_price * float(spec.units)) * level

    def _ratio(self, inst_id: str, t_ms: int) -> float:
        """Small accounts buy what fell: the ratio rises after a fall."""
        gained = float(np.clip(self._gained(inst_id, t_ms, DAY_MS), -0.25, 0.25))
        mood = wander(self._keys[inst_id] + 20, t_ms, _RATIO_NOISE) - 1.8 * gained
        return round(float(1.55 * np.exp(mood)), 4)

    def _gained(self, inst_id: str, t_ms: int, span_ms: int) -> float:
        """Log return over `span_ms` up to the last finished bar."""
        source = self._feed.source
        known = t_ms // source.interval_ms(inst_id) * source.interval_ms(inst_id)
        return float(np.log(source.close_before(inst_id, known) / source.close_before(inst_id, known - span_ms)))

    def _liquidated(self, inst_id: str, from_ms: int, to_ms: int) -> list[Liquidation]:
        """More of them the faster the price went against a side within the last minute."""
        path = self._feed.trades(inst_id, from_ms - _MOVE_MS, to_ms)
        first = int(np.searchsorted(path.ts, from_ms, side="right"))
        if first == len(path.ts):
            return []
        key, ts, price = self._keys[inst_id] + 40, path.ts[first:], path.price[first:]
        origin = np.searchsorted(path.ts, ts - _MOVE_MS)
        moved = np.log(price / path.price[np.minimum(origin, np.arange(first, len(path.ts)))])
        chance = np.minimum(0.0008 + 0.05 * np.maximum(np.abs(moved) / 0.002 - 1, 0) ** 2, 0.8)
        hits = np.flatnonzero(uniforms(key, ts) < chance)
        return [self._one(inst_id, key, int(ts[hit]), float(price[hit]), float(moved[hit])) for hit in hits]

    def _one(self, inst_id: str, key: int, ts: int, price: float, moved: float) -> Liquidation:
        spec = self._feed.source.specs[inst_id]
        long_died = moved < 0 or (moved == 0 and uniform(key + 1, ts) < 0.5)
        usdt = _LIQUIDATION_FLOOR_USDT * uniform(key + 2, ts) ** (-1 / _LIQUIDATION_TAIL)
        usdt = min(usdt, _LIQUIDATION_CAP * spec.turnover_5m)
        lots = Grid.of(spec.lot_sz)
        size = lots.decimal(max(1, lots.tick(usdt / (price * float(spec.units)))))
        sides = ("sell", "long") if long_died else ("buy", "short")
        return Liquidation(inst_id, *sides, self._feed.grid(inst_id).decimal_of(price), size, ts)
