"""Trailing windows over the last rows of a series.

Every indicator is computed for the last `rows` bars of its input: 1 while trading live, all of them for
a history. Both go through the same code, so a live value and a column's value are the same value.
Unknown is NaN inside arrays and becomes None in the signals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.model import FloatArray

# Arrays of no dimension: with a float of Python's, NumPy asks at each call what it is, for longer than it computes.
ZERO = np.zeros(())
_NAN = np.full((), np.nan)


def trailing_sums(values: FloatArray, window: int, rows: int) -> FloatArray:
    """Sum over the `window` values ending at each of the last `rows` positions; shape (rows,).

    Positions with fewer than `window` values behind them are NaN. No running sum: an old spike
    leaves no rounding residue behind, and a value never depends on how long the history is.
    """
    tail = values[max(0, len(values) - (rows + window - 1)) :]
    if len(tail) < window:
        return np.full(rows, np.nan)
    if rows == 1:
        return np.add.reduce(tail, keepdims=True)
    sums = np.convolve(tail, np.ones(window), "valid")
    return padded(sums, rows)


def padded(values: FloatArray, rows: int) -> FloatArray:
    """The last `rows` of `values`, NaN in front where there are fewer."""
    if len(values) >= rows:
        return values[len(values) - rows :]
    return np.concatenate((np.full(rows - len(values), np.nan), values))


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """numerator / denominator; NaN where the denominator is not positive."""
    positive = denominator.copy()
    blank(positive, positive <= ZERO)
    quotient: FloatArray = numerator / positive
    return quotient


def ratio_into(quotient: FloatArray, numerator: FloatArray, denominator: FloatArray) -> None:
    """`ratio` without a new array; a denominator that is not positive becomes NaN itself."""
    blank(denominator, denominator <= ZERO)
    np.divide(numerator, denominator, out=quotient)


def blank(values: FloatArray, unknown: NDArray[np.bool_]) -> None:
    """Makes them NaN, in place."""
    np.copyto(values, _NAN, where=unknown)


def known(value: float) -> float | None:
    """A NaN or infinite cell as None."""
    return float(value) if -np.inf < value < np.inf else None
