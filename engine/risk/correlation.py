"""Do two instruments move together? Pearson on hourly log returns, aligned by timestamp (D27)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.model import Candles, FloatArray, Timeframe

WINDOW = 168
MINIMUM = 100
# A return series whose variance is under this is frozen; its correlation means nothing.
FROZEN_VARIANCE = 1e-18


@dataclass(frozen=True, slots=True)
class CorrelationMatrix:
    """Pairwise correlations; `values` has shape (k, k), NaN where too little is known."""

    tickers: tuple[str, ...]
    values: FloatArray

    def between(self, first: str, second: str) -> float | None:
        """In [−1, 1]; None when unknown, also for a ticker that is not in the matrix."""
        if first not in self.tickers or second not in self.tickers:
            return None
        value = float(self.values[self.tickers.index(first), self.tickers.index(second)])
        return value if np.isfinite(value) else None

    def with_others(self, ticker: str, others: tuple[str, ...]) -> dict[str, float | None]:
        """What `DecisionInputs.correlations` wants: `ticker` against each of `others`."""
        return {other: self.between(ticker, other) for other in others}


def newest(series: Mapping[str, Candles]) -> int:
    """Open time of the newest bar among all; 0 when there is none."""
    return max((int(candles.ts[-1]) for candles in series.values() if len(candles)), default=0)


def hourly_returns(candles: Candles, end_ms: int) -> FloatArray:
    """Log returns of the 168 hours ending with the bar that opens at `end_ms`, shape (168,), oldest first.

    NaN where the bar or the one an hour before it is missing, or where a price is not positive: a gap is
    never bridged, because a return over two hours is not an hourly return.
    """
    grid = np.full(WINDOW + 1, np.nan)
    slots = WINDOW - (end_ms - candles.ts) // Timeframe.H1.ms
    usable = (slots >= 0) & (slots <= WINDOW) & (candles.ts % Timeframe.H1.ms == 0) & (candles.close > 0)
    grid[slots[usable]] = np.log(candles.close[usable])
    return np.diff(grid)


def correlation_matrix(series: Mapping[str, Candles], end_ms: int | None = None) -> CorrelationMatrix:
    """All pairs at once from confirmed 1H candles, each over the hours that both have (at least 100).

    Signed: −1 is as good as unrelated for the gate. `end_ms` defaults to the newest bar of all.
    """
    tickers = tuple(series)
    if not tickers:
        return CorrelationMatrix((), np.empty((0, 0)))
    end = newest(series) if end_ms is None else end_ms
    returns = np.stack([hourly_returns(series[ticker], end) for ticker in tickers])
    return CorrelationMatrix(tickers, _pearson(returns))


def correlation(first: Candles, second: Candles, end_ms: int | None = None) -> float | None:
    """One pair; None when fewer than 100 common hours are known or one of the prices is frozen."""
    return correlation_matrix({"first": first, "second": second}, end_ms).between("first", "second")


def _pearson(returns: FloatArray) -> FloatArray:
    """Pairwise-complete Pearson of rows with NaN, by masked sums; shape (k, T) to (k, k)."""
    known = np.isfinite(returns)
    mask = known.astype(np.float64)
    count = mask @ mask.T
    # Shifting each row by its own mean changes no correlation, and keeps the sums from cancelling.
    shift = np.where(known, returns, 0.0).sum(axis=1, keepdims=True) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, returns - shift, 0.0)
    total = centred @ mask.T
    squares = (centred**2) @ mask.T
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = (centred @ centred.T - total * total.T / count) / count
        variance = (squares - total**2 / count) / count
        result = covariance / np.sqrt(variance * variance.T)
    enough = (count >= MINIMUM) & (variance > FROZEN_VARIANCE) & (variance.T > FROZEN_VARIANCE)
    return np.where(enough, np.clip(result, -1.0, 1.0), np.nan)
