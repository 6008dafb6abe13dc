"""The WebSocket side: logins, subscriptions, and who hears what (okx.md §13)."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.websockets import WebSocket

from engine.exchange.simulator.auth import refuse_login
from engine.exchange.simulator.book_feed import BooksFeed
from engine.exchange.simulator.channel_feeds import Arg, Feed, message
from engine.exchange.simulator.channels import ACCOUNT_CHANNELS, PUBLIC, SOCKETS, open_feed, socket_of
from engine.exchange.simulator.connection import ABRUPT, CLOSE_SILENT, Connection, Key, key_of
from engine.exchange.simulator.delivery import Delivery
from engine.exchange.simulator.envelope import Row, dump
from engine.exchange.simulator.faults.spec import FaultKind
from engine.exchange.simulator.routing import Desk
from engine.exchange.simulator.socket_requests import Refused, concerns, read_request, unknown
from engine.exchange.simulator.timekeeper import wall_ms
from engine.exchange.simulator.venue import PrivateEvent

SILENCE_S = 30.0
REGULAR_PUSH_S = 5.0
CONNECTIONS_PER_S = 3
CONNECTIONS_PER_CHANNEL = 30

_MERGED = frozenset({"positions", "account"})
"""Channels whose events are merged until the next pump; the others go out as they happen."""


@dataclass(slots=True)
class Audience:
    """A feed and those who listen to it."""

    feed: Feed
    due_s: float
    channel: str
    inst_id: str
    listeners: set[Connection] = field(default_factory=set)


class Hub:
    """All sockets of the venue. `pump` is called by the server's timer; it never waits for a client."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connections: set[Connection] = set()
        self._audiences: dict[Key, Audience] = {}
        self._merged: dict[tuple[str, str], Row] = {}
        self._regular_at = 0.0
        self._delivery = Delivery(desk.faults)
        self._knocks: deque[float] = deque(maxlen=CONNECTIONS_PER_S)
        self._uid = str(desk.venue.account_config({})[0].get("uid", ""))
        self.heard = 0
        desk.venue.subscribe(self._on_event)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from accept to end."""
        kind = SOCKETS.get(socket.url.path)
        if kind is None:
            await socket.close()
            return
        if self._knocks_too_fast():
            await socket.send_denial_response(Response("Too many connections", status_code=429))
            return
        await socket.accept()
        connection = Connection(socket, kind, time.monotonic)
        self._connections.add(connection)
        if self._delivery.faults.drops_connection(kind):
            connection.drop(ABRUPT)
        try:
            await connection.run(lambda text: self._hear(connection, text))
        finally:
            self._connections.discard(connection)
            for key in list(connection.subscriptions):
                self._leave(connection, key)

    def _knocks_too_fast(self) -> bool:
        """Counts a connection; whether it is one too many within a second."""
        now = time.monotonic()
        full = len(self._knocks) == CONNECTIONS_PER_S and now - self._knocks[0] < 1.0
        if not full:
            self._knocks.append(now)
        return full and self._desk.limits is not None

    def pump(self) -> None:
        """Pushes what has changed and is due; drops who has been silent too long."""
        if not self._connections:
            return
        self._delivery.pulse(self._connections)
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
            self._delivery.answer(connection, "pong")
            return
        request: Mapping[str, Any] = {}
        try:
            request = read_request(text)
            self._operate(connection, request)
        except Refused as refused:
            named = {"id": str(request["id"])} if request.get("id") else {}
            told = {**named, "event": "error", "code": refused.code, "msg": refused.text, "connId": connection.conn_id}
            self._delivery.answer(connection, dump(told).decode())

    def _operate(self, connection: Connection, request: Mapping[str, Any]) -> None:
        operations = {"login": self._login, "subscribe": self._subscribe, "unsubscribe": self._unsubscribe}
        operation = operations.get(str(request.get("op")))
        args = request.get("args")
        if operation is None or not isinstance(args, list) or not all(isinstance(arg, dict) for arg in args):
            raise Refused("60012", f"Invalid request: {json.dumps(request)}")
        for arg in args:
            if not connection.may_operate() and self._desk.limits is not None:
                raise Refused("60014", "Requests too frequent.")
            operation(connection, arg, str(request.get("id") or ""))

    def _login(self, connection: Connection, arg: Arg, request_id: str) -> None:
        del request_id
        if connection.logged_in:
            raise Refused("60031", "The WebSocket endpoint does not allow multiple or repeated logins.")
        refusal = refuse_login(self._desk.credentials, arg, wall_ms() + self._desk.venue.skew_ms)
        if refusal is not None:
            raise Refused(refusal.code, refusal.message)
        code = self._delivery.faults.refuses_login()
        if code:
            raise Refused(code, "Login failed.")
        connection.logged_in = True
        acknowledged = {"event": "login", "code": "0", "msg": "", "connId": connection.conn_id}
        self._delivery.answer(connection, dump(acknowledged).decode())

    def _subscribe(self, connection: Connection, arg: Arg, request_id: str) -> None:
        channel = str(arg.get("channel", ""))
        if socket_of(channel) != connection.kind:
            raise unknown(arg)
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
        self._acknowledge(connection, "subscribe", arg, request_id)
        self._count_connections(connection, channel)
        for data in self._account_snapshot(channel, arg):
            self._tell_row(connection, arg, "", data)

    def _count_connections(self, connection: Connection, channel: str) -> None:
        """Told after each subscription of a private channel; one connection too many is not let in."""
        count = sum(
            1
            for other in self._connections
            if any(arg.get("channel") == channel for arg in other.subscriptions.values())
        )
        over = count > CONNECTIONS_PER_CHANNEL
        told = {"channel": channel, "connCount": str(count), "connId": connection.conn_id}
        event = "channel-conn-count-error" if over else "channel-conn-count"
        self._delivery.answer(connection, dump({"event": event, **told}).decode())
        if over:
            for key in [key for key, arg in connection.subscriptions.items() if arg.get("channel") == channel]:
                self._leave(connection, key)

    def _subscribe_market(self, connection: Connection, arg: Arg, request_id: str) -> None:
        key = key_of(arg)
        audience = self._audiences.get(key)
        if audience is None:
            feed = open_feed(self._desk, arg)
            if feed is None:
                raise unknown(arg)
            audience = self._audiences[key] = Audience(
                feed, time.monotonic() + feed.period_s, str(arg["channel"]), str(arg.get("instId", ""))
            )
        audience.listeners.add(connection)
        connection.subscriptions[key] = arg
        self._acknowledge(connection, "subscribe", arg, request_id)
        for text in audience.feed.greet():
            self._delivery.push(connection, str(arg["channel"]), str(arg.get("instId", "")), text)

    def _unsubscribe(self, connection: Connection, arg: Arg, request_id: str) -> None:
        self._leave(connection, key_of(arg))
        self._acknowledge(connection, "unsubscribe", arg, request_id)

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
            if isinstance(audience.feed, BooksFeed) and self._book_is_lost(audience.feed):
                continue
            for connection in audience.listeners:
                self._delivery.push(connection, audience.channel, audience.inst_id, text)

    def _book_is_lost(self, feed: BooksFeed) -> bool:
        fault = self._delivery.faults.on_book(feed.inst_id)
        if fault is FaultKind.WS_RESET:
            feed.rewind()
        return fault is FaultKind.WS_GAP

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
                if arg.get("channel") == channel and concerns(arg, inst_id):
                    self._tell_row(connection, arg, inst_id, [row])

    def _push_regularly(self, wall_s: float) -> None:
        if wall_s - self._regular_at < REGULAR_PUSH_S:
            return
        self._regular_at = wall_s
        for connection in self._connections:
            for arg in connection.subscriptions.values():
                if arg.get("channel") in _MERGED:
                    for data in self._account_snapshot(str(arg["channel"]), arg):
                        self._tell_row(connection, arg, "", data)

    def _tell_row(self, connection: Connection, arg: Arg, inst_id: str, rows: list[Row]) -> None:
        text = message({**arg, "uid": self._uid}, rows)
        self._delivery.push(connection, str(arg["channel"]), inst_id, text)

    def _acknowledge(self, connection: Connection, event: str, arg: Arg, request_id: str) -> None:
        body: dict[str, Any] = {"id": request_id} if request_id else {}
        told = body | {"event": event, "arg": arg, "connId": connection.conn_id}
        self._delivery.answer(connection, dump(told).decode())

    def _account_snapshot(self, channel: str, arg: Arg) -> list[list[Row]]:
        venue = self._desk.venue
        if channel == "account":
            return [venue.balance({})]
        if channel == "positions":
            return [[row for row in venue.positions({}) if concerns(arg, str(row["instId"]))]]
        if channel == "balance_and_position":
            return [[venue.balance_and_position_snapshot()]]
        return []
