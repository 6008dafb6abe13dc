"""How fast a client may knock: connections, operations, and the waits between tries (okx.md §13)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

CONNECT_SPACING_S = 0.4
"""≤ 3 new connections per second per address; this is 2.5, for all lines together."""

OPERATIONS_PER_HOUR = 240
"""Half of the venue's 480 logins, subscriptions and cancellations per connection."""

HOUR_S = 3600.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
SETTLED_AFTER_S = 30.0


class ConnectGate:
    """Shared by the lines of one address: lets one connection out at a time, spaced."""

    def __init__(self, monotonic: Callable[[], float], spacing_s: float = CONNECT_SPACING_S) -> None:
        self._monotonic = monotonic
        self._spacing_s = spacing_s
        self._next_at = float("-inf")
        self._door = asyncio.Lock()

    async def turn(self) -> None:
        async with self._door:
            await asyncio.sleep(max(0.0, self._next_at - self._monotonic()))
            self._next_at = self._monotonic() + self._spacing_s


class OperationBudget:
    """One connection's operations of the last hour."""

    def __init__(self, monotonic: Callable[[], float], per_hour: int = OPERATIONS_PER_HOUR) -> None:
        self._monotonic = monotonic
        self._per_hour = per_hour
        self._spent: deque[float] = deque()

    def take(self) -> bool:
        """False when this connection has none left: a new one has."""
        now = self._monotonic()
        while self._spent and now - self._spent[0] > HOUR_S:
            self._spent.popleft()
        if len(self._spent) >= self._per_hour:
            return False
        self._spent.append(now)
        return True


class Backoff:
    """Waits that double up to half a minute, each cut by a random share so that many clients do not knock at once.

    A line that held for `SETTLED_AFTER_S` begins again with the shortest; one that drops at once does not.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._tries = 0

    def held(self, seconds: float) -> None:
        """The last line lived this long."""
        if seconds >= SETTLED_AFTER_S:
            self._tries = 0

    def wait_s(self) -> float:
        """Of the next try."""
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**self._tries)
        self._tries = min(self._tries + 1, 16)
        return longest * float(self._rng.uniform(0.5, 1.0))
