"""What is subscribed on which socket, as data (okx.md §13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.exchange.okx.endpoints import INSTRUMENT_TYPE
from engine.exchange.streams import Topic

PULSE_INSTRUMENT = "BTC-USDT-SWAP"
"""Moves on every venue, demo included."""


@dataclass(frozen=True, slots=True)
class Channel:
    """`quiet_s` is the longest silence that is normal, in wall seconds; None where silence is the rule."""

    topic: Topic
    name: str
    args: Mapping[str, str]
    quiet_s: float | None = None

    @property
    def argument(self) -> dict[str, str]:
        return {"channel": self.name, **self.args}


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """One socket: what it is called in the address, whether it wants a login, what is subscribed."""

    name: str
    private: bool
    channels: tuple[Channel, ...]


_SWAPS = {"instType": INSTRUMENT_TYPE}
_PULSE = {"instId": PULSE_INSTRUMENT}

PRIVATE = SocketPlan(
    "private",
    True,
    (
        Channel(Topic.ORDERS, "orders", _SWAPS),
        Channel(Topic.POSITIONS, "positions", _SWAPS),
        # Pushed every 5 s whatever happens: the pulse of this socket.
        Channel(Topic.BALANCE, "account", {}, quiet_s=20.0),
    ),
)
BUSINESS = SocketPlan(
    "business",
    True,
    (
        Channel(Topic.BRACKETS, "orders-algo", _SWAPS),
        # Nothing on this socket comes regularly; the running minute of one busy instrument shows that it is alive.
        Channel(Topic.PULSE, "mark-price-candle1m", _PULSE, quiet_s=45.0),
    ),
)
PUBLIC = SocketPlan(
    "public",
    False,
    (
        Channel(Topic.INSTRUMENTS, "instruments", _SWAPS),
        Channel(Topic.MAINTENANCE, "status", {}),
        # Every 200 ms when it moves, else every 10 s.
        Channel(Topic.PULSE, "mark-price", _PULSE, quiet_s=35.0),
    ),
)
PLANS = (PRIVATE, BUSINESS, PUBLIC)


def book_channel(inst_id: str) -> Channel:
    """400 levels, every 100 ms on change, a keep-alive at least every minute."""
    return Channel(Topic.BOOK, "books", {"instId": inst_id}, quiet_s=90.0)
