"""The venue's clock: wall seconds turned into venue time, at any speed.

Two ways forward exist: time flows (`pulse`, called by every request and by a 50 ms timer) or somebody asks for a
jump (`advance_to`). While a jump runs, time does not flow beside it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

# A wall gap longer than this between two pulses is a suspended or stopped machine, not time that anybody traded
# through: only this much of it is credited, the rest never happened. Venue time then simply goes on where it was.
CATCH_UP_WALL_S = 5.0

# Jumps walk in slices, so that other clients are served in between and attached orders wake up on the way.
SLICE_MS = 900_000

# What a venue needs, in wall time, to wake the stops attached to an order that has just filled. A jump waits for it.
ATTACH_WALL_S = 0.065


def wall_us() -> int:
    """Wall time in microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000


def wall_ms() -> int:
    """Wall time in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


class Advancing(Protocol):
    """The part of the venue that time moves."""

    @property
    def now_ms(self) -> int: ...

    def advance(self, to_ms: int) -> None: ...

    def tick(self, wall_ms: int) -> None: ...


class Timekeeper:
    """Moves one venue. `speed` is venue seconds per wall second; 0 freezes it. `end_ms` is where the data ends."""

    def __init__(self, venue: Advancing, speed: float, end_ms: int | None = None) -> None:
        self._venue = venue
        self._speed = speed
        self._end_ms = end_ms
        self._due_ms = float(venue.now_ms)
        self._pulsed_at = time.monotonic()
        self._jump = asyncio.Lock()
        self.skipped_wall_s = 0.0
        self._counted_s = 0.0
        self._counted_at = (time.monotonic(), venue.now_ms)

    @property
    def now_ms(self) -> int:
        return self._venue.now_ms

    @property
    def speed(self) -> float:
        return self._speed

    def counting_s(self) -> float | None:
        """Seconds in which rate limits count: of the wall or of the venue, whichever went further since the last
        question. None while the venue stands still: then nothing counts."""
        before_s, before_ms = self._counted_at
        self._counted_at = (time.monotonic(), self.now_ms)
        passed_s = max(self._counted_at[0] - before_s, (self.now_ms - before_ms) / 1000)
        self._counted_s += passed_s
        return self._counted_s if self._speed > 0 else None

    def set_speed(self, speed: float) -> None:
        """From now on; what has passed until now passed at the old speed."""
        self.pulse()
        self._speed = speed

    def pulse(self) -> int:
        """Brings the venue to the present and returns its time in ms."""
        elapsed = self._elapsed_s()
        if not self._jump.locked():
            self._due_ms = self._clamp(self._due_ms + elapsed * 1000 * self._speed)
            if int(self._due_ms) > self._venue.now_ms:
                self._venue.advance(int(self._due_ms))
        self._venue.tick(wall_ms())
        return self._venue.now_ms

    async def advance_to(self, to_ms: int) -> int:
        """Jumps to `to_ms` (never back, never beyond the data) and returns the time reached."""
        self.pulse()
        async with self._jump:
            await asyncio.sleep(ATTACH_WALL_S)
            target = int(self._clamp(float(to_ms)))
            while self._venue.now_ms < target:
                self._venue.tick(wall_ms())
                self._venue.advance(min(target, self._venue.now_ms + SLICE_MS))
                await asyncio.sleep(0)
            self._due_ms = float(self._venue.now_ms)
            self._pulsed_at = time.monotonic()
        return self.pulse()

    def _elapsed_s(self) -> float:
        now = time.monotonic()
        gap = now - self._pulsed_at
        self._pulsed_at = now
        self.skipped_wall_s += max(0.0, gap - CATCH_UP_WALL_S)
        return min(gap, CATCH_UP_WALL_S)

    def _clamp(self, at_ms: float) -> float:
        return at_ms if self._end_ms is None else min(at_ms, float(self._end_ms))
