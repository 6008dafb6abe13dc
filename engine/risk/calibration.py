"""From signal strength to a win probability, and from that to confidence. Two numbers, never one (D5).

Below 100 closed trades the calibrator is a Beta posterior per strength bucket; `Calibrator` is the seam where
Platt's sigmoid (to 1000) and isotonic regression (above) take its place.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

BUCKET_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9)
PRIOR_WEIGHT = 20
PRIOR_SLOPE = 0.10
PRIOR_BOUNDS = (0.01, 0.99)
CONFIDENCE_PRIOR = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """One closed trade: the signal strength at entry, in [0, 1], and whether its net result was > 0."""

    strength: float
    won: bool


@dataclass(frozen=True, slots=True)
class WinEstimate:
    """`p_win` in (0, 1) and the number of closed trades that it rests on (0 = prior only, a cold start)."""

    p_win: float
    trades: int


class Calibrator(Protocol):
    """Turns a strength into a win probability for a bracket with the given break-even."""

    def estimate(self, strength: float, break_even: float) -> WinEstimate: ...


def bucket_of(strength: float) -> int:
    """Index of the bucket: below 0.5, then tenths up to 1."""
    return bisect_right(BUCKET_EDGES, strength)


def prior_mean(strength: float, break_even: float) -> float:
    """Break-even p + 0.10·(2·strength − 1): without history a signal is worth at most ten points. D19."""
    low, high = PRIOR_BOUNDS
    return min(max(break_even + PRIOR_SLOPE * (2 * strength - 1), low), high)


class BetaCalibrator:
    """Beta-binomial posterior mean per strength bucket, with a prior worth 20 trades."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._trades = [0] * (len(BUCKET_EDGES) + 1)
        self._wins = [0] * (len(BUCKET_EDGES) + 1)
        for outcome in outcomes:
            bucket = bucket_of(outcome.strength)
            self._trades[bucket] += 1
            self._wins[bucket] += outcome.won

    def estimate(self, strength: float, break_even: float) -> WinEstimate:
        """(20·prior + wins)/(20 + trades), over this strength's bucket only."""
        bucket = bucket_of(strength)
        trades = self._trades[bucket]
        prior = PRIOR_WEIGHT * prior_mean(strength, break_even)
        return WinEstimate((prior + self._wins[bucket]) / (PRIOR_WEIGHT + trades), trades)


def m_map(p_win: float, break_even: float) -> float:
    """clip(0.5 + (p − p_be)/(2(1 − p_be)), 0, 1): break-even maps to 0.5, certainty to 1. D5."""
    if break_even >= 1:
        return 0.0
    return min(max(0.5 + (p_win - break_even) / (2 * (1 - break_even)), 0.0), 1.0)


def confidence_of(strength: float, win: WinEstimate, break_even: float) -> float:
    """(1 − w)·strength + w·m(p_win), w = n/(n + 50), n = the closed trades behind p_win.

    Without history it is the strength itself.
    """
    weight = win.trades / (win.trades + CONFIDENCE_PRIOR)
    return (1 - weight) * strength + weight * m_map(win.p_win, break_even)
