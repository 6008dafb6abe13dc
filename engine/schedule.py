"""APScheduler on venue time: a trigger that fires on the venue's grid, however fast the venue runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

from engine.clock import Clock

FROZEN_RECHECK = timedelta(hours=1)
REMEMBERED = 8


def next_boundary(now_ms: int, period_ms: int, offset_ms: int) -> int:
    """The first instant of the form k·period + offset strictly after `now_ms`."""
    return ((now_ms - offset_ms) // period_ms + 1) * period_ms + offset_ms


class VenueGridTrigger(BaseTrigger):  # type: ignore[misc] # apscheduler ships no types
    """Fires at every k·period + offset of venue time.

    APScheduler waits in wall time, so each boundary is translated through the clock's speed. After a
    change of speed, jobs must be rescheduled with a fresh trigger.
    """

    def __init__(self, clock: Clock, period_ms: int, offset_ms: int = 0, min_wall_s: float = 0.0) -> None:
        self._clock = clock
        self._period_ms = period_ms
        self._offset_ms = offset_ms
        self._min_wall = timedelta(seconds=min_wall_s)
        self._planned: dict[datetime, int] = {}

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The same question has the same answer: APScheduler asks twice after each run."""
        speed = self._clock.speed()
        if speed <= 0:
            return now + FROZEN_RECHECK
        venue_now = self._clock.now_ms()
        boundary = next_boundary(venue_now, self._period_ms, self._offset_ms)
        # A timer may fire a moment early; the same boundary must not fire twice.
        fired = self._planned.get(previous_fire_time) if previous_fire_time is not None else None
        if fired is not None:
            boundary = max(boundary, fired + self._period_ms)
        wall = now + timedelta(milliseconds=(boundary - venue_now) / speed)
        at = max(wall, (previous_fire_time or now) + self._min_wall)
        self._plan(at, boundary)
        return at

    def _plan(self, at: datetime, boundary: int) -> None:
        """Remembers which boundary a fire time stands for; the latest few are all that is asked about."""
        self._planned[at] = boundary
        while len(self._planned) > REMEMBERED:
            del self._planned[next(iter(self._planned))]
