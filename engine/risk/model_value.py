"""Is one policy better than another? Mean daily difference, its interval, and the word for it. Pure."""

from __future__ import annotations

import numpy as np

from engine.model import FloatArray
from engine.model.worth import Comparison, Policy
from engine.risk.bootstrap import mean_interval

MIN_DAYS = 30
MIN_TRADES = 30
"""Closed by both policies together. Fewer of either prove nothing: the word stays "not distinguishable"."""
INTERVAL_FROM_DAYS = 10

NAMES = {Policy.RULES: "rules", Policy.HOLD: "always HOLD", Policy.RANDOM: "random entry", Policy.MODEL: "the model"}


def compare(against: Policy, differences: FloatArray, trades: int) -> Comparison:
    """`differences` are the model's daily return less the other's, a fraction, shape (n,), oldest first.

    Better or worse only when the 95 % interval lies wholly on one side of 0, and not before 30 days and 30 closed
    trades.
    """
    days = len(differences)
    assert bool(np.isfinite(differences).all()), "a daily return must be a number"
    interval = mean_interval(differences) if days >= INTERVAL_FROM_DAYS else None
    days_missing, trades_missing = max(0, MIN_DAYS - days), max(0, MIN_TRADES - trades)
    proven = interval is not None and not days_missing and not trades_missing
    return Comparison(
        against=against,
        per_day=float(differences.mean()) if days else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        days=days,
        days_missing=days_missing,
        trades_missing=trades_missing,
        verdict=verdict(NAMES[against], interval.low, interval.high) if proven and interval else _unproven(against),
    )


def verdict(other: str, low: float, high: float) -> str:
    """An end at exactly 0 is no difference."""
    if low > 0:
        return f"better than {other}"
    return f"worse than {other}" if high < 0 else f"not distinguishable from {other}"


def _unproven(against: Policy) -> str:
    return f"not distinguishable from {NAMES[against]}"
