"""One WebSocket: what it hears, what waits to be sent, and why it ends."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.exchange.simulator.channel_feeds import Arg

OUTBOX = 2_000
"""Messages that may wait for a slow client; one more and it is dropped."""

CLOSE_SILENT = 4004
ABRUPT = 0
"""In place of a close code: the connection just ends."""

OPERATIONS_PER_HOUR = 480
_HOUR_S = 3600.0
CLOSE_BUFFER_FULL = 4005
_CLOSE_TIMEOUT_S = 1.0

Key = tuple[tuple[str, str], ...]
"""A subscription's argument in canonical order."""


def key_of(arg: Arg) -> Key:
    return tuple(sorted((name, str(value)) for name, value in arg.items() if name != "extraParams"))


class Connection:
    """`kind` is public, private or business. Sending never waits: a client that does not read is dropped."""

    def __init__(self, socket: WebSocket, kind: str, clock: Callable[[], float]) -> None:
        self.kind = kind
        self.conn_id = secrets.token_hex(4)
        self.logged_in = False
        self.subscriptions: dict[Key, Arg] = {}
        self.last_traffic_s = clock()
        self._socket = socket
        self._clock = clock
        self._outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)
        self._ended = asyncio.Event()
        self._close_code: int | None = None
        self._operations: deque[float] = deque()

    def may_operate(self) -> bool:
        """Counts a login, a subscription or its end; False beyond what the venue allows in an hour."""
        now = self._clock()
        while self._operations and now - self._operations[0] > _HOUR_S:
            self._operations.popleft()
        self._operations.append(now)
        return len(self._operations) <= OPERATIONS_PER_HOUR

    def send(self, text: str) -> None:
        if self._ended.is_set():
            return
        self.last_traffic_s = self._clock()
        try:
            self._outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.drop(CLOSE_BUFFER_FULL)

    def drop(self, code: int) -> None:
        """Ends the connection from our side; ABRUPT without a word."""
        if not self._ended.is_set():
            self._close_code = code
            self._ended.set()

    async def run(self, hear: Callable[[str], None]) -> None:
        """Serves until either side ends it."""
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(hear))
            writer = tasks.create_task(self._write())
            await self._ended.wait()
            reader.cancel()
            writer.cancel()
        if self._close_code:
            await self._close(self._close_code)

    async def _read(self, hear: Callable[[str], None]) -> None:
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                self._ended.set()
                return
            self.last_traffic_s = self._clock()
            hear(event.get("text") or (event.get("bytes") or b"").decode(errors="replace"))

    async def _write(self) -> None:
        try:
            while True:
                await self._socket.send_text(await self._outbox.get())
        except (WebSocketDisconnect, OSError):
            self._ended.set()

    async def _close(self, code: int) -> None:
        """A client that does not read does not get the close frame either; the transport then just ends."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._socket.close(code)
        except (TimeoutError, WebSocketDisconnect, OSError):
            return
