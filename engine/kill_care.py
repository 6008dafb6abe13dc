"""The engine's care for its kill switch: it falls from any thread, a flatten that was cut off goes on, one that failed
is tried again, and FLAT is a level, not an edge."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import Future
from typing import TYPE_CHECKING

from engine.events import KillChanged
from engine.execution.kill_switch import KillReport
from engine.execution.latch_record import agree, forget
from engine.kill_desk import KillDesk
from engine.model import KillState

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""From the end of a flatten that failed to the next: time for the venue to come back, and for a person to resume."""


class KillCare:
    """One per engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._latch = engine.latch
        self._desk = KillDesk(engine.latch, self._tell)
        self._resuming = asyncio.Lock()
        self._failed_at = -AGAIN_S

    # ------------------------------------------------------------ from any thread

    def engage(self, flatten: bool, by: str) -> Future[KillReport] | None:
        """Also when the loop is stuck or has ended. None = the venue is not open yet: only the latch is set."""
        venue = self._engine.venue
        if venue is None:
            self._latch.engage(KillState.LATCHED, by)
            return None
        return self._desk.engage(venue.endpoint, flatten, by)

    def expect(self) -> None:
        """The latch fell by a person's hand."""
        venue = self._engine.venue
        if venue is not None:
            self._desk.look_ahead(venue.endpoint)

    # ------------------------------------------------------------ on the engine's loop

    async def warm(self) -> None:
        """Keeps the kill switch's own connection open."""
        endpoint = self._engine.opened().venue.endpoint
        if not await asyncio.to_thread(self._desk.warm, endpoint):
            log.warning("the kill switch's own connection does not answer")

    def go_on(self) -> None:
        """A flatten that its process, this one or another, did not live to finish goes on."""
        if not self._engine.options.observe and not self._desk.at_work and self._latch.cut_off():
            self._engine.tell("warning", "kill", "an unfinished flatten goes on")
            self.engage(True, "restart")

    def keep_flat(self, held: int) -> None:
        """The venue answers and shows `held` positions. Under FLAT there may be none: what was still on the wire when
        the account went flat is closed as well. A flatten that failed is tried again until the venue has confirmed
        that the account is flat, or a person resumes."""
        if self._engine.options.observe or self._desk.at_work:
            return
        state, now = self._latch.status().state, self._engine.clock.monotonic()
        if state is KillState.FLAT and held:
            self._engine.tell("error", "kill", "a position is open although the kill switch says FLAT: closing it")
            self.engage(True, "guard")
        elif state is KillState.FLATTEN_FAILED and now - self._failed_at >= AGAIN_S:
            self._failed_at = now
            self._engine.tell("error", "kill", f"the flatten failed, {held} position(s) open: trying again")
            self.engage(True, "guard")

    async def agree(self) -> None:
        """The latch's file and its record in the database: what one has lost, the other puts back."""
        try:
            async with self._resuming:
                lost = await agree(self._latch, self._engine.opened().db)
        except sqlite3.Error as error:
            lost = "" if self._latch.engaged() else f"the database's record of the kill switch cannot be read: {error}"
        if lost:
            self._engine.tell("error", "kill", lost)
            self.announce()

    async def resume(self, by: str) -> None:
        """Releases the kill switch. Raises KillResumeRefused while a kill is at work, OSError or sqlite3.Error when
        file or record cannot be removed: it then stays engaged."""
        db = self._engine.opened().db
        async with self._resuming:
            self._desk.refuse_resume()
            await forget(db)
            await asyncio.to_thread(self._desk.resume, by)
        self.announce()
        self._engine.tell("warning", "operator", f"{by} released the kill switch")

    async def after(self) -> None:
        """What the kill did at the venue comes into our books now rather than at the next pass."""
        if self._engine.works is not None:
            await self._engine.works.desk.reconcile()
            await self._engine.refresh_books()

    async def close(self) -> None:
        """A kill under way ends first."""
        await asyncio.to_thread(self._desk.close)

    # ------------------------------------------------------------ telling

    def announce(self) -> None:
        status = self._latch.status()
        now = self._engine.clock.now_ms()
        self._engine.bus.publish(KillChanged(status.state, status.by, status.since, status.detail, {}, now))

    def _tell(self, report: KillReport) -> None:
        """On the kill's thread."""
        if report.state is KillState.FLATTEN_FAILED:
            self._failed_at = self._engine.clock.monotonic()
        now = self._engine.clock.now_ms()
        event = KillChanged(report.state, report.by, report.since, report.detail, dict(report.results), now)
        self._engine.bus.publish(event)
        if self._engine.works is not None:
            self._engine.works.desk.decisions.trade_event(event)
