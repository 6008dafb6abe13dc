"""The whole compute of a cycle as one writes it with TA-Lib and NumPy: series by series, ticker by ticker.

Peer of the product's own in `bench.cycle`: the same definitions, the same numbers, no product code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import talib
from scipy.special import ndtr

from engine.experts.bars import Bars
from engine.model import Book, Candles, MarketSnapshot, Timeframe

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
EDGES = np.linspace(0, 1, 51)
STEPS_BACK = 4 * np.arange(24)
MU_43 = 0.8308609  # 2^(2/3)·Γ(7/6)/Γ(1/2)
Signals = dict[str, float]


def compute(markets: Sequence[MarketSnapshot]) -> dict[str, object]:
    signals = {(m.instrument.ticker, tf): indicators(tf, m.candles[tf]) for m in markets for tf in Timeframe}
    books = {m.instrument.ticker: book(m.book) for m in markets if m.book is not None}
    closes = {m.instrument.ticker: m.candles[Timeframe.H1].close for m in markets}
    briefs = [brief(m.instrument.ticker, signals, books[m.instrument.ticker], m) for m in markets]
    returns = np.diff(np.log(np.stack([series[-169:] for series in closes.values()])), axis=1)
    return {
        "signals": signals,
        "books": books,
        "rs": relative_strength(closes),
        "correlation": np.corrcoef(returns),
        "briefs": briefs,
    }


def indicators(timeframe: Timeframe, bars: Candles) -> Signals:
    close, volume = bars.close, bars.volume
    ema9, ema20, ema50 = (float(talib.EMA(close, n)[-1]) for n in (9, 20, 50))
    rsi = float(talib.RSI(close, 14)[-1])
    line, signal, histogram = (float(values[-1]) for values in talib.MACD(close, 12, 26, 9))
    upper, middle, lower = (float(band[-1]) for band in talib.BBANDS(close, 20, 2, 2))
    atr = float(talib.ATR(bars.high, bars.low, close, 14)[-1])
    ofi, vpin, toxicity = flow(close, volume)
    returns = np.diff(np.log(close))[-96:]
    vwap, sigma = anchored_vwap(bars)
    position = (close[-1] - middle) / ((upper - lower) / 2)
    found = {
        "ema9": ema9, "ema20": ema20, "ema50": ema50, "rsi": rsi, "macd": line, "macd_signal": signal,
        "atr": atr, "bollinger_position": position, "ofi_bar": ofi, "vpin": vpin, "toxicity": toxicity,
        "realised_vol": float(np.sqrt((returns**2).sum() * YEAR_MS / timeframe.ms / 96)),
        "jump_z": jump(returns), "vwap_deviation_sigma": (close[-1] - vwap) / sigma,
    }  # fmt: skip
    found["score"], found["votes"] = score(found, histogram)
    return found


class CoreStreams:
    """EMA 9/20/50, RSI, MACD, Bollinger and ATR of many series, each by TA-Lib's own state for one bar more."""

    def __init__(self, windows: Iterable[Candles]) -> None:
        self._series = [_streams(bars) for bars in windows]

    def advance(self, bars: Bars) -> list[list[object]]:
        rows = zip(self._series, bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
        return [[*(of.update(close) for of in of_closes), atr.update(high, low, close)]
                for (of_closes, atr), high, low, close in rows]  # fmt: skip


def _streams(bars: Candles) -> tuple[list[Any], Any]:
    new, close = talib.stream, bars.close
    averages = [new.EMA(close, n) for n in (9, 20, 50)]
    of_closes = [*averages, new.RSI(close, 14), new.MACD(close, 12, 26, 9), new.BBANDS(close, 20, 2.0, 2.0)]
    return of_closes, new.ATR(bars.high, bars.low, close, 14)


def flow(close: np.ndarray, volume: np.ndarray) -> tuple[float, float, float]:
    change = np.diff(close)
    sigma = np.sqrt(np.convolve(change**2, np.ones(50), "valid") / 50)
    volume = volume[-len(sigma) :]
    signed = volume * (2 * ndtr(change[-len(sigma) :] / sigma) - 1)
    v, s = (np.concatenate(([0], np.cumsum(values))) for values in (volume, signed))
    ends = len(volume) - STEPS_BACK
    start, total = v[ends - 100], v[ends] - v[ends - 100]
    at_edges = np.interp(start[:, None] + total[:, None] * EDGES, v, s)
    vpin = np.abs(np.diff(at_edges, axis=1)).sum(axis=1) / total
    return float(signed[-10:].sum() / volume[-10:].sum()), float(vpin[0]), float((vpin <= vpin[0]).mean())


def jump(returns: np.ndarray) -> float:
    m, size = len(returns), np.abs(returns)
    rv = (size**2).sum()
    bv = np.pi / 2 * m / (m - 1) * (size[1:] * size[:-1]).sum()
    tq = m * MU_43**-3 * m / (m - 2) * ((size[2:] * size[1:-1] * size[:-2]) ** (4 / 3)).sum()
    theta = (np.pi / 2) ** 2 + np.pi - 5
    return float((rv - bv) / rv / np.sqrt(theta / m * max(1.0, tq / bv**2)))


def anchored_vwap(bars: Candles) -> tuple[float, float]:
    today = bars.ts // DAY_MS == bars.ts[-1] // DAY_MS
    typical = ((bars.high + bars.low + bars.close) / 3)[today]
    volume = bars.volume[today]
    vwap = (typical * volume).sum() / volume.sum()
    return float(vwap), float(np.sqrt((volume * (typical - vwap) ** 2).sum() / volume.sum()))


def score(found: Signals, histogram: float) -> tuple[float, tuple[int, ...]]:
    fast, slow = found["ema9"] - found["ema20"], found["ema20"] - found["ema50"]
    stacked = min(abs(fast), abs(slow)) * (np.sign(fast) + np.sign(slow)) / 2
    pieces = (stacked / found["atr"], found["rsi"] - 50, (found["macd"] + histogram) / found["atr"], found["ofi_bar"],
              found["vwap_deviation_sigma"], found["bollinger_position"])  # fmt: skip
    weights, full, least = (0.3, 0.15, 0.15, 0.15, 0.15, 0.1), (1, 25, 1.5, 0.4, 2.5, 1.25), (0.05, 5, 0.2, 0.1, 0.5)
    total = sum(w * min(max(p / f, -1), 1) for w, p, f in zip(weights, pieces, full, strict=True))
    damped = total * (0.85 if found["jump_z"] > 3.0902 else 1) * (1 - 0.2 * max(0, found["toxicity"] - 0.8) / 0.2)
    votes = tuple(int(p >= v) - int(p <= -v) for p, v in zip(pieces, least, strict=False))
    return float(damped), votes


def book(levels: Book) -> Signals:
    bids, asks = (np.array([(float(x.price), float(x.contracts)) for x in side]) for side in (levels.bids, levels.asks))
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    mid = (bid + ask) / 2
    total_bid, total_ask = bids[:, 1].sum(), asks[:, 1].sum()
    return {
        "imbalance": (total_bid - total_ask) / (total_bid + total_ask),
        "micro_price_offset_pct": (ask * bid_size + bid * ask_size) / (bid_size + ask_size) / mid - 1,
        "spread_pct": (ask - bid) / mid,
        "wall": wall(bids, asks, mid),
    }


def wall(bids: np.ndarray, asks: np.ndarray, mid: float) -> float:
    """Distance of the nearest wall; infinite without one."""
    nearest = np.inf
    for side in (bids[1:], asks[1:]):
        typical = np.median(side[:, 1])
        robust = 1.4826 * np.median(np.abs(side[:, 1] - typical))
        walls = side[side[:, 1] > max(typical + 6 * robust, 5 * typical)]
        if len(walls):
            nearest = min(nearest, np.abs(walls[:, 0] / mid - 1).min())
    return float(nearest)


def relative_strength(closes: Mapping[str, np.ndarray]) -> np.ndarray:
    logs = np.log(np.stack([series[-169:] for series in closes.values()]))
    sigma = np.diff(logs, axis=1).std(axis=1)
    momentum = sum(
        w * (logs[:, -1] - logs[:, -1 - h]) / (sigma * h**0.5) for h, w in ((24, 0.5), (72, 0.3), (168, 0.2))
    )
    centre = np.median(momentum)
    return 100 * ndtr((momentum - centre) / max(1.4826 * np.median(np.abs(momentum - centre)), 0.25))


def brief(
    ticker: str, signals: Mapping[tuple[str, Timeframe], Signals], levels: Signals, market: MarketSnapshot
) -> str:
    lines = [f"CLASS {market.instrument.asset_class}"]
    for timeframe in (Timeframe.H4, Timeframe.H1, Timeframe.M15):
        s = signals[ticker, timeframe]
        lines.append(
            f"{timeframe}: EMA {s['votes'][0]:+d}, RSI {s['rsi']:.0f}, MACD {s['macd'] / s['atr']:+.2f}ATR,"
            f" OFI {s['ofi_bar']:+.2f}, VWAP {s['vwap_deviation_sigma']:+.1f}sd; band"
            f" {s['bollinger_position']:+.1f} vol {s['realised_vol']:.0%} VPIN {s['vpin']:.2f}"
            f" toxicity {s['toxicity']:.2f} jump {s['jump_z'] > 3.0902} score {s['score']:+.2f}"
        )
    lines.append(
        f"BOOK: imbalance {levels['imbalance']:+.2f}, micro {levels['micro_price_offset_pct'] * 1e4:+.1f}bp,"
        f" spread {levels['spread_pct'] * 1e4:.1f}bp, wall {levels['wall']:.3%}"
    )
    if market.funding is not None and market.open_interest is not None and market.long_short is not None:
        lines.append(f"FUNDING {market.funding.rate:+.4%} per {market.funding.interval_ms / 3_600_000:.0f}h")
        lines.append(f"OPEN INTEREST {market.open_interest.usd or 0:.0f}, LONG/SHORT {market.long_short.ratio:.2f}")
    return "\n".join(lines)
