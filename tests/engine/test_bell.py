"""Many rings are one look; a ring during a look is another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.bell import Bell
from engine.supervisor import Supervisor


@asynccontextmanager
async def answered(bell: Bell, looks: list[float], look_s: float = 0.0) -> AsyncIterator[None]:
    async def look() -> None:
        looks.append(asyncio.get_running_loop().time())
        await asyncio.sleep(look_s)

    supervisor = Supervisor(lambda name, error: None)
    supervisor.start("bell", bell.answer(look))
    try:
        yield
    finally:
        assert await supervisor.cancel_all() == ()


async def test_a_burst_is_one_look_soon_after_its_first_ring() -> None:
    bell, looks = Bell(pause_s=0.05, apart_s=0.3), []
    async with answered(bell, looks):
        began = asyncio.get_running_loop().time()
        for _ in range(20):
            bell.ring()
        await asyncio.sleep(0.2)
        assert len(looks) == 1
        assert 0.04 < looks[0] - began < 0.15
        assert (bell.rings, bell.answers) == (20, 1)


async def test_a_ring_during_a_look_asks_for_another_one_and_the_looks_stay_apart() -> None:
    bell, looks = Bell(pause_s=0.01, apart_s=0.2), []
    async with answered(bell, looks, look_s=0.1):
        bell.ring()
        await asyncio.sleep(0.06)
        bell.ring()
        await asyncio.sleep(0.6)
    assert len(looks) == 2
    assert looks[1] - looks[0] >= 0.3


async def test_nothing_is_looked_at_without_a_ring() -> None:
    bell, looks = Bell(), []
    async with answered(bell, looks):
        await asyncio.sleep(0.1)
    assert looks == []
