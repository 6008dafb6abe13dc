"""Days that nobody forgets, after 2025-10-10: forty minutes of forced selling, then half of it back."""

from __future__ import annotations

import numpy as np

from engine.exchange.simulator.noise import key_of, uniform
from engine.exchange.simulator.seasons import BARS_A_DAY
from engine.model import FloatArray

FIRST_BAR = (21 * 60 + 10) // 5
_FALL = np.array([-0.05, -0.08, -0.15, -0.25, -0.32, -0.15, 0.28, 0.14, 0.06, 0.03, -0.04, 0.03])
"""Share of the bottom's log return that each 5-minute bar from 21:10 on adds; it bottoms at −1."""
_PANIC = np.array([1.5, 2.0, 3.0, 4.0, 5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.2, 2.0])
"""Factor on volatility in those bars."""
AFTERSHOCK = 1.0
"""Added to the crowd's fast log volatility when the day ends."""
_RARITY_DAYS = 240


def is_wild(seed: int, day: int, first_day: int, start_day: int) -> bool:
    """One wild day lies 20 to 70 days before the start; later ones come once in some 240 days."""
    if day < start_day:
        chosen = start_day - 20 - int(uniform(key_of(seed, "wild"), 0) * 50)
        return day == max(chosen, first_day)
    return day > start_day + 3 and uniform(key_of(seed, "wild"), day) < 1 / _RARITY_DAYS


def wild_moves(depths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(log returns (n, 288), volatility factors (288,)) of a wild day, for `depths` (n,) of the bottom."""
    span = slice(FIRST_BAR, FIRST_BAR + len(_FALL))
    moves, panic = np.zeros((len(depths), BARS_A_DAY)), np.ones(BARS_A_DAY)
    moves[:, span] = depths[:, None] * -_FALL[None, :]
    panic[span] = _PANIC
    return moves, panic
