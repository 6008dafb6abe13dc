"""Jobs that are skipped, fail, or are no longer begun at all: counted, told, and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine import jobs as module
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import LogLine
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.jobs import Jobs
from engine.options import EngineOptions
from engine.status_file import read_process, write_status

SETTINGS = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": 7}, "watchlist": ["BTC"]})


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Not started: what these tests look at needs no venue."""
    home = Home(tmp_path).prepare()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    return Engine(SETTINGS, home, EventBus(), EntryLatch(home.storage), options)


@pytest.fixture
async def opened(engine: Engine) -> AsyncIterator[Engine]:
    """Open on a market that stands still; its jobs are not started."""
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def told(engine: Engine) -> list[str]:
    return [event.text for event in engine.bus.latest()[1] if isinstance(event, LogLine)]


async def test_a_scheduler_that_stands_still_is_started_again_and_told(
    opened: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(module, "STANDSTILL_S", 0.5)
    jobs = opened._jobs = Jobs(opened)
    jobs.start()
    dead = jobs._scheduler
    # As an error inside APScheduler's own timer would leave it: alive by its word, never to wake again.
    dead._stop_timer()
    monkeypatch.setattr(dead, "_start_timer", lambda *_: None)
    async with asyncio.timeout(10):
        while jobs._scheduler is dead:
            await asyncio.sleep(0.05)
        beat = jobs._beat_at
        while jobs._beat_at == beat:
            await asyncio.sleep(0.05)
    assert opened.counted["scheduler restarted"] == 1
    assert any("started again" in text for text in told(opened))


async def test_a_failing_job_is_counted_told_and_runs_again(opened: Engine) -> None:
    jobs = opened._jobs = Jobs(opened)
    runs = 0

    async def fails() -> None:
        nonlocal runs
        runs += 1
        raise ZeroDivisionError("a defect")

    jobs._every("odd", 0.05, fails)
    jobs._scheduler.start()
    async with asyncio.timeout(10):
        while runs < 2:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.02)
    assert opened.counted["odd failed"] >= 1
    assert any("odd failed: ZeroDivisionError: a defect" in text for text in told(opened))


async def test_a_cycle_that_is_skipped_is_a_counted_event_in_the_status(engine: Engine) -> None:
    async with engine._cycling:
        assert await engine.run_cycle() is None
        assert await engine.run_cycle() is None
    write_status(engine)
    process = read_process(engine.home)
    assert process["counted"] == {"cycle skipped": 2}
    assert process["tasks"] >= 1
    assert any("skipped: the previous cycle" in text for text in told(engine))


async def test_an_error_that_nobody_waited_for_is_counted_and_told(engine: Engine) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(engine.telling.unhandled)

    async def dies() -> None:
        raise ZeroDivisionError("nobody looks")

    task = loop.create_task(dies())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    assert engine.counted["error that nobody handled"] == 1
    assert any("never retrieved" in text for text in told(engine))


async def test_a_dead_task_is_counted_and_told(engine: Engine) -> None:
    async def dies() -> None:
        raise ZeroDivisionError("in the dark")

    engine.supervisor.start("odd one", dies())
    await asyncio.sleep(0.01)
    assert engine.counted["task died"] == 1
    assert any("task odd one died: ZeroDivisionError" in text for text in told(engine))


async def test_a_job_that_still_runs_is_skipped_counted_and_told(opened: Engine) -> None:
    jobs = opened._jobs = Jobs(opened)
    released = asyncio.Event()

    async def hangs() -> None:
        await released.wait()

    jobs._every("slow", 0.05, hangs)
    jobs._scheduler.start()
    async with asyncio.timeout(10):
        while opened.counted["slow skipped"] < 2:
            await asyncio.sleep(0.02)
    assert any("slow skipped: still running" in text for text in told(opened))
    jobs.stop()
    released.set()
    await asyncio.sleep(0.05)
    assert opened.counted["slow failed"] == 0, "a run that the stop cut short has not failed"
