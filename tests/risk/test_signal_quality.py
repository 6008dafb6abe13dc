"""Information coefficients: golden vector, ranks against SciPy, what overlap and gaps do, what is not shown."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.review import InformationCoefficient
from engine.risk.signal_quality import (
    HORIZONS_BARS,
    SignalTable,
    average_ranks,
    forward_returns,
    icir,
    information_coefficients,
    newey_west_t,
    spearman,
    standardised_ranks,
    strongest,
    t_statistic,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def table(close: np.ndarray, signal: np.ndarray, tickers: int = 1) -> SignalTable:
    """`close` and `signal` of shape (bars, tickers)."""
    bars = len(close)
    return SignalTable(
        names=("x",),
        ticker=np.tile(np.arange(tickers), bars),
        bar=np.repeat(np.arange(bars) + 96 * 20_000, tickers),
        close=close.reshape(-1),
        values=signal.reshape(-1, 1),
    )


def of(found: tuple[InformationCoefficient, ...], horizon: str) -> InformationCoefficient:
    return next(ic for ic in found if ic.horizon == horizon)


def test_golden_vector() -> None:
    assert spearman(column(1, 2, 2, 4, 5), np.array([1.0, 3, 2, 5, 4]))[0] == pytest.approx(0.87208, abs=5e-6)


def test_t_of_independent_pairs() -> None:
    assert t_statistic(0.3, 30) == pytest.approx(0.3 * math.sqrt(28 / 0.91))
    assert t_statistic(-1.0, 30) == -math.inf


@pytest.fixture(scope="module")
def stats() -> ModuleType:
    """Two seconds of reading that only who runs these tests pays."""
    from scipy import stats

    return stats


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=3, max_size=40))
def test_ranks_are_those_of_scipy_also_with_ties(stats: ModuleType, rows: list[list[int]]) -> None:
    values = np.array(rows, dtype=float)
    expected = np.column_stack([stats.rankdata(values[:, k]) for k in range(2)])
    assert np.array_equal(average_ranks(values), expected)
    if len(set(values[:, 0])) > 1 and len(set(values[:, 1])) > 1:
        found = spearman(values[:, :1], values[:, 1])[0]
        assert found == pytest.approx(stats.spearmanr(values[:, 0], values[:, 1]).statistic, abs=1e-9)


def test_a_signal_that_never_changes_has_no_coefficient() -> None:
    assert math.isnan(spearman(column(1, 1, 1), np.array([1.0, 2, 3]))[0])
    close = np.cumprod(1 + np.random.default_rng(1).normal(0, 0.01, (300, 1)), axis=0)
    found = of(information_coefficients(table(close, np.zeros((300, 1)))), "1 h")
    assert found.ic is None
    assert found.apart == 74


def test_a_gap_leaves_the_return_over_it_unknown() -> None:
    close = 100.0 + np.arange(8.0)
    whole = SignalTable(("x",), np.zeros(8, int), np.arange(8), close, np.zeros((8, 1)))
    assert forward_returns(whole, 4)[:4] == pytest.approx(close[4:] / close[:4] - 1)
    assert np.isnan(forward_returns(whole, 4)[4:]).all()
    kept = np.array([0, 1, 2, 3, 4, 6, 7])
    gapped = SignalTable(("x",), np.zeros(7, int), kept, close[kept], np.zeros((7, 1)))
    returns = dict(zip(kept.tolist(), forward_returns(gapped, 4).tolist(), strict=True))
    assert math.isnan(returns[1]), "bar 5 was not seen"
    assert returns[2] == pytest.approx(106 / 102 - 1)


def test_one_ticker_never_borrows_the_price_of_another() -> None:
    mixed = SignalTable(("x",), np.array([0, 1]), np.array([10, 14]), np.array([100.0, 200.0]), np.zeros((2, 1)))
    assert np.isnan(forward_returns(mixed, 4)).all()


def test_of_no_rows_there_are_no_returns() -> None:
    nothing = SignalTable(("x",), np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 1)))
    assert forward_returns(nothing, 4).shape == (0,)


def test_fewer_than_thirty_returns_that_do_not_overlap_show_nothing() -> None:
    rng = np.random.default_rng(2)
    close = np.cumprod(1 + rng.normal(0, 0.01, (123, 5)), axis=0)
    found = information_coefficients(table(close, rng.normal(size=(123, 5)), 5))
    assert of(found, "1 h") == InformationCoefficient("x", "1 h", None, None, 119 * 5, 29)
    longer = np.vstack((close, close[-1:]))
    assert of(information_coefficients(table(longer, rng.normal(size=(124, 5)), 5)), "1 h").ic is not None


def test_a_signal_that_knows_the_future_is_found_and_decays() -> None:
    rng = np.random.default_rng(3)
    moves = rng.normal(0, 0.01, (3200, 1))
    close = 100 * np.cumprod(1 + moves, axis=0)
    knows = np.vstack((moves[1:], [[0.0]])) + rng.normal(0, 0.01, (3200, 1))
    found = information_coefficients(table(close, knows))
    coefficients = [of(found, horizon) for horizon in HORIZONS_BARS]
    strength = [ic.ic for ic in coefficients]
    assert strength[0] is not None and strength[1] is not None and strength[2] is not None
    assert strength[0] > strength[1] > strength[2] > 0
    assert coefficients[0].t is not None and coefficients[0].t > 5
    assert coefficients[0].icir is not None and coefficients[0].icir > 1
    assert strongest(found, 1) == (coefficients[0],)


def test_overlap_does_not_make_noise_significant() -> None:
    """A slow signal and returns over 16 bars share their bars: the plain t calls noise a find far too often."""
    robust = plain = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        close = 100 * np.cumprod(1 + rng.normal(0, 0.01, 1000))
        slow = np.convolve(rng.normal(size=1030), np.ones(31), mode="valid")
        rows = SignalTable(("x",), np.zeros(1000, int), np.arange(1000), close, slow[:, None])
        forward = forward_returns(rows, 16)
        known = np.isfinite(forward)
        signal, outcome = (standardised_ranks(v[known][:, None])[:, 0] for v in (slow, forward))
        t = newey_west_t(signal, outcome, rows.bar[known], 15)
        assert t is not None
        robust += abs(t) > 1.96
        plain += abs(t_statistic(float((signal * outcome).mean()), int(known.sum()))) > 1.96
    assert plain > 40
    assert robust < 20


def test_newey_west_without_lag_is_the_usual_t() -> None:
    rng = np.random.default_rng(5)
    signal = standardised_ranks(rng.normal(size=(2000, 1)))[:, 0]
    outcome = standardised_ranks((0.1 * signal + rng.normal(size=2000))[:, None])[:, 0]
    robust = newey_west_t(signal, outcome, np.arange(2000), 0)
    assert robust == pytest.approx(t_statistic(float((signal * outcome).mean()), 2000), rel=0.05)


def test_tickers_that_move_as_one_count_as_one() -> None:
    rng = np.random.default_rng(6)
    signal, outcome = rng.normal(size=500), rng.normal(size=500)
    one = newey_west_t(signal, outcome, np.arange(500), 3)
    five = newey_west_t(np.repeat(signal, 5), np.repeat(outcome, 5), np.repeat(np.arange(500), 5), 3)
    assert five == pytest.approx(one)


def test_the_ratio_needs_two_days() -> None:
    rng = np.random.default_rng(7)
    assert icir(rng.normal(size=(90, 2)), rng.normal(size=90), np.arange(90)) == (None, None)
    values, forward = rng.normal(size=(192, 1)), rng.normal(size=192)
    first, second = (spearman(values[half], forward[half])[0] for half in (slice(96), slice(96, 192)))
    expected = (first + second) / 2 / np.std([first, second], ddof=1)
    assert icir(values, forward, np.arange(192)) == (pytest.approx(expected),)
