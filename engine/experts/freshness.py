"""Which inputs of a snapshot may be used: present, sound and young enough. The rest is n/a."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.model import Candles, MarketSnapshot, Timeframe
from engine.model.ages import AHEAD_S, since_s


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Greatest usable age in venue seconds; candles are judged in bars after the last one's close."""

    book_s: float = 120.0
    funding_s: float = 900.0
    open_interest_s: float = 900.0
    long_short_s: float = 3600.0
    candle_bars: float = 2.0
    quote_flow_s: float = 120.0
    liquidations_s: float = 300.0
    earlier_book_s: float = 900.0
    # How far ahead of the snapshot's own moment a source may claim to be: clocks differ by a little
    ahead_s: float = AHEAD_S
    # So many bars without a trade and without a move are a closed market's, and say nothing about direction
    frozen_bars: int = 8


DEFAULT_LIMITS = InputLimits()


def usable(snapshot: MarketSnapshot, limits: InputLimits = DEFAULT_LIMITS) -> MarketSnapshot:
    """The snapshot without what is stale or malformed."""

    def young(ts: int | None, limit_s: float) -> bool:
        return ts is not None and -limits.ahead_s <= since_s(snapshot.taken_at, ts) <= limit_s

    funding, interest, crowd = snapshot.funding, snapshot.open_interest, snapshot.long_short
    flow, dead = snapshot.quote_flow, snapshot.liquidations
    return replace(
        snapshot,
        candles=_usable_candles(snapshot, limits),
        earlier_books=tuple(book for book in snapshot.earlier_books if young(book.ts, limits.earlier_book_s)),
        quote_flow=flow if flow and young(flow.ts, limits.quote_flow_s) and -1 <= flow.imbalance <= 1 else None,
        liquidations=dead if dead and young(dead.ts, limits.liquidations_s) else None,
        book=snapshot.book if snapshot.book and young(snapshot.book.ts, limits.book_s) else None,
        funding=funding if funding and young(funding.ts, limits.funding_s) else None,
        open_interest=interest if interest and young(interest.ts, limits.open_interest_s) else None,
        long_short=crowd if crowd and young(crowd.ts, limits.long_short_s) else None,
    )


def _usable_candles(snapshot: MarketSnapshot, limits: InputLimits) -> Mapping[Timeframe, Candles]:
    return {
        timeframe: candles
        for timeframe, candles in snapshot.candles.items()
        if is_sound(candles)
        and not is_frozen(candles, limits.frozen_bars)
        and -limits.ahead_s * 1000
        <= snapshot.taken_at - int(candles.ts[-1]) - timeframe.ms
        <= limits.candle_bars * timeframe.ms
    }


def is_frozen(candles: Candles, bars: int) -> bool:
    """The last `bars` bars all stand at one price without any volume: a stock or metal swap over a weekend that
    nobody trades, or a halt. Its averages converge on that price and would vote as if they knew something."""
    if len(candles) < bars:
        return False
    last = candles.close[-1]
    same = (candles.high[-bars:] == last).all() and (candles.low[-bars:] == last).all()
    return bool(same and (candles.volume[-bars:] == 0).all())


def is_sound(candles: Candles) -> bool:
    """At least one bar, times rising, every number finite, prices above 0, volume not below."""
    if not len(candles) or not np.logical_and.reduce(candles.ts[1:] > candles.ts[:-1]):
        return False
    numbers = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    total = sum(float(np.add.reduce(values)) for values in numbers)
    lowest, least = np.minimum.reduce(candles.low), np.minimum.reduce(candles.volume)
    return bool(math.isfinite(total) and lowest > 0 and least >= 0)
