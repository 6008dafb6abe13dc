"""Was there a jump? The ratio test of realised against bipower variation.

Sources: Barndorff-Nielsen & Shephard, J. Fin. Econometrics 2(1) (2004) and 4(1):1-30 (2006); ratio form
by Huang & Tauchen, J. Fin. Econometrics 3(4) (2005).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from engine.experts.rolling import ratio, trailing_sums
from engine.model import FloatArray

JUMP_BARS = 96
"""Always the same number, twice the least that the test is good for (48): a z never depends on the
length of the history handed over."""
MAX_ZERO_SHARE = 0.05
"""More exact zeros than this (a closed market, an illiquid one) and bipower variation means nothing."""
JUMP_Z = 3.090232306167813
"""The standard normal's 99.9 % quantile: a jump at α = 0.001."""

_MU_43 = 2 ** (2 / 3) * math.gamma(7 / 6) / math.gamma(1 / 2)
_ONE = np.ones(())
_THETA = (math.pi / 2) ** 2 + math.pi - 5


def jump_statistic(returns: FloatArray) -> tuple[float, float, float, float]:
    """(RV, BV, RJ, z) of M ≥ 3 log returns, at least one of them not zero. The bare formula: no refusals."""
    values = tuple(float(column[0]) for column in _statistics(returns, len(returns), 1))
    return values[0], values[1], values[2], values[3]


def jump_z_column(returns: FloatArray, rows: int) -> FloatArray:
    """z over the last 96 log returns; NaN where fewer exist or more than 5 % of them are exactly zero."""
    if len(returns) < JUMP_BARS:
        return np.full(rows, np.nan)
    returns = returns[max(0, len(returns) - rows - JUMP_BARS + 1) :]
    zeros = trailing_sums((returns == 0).astype(np.float64), JUMP_BARS, rows)
    z = _statistics(returns, JUMP_BARS, rows)[3]
    return np.where(zeros <= MAX_ZERO_SHARE * JUMP_BARS, z, np.nan)


def _statistics(returns: FloatArray, m: int, rows: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    size = np.abs(returns[max(0, len(returns) - rows - m + 1) :])
    pairs = size[1:] * size[:-1]
    roots = np.cbrt(pairs[1:] * size[:-2])
    roots *= roots
    squared, paired = trailing_sums(size * size, m, rows), trailing_sums(pairs, m - 1, rows)
    return jump_test(squared, paired, trailing_sums(roots * roots, m - 2, rows), m)


def jump_test(
    squared: FloatArray, paired: FloatArray, tripled: FloatArray, m: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(RV, BV, RJ, z) from the sums over m returns: Σr², Σ|r_i r_{i−1}| and Σ|r_i r_{i−1} r_{i−2}|^{4/3}."""
    of_bv, of_tq, of_noise = _constants(m)
    bv, tq = of_bv * paired, of_tq * tripled
    rj = ratio(squared - bv, squared)
    z = rj / np.sqrt(of_noise * np.fmax(_ONE, ratio(tq, bv * bv)))
    return squared, bv, rj, z


@cache
def _constants(m: int) -> tuple[FloatArray, ...]:
    """Of `jump_test`; see `rolling.ZERO`."""
    numbers = ((math.pi / 2) * (m / (m - 1)), m * _MU_43**-3 * (m / (m - 2)), _THETA / m)
    return tuple(np.array(number) for number in numbers)
