"""Small markets for the experts' tests: candles from closes, and recorded candles."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.model import (
    AssetClass,
    Book,
    BookLevel,
    Candles,
    FloatArray,
    Funding,
    Instrument,
    InstrumentState,
    LongShortRatio,
    MarketSnapshot,
    OpenInterest,
    Quote,
    Timeframe,
)

DATA = Path(__file__).parents[2] / "../shared/data"
DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS + 12_000


def walk(seed: int, n: int = 300, drift: float = 0.0, sigma: float = 0.004) -> FloatArray:
    """Closes of a geometric walk that starts at 100."""
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, sigma, n)))


def candles(close: FloatArray, timeframe: Timeframe = Timeframe.M15, seed: int = 0, end: int = NOW) -> Candles:
    """Bars around the closes, the last of them closed at or just before `end`."""
    rng = np.random.default_rng(seed + 1)
    n = len(close)
    opened = np.concatenate((close[:1], close[:-1]))
    wick = np.abs(close) * 0.001
    last = end // timeframe.ms * timeframe.ms - timeframe.ms
    return Candles(
        ts=last - timeframe.ms * np.arange(n - 1, -1, -1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) + wick * rng.random(n),
        low=np.minimum(opened, close) - wick * rng.random(n),
        close=close,
        volume=rng.lognormal(3, 0.8, n),
    )


def head(bars: Candles, n: int) -> Candles:
    return Candles(bars.ts[:n], bars.open[:n], bars.high[:n], bars.low[:n], bars.close[:n], bars.volume[:n])


def tail(bars: Candles, n: int) -> Candles:
    return Candles(bars.ts[-n:], bars.open[-n:], bars.high[-n:], bars.low[-n:], bars.close[-n:], bars.volume[-n:])


def scaled(bars: Candles, price: float = 1.0, volume: float = 1.0) -> Candles:
    prices = (bars.open * price, bars.high * price, bars.low * price, bars.close * price)
    return Candles(bars.ts, *prices, bars.volume * volume)


def mirrored(bars: Candles, axis: float) -> Candles:
    """The market upside down: every price p becomes axis − p."""
    return Candles(bars.ts, axis - bars.open, axis - bars.low, axis - bars.high, axis - bars.close, bars.volume)


def instrument(asset_class: AssetClass = AssetClass.CRYPTO) -> Instrument:
    return Instrument(
        "ABC-USDT-SWAP", "ABC", asset_class, Decimal("0.01"), Decimal(1), Decimal("0.01"), Decimal("0.01"),
        Decimal("0.1"), Decimal(10_000), Decimal(50), InstrumentState.LIVE,
    )  # fmt: skip


def book(mid: float = 100.0, ts: int = NOW - 2000, levels: int = 20, wall_at: int | None = None) -> Book:
    unit = Decimal(str(mid)) / 1000

    def side(sign: int, wall: int | None) -> tuple[BookLevel, ...]:
        sizes = [
            Decimal(50) if i == 1 else Decimal(400) if i == wall else Decimal(3 + i % 4) for i in range(1, levels + 1)
        ]
        return tuple(BookLevel(Decimal(str(mid)) + sign * i * unit, size) for i, size in enumerate(sizes, 1))

    return Book("ABC-USDT-SWAP", side(-1, wall_at), side(1, None), ts)


def snapshot(
    seed: int = 0, asset_class: AssetClass = AssetClass.CRYPTO, price: float = 1.0, later_ms: int = 0
) -> MarketSnapshot:
    """A whole snapshot; `price` scales every price, `later_ms` moves all of it in time."""
    now = NOW + later_ms
    bars = {tf: scaled(candles(walk(seed + i), tf, seed, now), price) for i, tf in enumerate(Timeframe)}
    last = Decimal(str(bars[Timeframe.M15].close[-1]))
    return MarketSnapshot(
        instrument=instrument(asset_class),
        taken_at=now,
        bar_ts=int(bars[Timeframe.M15].ts[-1]),
        candles=bars,
        quote=Quote("ABC-USDT-SWAP", last, last, last, None, None, now),
        book=book(100.0 * price, now - 2000, wall_at=8),
        mark_price=last,
        funding=Funding("ABC-USDT-SWAP", 0.0000713, now + 5 * 3_600_000, 8 * 3_600_000, now - 9000),
        open_interest=OpenInterest("ABC-USDT-SWAP", 1e6, 2e9, 1.9e9, now - 7000, 1.99e9),
        long_short=LongShortRatio("ABC-USDT-SWAP", 1.73, now - 200_000),
    )


def recorded_btc(rows: int) -> Candles:
    """The first `rows` recorded 15m bars of BTC-USDT-SWAP."""
    if not DATA.is_dir():
        pytest.skip("no folder of recorded data beside the repository")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(DATA / "candles_okx_swap_15m.parquet").slice(0, rows)
    columns = {name: table[name].to_numpy() for name in ("ts_ms", "open", "high", "low", "close", "volume")}
    prices = (columns[name].astype(np.float64) for name in ("open", "high", "low", "close", "volume"))
    return Candles(columns["ts_ms"].astype(np.int64), *prices)
