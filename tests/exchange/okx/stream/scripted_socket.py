"""A venue that says on its sockets whatever a test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from engine.clock import SystemClock
from engine.exchange.errors import Unavailable
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.channels import SocketPlan
from engine.exchange.okx.stream.client import OkxStreams
from engine.exchange.okx.stream.load import SHARE
from engine.exchange.okx.stream.watch import Patience
from engine.exchange.streams import Following
from engine.supervisor import Supervisor

Answering = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
HASTY = Patience(ping_after_s=0.3, pong_within_s=0.3, answer_within_s=0.5)


class Told:
    def __init__(self) -> None:
        self.pushes: list[Any] = []
        self.said: list[tuple[str, str]] = []
        self.resyncs = 0
        self.streams: OkxStreams

    async def resync(self) -> None:
        self.resyncs += 1
        raise Unavailable("nobody knows the time")

    def heard(self, text: str) -> bool:
        return any(text in said for _, said in self.said)


async def accept(socket: ServerConnection, request: dict[str, Any]) -> None:
    """Everything is fine."""
    event = {"event": request["op"], "code": "0", "arg": request["args"][0]}
    await socket.send(json.dumps({"id": request["id"], **event} if "id" in request else event))


@asynccontextmanager
async def scripted(
    plan: SocketPlan | None, answering: Answering, following: Following | None = None, share: float = SHARE
) -> AsyncIterator[Told]:
    """One socket of the client on a server that answers pings, and operations as `answering` does; with `following`,
    the flow line."""

    async def hear(socket: ServerConnection) -> None:
        async for text in socket:
            if text == "ping":
                await socket.send("pong")
            else:
                await answering(socket, json.loads(text))

    told, deaths = Told(), []
    async with serve(hear, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        host = f"http://127.0.0.1:{port}"
        told.streams = OkxStreams(
            f"ws://127.0.0.1:{port}",
            OkxEndpoint(host, "1", "a-key", "a-secret", "a-passphrase"),
            SystemClock(),
            told.pushes.append,
            lambda level, text: told.said.append((level, text)),
            resync=told.resync,
            plans=[] if plan is None else [plan],
            patience=HASTY,
            following=following,
            flow_share=share,
        )
        supervisor = Supervisor(lambda name, error: deaths.append(error))
        for name, run in told.streams.lines().items():
            supervisor.keep(name, run)
        try:
            yield told
        finally:
            assert await supervisor.cancel_all() == ()
            assert deaths == []
