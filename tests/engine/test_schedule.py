"""Jobs fire on the venue's grid, whatever the venue's speed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.clock import ManualClock
from engine.schedule import VenueGridTrigger, next_boundary

BAR = 900_000


class FastClock(ManualClock):
    def speed(self) -> float:
        return 120.0


@given(now=st.integers(0, 2**41), offset=st.integers(0, BAR - 1))
def test_the_next_boundary_is_strictly_ahead_and_on_the_grid(now: int, offset: int) -> None:
    boundary = next_boundary(now, BAR, offset)
    assert now < boundary <= now + BAR
    assert (boundary - offset) % BAR == 0


def test_wall_time_is_venue_time_divided_by_speed() -> None:
    trigger = VenueGridTrigger(FastClock(10 * BAR), BAR, 5_000)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, now) == now + timedelta(milliseconds=5_000 / 120)


def test_a_timer_that_fires_early_does_not_fire_the_same_boundary_twice() -> None:
    clock = FastClock(10 * BAR)
    trigger = VenueGridTrigger(clock, BAR)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, now)
    clock.advance(BAR - 1)
    second = trigger.get_next_fire_time(first, first)
    assert second - first == timedelta(milliseconds=(BAR + 1) / 120)


def test_a_frozen_venue_is_looked_at_again_much_later() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert VenueGridTrigger(ManualClock(0), BAR).get_next_fire_time(None, now) == now + timedelta(hours=1)


def test_jobs_are_never_closer_than_the_smallest_wall_distance() -> None:
    clock = FastClock(0)
    trigger = VenueGridTrigger(clock, 15_000, min_wall_s=1.0)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(now, now) == now + timedelta(seconds=1)
