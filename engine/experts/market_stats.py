"""Funding, open interest, crowding and flow, by the rules of the asset class."""

from __future__ import annotations

import math

from engine.model import AssetClass, LiquidationFlow, MarketSnapshot, MarketStats, OpenInterest

HOUR_MS = 3_600_000


def market_stats(snapshot: MarketSnapshot) -> MarketStats:
    """Statistics of one snapshot; None = not fetched, malformed, or meaningless for the class.

    Long/short accounts and liquidations speak of crypto crowds only: None for metals, indices and stocks.
    `liquidations_usd` is what was seen on the stream: the venue tells one a second and instrument at most.
    """
    funding, interest = snapshot.funding, snapshot.open_interest
    crypto = snapshot.instrument.asset_class is AssetClass.CRYPTO
    ratio = snapshot.long_short.ratio if crypto and snapshot.long_short is not None else None
    liquidated = _liquidated(snapshot.liquidations) if crypto else None
    remaining = None if funding is None else (funding.settles_at - snapshot.taken_at) / HOUR_MS
    return MarketStats(
        funding_rate=_finite(funding.rate if funding else None),
        funding_interval_h=funding.interval_ms / HOUR_MS if funding and funding.interval_ms > 0 else None,
        funding_in_h=remaining if remaining is not None and remaining >= 0 else None,
        open_interest_change_pct=_change(interest, interest.usd_24h_ago if interest else None),
        open_interest_change_1h_pct=_change(interest, interest.usd_1h_ago if interest else None),
        long_short_ratio=ratio if ratio is not None and math.isfinite(ratio) and ratio > 0 else None,
        liquidations_usd=sum(liquidated) if liquidated is not None else None,
        liquidated_long_share=liquidated[0] / sum(liquidated)
        if liquidated is not None and sum(liquidated) > 0
        else None,
        largest_liquidation_usd=_largest(snapshot.liquidations) if liquidated is not None else None,
    )


def funding_per_8h(stats: MarketStats) -> float | None:
    """The funding rate scaled to 8 hours, so that 1 h, 4 h and 8 h instruments compare; a fraction."""
    if stats.funding_rate is None or stats.funding_interval_h is None:
        return None
    return stats.funding_rate * 8 / stats.funding_interval_h


def _liquidated(flow: LiquidationFlow | None) -> tuple[float, float] | None:
    """USDT of (longs, shorts) that died."""
    if flow is None or not (0 <= flow.long_usd < math.inf and 0 <= flow.short_usd < math.inf):
        return None
    return flow.long_usd, flow.short_usd


def _largest(flow: LiquidationFlow | None) -> float | None:
    """USDT of the largest single one; None without any."""
    if flow is None or not 0 < flow.largest_usd < math.inf:
        return None
    return flow.largest_usd


def _change(interest: OpenInterest | None, before: float | None) -> float | None:
    """Of open interest in USD terms since it was `before`, a fraction."""
    if interest is None or interest.usd is None or not before or before < 0:
        return None
    return _finite(interest.usd / before - 1)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
