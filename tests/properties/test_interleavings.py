"""Whatever happens in whatever order: at rest nothing is naked, doubled, lost or stuck, and every cent balances.

The short part is in every run. The long part (`-m slow`) plays CYNOSURE_EXAMPLES stories (10,000 unless told) here and
in test_drawn_stories, from CYNOSURE_SEED on (0 unless told): a nightly run takes other seeds. A failure prints its
story, made short, as it can be played again.
"""

from __future__ import annotations

import pytest

from tests.properties.invariants import check
from tests.properties.share import PARTS, SEED, UNFOLDED
from tests.properties.shrink import broken, shortened, told
from tests.properties.story import Crash, Disturb, Enter, Hand, Leave, Move, Step, Story
from tests.properties.strategies import unfolded
from tests.properties.wire import Fate

ONCE_BROKEN: dict[str, tuple[Step, ...]] = {
    "a lost entry arrives while another is about to go": (
        Disturb(Fate.LATE, "order", 3, 25.0, 0.0), Enter(0, 12, 16.0), Enter(0, 21, 1.0),
    ),
    "a person buys what a lost entry would have bought": (
        Disturb(Fate.DOWN, "order", 1, 6.0, 0.0), Enter(0, 12, 0.5), Hand(0, "buy", 0.5),
    ),
    "a person buys right after our target was hit": (
        Enter(0, 25, 8.0), Move(0, 0.15, 1.0, 0.1), Hand(0, "buy", 1.0),
    ),
    "a person buys while our exit is being confirmed": (
        Enter(0, 29, 16.0), Leave(0, 0.325), Hand(0, "buy", 16.0),
    ),
    "a restart between the send and its answer": (
        Disturb(Fate.SLOW, "order", 1, 4.0, 0.0), Enter(0, 10, 0.4), Crash(0.3, 1.0),
    ),
}  # fmt: skip
"""Kept from the seeds that found a defect, and one or two that never did but well might."""


def play(seeds: range) -> None:
    for seed in seeds:
        if broken(unfolded(seed)):
            short = shortened(unfolded(seed))
            pytest.fail(told(short, f"seed {seed}: {broken(short)}"), pytrace=False)


@pytest.mark.parametrize("name", ONCE_BROKEN)
def test_what_once_broke_ends_well(name: str) -> None:
    check(Story(1, ONCE_BROKEN[name]))


@pytest.mark.timeout(600)
def test_the_first_seeds_end_well() -> None:
    play(range(SEED, SEED + 25))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_seeds_end_well(part: int) -> None:
    first = SEED + 1000 + part * UNFOLDED
    play(range(first, first + UNFOLDED))
