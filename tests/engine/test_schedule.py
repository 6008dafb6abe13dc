"""Jobs fire on the venue's grid, whatever the venue's speed."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import ManualClock
from engine.schedule import VenueGridTrigger, next_boundary

BAR = 900_000


class FastClock(ManualClock):
    def speed(self) -> float:
        return 120.0


class RunningClock(ManualClock):
    """A bar every 100 ms of wall time, in the middle of one at the start."""

    def __init__(self, began: float) -> None:
        super().__init__(0)
        self._began = began

    def speed(self) -> float:
        return 9_000.0

    def now_ms(self) -> int:
        return BAR // 2 + int((time.monotonic() - self._began) * 1000 * self.speed())


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


def test_asking_twice_after_a_run_skips_no_boundary() -> None:
    clock = FastClock(10 * BAR)
    trigger = VenueGridTrigger(clock, BAR)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, now)
    clock.advance(BAR)
    assert trigger.get_next_fire_time(first, first) == trigger.get_next_fire_time(first, first)


async def test_a_scheduled_job_sees_every_boundary() -> None:
    began = time.monotonic()
    clock = RunningClock(began)
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"misfire_grace_time": 60, "coalesce": True})
    seen: list[int] = []
    scheduler.start()
    await asyncio.sleep(0.05)
    scheduler.add_job(lambda: seen.append(round(clock.now_ms() / BAR)), VenueGridTrigger(clock, BAR))
    await asyncio.sleep(1.1)
    scheduler.shutdown(wait=False)
    assert len(seen) >= 8
    assert seen == list(range(seen[0], seen[0] + len(seen)))


def test_a_frozen_venue_is_looked_at_again_much_later() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert VenueGridTrigger(ManualClock(0), BAR).get_next_fire_time(None, now) == now + timedelta(hours=1)


def test_jobs_are_never_closer_than_the_smallest_wall_distance() -> None:
    clock = FastClock(0)
    trigger = VenueGridTrigger(clock, 15_000, min_wall_s=1.0)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(now, now) == now + timedelta(seconds=1)
