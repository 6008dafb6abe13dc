"""Funding of one instrument whose interval was changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from engine.exchange.simulator.market import FundingSettlement, FundingView, Market
from engine.exchange.simulator.specs import InstrumentSpec

HOUR_MS = 3_600_000


class AlteredFunding:
    """`intervals` are (since, hours), oldest first. Settlements stay on multiples of the interval from midnight UTC;
    a rate is its share of what the market would have charged over the old interval."""

    def __init__(self, market: Market, spec: InstrumentSpec, intervals: Sequence[tuple[int, int]]) -> None:
        self._market = market
        self._inst_id = spec.inst_id
        self._cap = spec.funding_cap
        self._since = [since for since, _ in intervals]
        self._hours = [spec.funding_interval_h, *(hours for _, hours in intervals)]

    def _interval(self, t_ms: int) -> int:
        return self._hours[bisect_right(self._since, t_ms)] * HOUR_MS

    def _next(self, t_ms: int) -> int:
        """The first settlement after `t_ms`, by the interval in force then."""
        interval = self._interval(t_ms)
        return (t_ms // interval + 1) * interval

    def view(self, t_ms: int) -> FundingView:
        if t_ms < self._since[0]:
            return self._market.funding(self._inst_id, t_ms)
        due = self._next(t_ms)
        plain = self._market.funding(self._inst_id, t_ms)
        previous = self.history(t_ms, None, None, 1)
        before = previous[0] if previous else FundingSettlement(plain.prev_time, plain.prev_rate)
        return FundingView(
            self._scaled(plain.rate, t_ms), due, due + self._interval(t_ms), before.rate, before.funding_time
        )

    def settled(self, settle_ms: int) -> float:
        """Of the running interval as it stood just before."""
        if settle_ms <= self._since[0]:
            return self._market.funding_settled(self._inst_id, settle_ms)
        return self._scaled(self._market.funding(self._inst_id, settle_ms - 1).rate, settle_ms - 1)

    def _scaled(self, rate: float, t_ms: int) -> float:
        share = self._interval(t_ms) / (self._hours[0] * HOUR_MS)
        return max(-self._cap, min(self._cap, rate * share))

    def history(self, now_ms: int, before_ms: int | None, after_ms: int | None, limit: int) -> list[FundingSettlement]:
        """Newest first; bounds exclusive."""
        settled = []
        at = self._next(self._since[0])
        while at <= now_ms:
            settled.append(FundingSettlement(at, self.settled(at)))
            at = self._next(at)
        kept = [
            row
            for row in reversed(settled)
            if (before_ms is None or row.funding_time > before_ms) and (after_ms is None or row.funding_time < after_ms)
        ][:limit]
        if len(kept) < limit:
            known = self._market.funding_history(
                self._inst_id, self._since[0], before_ms=before_ms, after_ms=after_ms, limit=limit - len(kept)
            )
            kept += known
        return kept
