"""Tick and lot arithmetic in Decimal. Nothing rounds to nearest; the quotient itself is rounded in the same
direction, so that a long fraction can never slip over the edge of a step."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` (> 0) that is ≤ `value`."""
    return _to_step(value, step, ROUND_FLOOR)


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` (> 0) that is ≥ `value`."""
    return _to_step(value, step, ROUND_CEILING)


def floor_ratio(numerator: Decimal, denominator: Decimal) -> Decimal:
    """`numerator / denominator` to 28 digits, rounded down: a cap computed by it is never above the cap."""
    with localcontext(rounding=ROUND_FLOOR):
        return numerator / denominator


def exact(value: float) -> Decimal:
    """The decimal that the float prints as: 0.35 becomes Decimal("0.35"), not its binary neighbour."""
    return Decimal(str(value))


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    assert value.is_finite(), f"expected a finite number, got {value}"
    assert step > 0, f"a tick or lot must be > 0, got {step}"
    with localcontext(rounding=rounding):
        return (value / step).to_integral_value(rounding=rounding) * step
