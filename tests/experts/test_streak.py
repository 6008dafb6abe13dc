from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.experts.streak import SIGN, Streak, advance
from engine.model import Direction, Timeframe

BAR = Timeframe.M15.ms
UP, DOWN, FLAT = Direction.BULLISH, Direction.BEARISH, Direction.NEUTRAL
DIRECTIONS = st.sampled_from([UP, DOWN, FLAT])


def run(*directions: Direction) -> list[int]:
    streak, values = None, []
    for i, direction in enumerate(directions):
        streak = advance(streak, direction, i * BAR)
        values.append(streak.value)
    return values


def test_counts_up_turns_and_goes_neutral() -> None:
    assert run(UP, UP, UP, DOWN, DOWN, FLAT, DOWN, UP) == [1, 2, 3, -1, -2, 0, -1, 1]


def test_the_same_bar_counts_once() -> None:
    once = advance(Streak(2, 10 * BAR), UP, 11 * BAR)
    assert advance(once, UP, 11 * BAR) == once
    assert advance(once, DOWN, 11 * BAR) == once


def test_an_older_bar_changes_nothing() -> None:
    assert advance(Streak(2, 10 * BAR), DOWN, 9 * BAR) == Streak(2, 10 * BAR)


def test_one_missing_bar_is_bridged_and_two_are_not() -> None:
    assert advance(Streak(4, 0), UP, 2 * BAR).value == 5
    assert advance(Streak(4, 0), UP, 3 * BAR).value == 1
    assert advance(Streak(-4, 0), DOWN, 3 * BAR).value == -1


@given(st.lists(st.tuples(DIRECTIONS, st.integers(0, 4)), max_size=60))
def test_a_streak_has_the_sign_of_its_last_bar_and_never_grows_by_more_than_one(
    bars: list[tuple[Direction, int]],
) -> None:
    streak, ts = None, 0
    for direction, step in bars:
        ts += step * BAR
        after = advance(streak, direction, ts)
        if streak is not None and step == 0:
            assert after == streak
        else:
            assert (after.value > 0) - (after.value < 0) == SIGN[direction]
            assert abs(after.value) <= (abs(streak.value) if streak else 0) + 1
            assert after.bar_ts == ts
        streak = after


@given(st.lists(DIRECTIONS, max_size=40))
def test_repeating_every_bar_changes_nothing(directions: list[Direction]) -> None:
    once = twice = None
    for i, direction in enumerate(directions):
        once = advance(once, direction, i * BAR)
        twice = advance(advance(twice, direction, i * BAR), direction, i * BAR)
    assert once == twice
