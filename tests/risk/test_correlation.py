"""Correlation on aligned hourly returns."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from engine.model import Candles, FloatArray
from engine.risk.correlation import CorrelationMatrix, correlation, correlation_matrix, hourly_returns

HOUR = 3_600_000
END = 480_000 * HOUR


def series(returns: FloatArray, end: int = END, drop: tuple[int, ...] = ()) -> Candles:
    """Hourly candles whose last bar opens at `end`; `drop` are indices of missing bars."""
    close = 100 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    ts = end - HOUR * np.arange(len(close) - 1, -1, -1, dtype=np.int64)
    keep = np.setdiff1d(np.arange(len(close)), np.array(drop, dtype=int))
    ts, close = ts[keep], close[keep]
    return Candles(ts, close, close, close, close, np.ones(len(close)))


def noise(seed: int, n: int = 200) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 0.01, n)


def test_a_series_moves_with_itself_and_against_its_mirror() -> None:
    r = noise(1)
    assert correlation(series(r), series(r)) == pytest.approx(1.0)
    assert correlation(series(r), series(-r)) == pytest.approx(-1.0)


def test_it_is_numpys_pearson_over_the_last_168_hours() -> None:
    a, b = noise(1), 0.6 * noise(1) + noise(2)
    expected = np.corrcoef(a[-168:], b[-168:])[0, 1]
    assert correlation(series(a), series(b)) == pytest.approx(expected, abs=1e-10)


def test_bars_are_aligned_by_time_not_by_position() -> None:
    r = noise(3)
    late = series(r, drop=(150,))
    assert correlation(series(r), late) == pytest.approx(1.0)


def test_a_gap_is_never_bridged_by_a_longer_return() -> None:
    returns = hourly_returns(series(noise(3), drop=(150,)), END)
    assert np.isnan(returns).sum() == 2


@pytest.mark.parametrize(("hours", "known"), [(100, True), (99, False)])
def test_one_hundred_common_hours_are_needed(hours: int, known: bool) -> None:
    value = correlation(series(noise(1)), series(noise(2, hours)))
    assert (value is not None) is known


def test_a_frozen_price_correlates_with_nothing() -> None:
    assert correlation(series(noise(1)), series(np.zeros(200))) is None


def test_a_price_of_zero_is_a_missing_bar() -> None:
    broken = series(noise(1))
    broken.close[-5] = 0.0
    assert np.isnan(hourly_returns(broken, END)).sum() == 2


def test_a_series_that_ended_days_ago_is_unknown() -> None:
    assert correlation(series(noise(1)), series(noise(1), end=END - 80 * HOUR)) is None


def test_the_matrix_agrees_with_every_pair() -> None:
    common = noise(9)
    book = {name: series(common * weight + noise(i), drop=(120 + i,)) for i, (name, weight) in enumerate(
        {"A": 0.0, "B": 0.5, "C": 1.0, "D": 3.0}.items())}  # fmt: skip
    matrix = correlation_matrix(book)
    for (first, a), (second, b) in product(book.items(), repeat=2):
        assert matrix.between(first, second) == pytest.approx(correlation(a, b, END))


def test_strangers_and_empty_series_are_unknown() -> None:
    empty = Candles(*(np.array([], dtype=t) for t in (np.int64, *[np.float64] * 5)))
    matrix = correlation_matrix({"A": series(noise(1)), "B": empty})
    assert matrix.with_others("A", ("B", "Z")) == {"B": None, "Z": None}
    assert correlation(empty, empty) is None


def test_no_series_make_an_empty_matrix() -> None:
    assert correlation_matrix({}).between("A", "B") is None
    assert isinstance(correlation_matrix({}), CorrelationMatrix)
