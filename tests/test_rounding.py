"""Lot and tick arithmetic never rounds to nearest, nor toward more risk or more size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rounding import (
    ceil_to_step,
    exact,
    floor_ratio,
    floor_to_lot,
    floor_to_step,
    on_grid,
    plain,
    round_stop_down_to_tick,
    round_stop_up_to_tick,
    round_target_down_to_tick,
    round_target_up_to_tick,
)

D = Decimal
STEPS = st.sampled_from([D(s) for s in ("0.00001", "0.01", "0.05", "0.1", "0.25", "0.3", "1", "5", "10")])
VALUES = st.decimals(min_value=0, max_value=10**9, places=9, allow_nan=False, allow_infinity=False)


@given(VALUES, STEPS)
def test_floor_and_ceil_bracket_the_value_by_less_than_a_step(value: Decimal, step: Decimal) -> None:
    low, high = floor_to_step(value, step), ceil_to_step(value, step)
    assert low <= value <= high
    assert value - low < step and high - value < step
    assert low % step == 0 and high % step == 0
    assert on_grid(low, step) and on_grid(high, step)


def test_a_quotient_just_beside_a_step_never_slips_over_it() -> None:
    almost = D("4." + "9" * 40)
    assert floor_to_step(almost, D(1)) == 4
    assert floor_to_lot(almost, D(1)) == 4
    assert round_target_down_to_tick(almost, D(1)) == 4
    assert ceil_to_step(D("4." + "0" * 40 + "1"), D(1)) == 5


@pytest.mark.parametrize(("value", "step"), [(D("NaN"), D(1)), (D("Infinity"), D(1)), (D(1), D(0)), (D(1), D(-1))])
def test_unusable_numbers_are_refused(value: Decimal, step: Decimal) -> None:
    with pytest.raises(AssertionError):
        floor_to_step(value, step)
    with pytest.raises(AssertionError):
        ceil_to_step(value, step)


def test_a_value_between_two_steps_is_off_the_grid() -> None:
    assert on_grid(D("0.3"), D("0.1"))
    assert not on_grid(D("0.35"), D("0.1"))


def test_a_size_under_the_minimum_becomes_zero_and_is_never_rounded_up() -> None:
    assert floor_to_lot(D("0.9999"), D("1"), D("1")) == 0
    assert floor_to_lot(D("0.0064"), D("0.01"), D("0.01")) == 0
    assert floor_to_lot(D("0.049"), D("0.01"), D("0.05")) == 0
    assert floor_to_lot(D("0.05"), D("0.01"), D("0.05")) == D("0.05")


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(AssertionError, match="contracts"):
        floor_to_lot(D(-1), D(1))


def test_a_cap_divided_is_never_above_the_cap() -> None:
    assert floor_ratio(D(2), D(3)) == D("0." + "6" * 28)


def test_a_long_stop_rounds_up_and_its_target_down() -> None:
    assert round_stop_up_to_tick(D("99.91"), D("0.1")) == D("100.0")
    assert round_target_down_to_tick(D("110.19"), D("0.1")) == D("110.1")


def test_a_short_stop_rounds_down_and_its_target_up() -> None:
    assert round_stop_down_to_tick(D("100.19"), D("0.1")) == D("100.1")
    assert round_target_up_to_tick(D("90.11"), D("0.1")) == D("90.2")


def test_floats_become_what_they_print_as() -> None:
    assert exact(0.35) == D("0.35")


@pytest.mark.parametrize(("value", "text"), [("1E-5", "0.00001"), ("1.50", "1.5"), ("1E+3", "1000"), ("100", "100")])
def test_numbers_go_out_without_exponent_or_trailing_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text
