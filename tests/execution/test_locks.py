"""One hand at a time on an instrument, and how to wait until every hand is off."""

from __future__ import annotations

import asyncio

from engine.execution.locks import InstrumentLocks


async def test_a_stop_waits_until_nobody_is_at_work_on_any_instrument() -> None:
    locks, ended = InstrumentLocks(), []
    started = asyncio.Event()

    async def work() -> None:
        async with locks.of("BTC"):
            started.set()
            await asyncio.sleep(0.02)
            ended.append("BTC")

    working = asyncio.ensure_future(work())
    await started.wait()
    assert locks.busy("BTC")
    assert not locks.busy("ETH")
    await locks.idle()
    assert ended == ["BTC"]
    assert not locks.busy("BTC")
    await working
