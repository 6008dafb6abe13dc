"""Is a line alive, and does it still carry data? Arithmetic on monotonic seconds; no clock, no socket.

Two silences differ. A line on which nothing arrives, not even the answer to a ping, is dead. A line that answers
pings while a channel that always moves says nothing is deaf (incident row 42: eight hours on frozen prices).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GRACE_S = 0.25
"""After our own loop was held up, what has arrived meanwhile is read before anything is called silent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a line may say nothing before it is asked (`ping_after_s`), and how long it may take to answer a ping
    or an operation. Wall seconds: a network is no faster in a fast market."""

    ping_after_s: float = 10.0
    pong_within_s: float = 8.0
    answer_within_s: float = 5.0

    def __post_init__(self) -> None:
        assert 0 < self.ping_after_s < 30, "the venue closes a line that is silent for 30 s"


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do now: `ping`, or give the line up because of `fault` ("" = nothing is wrong)."""

    ping: bool = False
    fault: str = ""
    stale: bool = False


@dataclass(slots=True)
class Watch:
    """`limits` are the longest silences, in wall seconds, of channels that always move."""

    limits: Mapping[str, float]
    opened_at: float
    patience: Patience = PATIENCE
    heard_at: float = field(init=False)
    pinged_at: float | None = field(init=False, default=None)
    pushed_at: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.heard_at = self.opened_at

    def heard(self, now: float) -> None:
        """Anything at all."""
        self.heard_at, self.pinged_at = now, None

    def pushed(self, channel: str, now: float) -> None:
        self.pushed_at[channel] = now

    def pinged(self, now: float) -> None:
        self.pinged_at = now

    def age_s(self, channel: str, now: float) -> float | None:
        at = self.pushed_at.get(channel)
        return None if at is None else now - at

    def due_in(self, now: float) -> float:
        """Seconds until the verdict can change without anything arriving; at least the grace."""
        silent = self.patience.ping_after_s if self.pinged_at is None else self.patience.pong_within_s
        since = self.heard_at if self.pinged_at is None else self.pinged_at
        dues = [since + silent, *(self._since(name) + limit for name, limit in self.limits.items())]
        return max(GRACE_S, min(dues) - now)

    def verdict(self, now: float, pace: float = 1.0) -> Verdict:
        """`pace` is the venue's speed, where slower than ours: in a frozen market nothing moves and is missed."""
        if self.pinged_at is not None and now - self.pinged_at >= self.patience.pong_within_s:
            return Verdict(fault=f"silent for {now - self.heard_at:.0f} s, also to a ping")
        for channel, limit in self.limits.items():
            quiet = now - self._since(channel)
            if pace > 0 and quiet * min(1.0, pace) >= limit:
                return Verdict(fault=f"connected, but {channel} has been silent for {quiet:.0f} s", stale=True)
        return Verdict(ping=self.pinged_at is None and now - self.heard_at >= self.patience.ping_after_s)

    def _since(self, channel: str) -> float:
        return self.pushed_at.get(channel, self.opened_at)
