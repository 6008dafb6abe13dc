"""The rate budget: one token bucket per endpoint (and instrument), at half of the venue's limit.

A part of every bucket is kept for the calls that protect: brackets, cancels, closes, reduce-only
exits, and the reads that a position's cover depends on.
Ordinary calls starve first (incident row 40).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from engine.exchange.okx.endpoints import Endpoint, Scope

SHARE = 0.5
RESERVE = 0.25
PAUSE_S = 2.0
PAUSE_JITTER_S = 1.0
ROUNDING = 1e-9
"""Tokens are floats: a call is not sent to sleep for a billionth of one."""


@dataclass(slots=True)
class Bucket:
    """`capacity` tokens, refilled by `rate` a second. Ordinary calls leave `reserve` tokens untouched."""

    capacity: float
    rate: float
    tokens: float
    at: float
    paused_until: float = 0.0

    @classmethod
    def full(cls, endpoint: Endpoint, now: float) -> Bucket:
        """Where the limit is a single call, that call may go, and half as often as the venue would let it."""
        share = endpoint.limit * SHARE
        capacity = max(1.0, share)
        return cls(capacity, share / endpoint.window_s, capacity, now)

    @property
    def reserve(self) -> float:
        """Never so much that an ordinary call could not pass a full bucket."""
        return min(self.capacity * RESERVE, self.capacity - 1.0)

    def wait_s(self, now: float, urgent: bool, pace: float = 1.0, cost: float = 1.0) -> float:
        """0 and `cost` tokens less when the call may go now; else how long to wait before asking again.

        A call that costs more than a bucket holds waits for a full one.
        """
        self._refill(now, pace)
        paused = 0.0 if urgent else self.paused_until - now
        floor = 0.0 if urgent else self.reserve
        missing = min(floor + cost, self.capacity) - self.tokens
        if paused <= 0 and missing <= ROUNDING:
            self.tokens -= cost
            return 0.0
        return max(paused, missing / self.rate / pace)

    def _refill(self, now: float, pace: float) -> None:
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * pace * self.rate)
        self.at = now


class RateBudget:
    """All buckets of one account. Used from one event loop.

    The venue counts in its own time: in a simulated market that runs `pace()` times as fast as the wall the
    buckets refill as much faster, and while its time stands still there is nothing to count. A market slower than
    the wall does not slow protection down: half of the limit by the wall is kept in any case.
    """

    def __init__(self, jitter: Generator, pace: Callable[[], float] = lambda: 1.0) -> None:
        self._jitter = jitter
        self._pace = pace
        self._buckets: dict[tuple[Endpoint, str], Bucket] = {}

    async def acquire(self, endpoint: Endpoint, inst_id: str, urgent: bool, cost: float = 1.0) -> None:
        """Returns when the call may be sent; `cost` where the venue counts what is in it."""
        loop = asyncio.get_running_loop()
        while (pace := self._pace()) > 0:
            wait = self._bucket(endpoint, inst_id, loop.time()).wait_s(loop.time(), urgent, max(1.0, pace), cost)
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    def pause(self, endpoint: Endpoint, inst_id: str) -> None:
        """After the venue throttled us: ordinary calls of this bucket rest for 2–3 s."""
        now = asyncio.get_running_loop().time()
        rest = PAUSE_S + PAUSE_JITTER_S * float(self._jitter.random())
        self._bucket(endpoint, inst_id, now).paused_until = now + rest

    def _bucket(self, endpoint: Endpoint, inst_id: str, now: float) -> Bucket:
        key = (endpoint, inst_id if endpoint.scope is Scope.INSTRUMENT else "")
        if key not in self._buckets:
            self._buckets[key] = Bucket.full(endpoint, now)
        return self._buckets[key]
