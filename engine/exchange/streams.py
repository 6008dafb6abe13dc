"""What the venue tells unasked, in our own terms. Every adapter's stream says it in these words.

A push is a reason to look, never a fact to act on: it can be late, doubled, out of order, or never come. Whoever
hears one reads the venue by REST and compares (level, not edge).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from engine.model import Book, Instrument, LiquidationFlow, QuoteFlow


class Topic(StrEnum):
    """What is told. PULSE moves all the time and only proves that a line still carries data."""

    ORDERS = "orders"
    BRACKETS = "brackets"
    POSITIONS = "positions"
    BALANCE = "balance"
    INSTRUMENTS = "instruments"
    MAINTENANCE = "maintenance"
    BOOK = "book"
    QUOTES = "quotes"
    LIQUIDATIONS = "liquidations"
    PULSE = "pulse"


class StreamState(StrEnum):
    """OFF is not subscribed and will not be (refused for good); STALE is connected and suspiciously silent."""

    OFF = "off"
    CONNECTING = "connecting"
    OK = "ok"
    STALE = "stale"
    DOWN = "down"


WORST_FIRST = (StreamState.DOWN, StreamState.STALE, StreamState.OFF, StreamState.CONNECTING, StreamState.OK)


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """An order changed state or was filled further; `ts` is venue time in ms."""

    inst_id: str
    order_id: str
    client_id: str
    state: str
    filled: Decimal
    ts: int


@dataclass(frozen=True, slots=True)
class BracketMoved:
    inst_id: str
    bracket_id: str
    client_id: str
    state: str
    ts: int


@dataclass(frozen=True, slots=True)
class PositionMoved:
    """Signed contracts, 0 = flat."""

    inst_id: str
    contracts: Decimal
    ts: int


@dataclass(frozen=True, slots=True)
class BalanceMoved:
    """The settlement currency's cash: it moves by fills, fees, funding and transfers, not by prices."""

    cash: Decimal
    ts: int


@dataclass(frozen=True, slots=True)
class InstrumentsMoved:
    """Specifications or states of these instruments changed."""

    inst_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceTold:
    """The venue announced, moved or ended a maintenance."""

    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """These topics are heard (again); what happened before was not, so everything must be read."""

    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """Something was told that could not be read: a reason to look like any other."""

    topic: Topic
    detail: str


Push = OrderMoved | BracketMoved | PositionMoved | BalanceMoved | InstrumentsMoved | MaintenanceTold | Resumed | Unread
Hear = Callable[[Push], None]
Tell = Callable[[str, str], None]
"""(level, text) for the operator: info, warning or error."""


@dataclass(frozen=True, slots=True)
class TopicHealth:
    """`age_s`: wall seconds since it last said anything; None = nothing yet on this line."""

    topic: Topic
    state: StreamState
    age_s: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Following:
    """Which markets are listened to: liquidations of all `instruments`, and of these the best quote and the order book
    where asked for. Both cost: a busy market changes its best quote a hundred times a second."""

    instruments: tuple[Instrument, ...] = ()
    quotes: bool = False
    books: bool = False


class MarketFlows(Protocol):
    """What the streams know of the markets that are followed. Unlike a push it may be used, because it says None
    whenever it is not whole: not followed, interrupted, too short, or silent."""

    def quote_flow(self, inst_id: str) -> QuoteFlow | None: ...

    def liquidations(self, inst_id: str) -> LiquidationFlow | None: ...

    def book(self, inst_id: str) -> Book | None:
        """20 levels; None when it is not followed, has a gap, or was not heard of for a second."""
        ...

    def earlier_books(self, inst_id: str) -> tuple[Book, ...]:
        """Those seen within the last 15 minutes, oldest first, about 10 s apart at most."""
        ...

    def saw_book(self, book: Book) -> None:
        """A book that was read elsewhere is one of the earlier ones from then on."""
        ...


class NoFlows:
    """Where nothing is streamed."""

    def quote_flow(self, inst_id: str) -> QuoteFlow | None:
        del inst_id
        return None

    def liquidations(self, inst_id: str) -> LiquidationFlow | None:
        del inst_id
        return None

    def book(self, inst_id: str) -> Book | None:
        del inst_id
        return None

    def earlier_books(self, inst_id: str) -> tuple[Book, ...]:
        del inst_id
        return ()

    def saw_book(self, book: Book) -> None:
        del book


class AccountStream(Protocol):
    """Lines to the venue, kept open and reopened for as long as their tasks run."""

    def lines(self) -> Mapping[str, Callable[[], Coroutine[Any, Any, None]]]:
        """One endless task each, by name; cancelling one closes its socket."""
        ...

    def health(self) -> tuple[TopicHealth, ...]: ...

    def follow(self, following: Following) -> None:
        """From now on; a line that listens to other markets is replaced without a break in the account's."""
        ...
