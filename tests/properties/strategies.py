"""Stories: much trading, some trouble, and pauses from nothing to longer than the guard's period.

Two ways to them: hypothesis draws each step (and shrinks what fails), or one seed unfolds into a whole story, evenly
spread, which covers more ground in as many examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from tests.properties.story import (
    CALLS,
    Crash,
    Dark,
    Disturb,
    Enter,
    FailAttached,
    Guard,
    Hand,
    Kill,
    Leave,
    Move,
    NoDisk,
    Part,
    Reconcile,
    Step,
    Story,
    Thin,
    Wait,
)
from tests.properties.wire import Fate

T = TypeVar("T")

PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 8.0, 16.0)
WHICH = (0, 0, 0, 1, 2)
MOVES = (-0.1, -0.04, -0.01, 0.01, 0.03, 0.05, 0.08, 0.15)
SHARES = (0.0, 0.5, 1.0, 1.0)
DELAYS = (0.1, 1.0, 6.0, 12.0, 25.0)
DOWN = (0.0, 0.3, 3.0, 20.0)
DARK = (0.5, 4.0, 20.0)
DEEDS = ("buy", "reduce", "close", "uncover", "uncover", "limit")
PARTS = (0.25, 0.5, 0.9)
FATES = tuple(Fate)

# -------------------------------------------------------------------- drawn step by step

pauses = st.sampled_from(PAUSES)
which = st.sampled_from(WHICH)
enters = st.builds(Enter, which, st.integers(1, 30), pauses, st.sampled_from([False, False, False, True]))
moved = st.builds(Move, which, st.sampled_from(MOVES), st.sampled_from(SHARES), pauses)
disturbs = st.builds(
    Disturb, st.sampled_from(FATES), st.sampled_from(list(CALLS)), st.integers(1, 3), st.sampled_from(DELAYS), pauses
)
steps = st.one_of(
    enters,
    enters,
    st.builds(Leave, which, pauses),
    st.builds(Part, which, st.sampled_from(PARTS), pauses),
    st.builds(Guard, pauses),
    st.builds(Reconcile, pauses),
    st.builds(Crash, st.sampled_from(DOWN), pauses),
    moved,
    st.builds(Hand, which, st.sampled_from(DEEDS), pauses),
    disturbs,
    disturbs,
    st.builds(Dark, st.sampled_from(DARK), pauses),
    st.builds(NoDisk, st.sampled_from(DARK), pauses),
    st.builds(Thin, st.integers(1, 300), pauses),
    st.builds(FailAttached, pauses),
    st.builds(Kill, st.booleans(), pauses),
    st.builds(Wait, pauses),
)
drawn = st.builds(Story, st.integers(0, 2**31), st.lists(steps, min_size=3, max_size=16).map(tuple))

# -------------------------------------------------------------------- unfolded from a seed


class _Unfolding:
    """Each story has its own few kinds of trouble, so that they meet each other and the trading often."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._rough = bool(self._rng.random() < 0.8)
        self._makers: tuple[tuple[float, Callable[[], list[Step]]], ...] = (
            (5.0, self._enter),
            (2.0, self._leave),
            (2.5, self._move),
            (self._share(0.4, 1.0), lambda: [Part(self._pick(WHICH), self._pick(PARTS), self._pause())]),
            (1.0, lambda: [Guard(self._pause())]),
            (1.0, lambda: [Reconcile(self._pause())]),
            (0.5, lambda: [Wait(self._pause())]),
            (self._share(0.9, 6.0), self._disturb),
            (self._share(0.5, 2.0), lambda: [Crash(self._pick(DOWN), self._pause())]),
            (self._share(0.5, 2.0), lambda: [Hand(self._pick(WHICH), self._pick(DEEDS), self._pause())]),
            (self._share(0.2, 1.0), lambda: [Dark(self._pick(DARK), self._pause())]),
            (self._share(0.3, 1.0), lambda: [NoDisk(self._pick(DARK), self._pause())]),
            (self._share(0.3, 1.0), lambda: [Thin(int(self._rng.integers(1, 300)), self._pause())]),
            (self._share(0.3, 1.0), lambda: [FailAttached(self._pause())]),
            (self._share(0.15, 1.0), lambda: [Kill(bool(self._rng.integers(2)), self._pause())]),
        )

    def story(self, seed: int) -> Story:
        weights = np.array([weight for weight, _ in self._makers])
        steps: list[Step] = []
        for index in self._rng.choice(len(weights), size=int(self._rng.integers(4, 15)), p=weights / weights.sum()):
            steps += self._makers[int(index)][1]()
        return Story(seed, tuple(steps))

    def _share(self, chance: float, weight: float) -> float:
        return weight if self._rng.random() < chance else 0.0

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._rng.integers(len(choices)))]

    def _pause(self) -> float:
        return self._pick(PAUSES)

    def _enter(self) -> list[Step]:
        """Half of them meet trouble on their own calls."""
        entering: list[Step] = [
            Enter(self._pick(WHICH), int(self._rng.integers(1, 30)), self._pause(), bool(self._rng.random() < 0.2))
        ]
        return [*self._disturb(("order", "ask", "algo", "brackets", "positions")), *entering]

    def _leave(self) -> list[Step]:
        return [
            *self._disturb(("order", "close", "cancel", "positions", "brackets")),
            Leave(self._pick(WHICH), self._pause()),
        ]

    def _move(self) -> list[Step]:
        moved = Move(self._pick(WHICH), self._pick(MOVES), self._pick(SHARES), self._pause())
        return [moved]

    def _disturb(self, calls: Sequence[str] = ()) -> list[Step]:
        """Aimed at `calls`, every other time; at anything when none are named."""
        if calls and (not self._rough or self._rng.random() < 0.5):
            return []
        times = int(self._rng.integers(1, 4))
        pause = 0.0 if calls else self._pause()
        return [Disturb(self._pick(FATES), self._pick(calls or tuple(CALLS)), times, self._pick(DELAYS), pause)]


def unfolded(seed: int) -> Story:
    return _Unfolding(seed).story(seed)


stories = st.one_of(drawn, st.integers(0, 2**62).map(unfolded), st.integers(0, 2**62).map(unfolded))
