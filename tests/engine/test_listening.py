"""The engine with its streams on a real simulator: what the venue tells is looked at within a second, although the
guard's own turn comes every 15 s; and without the streams the guard goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from bench.rig import open_rig
from engine.bus import EventBus
from engine.clock import SystemClock
from engine.config import Settings
from engine.engine import Engine
from engine.events import Event, HealthChanged, LogLine, TradeClosed
from engine.exchange.errors import Unavailable
from engine.exchange.streams import (
    BalanceMoved,
    InstrumentsMoved,
    MaintenanceTold,
    Push,
    Resumed,
    StreamState,
    Topic,
    TopicHealth,
    Unread,
)
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.listening import Listening
from engine.model import EngineState
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.supervisor import Supervisor

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

    async def until(self, wanted: Any, timeout: float = 40) -> None:
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


@pytest.mark.slow
async def test_a_close_by_hand_is_seen_long_before_the_guards_own_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        await asyncio.sleep(1.0)
        began = time.monotonic()
        runs.fault(kind="user_closes", inst=BTC)
        await runs.until(lambda: runs.of(TradeClosed))
        at, closed = runs.of(TradeClosed)[0]
        assert closed.trade.reason is Reason.CLOSED_ELSEWHERE
        # Within a second on a quiet machine (bench.heard measures it); a busy one may take its time.
        assert at - began < 5.0, f"seen after {at - began:.2f} s"


@pytest.mark.slow
async def test_without_streams_the_guard_sees_it_at_its_own_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        runs.fault(kind="ws_stall", for_s=60)
        runs.fault(kind="user_closes", inst=BTC)
        await runs.until(lambda: runs.of(TradeClosed), timeout=20)


@pytest.mark.slow
async def test_an_announced_pause_stops_entries_as_soon_as_it_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        await asyncio.sleep(1.0)
        began = time.monotonic()
        runs.fault(kind="maintenance", begin_s=60, end_s=600)
        await runs.until(lambda: runs.engine.state is EngineState.REDUCING)
        assert time.monotonic() - began < 8.0


@pytest.mark.slow
async def test_a_lost_stream_is_told_and_found_again(tmp_path: Path) -> None:
    async with running(tmp_path) as runs:
        runs.fault(kind="ws_storm", when={"channel": "private", "times": 2})
        runs.fault(kind="ws_close")
        await runs.until(lambda: (h := runs.stream()) is not None and h.status == "connecting")
        await runs.until(lambda: (h := runs.stream()) is not None and h.status == "ok")


# ------------------------------------------------------------ the wiring alone


class Wired:
    """A Listening whose venue says what a test wants. `looks` are the bells that were answered."""

    def __init__(self, health: tuple[TopicHealth, ...] | None, failing: bool = False) -> None:
        self.looks: list[str] = []
        self.watched: list[str] = ["BTC"]
        self.told: list[Event] = []
        self.supervisor = Supervisor(lambda name, error: self.looks.append(f"{name} died"))
        self.followed: list[Any] = []
        stream = (
            None if health is None else SimpleNamespace(lines=dict, health=lambda: health, follow=self.followed.append)
        )
        venue = SimpleNamespace(streams=lambda *_: stream, following=tuple)
        engine = SimpleNamespace(
            supervisor=self.supervisor,
            clock=SystemClock(),
            bus=SimpleNamespace(publish=self.told.append),
            opened=lambda: SimpleNamespace(venue=venue, watch=SimpleNamespace(instruments=self.watched)),
            sync_clock=None,
            tell=lambda level, source, text: self.told.append(LogLine(level, source, text, 0)),
        )

        def look(name: str) -> Callable[[], Awaitable[None]]:
            async def answer() -> None:
                self.looks.append(name)
                if failing:
                    raise Unavailable("no answer")

            return answer

        self.listening = Listening(engine, look("guard"), look("specs"), look("status"))  # type: ignore[arg-type]
        self.listening.start()

    def health(self) -> HealthChanged:
        return [event for event in self.told if isinstance(event, HealthChanged)][-1]


OK = (TopicHealth(Topic.ORDERS, StreamState.OK, None), TopicHealth(Topic.BALANCE, StreamState.OK, 2.4))
ACCOUNT = Resumed((Topic.ORDERS, Topic.POSITIONS, Topic.BALANCE))
MARKET = Resumed((Topic.INSTRUMENTS, Topic.MAINTENANCE))


@pytest.mark.parametrize(
    ("pushes", "looks"),
    [
        ([BalanceMoved(Decimal(1), 0)], ["guard"]),
        ([Unread(Topic.ORDERS, "?")], ["guard"]),
        ([InstrumentsMoved(("X",))], ["guard", "specs"]),
        ([MaintenanceTold("upgrade", "scheduled")], ["guard", "status"]),
        ([Unread(Topic.MAINTENANCE, "?")], ["guard", "status"]),
        ([ACCOUNT], ["guard"]),
        ([MARKET], []),
        ([MARKET, MARKET], ["guard", "specs", "status"]),
    ],
)
async def test_each_push_rings_the_bell_of_its_subject(pushes: list[Push], looks: list[str]) -> None:
    wired = Wired(OK)
    for push in pushes:
        wired.listening.hear(push)
    await asyncio.sleep(0.4)
    assert sorted(wired.looks) == looks
    assert await wired.supervisor.cancel_all() == ()


async def test_a_look_that_finds_nobody_is_told_and_the_bell_goes_on() -> None:
    wired = Wired(OK, failing=True)
    wired.listening.hear(MaintenanceTold("upgrade", "scheduled"))
    await asyncio.sleep(0.15)
    assert {event.text for event in wired.told if isinstance(event, LogLine)} == {"not done: no answer"}
    assert "status bell" in wired.supervisor.names()
    assert await wired.supervisor.cancel_all() == ()


@pytest.mark.parametrize(
    ("states", "status", "detail"),
    [
        ((StreamState.OK, StreamState.OK), "ok", "orders –, balance 2 s"),
        ((StreamState.OK, StreamState.OFF), "stale", "balance; why"),
        ((StreamState.CONNECTING, StreamState.STALE), "stale", "orders, balance; why"),
        ((StreamState.DOWN, StreamState.STALE), "down", "orders, balance; why"),
        ((StreamState.CONNECTING, StreamState.OK), "connecting", "orders; why"),
    ],
)
async def test_the_worst_topic_is_the_streams_health(
    states: tuple[StreamState, StreamState], status: str, detail: str
) -> None:
    why = ["" if state is StreamState.OK else "why" for state in states]
    wired = Wired(
        (TopicHealth(Topic.ORDERS, states[0], None, why[0]), TopicHealth(Topic.BALANCE, states[1], 2.4, why[1]))
    )
    assert (wired.health().status, wired.health().detail) == (status, detail)
    await wired.supervisor.cancel_all()


async def test_the_age_of_a_sick_stream_is_that_of_what_is_sick() -> None:
    dead = [TopicHealth(topic, StreamState.STALE, age, "silent") for topic, age in
            ((Topic.ORDERS, 1200.0), (Topic.BALANCE, 300.0))]  # fmt: skip
    wired = Wired((TopicHealth(Topic.QUOTES, StreamState.OK, 0.2, ""), *dead))
    assert (wired.health().status, wired.health().age_s) == ("stale", 1200.0)
    await wired.supervisor.cancel_all()


async def test_the_watchlist_of_the_moment_is_followed() -> None:
    wired = Wired(OK)
    wired.watched.append("ETH")
    wired.listening.tell_health()
    assert [wired.followed[0], wired.followed[-1]] == [("BTC",), ("BTC", "ETH")]
    await wired.supervisor.cancel_all()


async def test_what_is_wrong_with_a_topic_that_is_heard_is_told_beside_its_age() -> None:
    wired = Wired((TopicHealth(Topic.QUOTES, StreamState.OK, 0.2, "too many to read; sampled"),))
    assert (wired.health().status, wired.health().detail) == ("ok", "quotes 0 s (too many to read; sampled)")
    await wired.supervisor.cancel_all()


async def test_a_host_without_known_sockets_is_told_and_costs_nothing() -> None:
    wired = Wired(None)
    assert wired.health().status == "off"
    assert any(isinstance(event, LogLine) and "REST alone" in event.text for event in wired.told)
    wired.listening.tell_health()
    await wired.supervisor.cancel_all()
