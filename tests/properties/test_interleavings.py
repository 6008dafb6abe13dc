"""Whatever happens in whatever order: at rest nothing is naked, doubled, lost or stuck, and every cent balances.

The short part is in every run. The long part (`-m slow`) plays CYNOSURE_EXAMPLES stories (10,000 unless told), from
CYNOSURE_SEED on (0 unless told): a nightly run takes other seeds. A failure prints its story as it can be played again.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.properties.invariants import check
from tests.properties.shrink import broken, shortened, told
from tests.properties.story import Story
from tests.properties.strategies import drawn, unfolded

EXAMPLES = int(os.environ.get("CYNOSURE_EXAMPLES", "10000"))
SEED = int(os.environ.get("CYNOSURE_SEED", "0"))
PARTS = 20
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
SHORT = settings(
    max_examples=60, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck)
)
LONG = settings(SHORT, max_examples=max(1, EXAMPLES // 5 // PARTS))


def play(seeds: range) -> None:
    for seed in seeds:
        story = unfolded(seed)
        if broken(story):
            short = shortened(story)
            pytest.fail(told(short, f"seed {seed}: {broken(short)}"), pytrace=False)


@SHORT
@given(drawn)
def test_any_story_ends_well(story: Story) -> None:
    check(story)


def test_the_first_seeds_end_well() -> None:
    play(range(SEED, SEED + 140))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_seeds_end_well(part: int) -> None:
    """Four fifths of the examples: a seed unfolds into a story."""
    share = EXAMPLES * 4 // 5 // PARTS
    first = SEED + 1000 + part * share
    play(range(first, first + share))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_drawn_stories_end_well(part: int) -> None:
    """One fifth: hypothesis draws step by step, and shrinks what fails."""

    @LONG
    @given(drawn)
    def drawn_story(story: Story) -> None:
        check(story)

    drawn_story.hypothesis.inner_test.__qualname__ += f"{part}-{SEED}"  # type: ignore[attr-defined]
    drawn_story()
