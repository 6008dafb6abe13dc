"""The market's weather: BTC's regime as smoothed probabilities, Fear & Greed, and what both leave of a size.

At each 1H bar three pieces of evidence stand against one another, in standard deviations of a random walk; σ is the
root mean square hourly return of the last 48 hours:

- trend: |log return of 48 hours| / (σ√48), about 0.8 on average where there is no trend;
- reversal: 1.5 · √|z_old · z_new| where the last 12 hours (z_new) run against the 36 before them (z_old), else 0;
- range: 1, the least that the others must show.

softmax(2 · evidence) are the bar's probabilities. The regime is their mean over the last 48 bars, weighted by
0.5^(age / 6 bars): one bar moves a probability by at most 0.11, so nothing flips. Evidence, sharpness and half-life
are our choice. The window is finite, so that a live window of 300 bars and a whole history give the same numbers.

The multiplier is 1.0 · trend + 0.7 · range + 0.5 · reversal: the blend of the three regimes' shares, never above 1.
Volatility has no factor here, since stops and the risk of a trade already follow it; nor has Fear & Greed, which the
brief shows.

An unknown regime is n/a, and its multiplier the smallest of the blend: what is not known is no reason to trade whole
sizes. It says why; what would have been greater is lost, not a stop or a trade. Fear & Greed, unknown, changes nothing.
"""

from __future__ import annotations

import numpy as np

from engine.experts.freshness import is_sound
from engine.model import AssetClass, Candles, FearGreed, FloatArray, RegimeSignals
from engine.model.ages import FEED_AHEAD_MS

HOUR_MS = 3_600_000
LOOKBACK = 48
RECENT = 12
REVERSAL_GAIN = 1.5
SHARPNESS = 2.0
HALF_LIFE = 6.0
SMOOTHED = 48
CLOSES = LOOKBACK + SMOOTHED
"""Hourly closes that the regime needs; with fewer it is unknown."""
STALE_HOURS = 2
FEAR_GREED_LIMIT_MS = 36 * HOUR_MS
"""From the start of the index's day: the day itself and half of the next, in which a new one did not come."""

SHARE_OF_SIZE = np.array([1.0, 0.7, 0.5])
"""Trend, range, reversal."""
UNKNOWN_SHARE = float(SHARE_OF_SIZE.min())
"""While nobody knows which of them it is."""


def regime_signals(
    btc_hours: Candles | None,
    fear_greed: FearGreed | None,
    now_ms: int,
    asset_class: AssetClass = AssetClass.CRYPTO,
) -> RegimeSignals:
    """The weather at `now_ms` for a market of `asset_class`; Fear & Greed is an index of crypto and n/a elsewhere.

    `btc_hours` are confirmed 1H bars, oldest first, 96 or more; bars that close after `now_ms` are not looked at.
    Unsound, frozen, too short or older than 2 hours: the probabilities are None, `why` says which. Never raises.
    """
    index = _index(fear_greed, now_ms) if asset_class is AssetClass.CRYPTO else None
    closes, why = _closes(btc_hours, now_ms)
    weights = None if closes is None else regime_probabilities(closes)
    if weights is None:
        return RegimeSignals(None, None, None, index, UNKNOWN_SHARE, why or "BTC's prices stand still")
    trend, ranging, reversal = (float(p) for p in weights)
    return RegimeSignals(trend, ranging, reversal, index, min(1.0, float(weights @ SHARE_OF_SIZE)))


def regime_probabilities(closes: FloatArray) -> FloatArray | None:
    """(trend, range, reversal), which sum to 1, at the last of at least 96 closes; None where prices stand still."""
    logs = np.log(closes[-(LOOKBACK + SMOOTHED) :])
    evidence = _evidence(logs)
    if not np.isfinite(evidence).all():
        return None
    odds = np.exp(SHARPNESS * (evidence - evidence.max(axis=0)))
    of_bars = odds / odds.sum(axis=0)
    weights = 0.5 ** (np.arange(SMOOTHED - 1, -1, -1) / HALF_LIFE)
    smoothed: FloatArray = of_bars @ (weights / weights.sum())
    return smoothed


def _evidence(logs: FloatArray) -> FloatArray:
    """Rows trend, range, reversal for each of the last 48 of 96 log closes; not finite where nothing moved."""
    returns = np.diff(logs)
    windows = np.lib.stride_tricks.sliding_window_view(returns, LOOKBACK)
    sigma = np.sqrt((windows * windows).mean(axis=1))
    now = logs[LOOKBACK:]
    moved = now - logs[:-LOOKBACK]
    turn = logs[LOOKBACK - RECENT : -RECENT]
    with np.errstate(divide="ignore", invalid="ignore"):
        trend = np.abs(moved) / (sigma * np.sqrt(LOOKBACK))
        old = (turn - logs[:-LOOKBACK]) / (sigma * np.sqrt(LOOKBACK - RECENT))
        new = (now - turn) / (sigma * np.sqrt(RECENT))
    reversal = REVERSAL_GAIN * np.sqrt(np.maximum(0.0, -old * new))
    return np.stack((trend, np.ones_like(trend), reversal))


def _index(fear_greed: FearGreed | None, now_ms: int) -> int | None:
    """The index unless it is too old, of the future, or no index at all."""
    if fear_greed is None or not 0 <= fear_greed.value <= 100:
        return None
    return fear_greed.value if -FEED_AHEAD_MS <= now_ms - fear_greed.ts <= FEAR_GREED_LIMIT_MS else None


def _closes(bars: Candles | None, now_ms: int) -> tuple[FloatArray | None, str]:
    """The last 96 closes known at `now_ms`, oldest first; None when they are too few, too old or not sound, and why."""
    if bars is None:
        return None, "no BTC hours"
    known = int(np.searchsorted(bars.ts, now_ms - HOUR_MS, side="right"))
    part = slice(max(0, known - CLOSES), known)
    window = Candles(*(getattr(bars, name)[part] for name in ("ts", "open", "high", "low", "close", "volume")))
    if len(window) < CLOSES:
        return None, f"{len(window)} of {CLOSES} BTC hours"
    if not is_sound(window) or float(window.close.min()) <= 0:
        return None, "BTC's hours are not sound"
    age_h = (now_ms - int(window.ts[-1]) - HOUR_MS) / HOUR_MS
    return (window.close, "") if age_h <= STALE_HOURS else (None, f"BTC's hours end {age_h:.0f}h ago")
