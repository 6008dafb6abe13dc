"""The time that requests and logins are signed with: our wall clock, corrected by what the venue's says.

python-okx signs with the local clock and nothing else; a host that is half a minute off would have every signed call
refused (50102). The correction is made here, at our own edge, for the adapter, the kill switch and the streams alike:
all clients of one endpoint share one `SigningClock`.
"""

from __future__ import annotations

import threading

from engine.clock import SystemClock, utc


class SigningClock:
    """Wall time plus the offset that was measured last. Thread-safe."""

    def __init__(self, offset_ms: int = 0) -> None:
        self._lock = threading.Lock()
        self._clock = SystemClock(offset_ms)
        self._offset_ms = offset_ms
        self._corrections = 0

    @property
    def offset_ms(self) -> int:
        """Venue − local, as measured last; 0 before that."""
        return self._offset_ms

    @property
    def corrections(self) -> int:
        """How often it was corrected: tells whether somebody else has done so since."""
        return self._corrections

    def correct(self, offset_ms: int) -> None:
        """`offset_ms` = the venue's clock − ours."""
        with self._lock:
            self._offset_ms = offset_ms
            self._clock.set_offset(offset_ms)
            self._corrections += 1

    def local_ms(self) -> int:
        """Our own wall clock, uncorrected."""
        return self._clock.wall_ms()

    def iso(self) -> str:
        """For REST: UTC, ISO 8601 with milliseconds and Z."""
        return utc(self._clock.now_ms()).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def unix_s(self) -> str:
        """For a WebSocket login: whole seconds since 1970."""
        return str(self._clock.now_ms() // 1000)
