"""The ASGI application: one dictionary look-up from a request line to a handler.

Handlers are synchronous and the venue is single-threaded by construction: one worker, one loop, one request at a
time. Starlette's router, request and response objects are left out of the hot path on purpose: a cycle of the
engine is about 140 requests on a machine with two cores.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from engine.exchange.simulator import (
    routes_account,
    routes_admin,
    routes_market,
    routes_public,
    routes_rubik,
    routes_trade,
)
from engine.exchange.simulator.auth import refuse_request
from engine.exchange.simulator.envelope import answer, dump, fault, gateway_fault, trade_answer
from engine.exchange.simulator.faults import Fault, Order
from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.routing import Answering, Desk, Route, Routes
from engine.exchange.simulator.streams import Hub
from engine.exchange.simulator.timekeeper import wall_ms, wall_us

ROUTES: Routes = {
    **routes_public.ROUTES,
    **routes_market.ROUTES,
    **routes_rubik.ROUTES,
    **routes_account.ROUTES,
    **routes_trade.ROUTES,
}
_PATHS = frozenset(path for _, path in ROUTES)
_HEADERS = [(b"content-type", b"application/json")]


class ClientGone(Exception):
    """The client closed before its request was whole."""


class Application:
    """HTTP under /api/v5 (OKX) and /sim (administration, loopback only); WebSockets under /ws/v5."""

    def __init__(self, desk: Desk, hub: Hub, admin: routes_admin.Administration) -> None:
        self._desk = desk
        self._hub = hub
        self._admin = admin
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._hub.serve(WebSocket(scope, receive, send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive)
        except ClientGone:
            return
        self.requests += 1
        if scope["path"].startswith("/sim/"):
            status, payload = await self._admin.answer(scope["method"], scope["path"], scope["query_string"], body)
        else:
            disturbed = self._desk.faults.take(scope["method"], scope["path"])
            if disturbed is not None:
                await self._disturb(disturbed, scope, body, send)
                return
            status, payload = self._answer(scope, body)
        await _respond(send, status, payload)

    async def _disturb(self, order: Order, scope: Scope, body: bytes, send: Send) -> None:
        """Plays an ordered fault; a broken connection is an answer that announces bytes and never sends them."""
        if order.fault is Fault.REFUSE:
            await _respond(send, order.status, gateway_fault(order.code, "Service temporarily unavailable"))
            return
        if order.fault is not Fault.LOSE_REQUEST:
            status, payload = self._answer(scope, body)
        match order.fault:
            case Fault.GARBLE:
                await _respond(send, order.status, b"<html><body>Bad gateway</body></html>")
            case Fault.DELAY:
                await asyncio.sleep(order.delay_ms / 1000)
                await _respond(send, status, payload)
            case _:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})

    def _answer(self, scope: Scope, body: bytes) -> tuple[int, bytes]:
        in_us = wall_us()
        params: Any = {}
        code = "500"
        try:
            route = _find(scope["method"], scope["path"])
            if route.signed:
                self._admit(scope, body)
            params = _params(scope, body)
            self._desk.timekeeper.pulse()
            rows = route.handle(self._desk, params)
            code, status, payload = "0", 200, b""
            if route.answering is Answering.TRADE:
                code, payload = trade_answer(rows, in_us, wall_us())
            else:
                payload = answer(rows)
        except GatewayRefusal as refusal:
            code, status, payload = refusal.code, refusal.status, refusal.payload
        except OkxError as error:
            code, (status, payload) = error.code, fault(error.code, error.msg)
        finally:
            self._desk.log.add(in_us, wall_us(), scope["method"], scope["path"], params, code)
        return status, payload

    def _admit(self, scope: Scope, body: bytes) -> None:
        query = scope["query_string"]
        target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        headers = dict(scope["headers"])
        refusal = refuse_request(self._desk.credentials, scope["method"], target, body, headers, wall_ms())
        if refusal is not None:
            raise GatewayRefusal(refusal.code, 401, gateway_fault(refusal.code, refusal.message))


class GatewayRefusal(Exception):
    """Refused before the venue heard of it."""

    def __init__(self, code: str, status: int, payload: bytes) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.payload = payload


async def _respond(send: Send, status: int, payload: bytes) -> None:
    headers = [*_HEADERS, (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def _find(method: str, path: str) -> Route:
    route = ROUTES.get((method, path))
    if route is not None:
        return route
    if path in _PATHS:
        raise GatewayRefusal("50115", 405, gateway_fault("50115", "Invalid request method."))
    raise GatewayRefusal("50000", 404, dump({"code": "50000", "msg": f"Not Found: {path}", "data": []}))


def _params(scope: Scope, body: bytes) -> Any:
    if scope["method"] == "GET":
        return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if not body:
        raise OkxError("50000", "Body for POST request cannot be empty.")
    try:
        return json.loads(body, parse_float=str, parse_int=str)
    except ValueError:
        raise OkxError("50002", "JSON syntax error") from None


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
