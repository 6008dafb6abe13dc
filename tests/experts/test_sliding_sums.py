"""A window's sums hold what is in the window, and nothing of what has left it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.bars import places_of, step_of
from engine.experts.sliding_sums import SlidingSums

WINDOWS = (3, 7, 8)


@given(seed=st.integers(0, 1000), due=st.lists(st.sampled_from([(0,), (1,), (0, 1)]), max_size=40))
@settings(max_examples=30, deadline=None)
def test_sums_are_those_of_the_newest_bars_whichever_lanes_go_on(seed: int, due: list[tuple[int, ...]]) -> None:
    rng, places = np.random.default_rng(seed), places_of([2, 3])
    bars = rng.normal(size=(8, len(WINDOWS), 5)) * 10.0 ** rng.integers(-6, 9, size=(8, 1, 1))
    seen = [list(bars[:, :, place]) for place in places]
    sums = SlidingSums(bars, WINDOWS, places)
    for lanes in due:
        at, new = step_of(lanes, places), rng.normal(size=(len(WINDOWS), 5))
        assert np.shares_memory(sums.push(lanes, at.columns, new[:, at.columns]), sums.now)
        for lane in lanes:
            seen[lane].append(new[:, places[lane]])
    for lane, place in zip(seen, places, strict=True):
        for mark, window in enumerate(WINDOWS):
            newest = np.array([row[mark] for row in lane[-window:]])
            scale = np.abs(newest).sum(axis=0)
            assert (np.abs(sums.now[mark, place] - newest.sum(axis=0)) <= 1e-14 * scale).all()


def test_a_spike_leaves_no_residue_when_it_has_left() -> None:
    sums = SlidingSums(np.full((8, 1, 1), 0.1), (8,), places_of([1]))
    before = float(sums.now[0, 0])
    sums.push((0,), slice(0, 1), np.array([[1e20]]))
    for _ in range(8):
        sums.push((0,), slice(0, 1), np.array([[0.1]]))
    assert abs(float(sums.now[0, 0]) - before) < 1e-15 * 8
