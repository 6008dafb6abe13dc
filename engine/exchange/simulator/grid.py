"""The tick grid of an instrument: floats for arithmetic, Decimals and text for the wire, all exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import numpy as np

from engine.model import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Grid:
    """Multiples of `unit` / 10**`decimals`."""

    unit: int
    decimals: int

    @classmethod
    def of(cls, step: Decimal) -> Self:
        """The grid of a tick or lot size such as Decimal("0.01")."""
        decimals = max(0, -int(step.normalize().as_tuple().exponent))
        return cls(int(step.scaleb(decimals)), decimals)

    @property
    def step(self) -> float:
        return float(self.unit / 10**self.decimals)

    def ticks(self, values: FloatArray) -> IntArray:
        """The nearest grid points, as counts of steps."""
        return np.asarray(np.rint(values * (10**self.decimals / self.unit)), dtype=np.int64)

    def values(self, ticks: IntArray) -> FloatArray:
        """The floats that print as the grid points."""
        return np.asarray(ticks * self.unit / 10**self.decimals, dtype=np.float64)

    def snap(self, values: FloatArray) -> FloatArray:
        return self.values(self.ticks(values))

    def tick(self, value: float) -> int:
        return round(float(value * 10**self.decimals / self.unit))

    def decimal(self, ticks: int) -> Decimal:
        return Decimal(ticks * self.unit).scaleb(-self.decimals)

    def decimal_of(self, value: float) -> Decimal:
        """The nearest grid point to `value`, exactly."""
        return self.decimal(self.tick(value))

    def text(self, value: float) -> str:
        return f"{value:.{self.decimals}f}"


@dataclass(frozen=True, slots=True)
class Grids:
    """The grids of n instruments at once, for arrays of shape (…, n, bars); number for number as `Grid` would."""

    units: IntArray
    scales: IntArray

    @classmethod
    def of(cls, steps: Sequence[Decimal]) -> Self:
        grids = [Grid.of(step) for step in steps]
        return cls(
            np.array([[grid.unit] for grid in grids], dtype=np.int64),
            np.array([[10**grid.decimals] for grid in grids], dtype=np.int64),
        )

    def ticks(self, values: FloatArray) -> IntArray:
        return np.asarray(np.rint(values * (self.scales / self.units)), dtype=np.int64)

    def values(self, ticks: IntArray) -> FloatArray:
        return np.asarray(ticks * self.units / self.scales, dtype=np.float64)
