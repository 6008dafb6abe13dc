"""The engine with its streams on a real simulator: what the venue tells is looked at within a second, although the
guard's own turn comes every 15 s; and without the streams the guard goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.rig import open_rig
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine, EngineOptions
from engine.events import Event, HealthChanged, TradeClosed
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.reasons import Reason

BTC = "BTC-USDT-SWAP"
SETTINGS = Settings.model_validate(
    {"llm": {"backend": "rules"}, "demo": {"seed": 7, "equity_usdt": 100_000}, "watchlist": ("BTC",)}
)


class Running:
    """A scheduled engine in real time; `events` with the wall time of each."""

    def __init__(self, home: Path) -> None:
        place = Home(home).prepare()
        self.bus = EventBus()
        self.events: list[tuple[float, Event]] = []
        self.bus.listen(lambda event: self.events.append((time.monotonic(), event)))
        options = EngineOptions(speed=1.0, retry_venue=False)
        self.engine = Engine(SETTINGS, place, self.bus, EntryLatch(place.storage), options)

    def of(self, kind: type) -> list[tuple[float, Any]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]

    def stream(self) -> HealthChanged | None:
        told = [event for _, event in self.of(HealthChanged) if event.source == "stream"]
        return told[-1] if told else None

    async def until(self, wanted: Any, timeout: float = 12) -> None:
        async with asyncio.timeout(timeout):
            while not wanted():
                await asyncio.sleep(0.02)

    def fault(self, **fault: Any) -> None:
        embedded = self.engine.opened().venue.embedded
        assert embedded is not None
        httpx.post(f"{embedded.base_url}/sim/fault", json=fault, trust_env=False).raise_for_status()


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Running]:
    async with open_rig(speed=1.0, home=home) as rig:
        assert await rig.enter(BTC, "heard1", Decimal(2_000)) is Reason.ENTERED
    runs, stopping = Running(home), asyncio.Event()
    life = asyncio.ensure_future(runs.engine.run(stopping))
    try:
        await runs.until(lambda: (health := runs.stream()) is not None and health.status == "ok")
        yield runs
    finally:
        stopping.set()
        await life
        await runs.engine.close()
        assert runs.engine.supervisor.names() == ()


async def test_a_close_by_hand_is_seen_within_a_second(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        await asyncio.sleep(1.0)
        began = time.monotonic()
        runs.fault(kind="user_closes", inst=BTC)
        await runs.until(lambda: runs.of(TradeClosed))
        at, closed = runs.of(TradeClosed)[0]
        assert closed.trade.reason is Reason.CLOSED_ELSEWHERE
        assert at - began < 1.0, f"seen after {at - began:.2f} s"


@pytest.mark.slow
async def test_without_streams_the_guard_sees_it_at_its_own_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        runs.fault(kind="ws_stall", for_s=60)
        runs.fault(kind="user_closes", inst=BTC)
        await runs.until(lambda: runs.of(TradeClosed), timeout=20)


@pytest.mark.slow
async def test_a_lost_stream_is_told_and_found_again(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        runs.fault(kind="ws_storm", when={"channel": "private", "times": 2})
        runs.fault(kind="ws_close")
        await runs.until(lambda: (h := runs.stream()) is not None and h.status == "connecting")
        await runs.until(lambda: (h := runs.stream()) is not None and h.status == "ok")
