"""Which inputs of a snapshot may be used: present, sound and young enough. The rest is n/a."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.model import Candles, MarketSnapshot, Timeframe


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Greatest usable age in venue seconds; candles are judged in bars after the last one's close."""

    book_s: float = 120.0
    funding_s: float = 900.0
    open_interest_s: float = 900.0
    long_short_s: float = 3600.0
    candle_bars: float = 2.0


DEFAULT_LIMITS = InputLimits()


def age_s(taken_at: int, ts: int) -> float:
    """Venue seconds from `ts` to `taken_at`; never negative (clocks may differ by a little)."""
    return max(0, taken_at - ts) / 1000


def candle_age_s(taken_at: int, timeframe: Timeframe, candles: Candles) -> float:
    """Venue seconds since the last confirmed bar closed."""
    return age_s(taken_at, int(candles.ts[-1]) + timeframe.ms)


def usable(snapshot: MarketSnapshot, limits: InputLimits = DEFAULT_LIMITS) -> MarketSnapshot:
    """The snapshot without what is stale or malformed."""

    def young(ts: int | None, limit_s: float) -> bool:
        return ts is not None and age_s(snapshot.taken_at, ts) <= limit_s

    funding, interest, crowd = snapshot.funding, snapshot.open_interest, snapshot.long_short
    return replace(
        snapshot,
        candles=_usable_candles(snapshot, limits.candle_bars),
        book=snapshot.book if snapshot.book and young(snapshot.book.ts, limits.book_s) else None,
        funding=funding if funding and young(funding.ts, limits.funding_s) else None,
        open_interest=interest if interest and young(interest.ts, limits.open_interest_s) else None,
        long_short=crowd if crowd and young(crowd.ts, limits.long_short_s) else None,
    )


def _usable_candles(snapshot: MarketSnapshot, limit_bars: float) -> Mapping[Timeframe, Candles]:
    return {
        timeframe: candles
        for timeframe, candles in snapshot.candles.items()
        if is_sound(candles) and candle_age_s(snapshot.taken_at, timeframe, candles) * 1000 <= limit_bars * timeframe.ms
    }


def is_sound(candles: Candles) -> bool:
    """At least one bar, times rising, every number finite, prices above 0, volume not below."""
    if not len(candles) or not np.logical_and.reduce(candles.ts[1:] > candles.ts[:-1]):
        return False
    numbers = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    total = sum(float(np.add.reduce(values)) for values in numbers)
    lowest, least = np.minimum.reduce(candles.low), np.minimum.reduce(candles.volume)
    return bool(math.isfinite(total) and lowest > 0 and least >= 0)
