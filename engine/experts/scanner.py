"""RS: how strong a ticker's momentum is beside the rest of the watchlist, 0 to 100."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from engine.model import FloatArray

HORIZONS = ((24, 0.5), (72, 0.3), (168, 0.2))
"""(hours, weight): one day, three days, one week."""
MIN_CLOSES = 169
MAD_TO_SIGMA = 1.4826
MIN_SCALE = 0.25
"""Momentum differences are not stretched below a quarter of a sigma: 17 look-alikes all score near 50."""


def rs_scores(closes: Mapping[str, FloatArray]) -> Mapping[str, float | None]:
    """RS by ticker from 1H closes, oldest first; None where under 169 closes or no movement exist.

    momentum = Σ w_h · ln(C_t / C_{t−h}) / (σ·√h), h = 24, 72, 168 with weights .5, .3, .2, σ the deviation
    of the last 168 hourly log returns; RS = 100·Φ((momentum − median) / max(1.4826·MAD, 0.25)) over the
    watchlist. A median ticker scores 50. Volatility scaling: Moskowitz, Ooi, Pedersen, J. Fin. Economics
    104(2) (2012). It orders the watchlist and never filters it.
    """
    momenta = {ticker: momentum(series) for ticker, series in closes.items()}
    known = np.array([value for value in momenta.values() if value is not None])
    if not len(known):
        return dict.fromkeys(closes)
    centre = float(np.median(known))
    scale = max(MAD_TO_SIGMA * float(np.median(np.abs(known - centre))), MIN_SCALE)
    return {
        ticker: None if value is None else 100.0 * float(ndtr((value - centre) / scale))
        for ticker, value in momenta.items()
    }


def ranked(scores: Mapping[str, float | None]) -> tuple[str, ...]:
    """Tickers, strongest first; unknown scores last, ties in the order given."""
    known = {ticker: -1.0 if score is None else score for ticker, score in scores.items()}
    return tuple(sorted(known, key=known.__getitem__, reverse=True))


def momentum(closes: FloatArray) -> float | None:
    """Volatility-scaled momentum in sigmas; None when it cannot be computed."""
    tail = np.asarray(closes[-MIN_CLOSES:], dtype=np.float64)
    if len(tail) < MIN_CLOSES or not np.isfinite(tail).all() or (tail <= 0).any():
        return None
    logs = np.log(tail)
    sigma = float(np.std(np.diff(logs)))
    if sigma < 1e-9:
        return None
    return sum(weight * float(logs[-1] - logs[-1 - hours]) / (sigma * math.sqrt(hours)) for hours, weight in HORIZONS)
