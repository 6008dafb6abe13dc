"""One account, one market, one engine after the other, a person and a bad network: everything that a story plays with.

The execution, the adapter and the SDK are the product's own; the venue is the simulator's own core behind its own
routes. Only sockets, threads and the wall clock are left out.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from engine.db import Database
from engine.events import Event, LogLine
from engine.exchange.errors import ExchangeError
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.simulator.store import StateStore
from engine.exchange.simulator.venue import Venue
from engine.execution.desk import TradingDesk
from engine.execution.latch import EntryLatch
from engine.execution.timing import DEFAULT_TIMING
from engine.model import Instrument
from tests.exchange.simulator.venue.scripted_market import START, ScriptedMarket
from tests.properties.kill_thread import kill
from tests.properties.memory_database import Connection, Disk, connector
from tests.properties.virtual_time import WALL_START_MS, VirtualClock, VirtualLoop
from tests.properties.wire import Line, Wire

assert START == WALL_START_MS

TIMING = replace(DEFAULT_TIMING, longest_poll_s=1.0)
GUARD_S, RECONCILE_S = 15.0, 60.0
LAST_TURNS = 50
ENDPOINT = OkxEndpoint("http://127.0.0.1:1", "1", "key", "secret", "passphrase", 2.0, 5.0)
_listed: dict[str, Instrument] = {}


@dataclass(frozen=True, slots=True)
class VenueDesk:
    """What the simulator's handlers are given."""

    market: Any
    venue: Venue

    @property
    def now_ms(self) -> int:
        return self.venue.now_ms


