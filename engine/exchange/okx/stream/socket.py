"""One of the venue's three sockets, kept open: connect, greet, listen, and again from the start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from engine.exchange.errors import ExchangeError
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.book_chain import Link
from engine.exchange.okx.stream.channels import Channel, SocketPlan
from engine.exchange.okx.stream.endings import End, Ending, LineEnded
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.okx.stream.line import Line, key_of, open_wire
from engine.exchange.okx.stream.load import Sieve
from engine.exchange.okx.stream.pace import Backoff, ConnectGate
from engine.exchange.okx.stream.watch import PATIENCE, Patience
from engine.exchange.streams import StreamState, Tell, Topic, TopicHealth
from engine.model import Book

DOWN_AFTER_S = 10.0
"""A line that comes back sooner is only called connecting."""


@dataclass(frozen=True, slots=True)
class SocketShare:
    """What the sockets of one venue share. `resync` brings the signing clock in line; it may raise ExchangeError."""

    address: str
    endpoint: OkxEndpoint
    gate: ConnectGate
    monotonic: Callable[[], float]
    pace: Callable[[], float]
    tell: Tell
    resync: Callable[[], Awaitable[None]]
    patience: Patience = PATIENCE


class StreamSocket:
    """`run` ends by cancellation only. `hear` is called with every push, `resumed` after every new subscription."""

    def __init__(
        self,
        plan: SocketPlan,
        around: SocketShare,
        backoff: Backoff,
        hear: Callable[[Topic, Pushed], None],
        resumed: Callable[[tuple[Topic, ...]], None],
        sieve: Sieve | None = None,
    ) -> None:
        self.plan = plan
        self._sieve = sieve
        self._around = around
        self._backoff = backoff
        self._hear = hear
        self._resumed = resumed
        self._open: set[Line] = set()
        self._line: Line | None = None
        self._refused: dict[str, str] = {}
        self._lost_at: float | None = around.monotonic()
        self._ending: Ending | None = None
        self._told: Ending | None = None
        self.connections = 0
        """Greeted so far."""

    async def run(self) -> None:
        successor: Line | None = None
        try:
            while True:
                line = successor or await self._connected()
                successor = await self._attend(line)
        finally:
            for line in list(self._open):
                await self._drop(line)

    @property
    def is_up(self) -> bool:
        return self._line is not None

    def book(self, inst_id: str, depth: int, fresh_s: float) -> Book | None:
        return None if self._line is None else self._line.books.book(inst_id, depth, fresh_s)

    def links(self) -> Mapping[Link, int]:
        """How the books of the present line went so far."""
        return {} if self._line is None else dict(self._line.books.links)

    def replan(self, plan: SocketPlan) -> None:
        """Subscribes to this instead: by a new line, while the present one is still heard."""
        if plan == self.plan:
            return
        self.plan, self._refused = plan, {}
        if self._line is not None:
            self._line.leave("other markets are followed")

    # ------------------------------------------------------------ connecting

    async def _connected(self) -> Line:
        """A line that is logged in and subscribed, however long that takes."""
        while True:
            try:
                return await self._greeted()
            except LineEnded as ended:
                await self._recover(ended.ending)

    async def _greeted(self) -> Line:
        await self._around.gate.turn()
        around, plan = self._around, self.plan
        wire = await open_wire(f"{around.address}/{plan.address}", around.endpoint.connect_timeout_s)
        line = Line(wire, plan, self._hear, around.monotonic, around.pace, around.patience, self._sieve)
        self._open.add(line)
        try:
            await self._greet(line, plan)
        except BaseException:
            await self._drop(line)
            raise
        self._line = line
        self.connections += 1
        self._tell_recovery()
        heard = (channel.topic for channel in plan.channels if not self._refused.get(key_of(channel.argument)))
        self._resumed(tuple(dict.fromkeys(heard)))
        if plan != self.plan:
            line.leave("other markets are followed")
        return line

    async def _greet(self, line: Line, plan: SocketPlan) -> None:
        if plan.private:
            await line.log_in(self._around.endpoint)
        for channel in plan.channels:
            self._note_refusal(channel, await line.subscribe(channel))

    def _note_refusal(self, channel: Channel, why: str) -> None:
        key = key_of(channel.argument)
        if why and self._refused.get(key) != why:
            self._say("error", self._around.endpoint.without_secrets(why))
        self._refused[key] = why

    # ------------------------------------------------------------ listening

    async def _attend(self, line: Line) -> Line | None:
        """Until the line ends. Its successor, when the venue announced the end and one took over in time."""
        since = self._around.monotonic()
        ending = await line.listen()
        self._backoff.held(self._around.monotonic() - since)
        if ending.kind is End.NOTICED:
            self._say("info", f"{ending.detail}; a new one takes over")
            return await self._replaced(line)
        await self._drop(line)
        await self._recover(ending)
        return None

    async def _replaced(self, line: Line) -> Line:
        """The old line is heard until the new one is subscribed: nothing is missed in between."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear_out(line))
            successor = await self._connected()
            await self._drop(line)
        return successor

    async def _hear_out(self, line: Line) -> None:
        """Once it has ended it is no line any more, whether a new one is up by then or not."""
        await line.listen()
        await self._drop(line)

    async def _drop(self, line: Line) -> None:
        self._open.discard(line)
        if self._line is line:
            self._line = None
        await line.close()

    async def _recover(self, ending: Ending) -> None:
        """Waits as long as this ending asks for, at least the back-off."""
        now = self._around.monotonic()
        self._lost_at = self._lost_at if self._lost_at is not None else now
        self._ending = ending
        self._tell_loss(ending)
        if ending.kind is End.CLOCK:
            try:
                await self._around.resync()
            except ExchangeError as error:
                self._say("warning", f"the clock cannot be compared: {error}")
        await asyncio.sleep(max(self._backoff.wait_s(), ending.shortest_wait_s))

    # ------------------------------------------------------------ telling

    def health(self) -> list[TopicHealth]:
        """One a topic and instrument."""
        return [self._health(channel) for channel in self.plan.channels]

    def _health(self, channel: Channel) -> TopicHealth:
        key, now = key_of(channel.argument), self._around.monotonic()
        age = self._line.watch.age_s(key, now) if self._line is not None else None
        if self._line is not None:
            why = self._refused.get(key, "")
            return TopicHealth(channel.topic, StreamState.OFF if why else StreamState.OK, age, why)
        detail = self._ending.detail if self._ending is not None else ""
        if self._ending is not None and self._ending.kind is End.STALE:
            return TopicHealth(channel.topic, StreamState.STALE, age, detail)
        long_ago = self._lost_at is not None and now - self._lost_at > DOWN_AFTER_S
        return TopicHealth(channel.topic, StreamState.DOWN if long_ago else StreamState.CONNECTING, age, detail)

    def _tell_loss(self, ending: Ending) -> None:
        """Once a cause: a venue that is away for an hour is not told every half minute."""
        if self._told is None or (self._told.kind, self._told.detail) != (ending.kind, ending.detail):
            level = "error" if ending.kind is End.REFUSED else "warning"
            self._say(level, f"{ending.detail}; trying again, the guard goes on by REST")
        self._told = ending

    def _tell_recovery(self) -> None:
        if self._told is not None and self._lost_at is not None:
            self._say("info", f"heard again after {self._around.monotonic() - self._lost_at:.1f} s")
        self._told, self._lost_at, self._ending = None, None, None

    def _say(self, level: str, text: str) -> None:
        self._around.tell(level, f"{self.plan.name} stream: {text}")
