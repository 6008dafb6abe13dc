"""One hand at a time on an instrument: entry, exit and guard never act on the same one at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class InstrumentLocks:
    """A lock an instrument, made when first asked for."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, inst_id: str) -> asyncio.Lock:
        return self._locks[inst_id]

    async def idle(self) -> None:
        """Returns once nobody is at work on any instrument."""
        for lock in tuple(self._locks.values()):
            async with lock:
                continue

    def busy(self, inst_id: str) -> bool:
        """Somebody is at work there right now and answers for it."""
        return self._locks[inst_id].locked()
