"""A suite that lets a planted defect pass proves nothing: each of these is met, by a short story and by the seeds."""

from __future__ import annotations

import pytest

from tests.properties.mutants import MUTANTS
from tests.properties.shrink import broken
from tests.properties.story import Disturb, Enter, Hand, Kill, Step, Story, Wait
from tests.properties.strategies import unfolded
from tests.properties.wire import Fate

SEEDS = range(500)

ENTERED = Enter(0, 10, 3.0)
STORIES: dict[str, tuple[Step, ...]] = {
    "resent_with_a_new_id": (Disturb(Fate.ACTED, "order", 1, 0.0, 0.0), Enter(0, 10, 16.0)),
    "surplus_is_left": (Disturb(Fate.TWICE, "order", 1, 0.0, 0.0), ENTERED),
    "brackets_are_remembered": (ENTERED, Hand(0, "uncover", 0.5)),
    "the_latch_is_read_early": (Enter(0, 10, 0.1), Kill(False, 3.0)),
    "orphans_are_left": (ENTERED, Hand(0, "close", 0.5), Wait(16.0)),
    "size_is_remembered": (ENTERED, Hand(0, "reduce", 0.5)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_short_story_tells_the_defect_from_the_truth(name: str) -> None:
    story = Story(1, STORIES[name])
    assert not broken(story)
    with MUTANTS[name]():
        assert broken(story)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_seeds_meet_the_defect_too(name: str) -> None:
    with MUTANTS[name]():
        assert any(broken(unfolded(seed)) for seed in SEEDS)
