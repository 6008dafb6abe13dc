"""Is the engine doing its work, or does it only look alive? Each vital job says when it last finished.

A heartbeat proves that the loop turns; it does not prove that positions are watched. So the watchdog is
fed, and `--status` says "running", only while the guard and the cycle finish in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.clock import Clock
from engine.model import Timeframe

GUARD_PERIOD_S = 15.0
GUARD_ROUNDS = 4
CYCLE_ROUNDS = 2
SLACK_S = 60.0


@dataclass(slots=True)
class Liveness:
    """Ages in wall seconds. Not thread-safe: it lives on the engine's loop."""

    clock: Clock
    beats: dict[str, float] = field(default_factory=dict)

    def beat(self, job: str) -> None:
        """`job` has just finished a round."""
        self.beats[job] = self.clock.monotonic()

    def age_s(self, job: str) -> float | None:
        """Wall seconds since its last round; None before the first."""
        beat = self.beats.get(job)
        return None if beat is None else self.clock.monotonic() - beat

    def limit_s(self, job: str) -> float | None:
        """How old a round may be; None while the venue's time stands still and nothing is due."""
        speed = self.clock.speed()
        if speed <= 0:
            return None
        period = GUARD_PERIOD_S * GUARD_ROUNDS if job == "guard" else Timeframe.M15.ms / 1000 * CYCLE_ROUNDS
        return period / speed + SLACK_S

    def overdue(self) -> dict[str, float]:
        """Jobs whose last round is too old, with its age."""
        ages = {job: self.age_s(job) for job in self.beats}
        limits = {job: self.limit_s(job) for job in self.beats}
        return {
            job: age
            for job, age in ages.items()
            if age is not None and (limit := limits[job]) is not None and age > limit
        }
