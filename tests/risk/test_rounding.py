"""Nothing rounds to nearest."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.rounding import ceil_to_step, exact, floor_ratio, floor_to_step

STEPS = st.sampled_from([Decimal(s) for s in ("0.00001", "0.01", "0.05", "0.1", "1", "10", "0.3")])
VALUES = st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=9)


@given(VALUES, STEPS)
def test_rounded_values_lie_on_the_grid_and_on_the_named_side(value: Decimal, step: Decimal) -> None:
    floored, ceiled = floor_to_step(value, step), ceil_to_step(value, step)
    assert floored <= value <= ceiled
    assert floored % step == 0 and ceiled % step == 0
    assert value - floored < step and ceiled - value < step


def test_a_quotient_just_under_a_step_never_slips_over_it() -> None:
    almost = Decimal("4." + "9" * 40)
    assert floor_to_step(almost, Decimal(1)) == 4
    assert ceil_to_step(Decimal("4." + "0" * 40 + "1"), Decimal(1)) == 5


def test_a_cap_divided_is_never_above_the_cap() -> None:
    assert floor_ratio(Decimal(2), Decimal(3)) == Decimal("0." + "6" * 28)


def test_floats_become_what_they_print_as() -> None:
    assert exact(0.35) == Decimal("0.35")


@pytest.mark.parametrize(("value", "step"), [(Decimal("NaN"), Decimal(1)), (Decimal(1), Decimal(0))])
def test_unusable_numbers_are_refused(value: Decimal, step: Decimal) -> None:
    with pytest.raises(AssertionError):
        floor_to_step(value, step)
