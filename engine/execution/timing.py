"""How long execution waits for what. Wall seconds: a network is no faster in a fast market."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExecutionTiming:
    """`absent_after_s`: an order that the venue does not know is only held for never placed when this much time has
    passed since it may have been sent (okx.md §12: several tries over ≥ 10 s)."""

    cover_deadline_s: float = 2.0
    fill_deadline_s: float = 5.0
    absent_after_s: float = 10.0
    resolve_deadline_s: float = 20.0
    flat_deadline_s: float = 10.0
    protect_deadline_s: float = 12.0
    bracket_tries: int = 2
    first_poll_s: float = 0.05
    longest_poll_s: float = 0.5


DEFAULT_TIMING = ExecutionTiming()


def pauses(timing: ExecutionTiming) -> Iterator[float]:
    """Endless waits between polls: short at first, then ever longer up to the cap."""
    wait = timing.first_poll_s
    while True:
        yield wait
        wait = min(wait * 1.6, timing.longest_poll_s)
