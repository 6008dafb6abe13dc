"""The shared indicators written two more ways, on the same arrays: plain TA-Lib, and pandas.

EMA 9/20/50, RSI 14, MACD 12/26/9, Bollinger 20/2, ATR 14: the floor and the usual way that the
product's own experts are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import talib

from engine.model import Candles


def talib_once(windows: Iterable[Candles]) -> float:
    """All indicators of all windows; the sum keeps the work from being optimised away."""
    total = 0.0
    for bars in windows:
        total += sum(float(talib.EMA(bars.close, n)[-1]) for n in (9, 20, 50))
        total += float(talib.RSI(bars.close, 14)[-1])
        total += float(talib.MACD(bars.close, 12, 26, 9)[2][-1])
        total += float(talib.BBANDS(bars.close, 20, 2, 2)[1][-1])
        total += float(talib.ATR(bars.high, bars.low, bars.close, 14)[-1])
    return total


def pandas_once(windows: Iterable[Candles]) -> float:
    return sum(_pandas_window(bars) for bars in windows)


def _pandas_window(bars: Candles) -> float:
    close, high, low = (pd.Series(values) for values in (bars.close, bars.high, bars.low))
    total = sum(float(close.ewm(span=n, adjust=False).mean().iloc[-1]) for n in (9, 20, 50))
    change = close.diff()
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean()
    total += float((100 - 100 / (1 + gain / loss)).iloc[-1])
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    total += float((macd - macd.ewm(span=9, adjust=False).mean()).iloc[-1])
    middle, width = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    total += float((middle + 2 * width).iloc[-1])
    previous = close.shift()
    true_range = pd.concat((high - low, (high - previous).abs(), (low - previous).abs()), axis=1).max(axis=1)
    return total + float(true_range.ewm(alpha=1 / 14, adjust=False).mean().iloc[-1])


def windows_like(count: int, bars: int, seed: int) -> Sequence[Candles]:
    """Random walks of a market's shape: `count` windows of `bars` bars."""
    rng = np.random.default_rng(seed)
    windows = []
    for _ in range(count):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.003, bars)))
        open_ = np.concatenate(([100.0], close[:-1]))
        spread = np.abs(rng.normal(0, 0.002, bars)) * close
        windows.append(
            Candles(
                ts=np.arange(bars, dtype=np.int64) * 900_000,
                open=open_,
                high=np.maximum(open_, close) + spread,
                low=np.minimum(open_, close) - spread,
                close=close,
                volume=rng.lognormal(5, 0.8, bars),
            )
        )
    return windows
