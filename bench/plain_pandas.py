"""The whole compute of a cycle as one writes it with pandas: a frame a series, `ewm` and `rolling`.

Peer of the product's own in `bench.cycle`: the same definitions, no product code. `ewm` begins with the first
value instead of an average: after 300 bars 0.005 % of that is left in EMA 50.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from bench.plain_talib import DAY_MS, EDGES, MU_43, YEAR_MS, Signals, brief, score
from engine.model import Book, Candles, MarketSnapshot, Timeframe


def compute(markets: Sequence[MarketSnapshot]) -> dict[str, object]:
    signals = {(m.instrument.ticker, tf): indicators(tf, m.candles[tf]) for m in markets for tf in Timeframe}
    books = {m.instrument.ticker: book(m.book) for m in markets if m.book is not None}
    hours = pd.DataFrame({m.instrument.ticker: m.candles[Timeframe.H1].close for m in markets}).tail(169)
    briefs = [brief(m.instrument.ticker, signals, books[m.instrument.ticker], m) for m in markets]
    return {
        "signals": signals,
        "books": books,
        "rs": relative_strength(hours),
        "correlation": np.log(hours).diff().corr().to_numpy(),
        "briefs": briefs,
    }


def indicators(timeframe: Timeframe, bars: Candles) -> Signals:
    df = pd.DataFrame({f: getattr(bars, f) for f in ("high", "low", "close", "volume")})
    df.index = pd.to_datetime(bars.ts, unit="ms")
    close, change = df["close"], df["close"].diff()
    for n in (9, 20, 50, 12, 26):
        df[f"ema{n}"] = close.ewm(span=n, adjust=False).mean()
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
    df["rsi"] = 100 - 100 / (1 + gain / loss)
    df["macd"] = df["ema12"] - df["ema26"]
    df["macd_signal"] = df["macd"].ewm(span=9, adjust=False).mean()
    before = close.shift()
    ranges = pd.concat([df["high"] - df["low"], (df["high"] - before).abs(), (df["low"] - before).abs()], axis=1)
    df["atr"] = ranges.max(axis=1).ewm(alpha=1 / 14, adjust=False).mean()
    df["bollinger_position"] = (close - close.rolling(20).mean()) / (2 * close.rolling(20).std(ddof=0))
    add_flow(df, change)
    returns = np.log(close).diff()
    df["realised_vol"] = ((returns**2).rolling(96).sum() * (YEAR_MS / timeframe.ms / 96)) ** 0.5
    add_vwap(df, bars.ts // DAY_MS)
    found = {str(name): float(value) for name, value in df.iloc[-1].items()}
    found["jump_z"] = jump(returns)
    found["score"], found["votes"] = score(found, found["macd"] - found["macd_signal"])
    return found


def add_flow(df: pd.DataFrame, change: pd.Series) -> None:
    sigma = ((change**2).rolling(50).mean()) ** 0.5
    signed = df["volume"] * (2 * ndtr(change / sigma) - 1)
    df["ofi_bar"] = signed.rolling(10).sum() / df["volume"].rolling(10).sum()
    values = pd.Series(
        [vpin(df["volume"].iloc[e - 100 : e], signed.iloc[e - 100 : e]) for e in range(len(df) - 92, len(df) + 1, 4)]
    )
    df["vpin"] = values.iloc[-1]
    df["toxicity"] = (values <= values.iloc[-1]).mean()


def vpin(volume: pd.Series, signed: pd.Series) -> float:
    v, s = (np.concatenate(([0.0], series.cumsum())) for series in (volume, signed))
    return float(np.abs(np.diff(np.interp(v[-1] * EDGES, v, s))).sum() / v[-1])


def add_vwap(df: pd.DataFrame, day: np.ndarray) -> None:
    typical = (df["high"] + df["low"] + df["close"]) / 3
    days = df["volume"].groupby(day)
    vwap = (typical * df["volume"]).groupby(day).cumsum() / days.cumsum()
    today = day == day[-1]
    spread = (df["volume"][today] * (typical[today] - vwap.iloc[-1]) ** 2).sum() / df["volume"][today].sum()
    df["vwap_deviation_sigma"] = (df["close"] - vwap) / spread**0.5


def jump(returns: pd.Series) -> float:
    size = returns.tail(96).abs()
    m, theta = len(size), (np.pi / 2) ** 2 + np.pi - 5
    rv, bv = (size**2).sum(), np.pi / 2 * m / (m - 1) * (size * size.shift()).sum()
    tq = m * MU_43**-3 * m / (m - 2) * ((size * size.shift() * size.shift(2)) ** (4 / 3)).sum()
    return float((rv - bv) / rv / (theta / m * max(1.0, tq / bv**2)) ** 0.5)


def book(levels: Book) -> Signals:
    bids, asks = (
        pd.DataFrame([(float(x.price), float(x.contracts)) for x in side], columns=["price", "size"])
        for side in (levels.bids, levels.asks)
    )
    bid, ask = bids.iloc[0], asks.iloc[0]
    mid = (bid["price"] + ask["price"]) / 2
    micro = (ask["price"] * bid["size"] + bid["price"] * ask["size"]) / (bid["size"] + ask["size"])
    walls = [nearest_wall(side, mid) for side in (bids, asks)]
    return {
        "imbalance": (bids["size"].sum() - asks["size"].sum()) / (bids["size"].sum() + asks["size"].sum()),
        "micro_price_offset_pct": micro / mid - 1,
        "spread_pct": (ask["price"] - bid["price"]) / mid,
        "wall": min(walls),
    }


def nearest_wall(side: pd.DataFrame, mid: float) -> float:
    sizes = side["size"].iloc[1:]
    typical = sizes.median()
    robust = 1.4826 * (sizes - typical).abs().median()
    walls = side.iloc[1:][sizes > max(typical + 6 * robust, 5 * typical)]
    return float((walls["price"] / mid - 1).abs().min()) if len(walls) else float("inf")


def relative_strength(hours: pd.DataFrame) -> np.ndarray:
    logs = np.log(hours)
    sigma = logs.diff().std(ddof=0)
    parts = [w * (logs.iloc[-1] - logs.iloc[-1 - h]) / (sigma * h**0.5) for h, w in ((24, 0.5), (72, 0.3), (168, 0.2))]
    momentum = sum(parts[1:], parts[0])
    centre = momentum.median()
    spread = max(1.4826 * (momentum - centre).abs().median(), 0.25)
    return 100 * ndtr(((momentum - centre) / spread).to_numpy())
