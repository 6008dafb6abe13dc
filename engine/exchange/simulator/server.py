"""The ASGI application.

Starlette's router, request and response objects are left out of the hot path on purpose: a cycle of the engine is
about 140 requests on a machine with two cores.
"""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from engine.exchange.simulator.faults.sockets import PushFirst
from engine.exchange.simulator.faults.spec import FaultKind
from engine.exchange.simulator.faulty_wire import FaultyWire, Reply
from engine.exchange.simulator.gateway import Gateway, Request
from engine.exchange.simulator.routes_admin import Administration
from engine.exchange.simulator.routing import Desk
from engine.exchange.simulator.streams import Hub
from engine.exchange.simulator.world_feeds import WorldFeeds


class ClientGone(Exception):
    """The client closed before its request was whole."""


class Application:
    """HTTP under /api/v5 (OKX), /feeds (what is said of this market) and /sim (administration, loopback only);
    WebSockets under /ws/v5."""

    def __init__(self, desk: Desk, hub: Hub, admin: Administration) -> None:
        self._wire = FaultyWire(Gateway(desk), desk.faults)
        self._faults = desk.faults
        self._hub = hub
        self._admin = admin
        self._feeds = WorldFeeds(desk.market, desk.faults)
        self._timekeeper = desk.timekeeper
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._hub.serve(WebSocket(scope, receive, send))

    def pulse(self) -> None:
        """Lets requests that are late arrive; to be called often."""
        self._wire.pulse()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive)
        except ClientGone:
            return
        self.requests += 1
        if scope["path"].startswith("/sim/"):
            answered = await self._admin.answer(scope["method"], scope["path"], scope["query_string"], body)
            await _respond(send, Reply(*answered))
            return
        if scope["path"].startswith("/feeds/"):
            told = await self._feeds.ask(scope["method"], scope["path"], self._timekeeper.pulse())
            await (_break(send) if told is None else _respond(send, told))
            return
        request = Request(scope, body)
        reply = await self._wire.ask(request)
        await self._push_first(request)
        await (_break(send) if reply is None else _respond(send, reply))

    async def _push_first(self, request: Request) -> None:
        """What a request caused may be told on the sockets well before its answer arrives."""
        if not self._faults.armed:
            return
        facts = {"method": request.method, "path": request.path, "body": request.facts()}
        fault = self._faults.take(frozenset({FaultKind.PUSH_FIRST}), **facts)
        if fault is not None and isinstance(fault.params, PushFirst):
            self._hub.pump()
            await asyncio.sleep(fault.params.delay_ms / 1000)


async def _respond(send: Send, reply: Reply) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", str(len(reply.payload)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.payload})


async def _break(send: Send) -> None:
    """A broken connection is an answer that announces bytes and never sends them."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
