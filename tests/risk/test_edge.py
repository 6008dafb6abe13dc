"""Golden vectors of break-even, expected value and Kelly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.edge import break_even, edge_of, expected_value, half_kelly, net_odds

FRACTIONS = st.floats(0.001, 0.5)


@pytest.mark.parametrize(
    ("stop", "target", "cost", "expected"),
    [(0.015, 0.03, 0.0014, 0.3644), (0.01, 0.02, 0.0014, 0.3800), (0.005, 0.01, 0.0014, 0.4267), (1, 2, 0, 0.3333)],
)
def test_break_even_golden_vectors(stop: float, target: float, cost: float, expected: float) -> None:
    assert break_even(stop, target, cost) == pytest.approx(expected, abs=5e-5)


def test_expected_value_golden_vector() -> None:
    assert expected_value(0.45, 0.015, 0.03) == pytest.approx(0.00525)


def test_kelly_golden_vector() -> None:
    assert half_kelly(0.5, 2) == pytest.approx(0.125)
    assert edge_of(0.5, 2) / 2 == pytest.approx(0.25)


@given(FRACTIONS, FRACTIONS, st.floats(0, 0.01))
def test_at_break_even_nothing_is_won_and_nothing_is_bet(stop: float, target: float, cost: float) -> None:
    p = break_even(stop, target, cost)
    assert expected_value(p, stop, target, cost) == pytest.approx(0, abs=1e-12)
    assert half_kelly(p, net_odds(stop, target, cost)) == pytest.approx(0, abs=1e-9)


@given(st.floats(0, 1), st.floats(-1, 20))
def test_half_kelly_is_never_negative_nor_above_one_half(p: float, odds: float) -> None:
    assert 0 <= half_kelly(p, odds) <= 0.5


@given(FRACTIONS, FRACTIONS, st.floats(0, 0.01), st.floats(0, 1))
def test_edge_per_unit_at_stake_is_expected_value_over_loss(stop: float, target: float, cost: float, p: float) -> None:
    ev = expected_value(p, stop, target, cost)
    assert edge_of(p, net_odds(stop, target, cost)) == pytest.approx(ev / (stop + cost), abs=1e-9)
