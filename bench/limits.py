"""What a bench promises: each limit beside what was found, those that are broken, and how busy the machine was.

A limit of speed says something only on a machine that nothing else uses: where the load average at the start is above
the number of cores, a speed that was missed is a warning. A limit of safety holds on any machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limit:
    """`found` None = was to be measured, and was not: broken."""

    name: str
    found: float | None
    most: float
    speed: bool = False

    @property
    def holds(self) -> bool:
        return self.found is not None and self.found <= self.most


def load_now() -> float:
    """Processes that want a core, over the last minute. Ask before the bench starts any of its own."""
    return round(os.getloadavg()[0], 2)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def verdict(limits: Sequence[Limit], load: float) -> dict[str, Any]:
    """For the bench's line of JSON. `broken` empty = it may exit 0."""
    quiet = load <= cores()
    missed = [limit for limit in limits if not limit.holds]
    return {
        "limits": {limit.name: {"found": limit.found, "limit": limit.most} for limit in limits},
        "load": load,
        "cores": cores(),
        "broken": [limit.name for limit in missed if quiet or not limit.speed],
        "warnings": [
            f"{limit.name}: {limit.found}, limit {limit.most}, but the load was {load} on {cores()} cores"
            for limit in missed
            if limit.speed and not quiet
        ],
    }
