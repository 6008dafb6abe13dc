"""Background tasks: none is lost, none dies unseen."""

from __future__ import annotations

import asyncio
import gc

from engine.supervisor import Supervisor


class Deaths(list[tuple[str, str]]):
    def __call__(self, name: str, error: BaseException) -> None:
        self.append((name, str(error)))


async def _dies() -> None:
    await asyncio.sleep(0)
    raise ValueError("boom")


async def test_death_is_reported_with_name_and_error() -> None:
    deaths = Deaths()
    supervisor = Supervisor(deaths)
    supervisor.start("feed", _dies())
    await asyncio.sleep(0.02)
    assert deaths == [("feed", "boom")]
    assert supervisor.names() == ()


async def test_task_survives_garbage_collection_while_it_waits() -> None:
    done = asyncio.Event()

    async def body() -> None:
        await asyncio.sleep(0.02)
        done.set()

    supervisor = Supervisor(Deaths())
    supervisor.start("quiet", body())
    gc.collect()
    await asyncio.wait_for(done.wait(), 1)


async def test_return_and_cancellation_are_not_deaths() -> None:
    deaths = Deaths()
    supervisor = Supervisor(deaths)
    supervisor.start("returns", asyncio.sleep(0))
    supervisor.start("sleeps", asyncio.sleep(60))
    await asyncio.sleep(0.01)
    assert supervisor.names() == ("sleeps",)
    assert await supervisor.cancel_all() == ()
    assert deaths == []


async def test_kept_task_is_restarted_after_each_death_and_each_is_reported() -> None:
    deaths = Deaths()
    runs = 0
    done = asyncio.Event()

    async def body() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise ValueError(f"death {runs}")
        done.set()

    supervisor = Supervisor(deaths)
    supervisor.keep("loop", body, first_delay_s=0.001, max_delay_s=0.004)
    await asyncio.wait_for(done.wait(), 1)
    assert deaths == [("loop", "death 1"), ("loop", "death 2"), ("loop", "death 3")]
    assert runs == 4


async def test_a_kept_task_that_ends_as_cancelled_by_itself_is_a_death_too() -> None:
    deaths = Deaths()
    runs = 0
    done = asyncio.Event()

    async def body() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError
        done.set()
        await asyncio.sleep(60)

    supervisor = Supervisor(deaths)
    supervisor.keep("line", body, first_delay_s=0.001)
    await asyncio.wait_for(done.wait(), 1)
    assert deaths == [("line", "cancelled from within")]
    assert await supervisor.cancel_all() == ()
    assert len(deaths) == 1, "being stopped is none"


async def test_cancel_all_stops_a_kept_task_for_good() -> None:
    runs = 0

    async def body() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(60)

    supervisor = Supervisor(Deaths())
    supervisor.keep("loop", body, first_delay_s=0.001)
    await asyncio.sleep(0.01)
    await supervisor.cancel_all()
    await asyncio.sleep(0.02)
    assert runs == 1
    assert supervisor.names() == ()


async def test_cancel_all_names_who_would_not_end() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await release.wait()

    supervisor = Supervisor(Deaths())
    task = supervisor.start("stubborn", stubborn())
    await asyncio.sleep(0)
    assert await supervisor.cancel_all(timeout_s=0.02) == ("stubborn",)
    release.set()
    await task
