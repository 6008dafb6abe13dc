"""The promise of test_interleavings, for stories that hypothesis draws step by step, and shrinks when they fail."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.properties.invariants import check
from tests.properties.share import DRAWN, PARTS, SEED
from tests.properties.story import Story
from tests.properties.strategies import drawn

SHORT = settings(
    max_examples=50,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.timeout(600)
@seed(SEED)
@SHORT
@given(drawn)
def test_any_story_ends_well(story: Story) -> None:
    check(story)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_many_drawn_stories_end_well(part: int) -> None:
    @seed(SEED + 1 + part)
    @settings(SHORT, max_examples=DRAWN)
    @given(drawn)
    def drawn_story(story: Story) -> None:
        check(story)

    drawn_story()
