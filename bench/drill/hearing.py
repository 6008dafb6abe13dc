"""The streams of a scenario's desk: a push rings the bell, and only the bell makes its guard look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bench.drill.desk_driver import DeskDriver
from bench.drill.scenario import inst
from engine.bell import Bell
from engine.events import LogLine
from engine.exchange.okx.stream.addresses import stream_address
from engine.exchange.okx.stream.client import OkxStreams
from engine.exchange.streams import Push
from engine.supervisor import Supervisor

GREETED_WITHIN_S = 10.0
BOOK_WITHIN_S = 5.0
POLL_S = 0.02


class Hearing:
    """Open lines and what they rang for."""

    def __init__(self, driver: DeskDriver, books: Sequence[str]) -> None:
        venue = driver.venue
        address = stream_address(venue.endpoint.rest_host, venue.endpoint.flag)
        assert address is not None, "the simulator's sockets are where its REST is"
        self._driver = driver
        self.books = [inst(name) for name in books]
        self.bell = Bell()
        self.streams = OkxStreams(address, venue.endpoint, venue.clock, self._hear, self._tell, books=self.books)

    def _hear(self, _: Push) -> None:
        self.bell.ring()

    def _tell(self, level: str, text: str) -> None:
        self._driver.events.append(LogLine(level, "stream", text, self._driver.venue.clock.now_ms()))

    async def look(self) -> None:
        await self._driver.desk.guard_pass()

    async def greeted(self) -> None:
        whole = await _within(GREETED_WITHIN_S, lambda: all(self.streams.connections().values()))
        assert whole, f"connections: {dict(self.streams.connections())}"

    async def check(self, at_most: int) -> None:
        """The lines were not opened more often than that, and every followed book is whole again."""
        connections = dict(self.streams.connections())
        assert max(connections.values()) <= at_most, f"connections: {connections}, at most {at_most} a socket expected"
        whole = await _within(BOOK_WITHIN_S, lambda: all(self.streams.book(inst_id) for inst_id in self.books))
        assert whole, f"a book stays broken: {dict(self.streams.links())}"
        self._driver.details += [f"book link {link}: {count}" for link, count in self.streams.links().items()]


async def _within(seconds: float, wanted: Callable[[], bool]) -> bool:
    for _ in range(int(seconds / POLL_S)):
        if wanted():
            return True
        await asyncio.sleep(POLL_S)
    return wanted()


@asynccontextmanager
async def hearing(driver: DeskDriver, books: Sequence[str]) -> AsyncIterator[Hearing]:
    """Greeted lines; a task that died is an AssertionError at the end."""
    heard = Hearing(driver, books)
    deaths: list[str] = []
    supervisor = Supervisor(lambda name, error: deaths.append(f"{name}: {error!r}"))
    for name, run in heard.streams.lines().items():
        supervisor.keep(name, run)
    supervisor.start("bell", heard.bell.answer(heard.look))
    try:
        await heard.greeted()
        yield heard
    finally:
        stuck = await supervisor.cancel_all()
    assert not stuck, f"tasks that would not end: {stuck}"
    assert not deaths, f"tasks that died: {deaths}"