class World:
    """`close` must be called. `defects` are exceptions that no caller of the engine may ever see."""

    def __init__(self, seed: int = 0) -> None:
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.home = Path(tempfile.mkdtemp(prefix="cynosure-property-", dir=_memory_folder()))
        self.market = ScriptedMarket(SOL=100.0)
        self.store = StateStore.in_memory(history=True)
        self.venue = Venue(self.market, Decimal(100_000), self.clock.wall_ms, self.store, seed=7)  # type: ignore[arg-type]
        desk = VenueDesk(getattr(self.venue, "market", self.market), self.venue)
        self.rng = np.random.default_rng(seed)
        self.wire = Wire(self.loop, desk, self.pulse, self.rng)
        self.refusing_until = 0.0
        self.disk = Disk(lambda: self.loop.time() < self.refusing_until)
        self.defects: list[BaseException] = []
        self.events: list[Event] = []
        self.engine: Engine | None = None
        self._lines: list[Line] = []
        self.killing: asyncio.Task[Any] | None = None
        self.late_orders: list[str] = []
        self.troubles: list[tuple[float, float]] = []
        """From when to when, in seconds of the loop; spoiled calls are the wire's."""
        self.wire.on_act = self._watch_entries

    # ---------------------------------------------------------------- time and the venue

    def pulse(self) -> None:
        self.venue.advance(self.clock.now_ms())
        self.venue.tick(self.clock.wall_ms())

    def run_for(self, seconds: float) -> None:
        self.loop.run_for(seconds)
        self.pulse()

    def say(self, inst_id: str, last: float, mark: float | None = None) -> None:
        """The price from 50 ms on."""
        self.pulse()
        at_ms = max(self.clock.now_ms() + 50, self.market.times[inst_id][-1] + 1)
        self.market.say(inst_id, last, at_s=(at_ms - START) / 1000, mark=mark)

    def last(self, inst_id: str) -> float:
        return self.market.lasts[inst_id][-1]

    def _watch_entries(self, path: str, params: Any, departed: float) -> None:
        """An order that could open and that left after the latch fell is what must never be."""
        if path == "/api/v5/trade/order" and str(params.get("reduceOnly", "")).lower() != "true":
            since = EntryLatch(self.home / "storage", self.clock.wall_ms).status().since
            left = WALL_START_MS + int(departed * 1000)
            if since is not None and left > since:
                self.late_orders.append(f"{params.get('clOrdId')} left at {left}, the latch fell at {since}")

    # ---------------------------------------------------------------- the engine's lives

    def start(self) -> None:
        """Begins a life; returns at once, as booting takes its time."""
        assert self.engine is None
        self.engine = Engine(self)
        self._lines.append(self.engine.line)
        self.engine.spawn("boot", self.engine.live())

    def crash(self) -> None:
        """kill -9."""
        if self.engine is not None:
            self.engine.die()
            self.engine = None

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of the world itself; its exceptions are defects as well."""
        task = self.loop.create_task(work, name=name)
        task.add_done_callback(self.ended)
        return task

    def ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert error is not None
            self.defects.append(error)

    def kill(self, flatten: bool) -> None:
        """The key press engages the latch; the switch then works on its own."""
        if self.killing is None or self.killing.done():
            latch = EntryLatch(self.home / "storage", self.clock.wall_ms)
            self.killing = self.spawn("kill", kill(self.loop, self.wire, ENDPOINT, latch, flatten))

    def close(self) -> None:
        self.crash()
        for _ in range(LAST_TURNS):
            left = asyncio.all_tasks(self.loop)
            for line in self._lines:
                line.hang_up()
            for task in left:
                task.cancel()
            if not left:
                break
            self.loop.run_for(0)
        self.loop.close()
        self.disk.close()
        self.store.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Engine:
    """One process's worth of engine: its line, its connection to the disk, its tasks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.line = Line(world.loop, world.wire)
        self._connections: list[Connection] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.desk: TradingDesk | None = None
        self.booted = False
        self.exchange = self._exchange()

    def _exchange(self) -> OkxExchange:
        exchange = OkxExchange(ENDPOINT, self._world.clock)
        calls: Any = exchange._calls
        calls._market_threads = calls._account_threads = self.line
        self.line.attach(calls._session._api)
        return exchange

    async def live(self) -> None:
        """As the engine starts, again until it does, as its supervisor would."""
        while True:
            try:
                return await self._begin()
            except (ExchangeError, sqlite3.Error):
                await asyncio.sleep(2.0)

    async def _begin(self) -> None:
        """Database, instruments, desk, boot; then its jobs."""
        world = self._world
        connect = connector(world.disk, self._connections.append)
        db = await Database.open(world.home / "storage" / "cynosure.db", connect=connect)
        desk = TradingDesk(
            db, self.exchange, EntryLatch(world.home / "storage", world.clock.wall_ms), world.clock,
            world.events.append, await self.instruments(), world.home / "logs", TIMING,
        )  # fmt: skip
        await desk.load()
        self.desk = desk
        await desk.boot()
        self.booted = True
        self.spawn("guard", self._guard(desk))
        self.spawn("books", self._books(desk))

    async def instruments(self) -> Mapping[str, Instrument]:
        """Asked once for all stories; they never change."""
        if not _listed:
            _listed.update(await self.exchange.instruments())
        return _listed

    async def _guard(self, desk: TradingDesk) -> None:
        while True:
            await asyncio.sleep(GUARD_S)
            await desk.guard_pass()

    async def _books(self, desk: TradingDesk) -> None:
        while True:
            await asyncio.sleep(RECONCILE_S)
            await desk.reconcile()
            await quietly(desk.sync_outcomes())

    # ---------------------------------------------------------------- tasks

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._world.loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    @property
    def busy(self) -> bool:
        """Whether an order, an exit or the boot is under way."""
        return any(task.get_name() not in ("guard", "books") for task in self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._world.ended(task)

    def die(self) -> None:
        """From this moment on nothing of it reaches the disk or the network; what is on the wire arrives."""
        self.line.cut()
        for connection in self._connections:
            connection.kill()
        for task in list(self._tasks):
            task.remove_done_callback(self._ended)
            task.cancel()
        self._tasks.clear()

    def logged(self) -> list[str]:
        return [event.text for event in self._world.events if isinstance(event, LogLine)]


async def quietly(work: Coroutine[Any, Any, Any]) -> None:
    """As the engine's jobs: the venue's silence, or the disk's, is no defect of theirs."""
    try:
        await work
    except (ExchangeError, sqlite3.Error):
        return


def _memory_folder() -> str | None:
    folder = Path("/dev/shm")  # noqa: S108 - a disk that costs nothing, where there is one
    return str(folder) if folder.is_dir() else None
