"""Stops and targets: the published formulas, the clamp, the tick, the sides."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import BracketPrices
from engine.risk.limits import RiskLimits
from engine.risk.stops import (
    SHORT,
    StopBounds,
    clamp_stop_distance,
    clear_of_liquidation,
    distances,
    kelly_edge,
    on_right_sides,
    place_bracket,
    raw_stop,
    raw_target,
    stop_bounds,
)

D = Decimal


def test_the_raw_stop_is_the_published_formula() -> None:
    assert raw_stop(100, 0.01, 2.0, 0.8) == pytest.approx(98.4)
    assert raw_stop(100, 0.01, 2.0, 0.8, SHORT) == pytest.approx(101.6)


def test_the_raw_target_is_the_published_formula() -> None:
    assert raw_target(100, 0.01, 4.0, 1.25) == pytest.approx(105.0)
    assert raw_target(100, 0.01, 4.0, 1.25, SHORT) == pytest.approx(95.0)


@pytest.mark.parametrize(("p", "expected"), [(0.30, 1.0), (1 / 3, 1.0), (0.42, 1.26), (0.5, 1.5), (0.9, 1.5)])
def test_kelly_edge_stretches_the_target_by_at_most_half(p: float, expected: float) -> None:
    assert kelly_edge(p, 2.0, 4.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("spread", "atr15", "low"), [(0.0, 0.0, 0.003), (0.002, 0.0, 0.006), (0.0, 0.02, 0.01), (0.0001, 0.001, 0.003)]
)
def test_the_nearest_stop_is_the_widest_of_three(spread: float, atr15: float, low: float) -> None:
    assert stop_bounds(spread, atr15, RiskLimits()).low == pytest.approx(low)


def test_the_farthest_stop_is_eight_percent_or_60_percent_of_the_way_to_liquidation() -> None:
    assert stop_bounds(0, 0, RiskLimits()).high == 0.08
    assert stop_bounds(0, 0, RiskLimits(leverage=10)).high == pytest.approx(0.6 * 0.08)


@pytest.mark.parametrize(("raw", "expected"), [(0.001, 0.003), (0.003, 0.003), (0.02, 0.02), (0.08, 0.08), (0.2, 0.08)])
def test_the_distance_is_clamped(raw: float, expected: float) -> None:
    assert clamp_stop_distance(raw, StopBounds(0.003, 0.08)) == expected


def test_bounds_without_room_allow_no_stop() -> None:
    assert clamp_stop_distance(0.02, StopBounds(0.09, 0.08)) is None


def test_a_long_rounds_both_legs_toward_the_entry() -> None:
    assert place_bracket(D("100.03"), 0.0111, 0.0222, D("0.05")) == BracketPrices(D("98.95"), D("102.25"))


def test_a_short_rounds_both_legs_toward_the_entry() -> None:
    assert place_bracket(D("100.03"), 0.0111, 0.0222, D("0.05"), SHORT) == BracketPrices(D("101.10"), D("97.85"))


@given(
    st.decimals(min_value=D("0.5"), max_value=D(90_000), places=4),
    st.floats(0.003, 0.08),
    st.floats(0.004, 0.5),
    st.sampled_from([D("0.0001"), D("0.01"), D("0.1")]),
)
def test_rounding_never_adds_risk_and_stays_on_the_tick(
    entry: Decimal, stop: float, target: float, tick: Decimal
) -> None:
    bracket = place_bracket(entry, stop, target, tick)
    assert bracket.stop % tick == 0 and bracket.target % tick == 0
    assert bracket.stop >= entry * (1 - D(str(stop)))
    assert bracket.target <= entry * (1 + D(str(target)))
    assert bracket.stop - entry * (1 - D(str(stop))) < tick


@pytest.mark.parametrize(
    ("stop", "target", "mark", "right"),
    [
        ("98", "104", "100", True),
        ("98", "104", "98", False),  # the mark is already at the stop
        ("98", "104", "97", False),
        ("98", "104", "104", False),
        ("100", "104", "101", False),  # the stop rounded up onto the entry
        ("98", "100", "99", False),
        ("0", "104", "100", False),
    ],
)
def test_a_leg_that_would_trigger_at_once_is_found(stop: str, target: str, mark: str, right: bool) -> None:
    assert on_right_sides(BracketPrices(D(stop), D(target)), D(100), D(mark)) is right


def test_a_short_is_mirrored() -> None:
    assert on_right_sides(BracketPrices(D(102), D(96)), D(100), D(100), SHORT)
    assert not on_right_sides(BracketPrices(D(98), D(104)), D(100), D(100), SHORT)


@pytest.mark.parametrize(
    ("stop", "liquidation", "clear"),
    [
        ("92", "2", True),
        ("52.5", "50", True),
        ("52.49", "50", False),
        ("50", "50", False),
        ("49", "50", False),
        # A stop that trailed beyond the entry; a short's liquidation above it
        ("101", "50", True),
        ("101", "100", True),
        ("100", "100", False),
    ],
)
def test_a_stop_leaves_five_percent_of_the_way_to_liquidation(stop: str, liquidation: str, clear: bool) -> None:
    assert clear_of_liquidation(Decimal(stop), Decimal(100), Decimal(liquidation), 0.05) is clear


def test_distances_are_fractions_of_entry_after_rounding() -> None:
    assert distances(BracketPrices(D(98), D(104)), D(100)) == (0.02, 0.04)
