"""What protects a position does not wait for what only makes its books complete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from engine.exchange.errors import Unavailable


async def in_time(work: Awaitable[object], seconds: float, what: str) -> None:
    """Raises Unavailable when `work` takes longer (it is cancelled then), and whatever it raises itself."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        raise Unavailable(f"{what} took over {seconds:g} s") from None
