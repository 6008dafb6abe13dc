"""Votes and score: how six pieces of evidence become a direction.

Each piece is signed and free of scale (ATRs, RSI points, shares, sigmas), so neither the price nor the
tick changes a vote, and a market turned upside down gives minus the score.

| evidence | unit | votes beyond | full at | weight |
|---|---|---|---|---|
| EMA stack | weakest gap of 9/20/50, in ATR | 0.05 | 1.00 | 0.30 |
| RSI | points from 50 | 5 | 25 | 0.15 |
| MACD | (line + histogram) / ATR | 0.20 | 1.50 | 0.15 |
| OFI | ofi_bar | 0.10 | 0.40 | 0.15 |
| VWAP | deviation in σ | 0.50 | 2.50 | 0.15 |
| Bollinger | band position | never | 1.25 | 0.10 |

After 50 closes without a change, EMA stack, RSI, MACD and OFI are unknown.

score = Σ weight · clip(evidence / full, −1, 1), an unknown piece counting 0; then damped, never
amplified: ×0.85 after a jump within the test's window, and down to ×0.8 as toxicity goes from 0.8 to 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.experts.rolling import ZERO
from engine.model import FloatArray, Timeframe

VOTE_BEYOND = np.array([0.05, 5.0, 0.20, 0.10, 0.50])[:, None]
FULL_AT = np.array([1.00, 25.0, 1.50, 0.40, 2.50, 1.25])[:, None]
WEIGHTS = np.array([0.30, 0.15, 0.15, 0.15, 0.15, 0.10])

JUMP_DAMPING = 0.85
TOXIC_FROM = 0.8
TOXIC_DAMPING = 0.2

_ONE, _MINUS_ONE, _VOTE_BELOW = np.ones(()), np.full((), -1.0), -VOTE_BEYOND
_JUMP_DAMPING, _TOXIC_FROM, _TOXIC_DAMPING = (np.array(x) for x in (JUMP_DAMPING, TOXIC_FROM, TOXIC_DAMPING))
_TOXIC_RANGE = np.array(1 - TOXIC_FROM)

TIMEFRAME_WEIGHTS = {Timeframe.H4: 0.50, Timeframe.H1: 0.35, Timeframe.M15: 0.15}

MIN_LEAD = 3
"""bulls − bears needed before a direction is named."""


def votes_of(evidence: FloatArray) -> NDArray[np.int8]:
    """−1, 0 or +1 for the five voting indicators; shape (5, rows). Unknown votes 0."""
    voting = evidence[:5]
    return (voting >= VOTE_BEYOND).view(np.int8) - (voting <= _VOTE_BELOW).view(np.int8)


def scores_of(evidence: FloatArray, jump_z: FloatArray, toxicity: FloatArray, jump_limit: float) -> FloatArray:
    """Score in [−1, 1] of evidence shaped (6, rows)."""
    full = evidence / FULL_AT
    np.minimum(np.maximum(full, _MINUS_ONE, out=full), _ONE, out=full)
    np.copyto(full, ZERO, where=np.isnan(full))
    score: FloatArray = WEIGHTS.dot(full)
    np.copyto(score, score * _JUMP_DAMPING, where=jump_z > jump_limit)
    excess = np.fmax(toxicity - _TOXIC_FROM, ZERO)
    np.divide(excess, _TOXIC_RANGE, out=excess)
    np.multiply(excess, _TOXIC_DAMPING, out=excess)
    np.multiply(score, np.subtract(_ONE, excess, out=excess), out=score)
    return score
