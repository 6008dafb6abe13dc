"""What the compute of one cycle starts from: 17 snapshots as fetched, three windows of 300 bars each, on a seed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from engine.model import (
    AssetClass,
    Book,
    BookLevel,
    Candles,
    Funding,
    Instrument,
    InstrumentState,
    LongShortRatio,
    MarketSnapshot,
    OpenInterest,
    Quote,
    Timeframe,
)

TICKERS = 17
BARS = 300
NOW = 20_000 * 86_400_000 + 13 * 3_600_000


def snapshots(seed: int, bars: int = BARS) -> list[MarketSnapshot]:
    rng = np.random.default_rng(seed)
    return [snapshot(rng, f"T{number:02}", bars) for number in range(TICKERS)]


def snapshot(rng: np.random.Generator, ticker: str, bars: int) -> MarketSnapshot:
    inst_id = f"{ticker}-USDT-SWAP"
    candles = {timeframe: window(rng, timeframe, bars) for timeframe in Timeframe}
    last = Decimal(f"{candles[Timeframe.M15].close[-1]:.2f}")
    tick = Decimal("0.01")
    spec = Instrument(
        inst_id, ticker, AssetClass.CRYPTO, tick, Decimal(1), tick, tick, tick, Decimal(10_000), Decimal(50),
        InstrumentState.LIVE,
    )  # fmt: skip
    return MarketSnapshot(
        instrument=spec,
        taken_at=NOW,
        bar_ts=int(candles[Timeframe.M15].ts[-1]),
        candles=candles,
        quote=Quote(inst_id, last - tick, last + tick, last, None, None, NOW),
        book=Book(inst_id, _side(rng, last, -tick), _side(rng, last, tick), NOW - 1000),
        mark_price=last,
        funding=Funding(inst_id, 0.0001, NOW + 3_600_000, 8 * 3_600_000, NOW - 5000),
        open_interest=OpenInterest(inst_id, 1e6, 2e9, 1.9e9, NOW - 7000),
        long_short=LongShortRatio(inst_id, 1.7, NOW - 200_000),
    )


def window(rng: np.random.Generator, timeframe: Timeframe, bars: int) -> Candles:
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.003, bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    spread = np.abs(rng.normal(0, 0.002, bars)) * close
    last = NOW // timeframe.ms * timeframe.ms - timeframe.ms
    return Candles(
        ts=last - timeframe.ms * np.arange(bars - 1, -1, -1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) + spread,
        low=np.minimum(opened, close) - spread,
        close=close,
        volume=rng.lognormal(5, 0.8, bars),
    )


def _side(rng: np.random.Generator, mid: Decimal, step: Decimal) -> tuple[BookLevel, ...]:
    sizes = rng.lognormal(2, 0.5, 20)
    return tuple(BookLevel(mid + step * (k + 1), Decimal(f"{size:.2f}")) for k, size in enumerate(sizes))


def windows_of(markets: list[MarketSnapshot], begin: int, end: int) -> dict[tuple[str, Timeframe], Candles]:
    """Bars begin … end of every series, in the order of the timeframes."""
    return {
        (market.instrument.inst_id, timeframe): _cut(market.candles, timeframe, begin, end)
        for timeframe in Timeframe
        for market in markets
    }


def _cut(candles: Mapping[Timeframe, Candles], timeframe: Timeframe, begin: int, end: int) -> Candles:
    bars = candles[timeframe]
    return Candles(*(getattr(bars, f)[begin:end] for f in ("ts", "open", "high", "low", "close", "volume")))
