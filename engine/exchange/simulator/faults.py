"""Faults of the wire, on order: what a client must survive, played by the very server that it trades on.

A fault waits for the next `count` requests of one path. The venue's core stays honest: only the way to it and back
is disturbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """LOSE_REQUEST: the connection breaks and the venue never heard. LOSE_REPLY: the venue acted, the connection
    breaks. REFUSE: an HTTP `status` with `code`, the venue never heard. GARBLE: the venue acted, the answer is HTML.
    DELAY: the venue acted, the answer comes `delay_ms` of wall time later."""

    LOSE_REQUEST = "lose_request"
    LOSE_REPLY = "lose_reply"
    REFUSE = "refuse"
    GARBLE = "garble"
    DELAY = "delay"


@dataclass(slots=True)
class Order:
    """`count` faults of one kind, for requests whose path is `path` and whose method is `method` ("" = any)."""

    fault: Fault
    path: str
    method: str = ""
    count: int = 1
    status: int = 503
    code: str = "50001"
    delay_ms: int = 0


class FaultBox:
    """Faults that are still to happen, first ordered first."""

    def __init__(self) -> None:
        self._orders: list[Order] = []

    def order(self, request: Mapping[str, Any]) -> None:
        """Raises ValueError or TypeError with what is wrong."""
        self._orders.append(Order(**{**request, "fault": Fault(request.get("fault", ""))}))

    def clear(self) -> None:
        self._orders.clear()

    def take(self, method: str, path: str) -> Order | None:
        """The fault for this request, counted down."""
        for order in self._orders:
            if order.path == path and order.method in {"", method}:
                order.count -= 1
                if order.count <= 0:
                    self._orders.remove(order)
                return order
        return None
