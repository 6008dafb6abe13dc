"""Whether the clock may be another than the one that was judged last.

It is measured and judged every hour only. In between, a call may have measured it again because the venue refused a
time stamp, or this machine's clock was set: each is noticed at once, at the price of no call.
"""

from __future__ import annotations

from engine.clock import Clock
from engine.exchange.okx.signing import SigningClock

STEP_MS = 1_000
"""Apart from what was judged by more: set by hand or by its time service, or the machine has slept."""


class ClockWatch:
    """Used from the engine's loop."""

    def __init__(self, clock: Clock, signing: SigningClock, offset_ms: int | None) -> None:
        """`offset_ms` as it was measured while the engine started."""
        self._clock = clock
        self._signing = signing
        self._offset_ms = offset_ms
        self._base_ms = self._wall_base_ms()

    def judged(self, offset_ms: int) -> None:
        """Measured, and its block set or lifted."""
        self._offset_ms, self._base_ms = offset_ms, self._wall_base_ms()

    def doubtful(self) -> bool:
        corrected = self._offset_ms is not None and self._signing.offset_ms != self._offset_ms
        return corrected or abs(self._wall_base_ms() - self._base_ms) > STEP_MS

    def _wall_base_ms(self) -> float:
        """What the wall clock said when the monotonic one began: changes only when the wall clock is set."""
        return self._clock.wall_ms() - self._clock.monotonic() * 1000
