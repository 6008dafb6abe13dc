"""Venue time and wall time in the hands of a test, each for itself."""

from __future__ import annotations


class HandClock:
    """`ms` is the venue's time, `s` the wall's, `pace` the venue's seconds per second of the wall."""

    def __init__(self, ms: int = 0, pace: float = 1.0) -> None:
        self.ms, self.s, self.pace = ms, 100.0, pace

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.s

    def wall_ms(self) -> int:
        return self.ms

    def speed(self) -> float:
        return self.pace

    def pass_(self, seconds: float) -> None:
        """Both go on, each at its pace."""
        self.ms, self.s = self.ms + round(seconds * 1000 * self.pace), self.s + seconds
