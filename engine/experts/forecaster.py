"""What the forecasting model is asked, and what is read from its answer: TimesFM 2.5, zero-shot, closes only.

Source: Das, Kong, Sen, Zhou, A decoder-only foundation model for time-series forecasting, ICML 2024 (2310.10688).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.model import (
    Candles,
    Direction,
    FloatArray,
    Forecast,
    ForecastBand,
    ForecastSignals,
    IntArray,
    Outlook,
    Timeframe,
)

THRESHOLD = 0.003
"""Bullish above +0.30 % of the median end point, bearish below −0.30 %."""
MIN_BARS = 64
"""Two of the model's input patches of 32: below it a forecast is a guess from one glance."""
MIN_SPREAD = 1e-6
"""Standard deviation of the closes, as a fraction of the last one. The model does not normalise what varies less and
answers a flat line without a word; at such a spread the market stands still."""
HOUR_MS = 3_600_000
LOW, MEDIAN, HIGH = 1, 5, 9
"""Places of the 10 %, 50 % and 90 % quantiles in the model's answer; place 0 is the mean."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """`steps` bars of `timeframe` ahead."""

    name: str
    timeframe: Timeframe
    steps: int


SHORT = Horizon("short", Timeframe.H1, 4)
MEDIUM = Horizon("medium", Timeframe.H4, 6)
HORIZONS = (SHORT, MEDIUM)


class Refusal(StrEnum):
    """Why a series, or the answer to it, is not used."""

    TOO_SHORT = "too short"
    NOT_FINITE = "not finite"
    NOT_POSITIVE = "not positive"
    CONSTANT = "constant"
    NO_ANSWER = "no usable answer"


class SeriesRefused(ValueError):
    """The series or its answer is not used; the message names the refusal and its figures in one line."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{refusal}: {detail}")
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Series:
    """What the model sees of one market: `changes` (n,) are closes against the last one, as fractions (the last is
    0), oldest first. `made_from` is the last bar's open time in ms."""

    changes: FloatArray
    made_from: int


def newest_closed(candles: Candles, timeframe: Timeframe, now_ms: int) -> int | None:
    """Open time of the newest bar that has closed by `now_ms`; None without any."""
    closed = _closed(candles, timeframe, now_ms)
    return int(candles.ts[closed - 1]) if closed else None


def usable_series(candles: Candles, timeframe: Timeframe, now_ms: int, context: int) -> Series:
    """The last `context` closes that had closed by `now_ms`, back to the first missing bar: the model takes its steps
    to be even. Prices become changes against the last close, since prices near 1e-5 vary by less than MIN_SPREAD.

    Raises SeriesRefused: the model itself fills NaN by interpolation, answers infinity with NaN and a constant with
    a constant, all without a word.
    """
    closed = _closed(candles, timeframe, now_ms)
    first = max(_first_unbroken(candles.ts[:closed], timeframe), closed - context)
    closes = candles.close[first:closed]
    if len(closes) < MIN_BARS:
        raise SeriesRefused(Refusal.TOO_SHORT, f"{len(closes)} unbroken {timeframe} bars, {MIN_BARS} needed")
    if not np.isfinite(closes).all():
        raise SeriesRefused(Refusal.NOT_FINITE, f"{int((~np.isfinite(closes)).sum())} of {len(closes)} closes")
    if closes.min() <= 0:
        raise SeriesRefused(Refusal.NOT_POSITIVE, f"a close of {closes.min():g}")
    changes = closes / closes[-1] - 1
    if float(changes.std()) < MIN_SPREAD:
        raise SeriesRefused(Refusal.CONSTANT, f"{len(closes)} {timeframe} closes that do not move")
    return Series(changes, int(candles.ts[closed - 1]))


def band_of(horizon: Horizon, made_from: int, quantiles: Sequence[float]) -> ForecastBand:
    """The band at the end point; `quantiles` are the model's ten places there, in the unit of `Series.changes`.

    Raises SeriesRefused for an answer that no price can follow: not finite, out of order, or a loss of everything.
    """
    low, median, high = (float(quantiles[place]) for place in (LOW, MEDIAN, HIGH))
    if not np.isfinite((low, median, high)).all():
        raise SeriesRefused(Refusal.NO_ANSWER, "the model answered no numbers")
    if not -1 < low <= median <= high:
        raise SeriesRefused(Refusal.NO_ANSWER, f"a band of {low:+.4g}, {median:+.4g}, {high:+.4g}")
    return ForecastBand(horizon.timeframe, horizon.steps, median, low, high, made_from)


def is_current(band: ForecastBand, now_ms: int) -> bool:
    """Made from the last bar that has closed by `now_ms` or the one before it; never from one that closes later."""
    closed_at = band.made_from + band.timeframe.ms
    return closed_at <= now_ms < closed_at + 2 * band.timeframe.ms


def forecast_signals(forecast: Forecast | None, taken_at: int) -> ForecastSignals | None:
    """What a snapshot taken at `taken_at` (venue ms) may read of a forecast; None = n/a altogether.

    It informs the brief alone: a forecast is none of the fifteen votes.
    """
    if forecast is None:
        return None
    short, medium = _outlook(forecast.short, taken_at), _outlook(forecast.medium, taken_at)
    return ForecastSignals(short, medium) if short or medium else None


def _outlook(band: ForecastBand | None, taken_at: int) -> Outlook | None:
    if band is None or not is_current(band, taken_at):
        return None
    hours = band.steps * band.timeframe.ms / HOUR_MS
    return Outlook(_direction(band.median), hours, band.median, band.low, band.high)


def _direction(median: float) -> Direction:
    if median > THRESHOLD:
        return Direction.BULLISH
    return Direction.BEARISH if median < -THRESHOLD else Direction.NEUTRAL


def _closed(candles: Candles, timeframe: Timeframe, now_ms: int) -> int:
    return int(np.searchsorted(candles.ts, now_ms - timeframe.ms, side="right"))


def _first_unbroken(ts: IntArray, timeframe: Timeframe) -> int:
    """Where the last run of bars without a missing one begins."""
    gaps = np.flatnonzero(np.diff(ts) != timeframe.ms)
    return int(gaps[-1]) + 1 if len(gaps) else 0
