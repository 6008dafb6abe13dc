"""The WebSocket side: logins, subscriptions, and who hears what (okx.md §13)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket

from engine.exchange.simulator.auth import refuse_login
from engine.exchange.simulator.channel_feeds import Arg, Feed, message
from engine.exchange.simulator.channels import ACCOUNT_CHANNELS, PUBLIC, SOCKETS, open_feed, socket_of
from engine.exchange.simulator.connection import CLOSE_SILENT, Connection, Key, key_of
from engine.exchange.simulator.envelope import Row, dump
from engine.exchange.simulator.routing import Desk
from engine.exchange.simulator.timekeeper import wall_ms
from engine.exchange.simulator.venue import PrivateEvent

SILENCE_S = 30.0
REGULAR_PUSH_S = 5.0

_MERGED = frozenset({"positions", "account"})
"""Channels whose events are merged until the next pump; the others go out as they happen."""


class Refused(Exception):
    """An operation that ends in an `error` event."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(slots=True)
class Audience:
    """A feed and those who listen to it."""

    feed: Feed
    due_s: float
    listeners: set[Connection] = field(default_factory=set)


class Hub:
    """All sockets of the venue. `pump` is called by the server's timer; it never waits for a client."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connections: set[Connection] = set()
        self._audiences: dict[Key, Audience] = {}
        self._merged: dict[tuple[str, str], Row] = {}
        self._regular_at = 0.0
        self._uid = str(desk.venue.account_config({})[0].get("uid", ""))
        self.heard = 0
        desk.venue.subscribe(self._on_event)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from accept to end."""
        kind = SOCKETS.get(socket.url.path)
        if kind is None:
            await socket.close()
            return
        await socket.accept()
        connection = Connection(socket, kind, time.monotonic)
        self._connections.add(connection)
        try:
            await connection.run(lambda text: self._hear(connection, text))
        finally:
            self._connections.discard(connection)
            for key in list(connection.subscriptions):
                self._leave(connection, key)

    def pump(self) -> None:
        """Pushes what has changed and is due; drops who has been silent too long."""
        if not self._connections:
            return
        wall_s = time.monotonic()
        for audience in list(self._audiences.values()):
            if wall_s >= audience.due_s:
                audience.due_s = wall_s + audience.feed.period_s
                self._spread(audience, audience.feed.push(wall_s))
        self._flush_merged()
        self._push_regularly(wall_s)
        for connection in [item for item in self._connections if wall_s - item.last_traffic_s > SILENCE_S]:
            connection.drop(CLOSE_SILENT)

    # ------------------------------------------------------------ hearing

    def _hear(self, connection: Connection, text: str) -> None:
        self.heard += 1
        if text == "ping":
            connection.send("pong")
            return
        try:
            request = _request(text)
            self._operate(connection, request)
        except Refused as refused:
            connection.send(dump({"event": "error", "code": refused.code, "msg": refused.text}).decode())

    def _operate(self, connection: Connection, request: Mapping[str, Any]) -> None:
        operations = {"login": self._login, "subscribe": self._subscribe, "unsubscribe": self._unsubscribe}
        operation = operations.get(str(request.get("op")))
        args = request.get("args")
        if operation is None or not isinstance(args, list) or not all(isinstance(arg, dict) for arg in args):
            raise Refused("60012", f"Invalid request: {json.dumps(request)}")
        for arg in args:
            operation(connection, arg, str(request.get("id") or ""))

    def _login(self, connection: Connection, arg: Arg, request_id: str) -> None:
        del request_id
        if connection.logged_in:
            raise Refused("60031", "The WebSocket endpoint does not allow multiple or repeated logins.")
        refusal = refuse_login(self._desk.credentials, arg, wall_ms() + self._desk.conditions.skew_ms)
        if refusal is not None:
            raise Refused(refusal.code, refusal.message)
        connection.logged_in = True
        acknowledged = {"event": "login", "code": "0", "msg": "", "connId": connection.conn_id}
        connection.send(dump(acknowledged).decode())

    def _subscribe(self, connection: Connection, arg: Arg, request_id: str) -> None:
        channel = str(arg.get("channel", ""))
        if socket_of(channel) != connection.kind:
            raise _unknown(arg)
        if channel in ACCOUNT_CHANNELS:
            self._subscribe_account(connection, channel, arg, request_id)
        else:
            self._subscribe_market(connection, arg, request_id)

    def _subscribe_account(self, connection: Connection, channel: str, arg: Arg, request_id: str) -> None:
        if not connection.logged_in:
            raise Refused("60011", "Please log in")
        if channel in {"orders", "positions", "orders-algo", "algo-advance"} and not arg.get("instType"):
            raise Refused("60013", "Invalid args")
        connection.subscriptions[key_of(arg)] = arg
        _acknowledge(connection, "subscribe", arg, request_id)
        for data in self._account_snapshot(channel, arg):
            connection.send(message({**arg, "uid": self._uid}, data))

    def _subscribe_market(self, connection: Connection, arg: Arg, request_id: str) -> None:
        key = key_of(arg)
        audience = self._audiences.get(key)
        if audience is None:
            feed = open_feed(self._desk, arg)
            if feed is None:
                raise _unknown(arg)
            audience = self._audiences[key] = Audience(feed, time.monotonic() + feed.period_s)
        audience.listeners.add(connection)
        connection.subscriptions[key] = arg
        _acknowledge(connection, "subscribe", arg, request_id)
        for text in audience.feed.greet():
            connection.send(text)

    def _unsubscribe(self, connection: Connection, arg: Arg, request_id: str) -> None:
        self._leave(connection, key_of(arg))
        _acknowledge(connection, "unsubscribe", arg, request_id)

    def _leave(self, connection: Connection, key: Key) -> None:
        connection.subscriptions.pop(key, None)
        audience = self._audiences.get(key)
        if audience is None:
            return
        audience.listeners.discard(connection)
        if not audience.listeners:
            del self._audiences[key]

    # ------------------------------------------------------------ telling

    def _spread(self, audience: Audience, texts: list[str]) -> None:
        for text in texts:
            for connection in audience.listeners:
                connection.send(text)

    def _on_event(self, event: PrivateEvent) -> None:
        if event.channel in _MERGED:
            self._merged[event.channel, event.inst_id] = event.row
        else:
            self._tell(event.channel, event.inst_id, event.row)

    def _flush_merged(self) -> None:
        merged, self._merged = self._merged, {}
        for (channel, inst_id), row in merged.items():
            self._tell(channel, inst_id, row)

    def _tell(self, channel: str, inst_id: str, row: Row) -> None:
        for connection in self._connections:
            if connection.kind == PUBLIC:
                continue
            for arg in connection.subscriptions.values():
                if arg.get("channel") == channel and _concerns(arg, inst_id):
                    connection.send(message({**arg, "uid": self._uid}, [row]))

    def _push_regularly(self, wall_s: float) -> None:
        if wall_s - self._regular_at < REGULAR_PUSH_S:
            return
        self._regular_at = wall_s
        for connection in self._connections:
            for arg in connection.subscriptions.values():
                if arg.get("channel") in _MERGED:
                    for data in self._account_snapshot(str(arg["channel"]), arg):
                        connection.send(message({**arg, "uid": self._uid}, data))

    def _account_snapshot(self, channel: str, arg: Arg) -> list[list[Row]]:
        venue = self._desk.venue
        if channel == "account":
            return [venue.balance({})]
        if channel == "positions":
            return [[row for row in venue.positions({}) if _concerns(arg, str(row["instId"]))]]
        if channel == "balance_and_position":
            return [[venue.balance_and_position_snapshot()]]
        return []


def _request(text: str) -> Mapping[str, Any]:
    try:
        request = json.loads(text)
    except ValueError:
        raise Refused("60012", f"Invalid request: {text}") from None
    if not isinstance(request, dict):
        raise Refused("60012", f"Invalid request: {text}")
    return request


def _unknown(arg: Arg) -> Refused:
    named = ",".join(f"{name}:{value}" for name, value in arg.items())
    return Refused(
        "60018",
        f"Wrong URL or {named} doesn't exist. Please use the correct URL, channel and parameters referring to API "
        "document.",
    )


def _acknowledge(connection: Connection, event: str, arg: Arg, request_id: str) -> None:
    body: dict[str, Any] = {"id": request_id} if request_id else {}
    connection.send(dump(body | {"event": event, "arg": arg, "connId": connection.conn_id}).decode())


def _concerns(arg: Arg, inst_id: str) -> bool:
    """Whether a subscription covers an instrument ("" = the whole account)."""
    if not inst_id:
        return True
    if arg.get("instId"):
        return arg["instId"] == inst_id
    if arg.get("instFamily"):
        return inst_id == f"{arg['instFamily']}-SWAP"
    return arg.get("instType", "ANY") in {"SWAP", "ANY"}
