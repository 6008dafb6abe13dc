"""A story that broke something, made short, and a line that plays it again."""

from __future__ import annotations

from dataclasses import replace

from tests.properties.invariants import Broken, check
from tests.properties.story import Story


def broken(story: Story) -> str:
    """What an invariant says against the story; "" when all hold."""
    try:
        check(story)
    except Broken as problem:
        return str(problem)
    return ""


def shortened(story: Story) -> Story:
    """Without the steps that it breaks as well without. Plays the story once a step."""
    index = 0
    while index < len(story.steps):
        shorter = replace(story, steps=story.steps[:index] + story.steps[index + 1 :])
        if broken(shorter):
            story = shorter
        else:
            index += 1
    return story


def told(story: Story, problem: str) -> str:
    """For a person: what broke, and how to see it again."""
    steps = "\n".join(f"    {step!r}," for step in story.steps)
    return f"{problem}\n\nplay it again: check(Story({story.seed}, (\n{steps}\n)))"
