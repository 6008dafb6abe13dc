"""How often a resting bracket may be amended for tidiness or for a trailed stop (incident row 12): a loop that
amends the same bracket again and again is a defect that must not reach the venue. Restoring cover is never limited."""

from __future__ import annotations

from collections import defaultdict, deque

from engine.clock import Clock

AMENDS = 6
WITHIN_S = 60.0
SHORTEST_S = 6.0


class Churn:
    """At most `AMENDS` an instrument within `WITHIN_S` venue seconds, or six wall seconds where that is longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def may(self, inst_id: str) -> bool:
        """True when one more amendment is allowed; it is then counted."""
        now, times = self._clock.monotonic(), self._times[inst_id]
        window = max(SHORTEST_S, WITHIN_S / max(self._clock.speed(), 1.0))
        while times and now - times[0] >= window:
            times.popleft()
        if len(times) >= AMENDS:
            return False
        times.append(now)
        return True
