"""The circuit breaker before the model server: stop asking a dead one, ask again with one probe."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """CLOSED: calls pass. OPEN: none pass. HALF_OPEN: one probe is under way, the rest wait outside."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


TRANSITIONS = {
    BreakerState.CLOSED: {BreakerState.OPEN},
    BreakerState.OPEN: {BreakerState.HALF_OPEN},
    BreakerState.HALF_OPEN: {BreakerState.CLOSED, BreakerState.OPEN},
}

FAILURES_TO_OPEN = 3
COOL_DOWN_S = 30.0
LONGEST_COOL_DOWN_S = 300.0


@dataclass(frozen=True, slots=True)
class Admission:
    """One call's leave to go. `episode` counts the breaker's states until then: what a call says about a server of an
    earlier episode is old news."""

    episode: int


class CircuitBreaker:
    """Times are wall seconds of a monotonic clock. Used from one event loop; not thread-safe.

    Every admitted call ends in exactly one of `succeeded`, `failed` or `abandoned`. A straggler, a call that was
    admitted before the state last changed, changes nothing: only the probe speaks for a half-open breaker.
    """

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, cool_down_s: float = COOL_DOWN_S) -> None:
        assert failures_to_open >= 1
        assert 0 < cool_down_s <= LONGEST_COOL_DOWN_S
        self._failures_to_open = failures_to_open
        self._first_cool_down_s = cool_down_s
        self._cool_down_s = cool_down_s
        self._failures = 0
        self._opened_at = 0.0
        self._state = BreakerState.CLOSED
        self._episode = 0

    @property
    def state(self) -> BreakerState:
        return self._state

    def admit(self, now: float) -> Admission | None:
        """Leave for one call, None = it must not be made; after the cool-down the first one asked for is the probe."""
        if self._state is BreakerState.OPEN and now - self._opened_at >= self._cool_down_s:
            self._move(BreakerState.HALF_OPEN)
            return Admission(self._episode)
        return Admission(self._episode) if self._state is BreakerState.CLOSED else None

    def retry_in_s(self, now: float) -> float:
        """Seconds until a probe is admitted; 0 when not open."""
        if self._state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._opened_at + self._cool_down_s - now)

    def succeeded(self, admission: Admission) -> None:
        if not self.is_current(admission):
            return
        self._failures = 0
        if self._state is BreakerState.HALF_OPEN:
            self._cool_down_s = self._first_cool_down_s
            self._move(BreakerState.CLOSED)

    def failed(self, admission: Admission, now: float) -> None:
        """A failed probe doubles the wait, up to 5 minutes."""
        if not self.is_current(admission):
            return
        self._failures += 1
        if self._state is BreakerState.HALF_OPEN:
            self._cool_down_s = min(2 * self._cool_down_s, LONGEST_COOL_DOWN_S)
            self._open(now)
        elif self._failures >= self._failures_to_open:
            self._open(now)

    def abandoned(self, admission: Admission, now: float) -> None:
        """The caller was cancelled: nothing was learnt, but a probe must not stay under way for ever."""
        if self.is_current(admission) and self._state is BreakerState.HALF_OPEN:
            self._open(now)

    def is_current(self, admission: Admission) -> bool:
        """False for a straggler."""
        return admission.episode == self._episode

    def _open(self, now: float) -> None:
        self._opened_at = now
        self._move(BreakerState.OPEN)

    def _move(self, state: BreakerState) -> None:
        if state not in TRANSITIONS[self._state]:
            raise RuntimeError(f"the breaker cannot go from {self._state} to {state}")
        self._state = state
        self._episode += 1
