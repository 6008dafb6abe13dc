"""The textbook formulas in plain Python, written without the code under test or its libraries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def ema(values: Sequence[float], period: int) -> list[float | None]:
    """Seeded with the simple average of the first `period` values."""
    out: list[float | None] = [None] * (period - 1)
    current = sum(values[:period]) / period
    out.append(current)
    for value in values[period:]:
        current += (value - current) * 2 / (period + 1)
        out.append(current)
    return out


def wilder(values: Sequence[float], period: int) -> list[float]:
    current = sum(values[:period]) / period
    out = [current]
    for value in values[period:]:
        current = (current * (period - 1) + value) / period
        out.append(current)
    return out


def rsi(close: Sequence[float], period: int = 14) -> float:
    changes = [b - a for a, b in pairwise(close)]
    gain = wilder([max(c, 0.0) for c in changes], period)[-1]
    loss = wilder([max(-c, 0.0) for c in changes], period)[-1]
    return 100 - 100 / (1 + gain / loss)


def atr(high: Sequence[float], low: Sequence[float], close: Sequence[float], period: int = 14) -> float:
    ranges = [
        max(h - lo, abs(h - before), abs(lo - before))
        for h, lo, before in zip(high[1:], low[1:], close[:-1], strict=True)
    ]
    return wilder(ranges, period)[-1]


def macd(close: Sequence[float]) -> tuple[float, float]:
    """(line, signal); both averages start together, at the slow one's first value, as TA-Lib has it."""
    slow = ema(close, 26)
    fast = ema(close[14:], 12)
    line = [f - s for f, s in zip(fast[11:], slow[25:], strict=True) if f is not None and s is not None]
    signal = ema(line, 9)[-1]
    assert signal is not None
    return line[-1], signal


def bollinger_position(close: Sequence[float], period: int = 20) -> float:
    window = close[-period:]
    mean = sum(window) / period
    sigma = (sum((value - mean) ** 2 for value in window) / period) ** 0.5
    return (close[-1] - mean) / (2 * sigma)


def quote_event(before: tuple[float, float, float, float], after: tuple[float, float, float, float]) -> float:
    """e_n of two best quotes (bid, size, ask, size), case by case as the paper writes it."""
    return sum(quote_terms(before, after))


def quote_terms(
    before: tuple[float, float, float, float], after: tuple[float, float, float, float]
) -> tuple[float, float]:
    """Its two parts: of the bid and of the ask."""
    (bid0, bid_size0, ask0, ask_size0), (bid1, bid_size1, ask1, ask_size1) = before, after
    bid = bid_size1 if bid1 > bid0 else bid_size1 - bid_size0 if bid1 == bid0 else -bid_size0
    ask = -ask_size1 if ask1 < ask0 else ask_size0 - ask_size1 if ask1 == ask0 else ask_size0
    return bid, ask


def order_flow_imbalance(quotes: Sequence[tuple[float, float, float, float]]) -> float | None:
    """The sum of the events over the sum of the absolute parts; None when nothing changed."""
    parts = [part for before, after in pairwise(quotes) for part in quote_terms(before, after)]
    gross = sum(map(abs, parts))
    return sum(parts) / gross if gross else None
