"""The dead-man switch: while an entry of ours can rest at the venue, the venue is to cancel it if we fall silent.

Armed before an entry goes out, refreshed while one may rest, disarmed when none can. It cancels by the tag that only
entries carry; brackets are algos, which it does not touch, so that positions keep their stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.clock import Clock
from engine.exchange.errors import AuthFailed, ClockSkewed, ErrorClass, ExchangeError, Rejected
from engine.exchange.port import Exchange
from engine.execution.ids import TAG
from engine.execution.journal import Journal
from engine.execution.states import IntentState, Kind

TIMEOUT_S = 30
REFRESH_S = TIMEOUT_S / 8
"""Looked at so often, and refreshed when as old: never older than a quarter of the time-out."""
IDLE_S = TIMEOUT_S / 2
"""So long without an entry that can rest, and it is disarmed: the next entry often comes sooner."""
CAN_REST = frozenset({IntentState.SENT, IntentState.UNKNOWN, IntentState.ACCEPTED})
NOT_OFFERED = frozenset({ErrorClass.DEMO})
"""A call that the venue takes from nobody any more stops entries (stops.py): it must not be said here that they go
on."""


class DeadMan:
    """`arm` before an entry, `keep` every REFRESH_S, `disarm` at a clean stop."""

    def __init__(
        self, exchange: Exchange, journal: Journal, clock: Clock, tell: Callable[[str, str, str], None]
    ) -> None:
        self._exchange = exchange
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._lock = asyncio.Lock()
        self._armed_at: float | None = None
        self._needed_at = 0.0
        self._offered = True

    @property
    def armed(self) -> bool:
        """As far as we know: it was armed, not disarmed, and its time is not over."""
        return self._armed_at is not None and self._age_s() < TIMEOUT_S

    async def arm(self) -> None:
        """Returns when the venue watches over what is sent next. Raises Rejected when it would not: then nothing may
        be sent; AuthFailed and ClockSkewed as they are."""
        self._needed_at = self._clock.monotonic()
        async with self._lock:
            if not self._offered or (self._armed_at is not None and self._age_s() < REFRESH_S):
                return
            try:
                await self._set(TIMEOUT_S)
            except (AuthFailed, ClockSkewed):
                raise
            except ExchangeError as error:
                if error.error_class in NOT_OFFERED:
                    self._offered = False
                    self._tell("warning", f"no dead-man switch here, entries go on without it: {error}", "")
                    return
                text = f"the dead-man switch could not be armed, so nothing was sent: {error.message}"
                raise Rejected(text, error.code, error.error_class) from error

    async def keep(self) -> None:
        """Refreshes it while an entry of ours can rest; disarms it when none could for a while. Raises ExchangeError
        or sqlite3.Error: then the venue cancels our entries in time, which is what it is for."""
        if any(i.kind is Kind.ENTRY and i.state in CAN_REST for i in await self._journal.unresolved()):
            await self.arm()
        elif self._armed_at is not None and self._clock.monotonic() - self._needed_at >= IDLE_S:
            await self.disarm()

    async def disarm(self) -> None:
        """Raises ExchangeError; it then runs out by itself, and cancels nothing when nothing rests."""
        async with self._lock:
            if self._armed_at is None:
                return
            self._armed_at = None
            await self._set(0)

    async def _set(self, seconds: int) -> None:
        """The time counts from before the call: whatever the venue measures by is later."""
        asked_at = self._clock.monotonic()
        await self._exchange.dead_man(seconds, TAG)
        self._armed_at = asked_at if seconds else None

    def _age_s(self) -> float:
        assert self._armed_at is not None
        return self._clock.monotonic() - self._armed_at
