"""What is subscribed on which socket, as data (okx.md §13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.exchange.okx.endpoints import INSTRUMENT_TYPE
from engine.exchange.streams import Following, Topic

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
    """One socket: its name, whether it wants a login, what is subscribed; `path` is what it is called in the address
    where that differs from the name."""

    name: str
    private: bool
    channels: tuple[Channel, ...]
    path: str = ""

    @property
    def address(self) -> str:
        return self.path or self.name


_SWAPS = {"instType": INSTRUMENT_TYPE}
_PULSE = {"instId": PULSE_INSTRUMENT}

_MARK_PULSE = Channel(Topic.PULSE, "mark-price", _PULSE, quiet_s=35.0)
"""Every 200 ms when it moves, else every 10 s."""

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
        _MARK_PULSE,
    ),
)
PLANS = (PRIVATE, BUSINESS, PUBLIC)


def book_channel(inst_id: str) -> Channel:
    """400 levels, every 100 ms on change, a keep-alive at least every minute."""
    return Channel(Topic.BOOK, "books", {"instId": inst_id}, quiet_s=90.0)


def flow_plan(following: Following) -> SocketPlan:
    """A second connection to the public socket: a flood of quotes, or the end of a line that could not keep up with
    it, takes nothing from those that tell of the account and of the instruments.

    A market may be quiet for hours, so only the pulse says whether this line is deaf.
    """
    ids = [instrument.inst_id for instrument in following.instruments]
    quotes = [Channel(Topic.QUOTES, "bbo-tbt", {"instId": inst_id}) for inst_id in ids if following.quotes]
    books = [Channel(Topic.BOOK, "books", {"instId": inst_id}) for inst_id in ids if following.books]
    always = (_MARK_PULSE, Channel(Topic.LIQUIDATIONS, "liquidation-orders", _SWAPS))
    return SocketPlan("flow", False, (*always, *quotes, *books), path="public")
