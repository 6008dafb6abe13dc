"""The public half of the Exchange port over OKX."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from engine.exchange.errors import ErrorClass, Unavailable
from engine.exchange.listing import Listing
from engine.exchange.okx import market_rows, paging
from engine.exchange.okx.calls import Calls, Rows
from engine.exchange.okx.endpoints import (
    BOOKS,
    EVERY_INSTRUMENT,
    FUNDING_RATE,
    INSTRUMENT_TYPE,
    INSTRUMENTS,
    LONG_SHORT_RATIO,
    MARK_PRICE,
    OPEN_INTEREST,
    OPEN_INTEREST_HISTORY,
    STATUS,
    TICKERS,
    TIME,
    Endpoint,
)
from engine.exchange.okx.wire import malformed, text, time_ms
from engine.model import (
    Book,
    Candles,
    Funding,
    Instrument,
    LongShortRatio,
    Maintenance,
    MaintenanceState,
    OpenInterest,
    Quote,
    Timeframe,
)

Parsed = TypeVar("Parsed")

OI_PERIOD, OI_POINTS = "15m", "100"
"""A day and three quarters of an hour: what an hour and a day ago are read from, in one request."""
NOT_PUBLISHED = frozenset(
    {ErrorClass.INSTRUMENT_OFF, ErrorClass.OUR_BUG, ErrorClass.NOT_FOUND, ErrorClass.UPGRADE, ErrorClass.DEMO}
)
"""How rubik says that it has no series for an instrument, or none any more."""

_log = logging.getLogger(__name__)


class OkxMarketData:
    """Public reads. Every method raises Unavailable, AuthFailed or ClockSkewed, and nothing else."""

    def __init__(self, calls: Calls, flag: str) -> None:
        self._calls = calls
        self._flag = flag

    async def server_time_ms(self) -> int:
        return time_ms(one(await self._calls.read(TIME), TIME), "ts")

    async def sync_clock(self) -> int:
        return await self._calls.measure_clock()

    async def maintenances(self) -> tuple[Maintenance, ...]:
        rows = await self._calls.read(STATUS)
        ours = [row for row in rows if market_rows.stops_trading(row, self._flag)]
        windows = [w for w in readable(ours, market_rows.maintenance) if w.state is not MaintenanceState.OVER]
        return tuple(sorted(windows, key=lambda window: window.begins_at or 0))

    async def instruments(self) -> Mapping[str, Instrument]:
        """USDT-margined linear swaps by id, the suspended ones with their state; blank preopen rows left out."""
        rows = await self._calls.read(INSTRUMENTS, instType=INSTRUMENT_TYPE)
        ours = [row for row in rows if market_rows.is_ours(row)]
        return {item.inst_id: item for item in readable(ours, market_rows.instrument)}

    async def quotes(self) -> Mapping[str, Quote]:
        rows = await self._calls.read(TICKERS, instType=INSTRUMENT_TYPE)
        traded = [row for row in rows if text(row, "last")]
        return {quote.inst_id: quote for quote in readable(traded, market_rows.quote)}

    async def candles(self, inst_id: str, timeframe: Timeframe, limit: int) -> Candles:
        assert 1 <= limit <= paging.CANDLES_MOST, f"limit must be 1..{paging.CANDLES_MOST}, got {limit}"
        rows = await paging.candle_rows(self._calls, inst_id, timeframe, limit)
        # On a thread: many windows answered at once would otherwise hold up the loop for 20 ms and more.
        return await self._calls.beside(market_rows.candles, rows, timeframe, limit)

    async def book(self, inst_id: str, depth: int = 20) -> Book:
        rows = await self._calls.read(BOOKS, instId=inst_id, sz=str(depth))
        return market_rows.book(one(rows, BOOKS), inst_id, depth)

    async def mark_price(self, inst_id: str) -> Decimal:
        rows = await self._calls.read(MARK_PRICE, instType=INSTRUMENT_TYPE, instId=inst_id)
        return market_rows.mark_price(one(rows, MARK_PRICE))

    async def mark_prices(self) -> Listing[Decimal]:
        rows = await self._calls.read(MARK_PRICE, instType=INSTRUMENT_TYPE)
        return Listing("mark prices", by_id(rows), market_rows.mark_price)

    async def fundings(self) -> Listing[Funding]:
        rows = await self._calls.read(FUNDING_RATE, instId=EVERY_INSTRUMENT)
        return Listing("funding rates", by_id(rows), market_rows.funding)

    async def open_interests(self) -> Listing[OpenInterest]:
        rows = await self._calls.read(OPEN_INTEREST, instType=INSTRUMENT_TYPE)
        return Listing("open interest", by_id(rows), market_rows.open_interest)

    async def with_past(self, interest: OpenInterest) -> OpenInterest:
        points = await self._rubik(OPEN_INTEREST_HISTORY, instId=interest.inst_id, period=OI_PERIOD, limit=OI_POINTS)
        return market_rows.with_past(interest, points)

    async def long_short_ratio(self, inst_id: str) -> LongShortRatio | None:
        """The contract's own ratio; the SDK only knows the one per currency."""
        rows = await self._rubik(LONG_SHORT_RATIO, instId=inst_id, period="5m", limit="1")
        return market_rows.long_short_ratio(rows[0], inst_id) if rows else None

    async def _rubik(self, endpoint: Endpoint, **params: Any) -> Rows:
        """Trading statistics, or nothing where OKX keeps none (metals, stocks)."""
        try:
            return await self._calls.read(endpoint, **params)
        except Unavailable as error:
            if error.error_class in NOT_PUBLISHED:
                return []
            raise


def one(rows: Rows, endpoint: Endpoint) -> Any:
    """The first row of an answer that must have one."""
    if not rows:
        raise malformed(f"{endpoint.path} data", rows, "a row")
    return rows[0]


def by_id(rows: Rows) -> dict[str, Any]:
    """What is no row at all belongs to no instrument; the others count."""
    return {text(row, "instId"): row for row in rows if isinstance(row, Mapping)}


def readable(rows: Rows, parse: Callable[[Any], Parsed]) -> list[Parsed]:
    """Rows of a whole-market list: one that cannot be read is reported and left out, the others count."""
    parsed: list[Parsed] = []
    for row in rows:
        try:
            parsed.append(parse(row))
        except Unavailable as error:
            _log.warning("left out %s: %s", text(row, "instId") or text(row, "title") or "a row", error)
    return parsed
