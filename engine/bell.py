"""A bell between those who hear that something may have changed and those who then look at everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PAUSE_S = 0.05
"""One change is told in several words (order, position, balance): they are answered by one look."""

APART_S = 0.7
"""Between the end of one look and the next: a venue that talks without end must not eat the rate budget. Together
with the pause a change is looked at within a second."""


class Bell:
    """Rung from the loop that answers it. It says nothing about what changed, so that a lost, doubled or late ring
    changes nothing about what is right."""

    def __init__(self, pause_s: float = PAUSE_S, apart_s: float = APART_S) -> None:
        self._pause_s = pause_s
        self._apart_s = apart_s
        self._rung = asyncio.Event()
        self.rings = 0
        self.answers = 0

    def ring(self) -> None:
        self.rings += 1
        self._rung.set()

    async def answer(self, look: Callable[[], Awaitable[None]]) -> None:
        """Endless. A ring during a look asks for another one: that look may have read what has changed since."""
        while True:
            await self._rung.wait()
            await asyncio.sleep(self._pause_s)
            self._rung.clear()
            self.answers += 1
            await look()
            await asyncio.sleep(self._apart_s)
