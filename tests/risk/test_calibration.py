"""p_win and confidence are two numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.calibration import BetaCalibrator, Outcome, WinEstimate, bucket_of, confidence_of, m_map, prior_mean

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(("strength", "bucket"), [(0, 0), (0.49, 0), (0.5, 1), (0.65, 2), (0.7, 3), (0.9, 5), (1, 5)])
def test_buckets_are_tenths_from_one_half_on(strength: float, bucket: int) -> None:
    assert bucket_of(strength) == bucket


@pytest.mark.parametrize(("strength", "expected"), [(0.5, 0.36), (1.0, 0.46), (0.0, 0.26), (0.8, 0.42)])
def test_the_prior_is_break_even_plus_at_most_ten_points(strength: float, expected: float) -> None:
    assert prior_mean(strength, 0.36) == pytest.approx(expected)


def test_the_prior_stays_a_probability() -> None:
    assert prior_mean(1.0, 1.5) == 0.99
    assert prior_mean(0.0, 0.0) == 0.01


def test_without_history_p_win_is_the_prior_and_confidence_the_strength() -> None:
    win = BetaCalibrator(()).estimate(0.8, 0.36)
    assert win == WinEstimate(pytest.approx(0.42), 0)
    assert confidence_of(0.8, win, 0.36) == 0.8


def test_the_posterior_weighs_the_prior_as_twenty_trades() -> None:
    outcomes = [Outcome(0.82, won) for won in [True] * 12 + [False] * 8]
    assert BetaCalibrator(outcomes).estimate(0.8, 0.36).p_win == pytest.approx((20 * 0.42 + 12) / 40)


def test_another_buckets_trades_say_nothing() -> None:
    assert BetaCalibrator([Outcome(0.6, False)] * 50).estimate(0.8, 0.36) == WinEstimate(pytest.approx(0.42), 0)


@pytest.mark.parametrize(
    ("p", "p_be", "expected"), [(0.36, 0.36, 0.5), (1.0, 0.36, 1.0), (0.68, 0.36, 0.75), (0.0, 0.6, 0.0)]
)
def test_m_maps_break_even_to_one_half(p: float, p_be: float, expected: float) -> None:
    assert m_map(p, p_be) == pytest.approx(expected)


def test_a_bet_that_cannot_break_even_has_no_confidence() -> None:
    assert m_map(0.9, 1.0) == 0.0


def test_fifty_trades_weigh_as_much_as_the_strength() -> None:
    assert confidence_of(0.8, WinEstimate(0.68, 50), 0.36) == pytest.approx((0.8 + 0.75) / 2)


@given(SHARES, SHARES, SHARES, st.integers(0, 10_000))
def test_confidence_stays_in_the_unit_interval(strength: float, p: float, p_be: float, trades: int) -> None:
    assert 0 <= confidence_of(strength, WinEstimate(p, trades), p_be) <= 1


@given(st.lists(st.booleans(), max_size=60), st.floats(0.5, 1), st.floats(0.1, 0.7))
def test_one_more_win_never_lowers_p_win(history: list[bool], strength: float, p_be: float) -> None:
    before = [Outcome(strength, won) for won in history]
    low = BetaCalibrator(before).estimate(strength, p_be).p_win
    assert BetaCalibrator([*before, Outcome(strength, True)]).estimate(strength, p_be).p_win >= low
