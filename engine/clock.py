"""The only place that reads time.

Two kinds of time exist. *Venue time* is the exchange's: candles close, funding settles and jobs
fire by it; in a simulated market it may run many times faster than the wall. *Wall time* is ours:
signatures, time-outs, latencies and the guard's cadence use it, because a network is no faster in a
fast market.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Venue time, plus a monotonic wall clock for durations."""

    def now_ms(self) -> int:
        """Venue time in milliseconds since 1970-01-01 UTC."""
        ...

    def speed(self) -> float:
        """Venue seconds per wall second (1.0 for a real exchange; 0.0 while frozen)."""
        ...

    def monotonic(self) -> float:
        """Wall seconds from an arbitrary start; only differences mean anything."""
        ...

    def wall_ms(self) -> int:
        """Wall time in milliseconds since 1970-01-01 UTC; for signatures and log stamps only."""
        ...


class SystemClock:
    """A real exchange's time: the wall clock corrected by the measured offset."""

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms

    def set_offset(self, offset_ms: int) -> None:
        """`offset_ms` = venue time − wall time, as measured against the venue."""
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        return self.wall_ms() + self._offset_ms

    def speed(self) -> float:
        return 1.0

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """A point where venue time and wall time are known together."""

    venue_ms: int
    monotonic: float
    speed: float

    def venue_at(self, monotonic: float) -> int:
        return self.venue_ms + int((monotonic - self.monotonic) * 1000 * self.speed)


class ScaledClock:
    """Venue time of a simulated market: an anchor and a speed. Thread-safe."""

    def __init__(self, venue_ms: int, speed: float) -> None:
        self._lock = threading.Lock()
        self._anchor = Anchor(venue_ms, time.monotonic(), speed)

    def set_anchor(self, venue_ms: int, speed: float) -> None:
        with self._lock:
            self._anchor = Anchor(venue_ms, time.monotonic(), speed)

    def now_ms(self) -> int:
        return self._anchor.venue_at(time.monotonic())

    def speed(self) -> float:
        return self._anchor.speed

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """Time that moves only when told to: tests and frozen replays."""

    def __init__(self, venue_ms: int) -> None:
        self._venue_ms = venue_ms

    def advance(self, ms: int) -> None:
        self._venue_ms += ms

    def now_ms(self) -> int:
        return self._venue_ms

    def speed(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return self._venue_ms / 1000

    def wall_ms(self) -> int:
        return self._venue_ms


def utc(ms: int) -> datetime:
    """Milliseconds since 1970 as a timezone-aware UTC datetime."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def utc_day(ms: int) -> str:
    """The UTC day of `ms` as YYYY-MM-DD."""
    return utc(ms).date().isoformat()
