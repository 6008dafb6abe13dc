"""What a bench promises: each limit beside what was found, those that are broken, and how busy the machine was.

A limit of speed says something only on a machine that nothing else uses: where the load average at the start is above
the number of cores, a speed that was missed is a warning. A limit of safety holds on any machine.

A bench exits 0 when all hold, 1 when one of safety does not or something was not measured, 4 when it was too slow on a
quiet machine and all else holds (2 is what a command line that is not understood exits with). What must not be slow
beyond all measure has a second limit, of safety.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOO_SLOW = 4


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
    """For the bench's line of JSON. `too_slow` are those of `broken` that say only that."""
    quiet = load <= cores()
    missed = [limit for limit in limits if not limit.holds]
    broken = [limit for limit in missed if quiet or not limit.speed]
    return {
        "limits": {limit.name: {"found": limit.found, "limit": limit.most} for limit in limits},
        "load": load,
        "cores": cores(),
        "broken": [limit.name for limit in broken],
        "too_slow": [limit.name for limit in broken if limit.speed and limit.found is not None],
        "warnings": [
            f"{limit.name}: {limit.found}, limit {limit.most}, but the load was {load} on {cores()} cores"
            for limit in missed
            if limit.speed and not quiet
        ],
    }


def exit_status(line: Mapping[str, Any]) -> int:
    """Of a line that holds a verdict."""
    if not line["broken"]:
        return 0
    return TOO_SLOW if line["broken"] == line["too_slow"] else 1
