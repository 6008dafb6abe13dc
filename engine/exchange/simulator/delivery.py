"""A push on its way to a listener, with the faults that were ordered for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.exchange.simulator.connection import ABRUPT, CLOSE_SILENT, Connection
from engine.exchange.simulator.envelope import dump
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.sockets import Close, Notice, SocketFaults
from engine.exchange.simulator.faults.spec import FaultKind
from engine.exchange.simulator.timekeeper import wall_ms

HELD_S = 1.0
"""A push that was held back to come after the next one goes out alone when none follows."""

CLOSING_SOON = {
    "event": "notice",
    "code": "64008",
    "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
}


@dataclass(frozen=True, slots=True)
class _Held:
    connection: Connection
    channel: str
    text: str
    until_s: float


class Delivery:
    """Sends to one connection at a time; `pulse` plays what happens at its moment."""

    def __init__(self, plan: FaultPlan) -> None:
        self.faults = SocketFaults(plan, time.monotonic, wall_ms)
        self._plan = plan
        self._held: list[_Held] = []
        self._closing: list[tuple[float, Connection]] = []

    def answer(self, connection: Connection, text: str) -> None:
        """A pong, or the answer to an operation."""
        if not self.faults.mutes(connection.kind):
            connection.send(text)

    def push(self, connection: Connection, channel: str, inst_id: str, text: str) -> None:
        if self.faults.mutes(connection.kind, channel):
            return
        fault = self.faults.on_push(channel, inst_id) if self._plan.armed else None
        if fault is FaultKind.WS_REORDER:
            self._held.append(_Held(connection, channel, text, time.monotonic() + HELD_S))
            return
        connection.send(text)
        if fault is FaultKind.WS_DUPLICATE:
            connection.send(text)
        if self._held:
            self._release(lambda held: held.connection is connection and held.channel == channel)

    def pulse(self, connections: set[Connection]) -> None:
        now = time.monotonic()
        for fault in self.faults.due():
            for connection in connections:
                match fault.params:
                    case Close() as close if close.concerns(connection.kind):
                        connection.drop(ABRUPT if close.abrupt else close.code)
                    case Notice() as notice if notice.concerns(connection.kind):
                        connection.send(dump({**CLOSING_SOON, "connId": connection.conn_id}).decode())
                        self._closing.append((now + notice.after_ms / 1000, connection))
        for at, connection in [item for item in self._closing if item[0] <= now]:
            self._closing.remove((at, connection))
            connection.drop(CLOSE_SILENT)
        self._release(lambda held: held.until_s <= now)

    def _release(self, wanted: Callable[[_Held], bool]) -> None:
        for held in [item for item in self._held if wanted(item)]:
            self._held.remove(held)
            held.connection.send(held.text)
