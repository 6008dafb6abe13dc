"""The grids of all instruments at once are those of each."""

from __future__ import annotations

import numpy as np

from engine.exchange.simulator.grid import Grid, Grids
from engine.exchange.simulator.specs import SPECS


def test_all_instruments_at_once_are_number_for_number_what_each_is_alone() -> None:
    steps = [spec.tick_sz for spec in SPECS.values()]
    spread = np.random.default_rng(1).uniform(0.5, 1.5, (4, len(steps), 50))
    prices = spread * np.array([[spec.typical_price] for spec in SPECS.values()])
    together = Grids.of(steps)
    for row, step in enumerate(steps):
        alone = Grid.of(step)
        assert np.array_equal(together.ticks(prices)[:, row], alone.ticks(prices[:, row]))
        assert np.array_equal(together.values(together.ticks(prices))[:, row], alone.snap(prices[:, row]))
