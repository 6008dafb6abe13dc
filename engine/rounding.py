"""Tick, lot and ratio arithmetic in Decimal. Pure; used by risk, execution, the adapters and the benches.

Directions are named by what they protect: a stop only moves toward the entry (less risk), a target only toward the
fill, a size only down. Nothing rounds to nearest: the quotient itself is rounded in the same direction, so that a
long fraction can never slip over the edge of a step. Incident rows 28 and 30.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` (> 0) that is ≤ `value`."""
    return _to_step(value, step, ROUND_FLOOR)


def ceil_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` (> 0) that is ≥ `value`."""
    return _to_step(value, step, ROUND_CEILING)


def floor_to_lot(contracts: Decimal, lot_size: Decimal, min_size: Decimal = Decimal(0)) -> Decimal:
    """`contracts` (≥ 0) floored to the lot; 0 when that is under `min_size`. Never rounds up."""
    assert contracts >= 0, f"contracts must be ≥ 0, got {contracts}"
    floored = floor_to_step(contracts, lot_size)
    return floored if floored >= min_size else Decimal(0)


def floor_ratio(numerator: Decimal, denominator: Decimal) -> Decimal:
    """`numerator / denominator` to 28 digits, rounded down: a cap computed by it is never above the cap."""
    with localcontext(rounding=ROUND_FLOOR):
        return numerator / denominator


def round_stop_up_to_tick(stop: Decimal, tick_size: Decimal) -> Decimal:
    """A long's stop: up, toward the entry, so that rounding never adds risk."""
    return ceil_to_step(stop, tick_size)


def round_stop_down_to_tick(stop: Decimal, tick_size: Decimal) -> Decimal:
    """A short's stop: down, toward the entry."""
    return floor_to_step(stop, tick_size)


def round_target_down_to_tick(target: Decimal, tick_size: Decimal) -> Decimal:
    """A long's target: down, toward the fill, so that rounding never puts it out of reach."""
    return floor_to_step(target, tick_size)


def round_target_up_to_tick(target: Decimal, tick_size: Decimal) -> Decimal:
    """A short's target: up, toward the fill."""
    return ceil_to_step(target, tick_size)


def on_grid(value: Decimal, step: Decimal) -> bool:
    """True when `value` is a multiple of `step`."""
    return floor_to_step(value, step) == value


def exact(value: float) -> Decimal:
    """The decimal that the float prints as: 0.35 becomes Decimal("0.35"), not its binary neighbour."""
    return Decimal(str(value))


def plain(value: Decimal) -> str:
    """The number as a venue wants it: no exponent, no trailing zeros ("0.01", never "1E-2" or "1.0")."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    assert value.is_finite(), f"expected a finite number, got {value}"
    assert step > 0, f"a tick or lot must be > 0, got {step}"
    with localcontext(rounding=rounding):
        return (value / step).to_integral_value(rounding=rounding) * step
