"""The Exchange port: one small Protocol in our own terms. Every adapter passes the same contract tests.

All methods raise `engine.exchange.errors.ExchangeError` or a subclass, and nothing else of the venue's.
Reads raise `Unavailable`; writes raise `Rejected` or `UnknownOutcome`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from engine.exchange.errors import VenueFault
from engine.exchange.listing import Listing
from engine.model import (
    ISOLATED,
    AccountConfig,
    Balance,
    Bill,
    Book,
    Bracket,
    BracketPrices,
    Candles,
    ClosedPosition,
    FeeRates,
    Fill,
    Funding,
    Instrument,
    LongShortRatio,
    Maintenance,
    OpenInterest,
    Order,
    OrderRequest,
    Position,
    Quote,
    Timeframe,
)


@dataclass(frozen=True, slots=True)
class OrderAck:
    """Accepted, not matched."""

    order_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class BracketRequest:
    """An OCO that closes `contracts` of a long (reduce-only, cancelled with the position)."""

    inst_id: str
    client_id: str
    contracts: Decimal
    prices: BracketPrices
    margin_mode: str = ISOLATED


class MarketData(Protocol):
    """Public reads."""

    async def server_time_ms(self) -> int: ...

    async def sync_clock(self) -> int:
        """The venue's clock − ours in ms, measured now; what is sent from now on is signed by it."""
        ...

    async def maintenances(self) -> tuple[Maintenance, ...]:
        """What is announced or under way that stops trading, soonest first; windows that are over are left out."""
        ...

    async def instruments(self) -> Mapping[str, Instrument]:
        """All live USDT-margined linear swaps by instrument id."""
        ...

    async def quotes(self) -> Mapping[str, Quote]:
        """Every swap's quote in one call, by instrument id."""
        ...

    async def candles(self, inst_id: str, timeframe: Timeframe, limit: int) -> Candles:
        """The latest `limit` confirmed bars (≤ 1000), oldest first; fewer when history is short."""
        ...

    async def book(self, inst_id: str, depth: int = 20) -> Book: ...

    async def mark_price(self, inst_id: str) -> Decimal: ...

    async def mark_prices(self) -> Listing[Decimal]: ...

    async def fundings(self) -> Listing[Funding]: ...

    async def open_interests(self) -> Listing[OpenInterest]:
        """As it is now; its past is unknown."""
        ...

    async def with_past(self, interest: OpenInterest) -> OpenInterest:
        """The same with what it was an hour and a day before, where the venue tells it."""
        ...

    async def long_short_ratio(self, inst_id: str) -> LongShortRatio | None:
        """None where the venue publishes none (metals, stocks)."""
        ...


class Trading(Protocol):
    """The account. Client ids are ours, 1–32 letters and digits."""

    async def account_config(self) -> AccountConfig: ...

    async def balance(self) -> Balance: ...

    async def positions(self) -> tuple[Position, ...]:
        """Open positions only; flat is an absent row."""
        ...

    async def fee_rates(self, instrument: Instrument) -> FeeRates: ...

    async def set_leverage(self, inst_id: str, leverage: Decimal) -> Decimal:
        """Sets isolated leverage and returns what the venue then reads back."""
        ...

    async def place_order(self, request: OrderRequest, before_send: Callable[[], None] | None = None) -> OrderAck:
        """`before_send` runs directly before the request goes out, after any waiting; what it raises is raised
        here, and nothing is sent."""
        ...

    async def order(self, inst_id: str, client_id: str) -> Order | None:
        """The newest order with this client id; None when the venue knows none."""
        ...

    async def open_orders(self) -> tuple[Order, ...]: ...

    async def cancel_order(self, inst_id: str, client_id: str) -> None:
        """Returns also when the order was already gone."""
        ...

    async def dead_man(self, seconds: int, tag: str) -> None:
        """The venue cancels our resting orders with this tag when it has not heard this again within `seconds`
        (10 to 120); 0 disarms. Brackets and positions are not touched."""
        ...

    async def place_bracket(self, request: BracketRequest) -> str:
        """The algo id of the accepted OCO."""
        ...

    async def brackets(self, inst_id: str | None = None) -> tuple[Bracket, ...]:
        """All pending conditional, OCO, trigger and trailing algos; of one instrument only the conditional and
        OCO ones, which are what can cover a position (one call instead of three)."""
        ...

    async def bracket_history(self, inst_id: str) -> tuple[Bracket, ...]:
        """Recently triggered, cancelled and failed algos of an instrument, newest first."""
        ...

    async def amend_bracket(
        self,
        inst_id: str,
        algo_id: str,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        contracts: Decimal | None = None,
    ) -> None: ...

    async def cancel_brackets(self, inst_id: str, algo_ids: Sequence[str]) -> None:
        """Returns also for those that were already gone."""
        ...

    async def close_position(self, inst_id: str, client_id: str, margin_mode: str = ISOLATED) -> None:
        """Market-closes the whole position; accepted, not matched. Rejected(POSITION_GONE) when flat."""
        ...

    async def fills(self, since_ms: int) -> tuple[Fill, ...]:
        """All fills since then, oldest first, however many pages."""
        ...

    async def bills(self, since_ms: int) -> tuple[Bill, ...]:
        """All ledger lines since then, oldest first."""
        ...

    async def closed_positions(self, since_ms: int) -> tuple[ClosedPosition, ...]: ...


class Exchange(MarketData, Trading, Protocol):
    """The venue, whole."""

    def listen(self, heard: Callable[[VenueFault], None]) -> None:
        """`heard` is called on the loop for every call that failed, before its caller learns of it; it must not
        raise."""
        ...

    async def aclose(self) -> None: ...


UNNAMED = "?"
"""The instrument or id of a row that the kill switch could not read: it counts, although nothing can be sent."""


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """A resting order or algo as the kill switch sees it. What could not be read is UNNAMED."""

    inst_id: str
    order_id: str
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class OpenExposure:
    """A position as the kill switch sees it: signed contracts, never 0; None = the size could not be read."""

    inst_id: str
    contracts: Decimal | None
    margin_mode: str


class KillVenue(Protocol):
    """What the kill switch needs, synchronous and with its own connections: it must work while the
    engine's loop, database and threads do not. Each call raises ExchangeError on failure."""

    def resting_orders(self) -> tuple[RestingOrder, ...]: ...

    def cancel_order(self, order: RestingOrder) -> None:
        """Returns also when the order was already gone."""
        ...

    def exposures(self) -> tuple[OpenExposure, ...]: ...

    def close(self, exposure: OpenExposure) -> None:
        """Market-closes the whole position, in slices where it is too large for one order; returns when accepted
        or already flat."""
        ...

    def resting_algos(self) -> tuple[RestingOrder, ...]: ...

    def cancel_algo(self, algo: RestingOrder) -> None: ...
