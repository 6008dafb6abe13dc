"""Funding: recorded where it was recorded, else modelled on OKX's rates of 2025-10 to 2026-06.

The model's premium follows slow noise and yesterday's return; an interval's rate is the mean of its hourly
premiums, flat at +1 bp while calm, with a longer tail below, inside the instrument's cap. The estimate for
the running interval averages the hours that have passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.exchange.simulator.market import FundingSettlement, FundingView
from engine.exchange.simulator.noise import key_of, wander
from engine.exchange.simulator.price_feed import PriceFeed
from engine.model import AssetClass

_HOUR = 3_600_000
_DAY = 86_400_000
_BP = 1e-4


@dataclass(frozen=True, slots=True)
class _Premium:
    """In basis points per interval: mean, standard deviations of fast and slow noise, weight of the last
    day's log return, and the level above which calm markets stay flat."""

    mean: float
    fast: float
    slow: float
    momentum: float
    flat_at: float
    tail: float


_PREMIUMS = {
    AssetClass.CRYPTO: _Premium(0.32, 1.25, 0.45, 14.0, 1.0, 1.4),
    AssetClass.METAL: _Premium(1.1, 2.6, 2.2, 60.0, 12.0, 1.0),
    AssetClass.INDEX: _Premium(1.5, 1.5, 1.5, 30.0, 6.0, 1.0),
    AssetClass.STOCK: _Premium(3.5, 2.2, 3.0, 25.0, 14.0, 1.0),
}


class FundingRates:
    """Funding of every instrument of one feed."""

    def __init__(self, feed: PriceFeed) -> None:
        self._feed = feed
        self._keys = {inst_id: key_of(feed.source.seed, "funding", inst_id) for inst_id in feed.source.specs}
        self._settled: dict[tuple[str, int], float] = {}

    def view(self, inst_id: str, t_ms: int) -> FundingView:
        interval = self._feed.source.specs[inst_id].funding_interval_ms
        previous = t_ms // interval * interval
        due = previous + interval
        rate = self._estimate(inst_id, previous, due, t_ms)
        return FundingView(rate, due, due + interval, self.settled(inst_id, previous), previous)

    def settled(self, inst_id: str, settle_ms: int) -> float:
        """The rate charged at `settle_ms`, a fraction of notional."""
        rate = self._settled.get((inst_id, settle_ms))
        if rate is None:
            recorded = self._feed.source.recorded_funding(inst_id, settle_ms)
            start = settle_ms - self._feed.source.specs[inst_id].funding_interval_ms
            rate = self._mean_premium(inst_id, start, settle_ms) if recorded is None else recorded
            self._settled[inst_id, settle_ms] = rate
        return rate

    def history(
        self, inst_id: str, now_ms: int, before_ms: int | None, after_ms: int | None, limit: int
    ) -> list[FundingSettlement]:
        """Settlements, newest first; exclusive bounds."""
        interval = self._feed.source.specs[inst_id].funding_interval_ms
        newest = now_ms if after_ms is None else min(now_ms, after_ms - 1)
        oldest = self._feed.source.history_start_ms + _DAY
        oldest = oldest if before_ms is None else max(oldest, before_ms + 1)
        times = range(newest // interval * interval, oldest - 1, -interval)
        return [FundingSettlement(ts, self.settled(inst_id, ts)) for ts in times[:limit]]

    def _estimate(self, inst_id: str, start_ms: int, due_ms: int, t_ms: int) -> float:
        recorded = self._feed.source.recorded_funding(inst_id, due_ms)
        if recorded is None:
            return self._mean_premium(inst_id, start_ms, t_ms)
        passed = (t_ms - start_ms) / (due_ms - start_ms)
        before = self.settled(inst_id, start_ms)
        return before + (recorded - before) * passed

    def _mean_premium(self, inst_id: str, start_ms: int, end_ms: int) -> float:
        """The mean of the hourly premiums from the start of an interval up to `end_ms`, bounded."""
        spec = self._feed.source.specs[inst_id]
        shape = _PREMIUMS[spec.asset_class]
        hours = range(start_ms, max(end_ms, start_ms + 1), _HOUR)
        mean = sum(self._premium(inst_id, shape, hour) for hour in hours) / len(hours)
        if mean > shape.flat_at:
            mean = shape.flat_at + max(0.0, mean - 3.5 * shape.flat_at) * 0.6
        if mean < -shape.flat_at:
            mean = -shape.flat_at + (mean + shape.flat_at) * shape.tail
        return float(np.clip(round(mean * _BP, 10), -spec.funding_cap, spec.funding_cap))

    def _premium(self, inst_id: str, shape: _Premium, t_ms: int) -> float:
        source = self._feed.source
        noise = wander(self._keys[inst_id], t_ms, ((10 * _HOUR, shape.fast), (4 * _DAY, shape.slow)))
        gained = source.close_before(inst_id, t_ms) / source.close_before(inst_id, t_ms - _DAY)
        return shape.mean + noise + shape.momentum * float(np.clip(np.log(gained), -0.15, 0.15))
